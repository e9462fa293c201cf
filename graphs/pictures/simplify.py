"""What makes a picture easier to read and leaves out nothing that matters: fewer edges, notes, folded instances."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from rtlgen.graphs.pictures.picture import Edge, Group, Node, Picture

FOLD_ABOVE = 250
"""Nodes above which instances are folded."""
_RANGES = 3
"""Ranges that a label of merged edges names."""
_STRENGTH = {"data": 0, "index": 1, "control": 2}
_SIGNS = {"clock": "▷", "reset": "⟲"}


def simplified(picture: Picture, fold_above: int = FOLD_ABOVE) -> Picture:
    """Return the picture as it is drawn.

    Clocks and resets become notes, statements in a row one node, big instances are folded, parallel edges merged.
    """
    return merged(folded(straightened(annotated(picture)), fold_above))


def annotated(picture: Picture) -> Picture:
    """Return the picture of a cone with its clock and reset edges as a line in the nodes that they lead to.

    Signals that only clock or reset are left out, unless one is what was asked for. Other pictures stay as they are.
    """
    if picture.kind != "cone":
        return picture
    names = {node.id: node.name for node in picture.nodes}
    notes: dict[str, dict[str, None]] = defaultdict(dict)
    for edge in picture.edges:
        if edge.kind in _SIGNS:
            notes[edge.target][f"{_SIGNS[edge.kind]} {names[edge.source]}"] = None
    timing = {(edge.source, edge.target) for edge in picture.edges if edge.kind in _SIGNS}
    # a reset that is asynchronous also decides, in the same block: the note says enough
    kept = [e for e in picture.edges if (e.source, e.target) not in timing]
    gone = _feeding_only(picture, {source for source, _ in timing}, kept)
    nodes = [
        replace(node, label=(*node.label, "  ".join(notes[node.id]))) if node.id in notes else node
        for node in picture.nodes
        if node.id not in gone
    ]
    edges = tuple(edge for edge in kept if not gone & {edge.source, edge.target})
    return replace(picture, nodes=tuple(nodes), edges=edges)


def _feeding_only(picture: Picture, timing: set[str], kept: Iterable[Edge]) -> set[str]:
    """Return the signals that feed nothing but clocks and resets, those before them included."""
    needed = {node.id for node in picture.nodes if node.emphasis}
    after: dict[str, set[str]] = defaultdict(set)
    before: dict[str, set[str]] = defaultdict(set)
    for edge in kept:
        after[edge.source].add(edge.target)
        before[edge.target].add(edge.source)
    gone: set[str] = set()
    queue = [name for name in timing if not after[name]]
    while queue:
        name = queue.pop()
        if name not in gone | needed and after[name] <= gone:
            gone.add(name)
            queue.extend(before[name])
    return gone


def straightened(picture: Picture) -> Picture:
    """Return the picture of a control flow with one node for statements that always follow each other."""
    if picture.kind != "flow":
        return picture
    into, out = Counter(e.target for e in picture.edges), Counter(e.source for e in picture.edges)
    nodes = {node.id: node for node in picture.nodes}

    def joins(edge: Edge) -> bool:
        before, after = nodes[edge.source], nodes[edge.target]
        plain = before.kind == after.kind == "statement" and before.group == after.group and not edge.label
        return plain and out[edge.source] == into[edge.target] == 1 and edge.source != edge.target

    follows = {edge.source: edge.target for edge in picture.edges if joins(edge)}
    inner = set(follows.values())
    first: dict[str, str] = {}
    for name in nodes:
        if name in inner:
            continue
        run = [name]
        while run[-1] in follows:
            run.append(follows[run[-1]])
        first |= dict.fromkeys(run, name)
        nodes[name] = _joined([nodes[member] for member in run])
    # a loop of statements alone has no first one: it stays as it is
    kept = [node for name, node in nodes.items() if first.get(name, name) == name]
    joined = {e for e in picture.edges if e.source in follows and e.target == follows[e.source] and e.source in first}
    edges = [replace(e, source=first.get(e.source, e.source)) for e in picture.edges if e not in joined]
    return replace(picture, nodes=tuple(kept), edges=tuple(edges))


def _joined(run: list[Node]) -> Node:
    if len(run) == 1:
        return run[0]
    return replace(
        run[0],
        label=tuple(line for node in run for line in node.label),
        tooltip="\n".join(dict.fromkeys(node.tooltip for node in run if node.tooltip)),
        emphasis=any(node.emphasis for node in run),
        excerpt="\n".join(dict.fromkeys(node.excerpt for node in run if node.excerpt)),
    )


def merged(picture: Picture) -> Picture:
    """Return the picture with one edge for all between the same two nodes.

    A bundle of data, index and control is drawn as the first of these that is in it; other kinds stay apart.
    """
    bundles: dict[tuple[str, str, str], list[Edge]] = defaultdict(list)
    for edge in picture.edges:
        kind = "data" if edge.kind in _STRENGTH else edge.kind
        bundles[edge.source, edge.target, kind].append(edge)
    return replace(picture, edges=tuple(_bundle(edges, picture.kind) for edges in bundles.values()))


def _bundle(edges: list[Edge], kind: str) -> Edge:
    if len(edges) == 1:
        return edges[0]
    first = min(edges, key=lambda edge: _STRENGTH.get(edge.kind, 0))
    alike = [edge for edge in edges if edge.kind == first.kind]
    labels = list(dict.fromkeys(edge.label for edge in alike if edge.label))
    between = " or " if kind in ("states", "flow") else ", "
    more = len(labels) - _RANGES
    label = between.join(labels[:_RANGES]) + (f" +{more}" if more > 0 else "")
    tooltips = dict.fromkeys(filter(None, map(_said, edges)))
    bits = max(edge.bits for edge in alike) if kind in ("states", "flow") else sum(edge.bits for edge in alike)
    return replace(first, label=label, tooltip="\n".join(tooltips), bits=bits)


def _said(edge: Edge) -> str:
    text = edge.tooltip or edge.label
    return f"{edge.kind}: {text}" if edge.kind in _STRENGTH and text else text


def folded(picture: Picture, above: int = FOLD_ABOVE) -> Picture:
    """Return the picture with innermost groups folded into one node each, largest first, until it is small enough.

    Groups that hold what was asked for stay open.
    """
    while len(picture.nodes) > above:
        members: dict[str, list[Node]] = defaultdict(list)
        for node in picture.nodes:
            members[node.group].append(node)
        paths = picture.paths()
        wanted = {group.id for node in picture.nodes if node.emphasis for group in paths[node.group]}
        parents = {group.parent for group in picture.groups}
        closable = [g for g in picture.groups if g.id not in parents | wanted]
        if not closable:
            break
        picture = fold(picture, max(closable, key=lambda group: len(members[group.id])))
    return picture


def fold(picture: Picture, group: Group) -> Picture:
    """Return the picture with one node in place of a group and all within it."""
    within = {name for name, path in picture.paths().items() if group in path}
    inside = [node for node in picture.nodes if node.group in within]
    groups = tuple(g for g in picture.groups if g.id not in within)
    if not inside:
        return replace(picture, groups=groups)
    box = Node(
        id=_unused(f"group {group.id}", (node.id for node in picture.nodes)),
        label=(group.label, f"{len(inside)} inside, folded"),
        kind="instance",
        group=group.parent,
        tooltip="\n".join(node.name for node in inside[:20]) + ("\n…" if len(inside) > 20 else ""),
    )
    into = {node.id: box.id for node in inside}
    first = picture.nodes.index(inside[0])
    nodes = [node for node in picture.nodes if node.id not in into]
    nodes.insert(sum(node.id not in into for node in picture.nodes[:first]), box)
    return replace(picture, nodes=tuple(nodes), edges=_redirected(picture.edges, into), groups=groups)


def _redirected(edges: Iterable[Edge], into: Mapping[str, str]) -> tuple[Edge, ...]:
    """Return the edges with ends replaced; those that now lie within one node are left out."""
    moved = []
    for edge in edges:
        source, target = into.get(edge.source, edge.source), into.get(edge.target, edge.target)
        if source != target or edge.source not in into:
            moved.append(replace(edge, source=source, target=target))
    return tuple(moved)


def _unused(name: str, used: Iterable[str]) -> str:
    taken = set(used)
    while name in taken:
        name += "'"
    return name
