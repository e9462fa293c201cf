"""The page of a picture in a real browser: zoom, search, cones, details, and names that would like to be code."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from rtlgen.graphs.pictures import Edge, Group, Node, Picture, render

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz: apt-get install -y graphviz")

EVIL = "\\<script>alert(1)</script> "
EXCERPT = "  logic [7:0] sum;\n  assign sum = a + b; // </script><img src=x onerror=alert(2)>\n"


def example() -> Picture:
    """Return a → sum → q → out, b → sum, and a node with a hostile name that leads nowhere."""
    made = (
        Node("a", ("a_i", "[7:0]"), "input"),
        Node("b", ("b_i", "[7:0]"), "input"),
        Node("sum", ("sum", "[7:0]"), "wire", "g", "", "rtl/add.sv", 12, excerpt=EXCERPT, excerpt_line=11,
             details=(("type", "logic [7:0]"),)),
        Node("q", ("sum_q", "[7:0]"), "register", "g", emphasis=True),
        Node("out", ("sum_o", "[7:0]"), "output"),
        Node("evil", (EVIL, EVIL), "wire", "e", EVIL, EVIL, 3, details=((EVIL, EVIL),), excerpt=EVIL, excerpt_line=3),
    )  # fmt: skip
    pairs = (("a", "sum"), ("b", "sum"), ("sum", "q"), ("q", "out"))
    edges = [Edge(a, b, "[7:0]", bits=8) for a, b in pairs]
    edges.append(Edge("evil", "evil", EVIL, tooltip=EVIL))
    return Picture("fan-in of sum_o", EVIL, made, tuple(edges), (Group("g", "u_add : adder"), Group("e", EVIL)))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "picture.html"
    path.write_text(render(example(), "html"))
    return path


@pytest.fixture
def page(browser: Any, file: Path) -> Any:
    return browser.open(file)


def node(page: Any, name: str) -> str:
    """Return the selector of the node with this name."""
    same = f"n.querySelector('.line').textContent === {json.dumps(name)}"
    found = page.js(f"[...document.querySelectorAll('.node')].find(n => {same}).id")
    return f"#{found}"


def names(page: Any, selector: str) -> set[str]:
    found: list[str] = page.js(
        f"[...document.querySelectorAll({json.dumps(selector)})].map(n => n.querySelector('.line').textContent)"
    )
    return set(found)


def scale(page: Any) -> int:
    return int(page.js("document.getElementById('scale').textContent").removesuffix(" %"))


def test_page_opens_at_a_readable_size_without_a_complaint(page: Any, file: Path) -> None:
    assert scale(page) == 100
    assert page.fetched() == [file.as_uri()]
    assert page.complaints() == []


@pytest.mark.parametrize(
    ("act", "larger"),
    [
        (lambda page: page.click("#larger"), True),
        (lambda page: page.click("#smaller"), False),
        (lambda page: page.key("+"), True),
        (lambda page: page.key("-"), False),
        (lambda page: page.mouse("mouseWheel", 600, 400, deltaX=0, deltaY=-100), True),
    ],
    ids=["button +", "button -", "key +", "key -", "wheel"],
)
def test_zoom(page: Any, act: Callable[[Any], None], larger: bool) -> None:
    act(page)
    assert (scale(page) > 100) is larger and scale(page) != 100
    page.key("0")
    assert scale(page) == 100
    assert page.complaints() == []


def test_wheel_keeps_what_is_under_the_pointer(page: Any) -> None:
    x, y = page.middle(node(page, "sum"))
    page.mouse("mouseWheel", x, y, deltaX=0, deltaY=-100)
    new_x, new_y = page.middle(node(page, "sum"))
    assert abs(new_x - x) < 1 and abs(new_y - y) < 1


def drag(page: Any, way: tuple[int, int]) -> None:
    page.mouse("mousePressed", 300, 700, button="left", buttons=1, clickCount=1)
    page.mouse("mouseMoved", 300 + way[0] / 2, 700 + way[1] / 2, button="left", buttons=1)
    page.mouse("mouseMoved", 300 + way[0], 700 + way[1], button="left", buttons=1)
    page.mouse("mouseReleased", 300 + way[0], 700 + way[1], button="left", clickCount=1)


def test_dragging_and_arrow_keys_move_the_picture(page: Any) -> None:
    x, y = page.middle(node(page, "sum"))
    drag(page, (80, -50))
    assert page.middle(node(page, "sum")) == (pytest.approx(x + 80), pytest.approx(y - 50))
    page.key("ArrowRight")
    assert page.middle(node(page, "sum"))[0] == pytest.approx(x + 20)


def test_two_fingers_zoom(page: Any) -> None:
    def fingers(kind: str, apart: int) -> None:
        points = [{"x": 600 - apart, "y": 400, "id": 1}, {"x": 600 + apart, "y": 400, "id": 2}]
        page.call("Input.dispatchTouchEvent", type=kind, touchPoints=points if kind != "touchEnd" else [])

    page.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=2)
    fingers("touchStart", 50)
    for apart in (60, 80, 100):
        fingers("touchMove", apart)
    fingers("touchEnd", 100)
    assert 190 <= scale(page) <= 210


def test_a_click_lights_up_neighbours_then_the_cone(page: Any) -> None:
    page.click(node(page, "sum") + " .line")
    assert names(page, ".node.near") == {"a_i", "b_i", "sum", "sum_q"}
    page.key("o")
    assert names(page, ".node.near") == {"sum", "sum_q", "sum_o"}
    page.click("#reach label:nth-child(2)")
    assert names(page, ".node.near") == {"a_i", "b_i", "sum"}
    assert page.js("document.querySelectorAll('.edge.near').length") == 2
    page.key("Escape")
    assert page.js("document.querySelector('svg').classList.contains('lit')") is False
    assert page.js("document.getElementById('panel').hidden") is True


def test_panel_has_type_place_source_and_neighbours_that_lead_on(page: Any) -> None:
    page.click(node(page, "sum") + " .line")
    text = page.js("document.getElementById('panel').innerText")
    assert all(part in text for part in ("sum", "wire", "logic [7:0]", "u_add : adder", "from (2)", "to (1)"))
    assert page.js("document.querySelector('#panel a').getAttribute('href')") == "rtl/add.sv#L12"
    assert page.js("document.querySelector('#panel pre').textContent") == "".join(
        f"{n} {line}\n" for n, line in enumerate(EXCERPT.split("\n"), 11)
    )
    assert page.js("document.querySelector('#panel pre b').textContent").startswith("  assign sum")
    page.click("#panel ul:last-of-type button")
    assert page.js("document.querySelector('#panel h2').textContent") == "sum_q"


def test_search_marks_what_it_finds_and_walks_through_it(page: Any) -> None:
    page.key("/")
    page.type("SUM")
    assert names(page, ".node.found") == {"sum", "sum_q", "sum_o"}
    assert page.js("document.getElementById('found').textContent") == "3"
    page.key("Enter")
    page.key("Enter")
    assert page.js("document.getElementById('found').textContent") == "2 of 3"
    assert page.js("document.querySelector('#panel h2').textContent") == "sum_q"
    page.key("Escape")
    assert names(page, ".node.found") == set()


def test_nodes_are_reached_and_chosen_by_keyboard(page: Any) -> None:
    page.js("document.querySelector('.node').focus()")
    page.key("Enter")
    assert page.js("document.querySelector('#panel h2').textContent") == "a_i"
    assert page.js("document.querySelector('.node').getAttribute('aria-label')") == "input port a_i [7:0]"


def test_a_hostile_name_is_text_everywhere(page: Any) -> None:
    page.click(node(page, EVIL) + " .line")
    assert page.js("document.querySelector('#panel h2').textContent") == EVIL
    assert (
        page.js("document.querySelector('#panel a').getAttribute('href')")
        == "%5C%3Cscript%3Ealert%281%29%3C/script%3E%20#L3"
    )
    page.click("#search")
    page.type("<script>alert")
    assert names(page, ".node.found") == {EVIL}
    assert page.js("document.querySelectorAll('script').length") == 2
    assert page.js("document.querySelectorAll('img').length") == 0
    assert page.complaints() == []


def test_the_policy_lets_no_other_script_run(page: Any) -> None:
    page.js("document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = 1' }))")
    assert page.js("window.ran") is None
    assert any("Content Security Policy" in json.dumps(item) for item in page.complaints())


def test_saved_picture_is_the_whole_svg(page: Any, tmp_path: Path) -> None:
    page.key("+")
    page.browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.click("#download")
    until = time.monotonic() + 20
    while not (found := list(tmp_path.glob("*.svg"))):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert found[0].name == "fan-in-of-sum_o.svg"
    root = ET.parse(found[0]).getroot()
    assert re.fullmatch(r"0 0 \d+ \d+", root.get("viewBox", ""))
    assert sum(item.get("class", "").startswith("node ") for item in root.iter()) == len(example().nodes)


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_node_light_and_dark(browser: Any, file: Path, dark: bool) -> None:
    page = browser.open(file, dark=dark)
    colours: list[list[str]] = page.js(
        "[...document.querySelectorAll('.node')].map(n => [getComputedStyle(n.querySelector('.shape')).fill,"
        " ...[...n.querySelectorAll('text')].map(t => getComputedStyle(t).fill)])"
    )
    for behind, *inks in colours:
        assert all(contrast(behind, ink) >= 4.5 for ink in inks)
    assert (luminance(page.js("getComputedStyle(document.body).backgroundColor")) < 0.1) is dark


def luminance(colour: str) -> float:
    """Return relative luminance as in https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_text_of_nodes_fits_into_them_in_this_browser(page: Any) -> None:
    over: float = page.js(
        "Math.max(...[...document.querySelectorAll('.node')].flatMap(n => [...n.querySelectorAll('text')].map("
        "t => t.getBoundingClientRect().right - n.querySelector('.shape').getBoundingClientRect().right)))"
    )
    assert over < 0


def test_a_large_picture_opens_on_what_was_asked_for(browser: Any, tmp_path: Path) -> None:
    made = tuple(Node(str(n), (f"signal_number_{n}",), emphasis=n == 0) for n in range(240))
    picture = Picture("large", nodes=made, edges=tuple(Edge(str(n), str((n - 1) // 3)) for n in range(1, 240)))
    path = tmp_path / "large.html"
    path.write_text(render(picture, "html"))
    page = browser.open(path)
    assert scale(page) >= 55
    x, y = page.middle(node(page, "signal_number_0"))
    assert 0 < x < 1280 and 60 < y < 800
