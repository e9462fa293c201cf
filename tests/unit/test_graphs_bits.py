"""Layouts of values: against slang's longest static prefix on random types, and what people read and write."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtlgen.core.errors import InputError
from rtlgen.graphs.bits import MAX_PIECES, Layout, layout_of, split_select, vector


def layout(declarations: str, name: str = "x") -> Layout:
    """Return the layout of a variable of a module."""
    return layout_of(_body(declarations).find(name).type)


def _body(text: str):  # type: ignore[no-untyped-def]
    from pyslang import ast, syntax

    compilation = ast.Compilation()
    compilation.addSyntaxTree(syntax.SyntaxTree.fromText(f"module m;\n{text}\nendmodule\n"))
    assert [str(d.code) for d in compilation.getAllDiagnostics() if d.isError()] == []
    body = compilation.getRoot().topInstances[0].body
    KEPT.append(compilation)
    del KEPT[:-8]
    return body


KEPT: list[object] = []
"""Symbols live as long as their compilation."""


def by_slang(declarations: str, selects: list[str]) -> list[tuple[int, int]]:
    """Return the bounds that slang gives for selects of `x`."""
    from pyslang import ast

    body = _body(declarations + "".join(f"\ninitial x{s} = x{s};" for s in selects))
    context = ast.EvalContext(body)
    assignments = [b.body.expr for b in body if b.kind.name == "ProceduralBlock"]
    paths = [ast.ValuePath(a.left, context) for a in assignments]
    assert all(p.isFullyStatic for p in paths)
    return [p.lspBounds for p in paths]


@dataclass
class Kind:
    """A random type: how it is declared, and what may be selected from it."""

    typedef: str
    """With `NAME` in place of the name and `TYPE0` … in place of the types below."""
    packed: bool
    width: int
    parts: list[Kind] = field(default_factory=list)
    bounds: tuple[int, int] | None = None
    members: list[str] = field(default_factory=list)

    def declare(self, out: list[str]) -> str:
        """Add the type definitions, return the name of this one."""
        text = self.typedef
        for number, part in enumerate(self.parts):
            text = text.replace(f"TYPE{number} ", part.declare(out) + " ")
        name = f"t{len(out)}"
        out.append(f"typedef {text};".replace("NAME", name))
        return name


bounds = st.tuples(st.integers(-3, 9), st.integers(-3, 9)).filter(lambda b: abs(b[0] - b[1]) < 6)


def bits_of(ends: tuple[int, int], sign: str) -> Kind:
    return Kind(f"logic {sign} [{ends[0]}:{ends[1]}] NAME", True, abs(ends[0] - ends[1]) + 1, bounds=ends)


leaves = st.one_of(
    st.just(Kind("logic NAME", True, 1)),
    st.just(Kind("byte NAME", False, 8, bounds=(7, 0))),
    st.builds(bits_of, bounds, st.sampled_from(["", "signed"])),
    st.integers(1, 4).map(lambda n: Kind(f"enum logic [{n}:0] {{A_NAME, B_NAME}} NAME", True, n + 1, bounds=(n, 0))),
)


def array(of: Kind, ends: tuple[int, int], packed: bool) -> Kind:
    packed = packed and of.packed
    dimension = f"[{ends[0]}:{ends[1]}]"
    text = f"TYPE0 {dimension} NAME" if packed else f"TYPE0 NAME {dimension}"
    return Kind(text, packed, of.width * (abs(ends[0] - ends[1]) + 1), [of], bounds=ends)


def record(parts: list[Kind], word: str, packed: bool) -> Kind:
    packed = packed and all(p.packed for p in parts)
    if word == "union" and packed:
        parts = [parts[0], Kind(f"logic [{parts[0].width - 1}:0] NAME", True, parts[0].width)]
        parts[1].bounds = (parts[0].width - 1, 0)
    names = [f"f{n}" for n in range(len(parts))]
    members = " ".join(f"TYPE{n} {name};" for n, name in enumerate(names))
    widths = [p.width for p in parts]
    width = sum(widths) if word == "struct" else max(widths)
    return Kind(f"{word} {'packed' if packed else ''} {{ {members} }} NAME", packed, width, parts, members=names)


kinds = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(array, inner, bounds, st.booleans()),
        st.builds(record, st.lists(inner, min_size=1, max_size=4), st.sampled_from(["struct", "union"]), st.booleans()),
    ),
    max_leaves=6,
)


@st.composite
def selects(draw: st.DrawFn, kind: Kind) -> str:
    """Return a select of some part of a type; the whole at times."""
    text = ""
    while draw(st.integers(0, 5)):
        if kind.members:
            number = draw(st.integers(0, len(kind.members) - 1))
            text += f".{kind.members[number]}"
            kind = kind.parts[number]
        elif kind.bounds:
            low, high = sorted(kind.bounds)
            first, second = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
            if draw(st.booleans()):
                width = second - first + 1
                ends = (first, second) if kind.bounds[0] < kind.bounds[1] else (second, first)
                forms = [f"{ends[0]}:{ends[1]}", f"{first}+:{width}", f"{second}-:{width}"]
                return f"{text}[{draw(st.sampled_from(forms))}]"
            text += f"[{first}]"
            kind = kind.parts[0] if kind.parts else Kind("", True, 1)
        else:
            break
    return text


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, list[str], list[tuple[int, int]]]:
    """Return declarations of `x`, selects of it and ranges within it."""
    kind = draw(kinds)
    lines: list[str] = []
    name = kind.declare(lines)
    chosen = draw(st.lists(selects(kind), min_size=1, max_size=6))
    positions = st.integers(0, kind.width - 1)
    ranges = draw(st.lists(st.tuples(positions, positions), min_size=1, max_size=6))
    return "\n".join([*lines, f"{name} x;"]), chosen, [(min(r), max(r)) for r in ranges]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_selects_take_the_bits_that_slang_says(case: tuple[str, list[str], list[tuple[int, int]]]) -> None:
    declarations, chosen, ranges = case
    found = layout(declarations)
    assert [found.resolve(s) for s in chosen] == by_slang(declarations, chosen)
    pieces = [found.describe(*r) for r in ranges]
    expected = by_slang(declarations, [p for group in pieces for p in group])
    for group, (low, high) in zip(pieces, ranges, strict=True):
        bits = [expected.pop(0) for _ in group]
        assert bits == [found.resolve(p) for p in group]
        assert bits[0][1] == high and bits[-1][0] == low, "highest bits first"
        assert all(above[0] == below[1] + 1 for above, below in pairwise(bits)), "each bit once"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_what_one_select_says_is_said_in_one(case: tuple[str, list[str], list[tuple[int, int]]]) -> None:
    declarations, chosen, _ = case
    found = layout(declarations)
    for select in chosen:
        assert len(found.describe(*found.resolve(select))) == 1


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_json_keeps_the_layout(case: tuple[str, list[str], list[tuple[int, int]]]) -> None:
    declarations, chosen, ranges = case
    found = layout(declarations)
    again = Layout.from_json(found.to_json(), found.width)
    assert [again.resolve(s) for s in chosen] == [found.resolve(s) for s in chosen]
    assert [again.describe(*r) for r in ranges] == [found.describe(*r) for r in ranges]


PACKET = "typedef struct packed { logic valid; logic [3:0][7:0] data; logic [0:2] tag; } packet; packet [1:0] x;"


@pytest.mark.parametrize(
    ("declarations", "bits", "expected"),
    [
        ("logic x;", (0, 0), ["x"]),
        ("logic [7:0] x;", (0, 7), ["x"]),
        ("logic [7:0] x;", (4, 7), ["x[7:4]"]),
        ("logic [0:7] x;", (4, 7), ["x[0:3]"]),
        ("logic [7:0] x [4];", (0, 7), ["x[0]"]),
        ("logic [7:0] x [3:0];", (0, 7), ["x[3]"]),
        ("logic [7:0] x [4];", (20, 23), ["x[2][7:4]"]),
        ("logic [7:0] x [4];", (6, 25), ["x[3][1:0]", "x[1:2]", "x[0][7:6]"]),
        ("logic [7:0] x [3:0];", (8, 23), ["x[2:1]"]),
        (PACKET, (71, 71), ["x[1].valid"]),
        (PACKET, (0, 3), ["x[0].data[0][0]", "x[0].tag"]),
        (PACKET, (3, 10), ["x[0].data[0]"]),
        (PACKET, (34, 36), ["x[1].tag[2]", "x[0].valid", "x[0].data[3][7]"]),
        ("struct packed { logic a, b, c, d, e, f; } x;", (0, 3), ["x.c", "x.d", "x.e", "x.f"]),
        ("struct packed { logic a, b, c, d, e, f; } x;", (0, 4), ["x[4:0]"]),
        ("struct { logic a, b, c, d, e, f; } x;", (0, 4), ["x.e", "x.d", "x.c", "x.b", "x.a"]),
        ("union packed { struct packed { logic [3:0] h, l; } n; logic [7:0] b; } x;", (4, 7), ["x.n.h"]),
        ("union packed { struct packed { logic [3:0] h, l; } n; logic [7:0] b; } x;", (2, 5), ["x.b[5:2]"]),
        ("struct packed { logic \\a+b ; logic c; } x;", (1, 1), ["x.\\a+b "]),
        ("union tagged packed { void none; logic [6:0] some; } x;", (7, 7), ["x[7]"]),
        ("real x;", (3, 9), ["x"]),
        ("string x;", (0, 0), ["x"]),
    ],
)
def test_ranges_read_as_an_engineer_would_write_them(
    declarations: str, bits: tuple[int, int], expected: list[str]
) -> None:
    assert layout(declarations).describe(*bits, "x") == expected
    assert len(expected) <= MAX_PIECES or " packed" not in declarations


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ("[2]", "x: expected an index within [1:0], got 2"),
        ("[0].dat", "x[0]: expected a member such as data, got 'dat'"),
        ("[0].zzz", "x[0]: expected a member such as valid, data, tag, got 'zzz'"),
        ("[0].data[0:1]", "x[0].data: expected a range in the direction of [3:0], got [0:1]"),
        ("[0].tag[2:0]", "x[0].tag: expected a range in the direction of [0:2], got [2:0]"),
        ("[0].valid[0]", "x[0].valid: expected no select of a single bit, got '[0]'"),
        ("[1:0][0]", "x[1:0]: expected nothing after a range, got '[0]'"),
        ("[0].data[1]x", "x[0].data[1]: expected [index], [from:to] or .member next, got 'x'"),
        ("[n]", "x: expected [index], [from:to] or .member next, got '[n]'"),
        (".data", "x: expected an index of an array [1:0], got '.data'"),
        ("[0].data[1].q", "x[0].data[1]: expected an index of a vector [7:0], got '.q'"),
        ("[0].data[3-:5]", "x[0].data: expected an index within [3:0], got -1"),
        ("[0].data[3-:0]", "x[0].data: expected a width of at least 1, got '[3-:0]'"),
        ("[" + "9" * 5000 + "]", None),
    ],
)
def test_a_select_that_is_wrong_says_what_would_be_right(select: str, message: str | None) -> None:
    with pytest.raises(InputError) as caught:
        layout(PACKET).resolve(select, "x")
    assert message is None or str(caught.value) == message


def test_a_structure_without_positions_asks_for_a_member() -> None:
    with pytest.raises(InputError, match=r"^x: expected \.member of a structure, got '\[0\]'$"):
        layout("struct { logic a; } x;").resolve("[0]", "x")


def test_spaces_and_escaped_members_are_read() -> None:
    found = layout("struct packed { logic [3:0] \\a+b ; logic c; } x;")
    assert found.resolve(" . \\a+b  [ 2 : 1 ] ") == (2, 3)


def test_a_plain_vector_needs_no_json() -> None:
    assert [layout(t).to_json() for t in ("logic x;", "logic [7:0] x;", "int x;", "logic [0:0] x;")] == [""] * 4
    assert layout("logic [0:7] x;").to_json() == "[0,7]"
    assert Layout.from_json("", 8) == vector(7, 0)


def test_a_range_outside_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected a range of bits within 0 to 7, got 3 to 8"):
        vector(7, 0).describe(3, 8)


def test_a_name_with_selects_in_it_is_found() -> None:
    names = {"x", "g_lane[2].sum", "bus.data", "bus"}
    assert split_select("g_lane[2].sum[3:0]", names) == ("g_lane[2].sum", "[3:0]")
    assert split_select("bus.data.x[1]", names) == ("bus.data", ".x[1]")
    assert split_select("bus.addr", names) == ("bus", ".addr")
    assert split_select(" x ", names) == ("x", "")


def test_a_name_that_is_not_there_lists_near_ones() -> None:
    with pytest.raises(InputError, match=r"^expected a signal, such as g_lane\[2\]\.sum, got 'g_lane\[2\]\.sun\[1\]'$"):
        split_select("g_lane[2].sun[1]", ["clk", "g_lane[2].sum"])
    with pytest.raises(InputError, match=r"^expected a signal, got 'q'$"):
        split_select("q", [])
