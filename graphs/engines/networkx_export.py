"""The wires of a design as a networkx graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from rtlgen.graphs.engines.property_graph import RELATIONS, PropertyGraph, Wire

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase


def to_networkx(design: DesignDatabase) -> nx.MultiDiGraph[str]:
    """Return the graph of wires: nodes are full paths, edges FEEDS, both with their properties.

    A hierarchical name and what it stands for have one path and are one node.

    Example:
        >>> graph = to_networkx(design)  # doctest: +SKIP
        >>> nx.ancestors(graph, "top.u_alu.result")  # doctest: +SKIP
    """
    exported = PropertyGraph(design)
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(repository=str(design.root), generation=design.generation)
    paths: dict[int, str] = {}
    for row in exported.nodes("Wire"):
        found = Wire(*row)
        paths[found.id] = found.path
        if found.kind != "alias" or found.path not in graph:
            graph.add_node(found.path, **found._asdict())
    names = [column.name for column in RELATIONS["FEEDS"].columns]
    for relation in exported.relations("FEEDS"):
        properties = dict(zip(names, relation.values, strict=True))
        source, target = paths[relation.source], paths[relation.target]
        if properties["kind"] != "alias" or source != target:
            graph.add_edge(source, target, **properties)
    return graph
