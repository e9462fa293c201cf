from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.core.errors import LibraryError
from rtlgen.synth.liberty.function import input_names, truth_table, variable_table

NAMES = ("A", "B1", "C[0]", "_d")
Tree = tuple[str, ...] | str

trees = st.recursive(
    st.sampled_from((*NAMES, "0", "1")),
    lambda inner: st.one_of(st.tuples(st.just("!"), inner), st.tuples(st.sampled_from("&|^"), inner, inner)),
    max_leaves=12,
)


def _value(tree: Tree, row: dict[str, int]) -> int:
    if isinstance(tree, str):
        return int(tree) if tree in "01" else row[tree]
    sides = [_value(side, row) for side in tree[1:]]
    if tree[0] == "!":
        return 1 - sides[0]
    return {"&": sides[0] & sides[-1], "|": sides[0] | sides[-1], "^": sides[0] ^ sides[-1]}[tree[0]]


def _text(tree: Tree, data: st.DataObject) -> str:
    """Write a tree in one of the ways Liberty has for it."""
    if isinstance(tree, str):
        return tree
    sides = [_text(side, data) for side in tree[1:]]
    if tree[0] == "!":
        return data.draw(st.sampled_from((f"!({sides[0]})", f"({sides[0]})'", f"~ ({sides[0]})")))
    sign = data.draw(st.sampled_from({"&": ("&", "*", " "), "|": ("|", "+"), "^": ("^",)}[tree[0]]))
    return f"({sides[0]}{sign}{sides[1]})"


@given(trees, st.data())
def test_truth_table_is_the_value_on_every_row(tree: Tree, data: st.DataObject) -> None:
    table = truth_table(_text(tree, data), NAMES)
    for number in range(1 << len(NAMES)):
        row = {name: number >> index & 1 for index, name in enumerate(NAMES)}
        assert table >> number & 1 == _value(tree, row)


@pytest.mark.parametrize(
    ("function", "same"),
    [("A+B*C", "A+(B*C)"), ("A^B*C", "(A^B)*C"), ("!A B", "(!A)*B"), ("A B'", "A*(!B)"), ("A''", "A"), ("!A'", "A")],
)
def test_precedence_is_inversion_xor_and_or(function: str, same: str) -> None:
    assert truth_table(function, ("A", "B", "C")) == truth_table(same, ("A", "B", "C"))


def test_inputs_are_in_order_of_first_use() -> None:
    assert input_names("!(B * A) + 1 + B") == ("B", "A")
    assert truth_table("!A") == 0b01


@given(st.integers(1, 6), st.data())
def test_variable_table(count: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, count - 1))
    assert all(variable_table(index, count) >> row & 1 == row >> index & 1 for row in range(1 << count))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("A + ", "expected an input pin (known: A, B), got 'the end' in the Liberty function 'A + '"),
        ("A + C", "expected an input pin (known: A, B), got 'C' in the Liberty function 'A + C'"),
        ("(A", "expected ')', got 'the end' in the Liberty function '(A'"),
        ("A ? B", "expected a name or one of 0 1 ! ' * & + | ^ ( ), got ' ? B' in the Liberty function 'A ? B'"),
        ("A)", "expected the end of the function, got ')' in the Liberty function 'A)'"),
    ],
)
def test_messages(function: str, message: str) -> None:
    with pytest.raises(LibraryError) as raised:
        truth_table(function, ("A", "B"))
    assert str(raised.value) == f"{message}; correct the library"


def test_limits() -> None:
    with pytest.raises(LibraryError, match=r"^expected at most 100 nested parentheses in the Liberty function"):
        truth_table("(" * 5000 + "A" + ")" * 5000, ("A",))
    with pytest.raises(LibraryError, match=r"^expected a function of at most 12 inputs, got 13 in "):
        truth_table("+".join(f"A{i}" for i in range(13)))
