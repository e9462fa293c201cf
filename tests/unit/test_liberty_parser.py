from __future__ import annotations

import re
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.core.errors import LibraryError
from rtlgen.synth.liberty import Attribute, Group, parse_liberty, to_text
from rtlgen.synth.liberty.parser import MAX_DEPTH, MAX_LINE, split_args

names = st.from_regex(r"[A-Za-z_]\w{0,12}", fullmatch=True)
# any text a quoted string can hold: braces, commas, comment signs, quotes and backslashes among it
printable = st.sampled_from(string.ascii_letters + string.digits + " .,:;+-*/(){}!&|^'\"\\_[]")
texts = st.one_of(st.text(printable, max_size=20), st.floats(allow_nan=False, allow_infinity=False).map(str))
simple = st.builds(Attribute, names, st.tuples(texts))
complex_ = st.builds(Attribute, names, st.lists(texts, max_size=4).map(tuple), st.just(True))


def _group(children: st.SearchStrategy[Group]) -> st.SearchStrategy[Group]:
    return st.builds(
        Group,
        names,
        st.lists(texts, max_size=3).map(tuple),
        st.lists(st.one_of(simple, complex_), max_size=5),
        st.lists(children, max_size=3),
    )


groups = st.recursive(st.builds(Group, names, st.lists(texts, max_size=3).map(tuple)), _group, max_leaves=12)


def _message(text: str) -> str | None:
    """Return what the reader says about a text; None where it takes it."""
    try:
        parse_liberty(text)
    except LibraryError as error:
        return str(error)
    return None


@settings(max_examples=60)
@given(groups)
def test_reading_what_was_printed_gives_the_same_tree(group: Group) -> None:
    group.name = "library"
    assert parse_liberty(to_text(group)) == group


@settings(max_examples=40)
@given(groups, st.data())
def test_a_cut_file_is_an_error_or_a_whole_library_and_never_anything_else(group: Group, data: st.DataObject) -> None:
    group.name = "library"
    text = to_text(group)
    cut = data.draw(st.integers(0, len(text) - 1))
    if text[cut:].strip() == "":
        return
    with pytest.raises(LibraryError, match=r"^<text>:\d+: expected "):
        parse_liberty(text[:cut])


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    message = _message(text)
    assert message is None or re.match(r"<text>:\d+: expected ", message)


@given(st.text("library(){};:\"'\\/*,\n \t0aA", max_size=60))
def test_any_library_body_is_read_or_refused_with_a_place(body: str) -> None:
    message = _message("library (x) {" + body)
    assert message is None or re.match(r"<text>:\d+: expected ", message)


SAMPLE = """\ufeff/* a comment { with braces
over lines */
library (demo) {   // to the end of the line }
  define(my_attr, cell, string);
  technology (cmos);
  time_unit : "1ns" ;
  nom_voltage : 1.10
  capacitive_load_unit (1, ff);
  receiver_thresholds\\
     ( "0, 30", "50" );
  input_ccb (A_1:a) { }
  bus (D[3:0]) { area : 2 /* um2 */; }
  cell ("A1")
  { area : 1.5; my_attr : x; note : "a \\"quoted\\" word";
    pin (Y) { function : "(A B)'"; direction : output;
      timing () { related_pin : "A";
        cell_rise (t) { values ( \\
          "1, 2", \\
          "3, 4" ); /* { */ }
      }
    }
    empty () { }
  };
}
"""


def test_every_construct_of_the_language() -> None:
    root = parse_liberty(SAMPLE)
    assert (root.name, root.args, root.line) == ("library", ("demo",), 3)
    assert root.attributes == [
        Attribute("define", ("my_attr", "cell", "string"), True),
        Attribute("technology", ("cmos",), True),
        Attribute("time_unit", ("1ns",)),
        Attribute("nom_voltage", ("1.10",)),
        Attribute("capacitive_load_unit", ("1", "ff"), True),
        Attribute("receiver_thresholds", ("0, 30", "50"), True),
    ]
    ccb, bus, cell = root.groups
    assert ccb == Group("input_ccb", ("A_1:a",))
    assert bus == Group("bus", ("D[3:0]",), [Attribute("area", ("2",))])
    assert (cell.args, cell.line, cell.get("note")) == (("A1",), 13, 'a "quoted" word')
    pin = next(cell.find("pin"))
    assert pin.get("function") == "(A B)'"
    table = next(next(pin.find("timing")).find("cell_rise"))
    assert table.attributes == [Attribute("values", ("1, 2", "3, 4"), True)]
    assert next(cell.find("empty")) == Group("empty")


