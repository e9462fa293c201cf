"""Pictures through Graphviz: any name survives, the same picture gives the same bytes, sizes and times are limited."""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.core.errors import InputError, ToolNotFoundError, ToolOutputError
from rtlgen.graphs.pictures import FORMATS, Edge, Format, Group, Node, Picture, dot_text, html_page, render, svg_text
from rtlgen.graphs.pictures.layout import MOST_NODES, layout
from rtlgen.graphs.pictures.shapes import LOOKS, size
from rtlgen.graphs.pictures.text import elided, shown
from rtlgen.sandbox import run

pytestmark = pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz: apt-get install -y graphviz")

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "\\<script>alert(1)</script> ", '"]; evil [label="x', "</svg><b>", "a -> b", "\\N\\G\\E\\L\\l", "&amp;&#65;", "]]>",
    "{rec|ord}", "<b>x</b>", "a\nb", "\x00\x1b[31m", "\u202egnp.exe", "信号", "--><!--", "x\\", "'", "%00", "$&`", "",
]  # fmt: skip


def texts(svg: str, tag: str) -> list[str]:
    return ["".join(item.itertext()).replace("\xa0", " ") for item in ET.fromstring(svg).iter(SVG + tag)]


def graphviz(text: str) -> str:
    with TemporaryDirectory() as folder:
        done = run(["dot", "-Tsvg"], cwd=Path(folder), stdin=text)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def named(names: list[str]) -> Picture:
    """Return a picture in which every name is a node, a group, and an edge."""
    groups = tuple(Group(name + str(n), name) for n, name in enumerate(names))
    made = tuple(
        Node(f"{n} {name}", (name, name), group=group.id, tooltip=name, file=name, line=1, details=((name, name),))
        for n, (name, group) in enumerate(zip(names, groups, strict=True))
    )
    edges = tuple(Edge(made[0].id, node.id, name, tooltip=name) for node, name in zip(made, names, strict=True))
    return Picture(names[0], names[-1], made, edges, groups)


@settings(max_examples=40)
@given(st.lists(st.text(max_size=60) | st.sampled_from(HOSTILE), min_size=1, max_size=8))
def test_any_name_survives_graphviz_and_our_own_svg(names: list[str]) -> None:
    picture = named(names)
    wanted = {elided(shown(name), 44).replace("\xa0", " ") for name in names if name.strip()}
    theirs, ours = graphviz(dot_text(picture)), svg_text(picture)
    assert wanted <= set(texts(theirs, "text"))
    assert wanted <= set(texts(ours, "text"))
    whole = {"\n".join(map(shown, name.split("\n"))).replace("\xa0", " ") for name in names}
    assert whole <= set(texts(ours, "title"))
    tags = {item.tag.removeprefix(SVG) for item in ET.fromstring(ours).iter()}
    assert tags <= {"svg", "title", "style", "rect", "text", "g", "a", "path", "polygon"}


