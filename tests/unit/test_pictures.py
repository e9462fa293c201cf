"""Pictures before layout: the model, what is simplified, text, links, the Graphviz file and trees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.core.errors import ConfigError
from rtlgen.graphs.pictures import Edge, Group, Node, Picture, dot_text, render, simplified
from rtlgen.graphs.pictures.layout import Curve
from rtlgen.graphs.pictures.links import RELATIVE, href
from rtlgen.graphs.pictures.ranks import leading_back
from rtlgen.graphs.pictures.shapes import MOST_COLUMNS, lines, size, weight
from rtlgen.graphs.pictures.simplify import annotated, folded, merged, straightened
from rtlgen.graphs.pictures.text import columns, cut, elided, shown, wrapped
from rtlgen.graphs.pictures.tree import is_tree, tree_layout


def nodes(*ids: str, kind: str = "wire", group: str = "") -> tuple[Node, ...]:
    return tuple(Node(name, (name,), kind, group) for name in ids)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"nodes": nodes("a", "a")}, "expected every node once, got 'a' twice"),
        ({"nodes": nodes("a"), "edges": (Edge("a", "b"),)}, "expected a known end of an edge, got 'b'"),
        ({"nodes": nodes("a", group="g")}, "expected a known group, got 'g'"),
        ({"nodes": nodes("a", kind="lamp")}, "expected a known kind of a node, got 'lamp'"),
        (
            {"groups": (Group("g", "g", "h"), Group("h", "h", "g"))},
            "expected groups within groups, got 'g' within itself",
        ),
    ],
)
def test_picture_that_makes_no_sense_is_refused(parts: Mapping[str, tuple[Node, ...]], message: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        Picture("p", **parts)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_direction_suits_the_kind_unless_it_is_given() -> None:
    found = {kind: Picture("p", kind=kind).flow for kind in ("cone", "hierarchy", "states", "flow")}  # type: ignore[arg-type]
    assert found == {"cone": "right", "hierarchy": "down", "states": "right", "flow": "down"}
    assert Picture("p", kind="flow", direction="right").flow == "right"


def test_clocks_and_resets_become_notes() -> None:
    edges = (Edge("d", "q"), Edge("clk", "q", kind="clock"), Edge("rst", "q", kind="reset"), Edge("rst", "d"))
    found = annotated(Picture("p", nodes=nodes("d", "q", "clk", "rst"), edges=edges))
    assert [node.label for node in found.nodes] == [("d",), ("q", "▷ clk  ⟲ rst"), ("rst",)]
    assert found.edges == (Edge("d", "q"), Edge("rst", "d"))


def test_a_reset_that_also_decides_is_a_note_and_its_way_through_the_hierarchy_is_left_out() -> None:
    edges = (Edge("top.rst", "rst"), Edge("rst", "q", kind="reset"), Edge("rst", "q", kind="control"), Edge("d", "q"))
    found = annotated(Picture("p", nodes=nodes("top.rst", "rst", "d", "q"), edges=edges))
    assert [node.id for node in found.nodes] == ["d", "q"]
    assert found.edges == (Edge("d", "q"),)


@pytest.mark.parametrize("pairs", ["ab bc cd", "ab bc cd da", "ab bc cd db", "ab bc cd dd"])
@pytest.mark.parametrize("wanted", ["a", "d"])
def test_edges_that_lead_back_are_known_from_the_cone(pairs: str, wanted: str) -> None:
    made = tuple(Node(name, (name,), emphasis=name == wanted) for name in "abcd")
    edges = tuple(Edge(a, b) for a, b in pairs.split())
    back = {f"{edges[n].source}{edges[n].target}" for n in leading_back(Picture("p", nodes=made, edges=edges))}
    # with a cycle through all, each node both feeds and is fed: it is taken for a fan-in
    out = {pair for pair in pairs.split() if pair[0] == wanted}
    assert back == (out if wanted == "d" or pairs.endswith("da") else set())


def test_a_clock_that_was_asked_for_stays() -> None:
    asked = Node("clk", ("clk",), "input", emphasis=True)
    found = annotated(Picture("p", nodes=(asked, *nodes("q")), edges=(Edge("clk", "q", kind="clock"),)))
    assert [node.id for node in found.nodes] == ["clk", "q"]


def test_parallel_edges_are_one_whose_tooltip_has_all() -> None:
    edges = [Edge("a", "b", f"[{n}]", bits=1, tooltip=f"bit {n}") for n in range(5)] + [Edge("a", "b", kind="control")]
    (found,) = merged(Picture("p", nodes=nodes("a", "b"), edges=tuple(edges))).edges
    assert (found.label, found.bits, found.kind) == ("[0], [1], [2] +2", 5, "data")
    assert found.tooltip == "\n".join(f"data: bit {n}" for n in range(5))


def test_transitions_with_several_conditions_are_one_arrow() -> None:
    edges = (Edge("a", "b", "x", "transition"), Edge("a", "b", "y", "transition"), Edge("b", "a", "z", "transition"))
    found = merged(Picture("p", nodes=nodes("a", "b", kind="state"), edges=edges, kind="states")).edges
    assert [edge.label for edge in found] == ["x or y", "z"]


def test_statements_in_a_row_are_one_node_and_branches_are_not() -> None:
    made = [
        Node("in", ("entry",), "terminal"), Node("s1", ("a = 1;",), "statement"), Node("s2", ("b = 2;",), "statement"),
        Node("if", ("c",), "condition"), Node("s3", ("a = 3;",), "statement"), Node("s4", ("b = 4;",), "statement"),
        Node("out", ("exit",), "terminal"),
    ]  # fmt: skip
    pairs = [("in", "s1", ""), ("s1", "s2", ""), ("s2", "if", ""), ("if", "s3", "true"), ("if", "s4", "false")]
    pairs += [("s3", "s4", ""), ("s4", "out", "")]
    edges = tuple(Edge(a, b, label, "next") for a, b, label in pairs)
    found = straightened(Picture("p", nodes=tuple(made), edges=edges, kind="flow"))
    assert [node.label for node in found.nodes] == [
        ("entry",), ("a = 1;", "b = 2;"), ("c",), ("a = 3;",), ("b = 4;",), ("exit",)
    ]  # fmt: skip
    assert ("s1", "if") in {(edge.source, edge.target) for edge in found.edges}
    assert len(found.edges) == len(edges) - 1


def test_a_loop_of_statements_alone_stays_as_it_is() -> None:
    made = tuple(Node(name, (name,), "statement") for name in "abc")
    loop = tuple(Edge(a, b, kind="next") for a, b in ("ab", "bc", "ca"))
    assert straightened(Picture("p", nodes=made, edges=loop, kind="flow")).edges == loop


def test_largest_instance_is_folded_first_and_the_wanted_one_never() -> None:
    groups = (Group("top", "top"), Group("big", "u_big : big", "top"), Group("small", "u_small", "top"))
    wanted = Node("w", ("w",), group="small", emphasis=True)
    inside = nodes(*(f"b{n}" for n in range(6)), group="big")
    edges = (Edge("b0", "b1"), Edge("b1", "w", bits=4), Edge("b2", "w", bits=8), Edge("w", "w"))
    picture = Picture("p", nodes=(*inside, wanted, *nodes("t", group="top")), edges=edges, groups=groups)
    found = simplified(picture, fold_above=5)
    box, *rest = found.nodes
    assert (box.label, box.kind, box.group) == (("u_big : big", "6 inside, folded"), "instance", "top")
    assert [node.id for node in rest] == ["w", "t"]
    assert [(e.source, e.target, e.bits) for e in found.edges] == [(box.id, "w", 12), ("w", "w", 1)]
    assert folded(picture, 8) == picture
    assert "w" in {node.id for node in folded(picture, 0).nodes}


NAMES = st.text(max_size=80)


@given(NAMES)
def test_what_is_shown_can_be_seen_and_stands_in_xml(name: str) -> None:
    found = shown(name)
    assert len(found) == len(name)
    assert {unicodedata.category(c) for c in found} & {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"} == set()
    assert shown(found) == found


@given(NAMES, st.integers(3, 50))
def test_shortened_text_has_room_and_keeps_its_ends(text: str, most: int) -> None:
    for short in (elided(text, most), cut(text, most)):
        assert len(short) <= most
        assert short == text or (short[0] in (text[0], "…") and "…" in short)
    rows = wrapped(text, most, 3)
    assert len(rows) <= 3
    assert all(len(row) <= most for row in rows)


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert (columns("abc"), columns("信号"), columns("e\u0301")) == (3, 4, 1)


@given(
    st.builds(Node, st.just("n"), st.tuples(NAMES, NAMES), st.sampled_from(["wire", "register", "state", "condition"]))
)
def test_text_of_a_node_fits_into_it(node: Node) -> None:
    wide, high = size(node)
    assert wide >= max(columns(line) for line in lines(node)) * 6
    assert high >= 12 * len(lines(node)) * 0.8
    assert all(len(line) <= MOST_COLUMNS for line in lines(node))


def test_buses_are_thicker_than_bits() -> None:
    thick = [weight(Edge("a", "b", bits=bits)) for bits in (1, 2, 32, 64)]
    assert thick == sorted(set(thick))
    assert weight(Edge("a", "b", kind="clock", bits=64)) < thick[0]


@pytest.mark.parametrize(
    ("pattern", "file", "expected"),
    [
        (RELATIVE, "rtl/alu.sv", "rtl/alu.sv#L7"),
        (RELATIVE, "javascript:alert(1)", "javascript%3Aalert%281%29#L7"),
        (RELATIVE, "//elsewhere.example/x", "/elsewhere.example/x#L7"),
        (RELATIVE, 'a"><script>', "a%22%3E%3Cscript%3E#L7"),
        ("https://forge.example/b/{file}?plain=1#L{line}", "a#b.sv", "https://forge.example/b/a%23b.sv?plain=1#L7"),
        (None, "rtl/alu.sv", ""),
        (RELATIVE, "", ""),
    ],
)
def test_links_lead_where_the_pattern_says_whatever_the_name(pattern: str | None, file: str, expected: str) -> None:
    assert href(pattern, file, 7) == expected


@pytest.mark.parametrize("pattern", ["{path}", "{0}", "{file", "{file.x}"])
def test_a_pattern_with_another_field_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError) as caught:
        href(pattern, "a.sv", 1)
    assert str(caught.value) == f"expected links with {{file}} and {{line}} only, got {pattern!r}"


def test_unknown_format_lists_those_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        render(Picture("p"), "png")  # type: ignore[arg-type]
    assert str(caught.value) == "expected one of the formats svg, dot, html, got 'png'"


def test_graphviz_file_has_groups_directions_and_ranges() -> None:
    groups = (Group("t", "u_top : top"), Group("i", "u_in : inner", "t"))
    edges = (Edge("a", "b", "[7:4]", bits=4), Edge("b", "c", kind="clock"))
    text = dot_text(
        Picture("p", nodes=(*nodes("a", group="t"), *nodes("b", "c", group="i")), edges=edges, groups=groups)
    )
    assert "rankdir=LR" in text
    assert re.search(r"subgraph cluster_g0 \{.*n0.*subgraph cluster_g1 \{.*n1.*n2.*\}.*\}", text, re.DOTALL)
    assert "[7:4]" in text
    (clock,) = (line for line in text.splitlines() if "n1 -> n2" in line)
    assert "constraint=false" in clock and 'color="#94a3b8", penwidth=0.8, style=dotted' in clock
    assert "rankdir=TB" in dot_text(Picture("p", kind="hierarchy"))


def tree(parents: list[int]) -> Picture:
    """Return a hierarchy in which node n + 1 is below node `parents[n] % (n + 1)`."""
    made = tuple(Node(str(n), (f"u_{n}" * (1 + n % 3), "module"), "instance") for n in range(len(parents) + 1))
    edges = tuple(Edge(str(parent % (n + 1)), str(n + 1), kind="port") for n, parent in enumerate(parents))
    return Picture("p", nodes=made, edges=edges, kind="hierarchy")


@given(st.lists(st.integers(0, 200), max_size=60))
def test_boxes_of_a_tree_stand_apart_and_within_the_picture(parents: list[int]) -> None:
    picture = tree(parents)
    assert is_tree(picture)
    found = tree_layout(picture)
    boxes = []
    for n, node in enumerate(picture.nodes):
        (x, y), (wide, high) = found.nodes[n], size(node)
        boxes.append((x - wide / 2, x + wide / 2, y - high / 2, y + high / 2))
        assert boxes[-1][0] >= -0.01 and boxes[-1][1] <= found.width + 0.01
        assert boxes[-1][2] >= -0.01 and boxes[-1][3] <= found.height + 0.01
    for a, b in combinations(boxes, 2):
        assert a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2]
    for edge, curve in zip(picture.edges, found.edges.values(), strict=True):
        assert edge_ends(curve, boxes[int(edge.source)], boxes[int(edge.target)])


def edge_ends(curve: Curve, source: tuple[float, ...], target: tuple[float, ...]) -> bool:
    """Return whether a curve leaves one box at its lower side and ends on another's border."""
    (x, y), (tip_x, tip_y) = curve.points[0], curve.tip
    leaves = source[0] <= x <= source[1] and abs(y - source[3]) < 0.01
    return leaves and (abs(tip_y - target[2]) < 0.01 or abs(tip_x - target[0]) < 0.01)


def test_a_hundred_children_make_no_endless_row() -> None:
    for count in (10, 100, 1000):
        found = tree_layout(tree([0] * count))
        assert found.width < 2 * found.height + 200


@pytest.mark.parametrize("pairs", [[("a", "b"), ("b", "a")], [("a", "c"), ("b", "c")], [("a", "a")]])
def test_what_is_no_tree_is_known(pairs: list[tuple[str, str]]) -> None:
    edges = tuple(Edge(a, b, kind="port") for a, b in pairs)
    assert not is_tree(Picture("p", nodes=nodes("a", "b", "c"), edges=edges, kind="hierarchy"))