def test_skipped_groups_are_missing_and_the_rest_is_equal() -> None:
    whole, small = parse_liberty(SAMPLE), parse_liberty(SAMPLE, skip={"timing"})
    next(whole.groups[2].find("pin")).groups.clear()
    assert small == whole


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.lib:1: expected 'library (NAME) {', got an empty file; give a Liberty (.lib or .lib.gz) file"),
        (
            "\n\nmodule top(input a);\nendmodule\n",
            "f.lib:3: expected 'library (NAME) {', got 'module top(input a);'; give a Liberty (.lib or .lib.gz) file",
        ),
        (
            "library (x) {\n  cell (A) {\n    pin (B) {\n      capacitance : 1;\n",
            (
                "f.lib:5: expected '}' to close group pin (B) opened in line 3, got the end of "
                "the file; the library is truncated, fetch or decompress it again"
            ),
        ),
        (
            'library (x) {\n  cell (A) {\n    pin (B) {\n      function : "A +',
            (
                "f.lib:4: expected '}' to close group pin (B) opened in line 3, got the end of "
                "the file; the library is truncated, fetch or decompress it again"
            ),
        ),
        (
            "library (x) {\n  cell (A) { /* never closed\n }\n}\n",
            (
                "f.lib:5: expected '}' to close group cell (A) opened in line 2, got the end of "
                "the file; the library is truncated, fetch or decompress it again"
            ),
        ),
        (
            "library (x) {\n  cell (A) {\n    area = 3;\n  }\n}\n",
            (
                "f.lib:3: expected 'name : value;', 'name (values);', 'name (...) {' or '}' in group cell (A) of line "
                "2, got 'area = 3;'; correct this line or fetch the library again"
            ),
        ),
        (
            "library (x) {\n}\n}\n",
            "f.lib:3: expected the end of the file after the library group, got '}'; keep one library in a file",
        ),
    ],
)
def test_messages(text: str, message: str) -> None:
    with pytest.raises(LibraryError) as raised:
        parse_liberty(text, "f.lib")
    assert str(raised.value) == message


def test_a_skipped_group_that_is_cut_names_its_own_start() -> None:
    with pytest.raises(LibraryError) as raised:
        parse_liberty('library (x) {\n  cell (A) {\n    timing () {\n  values ("1', "f.lib", skip={"timing"})
    assert str(raised.value) == (
        "f.lib:4: expected '}' to close group timing () opened in line 3, got the end of the file; the library is "
        "truncated, fetch or decompress it again"
    )


def test_a_huge_line_is_refused() -> None:
    with pytest.raises(LibraryError) as raised:
        parse_liberty("library (x) {\n a : " + "9" * (MAX_LINE + 1) + ";\n}\n", "f.lib")
    assert str(raised.value) == (
        f"f.lib:2: expected lines of at most {MAX_LINE} characters, got a longer one; this is no usable Liberty file"
    )


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(LibraryError) as raised:
        parse_liberty("library (x) {\n" + "g () {\n" * 100_000, "f.lib")
    assert str(raised.value) == (
        f"f.lib:{MAX_DEPTH + 1}: expected at most {MAX_DEPTH} nested groups, got one more ('g'); the file is damaged"
    )


@pytest.mark.parametrize(
    "body", ["((((((((((", '"' * 1001, "a" * 500_000, "/*" * 50_000, "\\" * 100_000, "x : " * 50_000]
)
def test_broken_text_takes_no_long(body: str) -> None:
    start = time.perf_counter()
    with pytest.raises(LibraryError):
        parse_liberty("library (x) {\n" + body)
    assert time.perf_counter() - start < 2.0


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", ()),
        ("a, b", ("a", "b")),
        ('"1, 2" , "3"', ("1, 2", "3")),
        ("1 /* one */, pf", ("1", "pf")),
        ('"a\\\n  b"', ("ab",)),
    ],
)
def test_lists_of_values(text: str, values: tuple[str, ...]) -> None:
    assert split_args(text) == values