class Elements(HTMLParser):
    """Counts the elements of a page, and keeps the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}


@settings(max_examples=20)
@given(st.lists(st.text(max_size=60) | st.sampled_from(HOSTILE), min_size=1, max_size=8))
def test_names_add_no_element_and_no_handler_to_a_page(names: list[str]) -> None:
    plain, hostile = (Elements(html_page(named(n))) for n in (["x"] * len(names), names))
    assert hostile.tags["script"] == 2
    assert hostile.tags.keys() <= plain.tags.keys()
    assert hostile.attributes <= plain.attributes


def example() -> Picture:
    """Return a cone with every kind of node and edge."""
    made = tuple(
        Node(kind, (kind, "[7:0]"), kind, "g" if n % 2 else "", file="a.sv", line=n) for n, kind in enumerate(LOOKS)
    )
    kinds = ("data", "control", "index", "clock", "reset", "port", "transition", "next")
    edges = tuple(Edge(made[n].id, made[n + 1].id, f"[{n}:0]", kind, bits=2**n) for n, kind in enumerate(kinds))
    return Picture("p", "s", made, edges, (Group("g", "u_g : g"),))


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_picture_gives_the_same_bytes(format_: Format) -> None:
    assert render(example(), format_) == render(example(), format_)


@pytest.mark.parametrize("kind", ["cone", "hierarchy", "states", "flow"])
def test_every_node_and_edge_is_drawn_inside_the_picture(kind: str) -> None:
    picture = Picture("p", "s", example().nodes, example().edges, example().groups, kind=kind)  # type: ignore[arg-type]
    root = ET.fromstring(svg_text(picture))
    ids = {item.get("id") for item in root.iter() if item.get("id")}
    assert ids == {f"n{n}" for n in range(len(picture.nodes))} | {f"e{n}" for n in range(len(picture.edges))} | {"g0"}
    wide, high = float(root.get("width", "")), float(root.get("height", ""))
    for n, node in enumerate(picture.nodes):
        (item,) = root.iterfind(f".//*[@id='n{n}']")
        x, y = map(float, re.findall(r"[-\d.]+", item.get("transform", "")))
        assert x > -1 and y > -1  # within the margin of 16 pixels
        assert x + size(node)[0] <= wide and y + size(node)[1] <= high


def test_source_lines_are_links_and_can_be_left_out() -> None:
    links = [item.get("href") for item in ET.fromstring(svg_text(example())).iter(SVG + "a")]
    assert links == [f"a.sv#L{max(n, 1)}" for n in range(len(example().nodes))]
    assert "href" not in svg_text(example(), None)
    assert "ide://a.sv:3" in svg_text(example(), "ide://{file}:{line}")


def test_colours_are_in_the_style_sheet_only_light_and_dark() -> None:
    svg = svg_text(example())
    drawn = re.sub(r"<style>.*?</style>", "", svg, flags=re.DOTALL)
    assert not re.search(r"(fill|stroke|style)=\"", drawn)
    assert "prefers-color-scheme: dark" in svg


def test_page_asks_for_nothing_from_elsewhere() -> None:
    page = html_page(example())
    assert set(re.findall(r"https?://[^\"'\s<]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page
    assert not re.search(r"<(link|img|iframe|object|embed)\b|@import|url\(|\bsrc=", page)


def test_states_after_reset_have_an_arrow_from_a_dot() -> None:
    made = (Node("i", ("IDLE",), "start"), Node("r", ("RUN",), "state"))
    picture = Picture(
        "p", nodes=made, edges=(Edge("i", "r", "go", "transition"), Edge("r", "r", "", "transition")), kind="states"
    )
    root = ET.fromstring(svg_text(picture))
    assert len(root.findall(f".//{SVG}circle")) == 1
    assert "shape=point" in dot_text(picture)


def wide_flow(cases: int) -> Picture:
    made = [Node("c", ("case (s)",), "condition"), Node("x", ("exit",), "terminal")]
    made += [Node(str(n), (f"value = some_function(operand_{n});",), "statement") for n in range(cases)]
    edges = [e for n in range(cases) for e in (Edge("c", str(n), str(n), "next"), Edge(str(n), "x", kind="next"))]
    return Picture("p", nodes=tuple(made), edges=tuple(edges), kind="flow")


def test_a_flow_too_wide_for_a_screen_is_turned_unless_told_otherwise() -> None:
    turned, few = ET.fromstring(svg_text(wide_flow(12))), ET.fromstring(svg_text(wide_flow(3)))
    assert float(turned.get("width", "")) < 1500
    assert float(few.get("height", "")) < 300
    told = Picture("p", nodes=wide_flow(12).nodes, edges=wide_flow(12).edges, kind="flow", direction="down")
    assert float(ET.fromstring(svg_text(told)).get("width", "")) > 3000


def chain(count: int) -> Picture:
    made = tuple(Node(str(n), (f"s{n}",)) for n in range(count))
    return Picture("p", nodes=made, edges=tuple(Edge(str(n // 2), str(n)) for n in range(1, count)))


def test_a_picture_too_large_says_how_to_narrow_it() -> None:
    with pytest.raises(InputError) as caught:
        svg_text(chain(MOST_NODES + 1))
    assert str(caught.value) == (
        "the picture has 1,501 nodes, expected at most 1,500: "
        "narrow it with a smaller --depth, or ask for a signal or an instance further down"
    )


def test_a_picture_of_the_largest_size_is_laid_out() -> None:
    started = time.monotonic()
    assert len(layout(chain(MOST_NODES)).nodes) == MOST_NODES
    assert time.monotonic() - started < 30


def test_a_layout_that_takes_too_long_ends_with_advice() -> None:
    made = tuple(Node(str(n), (f"s{n}",)) for n in range(300))
    edges = tuple(Edge(str(a), str((a * 7 + b * 13) % 300)) for a in range(300) for b in range(12))
    with pytest.raises(InputError) as caught:
        layout(Picture("p", nodes=made, edges=edges), limit_s=0.2)
    assert str(caught.value).startswith("no layout of 300 nodes and 3,600 edges within 0.2 s: narrow it with")


def test_missing_graphviz_names_the_command_and_the_way_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RTLGEN_DOT", str(tmp_path / "absent"))
    with pytest.raises(ToolNotFoundError) as caught:
        svg_text(example())
    assert str(caught.value) == (
        f"{tmp_path / 'absent'} (Graphviz, draws graphs) was not found; "
        "install it with `apt-get install -y graphviz`, or set RTLGEN_DOT to its path; --format dot works without"
    )
    assert render(example(), "dot").startswith("digraph")


def test_a_program_that_is_no_graphviz_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    monkeypatch.setenv("RTLGEN_DOT", str(program))
    with pytest.raises(ToolOutputError, match="gave no JSON"):
        svg_text(example())
