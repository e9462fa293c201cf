"""Pictures of design graphs: cones, hierarchies, state diagrams, control flow; as Graphviz text, SVG or a page.

    picture = Picture("cone of u_core.alu_result", nodes=(…), edges=(…), groups=(…))
    Path("cone.html").write_text(render(picture, "html"))
"""

from __future__ import annotations
