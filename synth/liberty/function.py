"""Boolean functions as Liberty writes them: `!A`, `A'`, `A * B`, `A & B`, `A B`, `A + B`, `A | B`, `A ^ B`, `0`, `1`.

Precedence follows the Liberty reference manual ("function" attribute): inversion, then XOR, then AND, then OR.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from rtlgen.core.errors import LibraryError

MAX_INPUTS = 12
"""Most inputs of a function whose truth table is worked out (4,096 rows)."""

_TOKEN = re.compile(r"\s*(?:([A-Za-z_][\w.\[\]]*)|([01])(?!\w)|([!'()*&+|^~]))")
_NAME = re.compile(r"[A-Za-z_][\w.\[\]]*")


def input_names(function: str) -> tuple[str, ...]:
    """Return the names used in a function, each once, in order of first use."""
    return tuple(dict.fromkeys(_NAME.findall(function)))


def truth_table(function: str, inputs: Sequence[str] | None = None) -> int:
    """Return the truth table of a function as an integer; bit `r` is its value on row `r`.

    In row `r` the input `inputs[i]` has the value of bit `i` of `r`.

    Args:
        function: Liberty expression.
        inputs: order of the inputs; default is the order of first use.

    Raises:
        LibraryError: the text is no Liberty function, it uses a name not in `inputs`, or there are more than
            `MAX_INPUTS` inputs.
    """
    names = input_names(function) if inputs is None else tuple(inputs)
    if len(names) > MAX_INPUTS:
        raise LibraryError(f"expected a function of at most {MAX_INPUTS} inputs, got {len(names)} in {function!r}")
    return _Expression(function, names).table()


def variable_table(index: int, count: int) -> int:
    """Return the truth table of input `index` among `count` inputs."""
    block = (1 << (1 << index)) - 1
    period = 1 << (index + 1)
    table = 0
    for start in range(1 << index, 1 << count, period):
        table |= block << start
    return table


class _Expression:
    """Recursive-descent reader that evaluates on all rows at once."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text = text
        self.ones = (1 << (1 << len(names))) - 1
        self.tables = {name: variable_table(i, len(names)) for i, name in enumerate(names)}
        self.tokens = self._tokens()
        self.place = 0
        self.depth = 0

    def table(self) -> int:
        value = self._or()
        if self.place != len(self.tokens):
            self._fail(f"the end of the function, got {self.tokens[self.place]!r}")
        return value

    def _tokens(self) -> list[str]:
        tokens, pos, text = [], 0, self.text.rstrip()
        while pos < len(text):
            found = _TOKEN.match(text, pos)
            if found is None:
                self._fail(f"a name or one of 0 1 ! ' * & + | ^ ( ), got {text[pos : pos + 10]!r}")
            tokens.append(found[1] or found[2] or found[3])
            pos = found.end()
        return tokens

    def _fail(self, expected: str) -> NoReturn:
        raise LibraryError(f"expected {expected} in the Liberty function {self.text!r}; correct the library")

    def _peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def _take(self, *wanted: str) -> bool:
        if self._peek() in wanted and self._peek():
            self.place += 1
            return True
        return False

    def _or(self) -> int:
        value = self._and()
        while self._take("+", "|"):
            value |= self._and()
        return value

    def _and(self) -> int:
        value = self._xor()
        while self._take("*", "&") or self._starts_factor():
            value &= self._xor()
        return value

    def _starts_factor(self) -> bool:
        token = self._peek()
        return bool(token) and (token in ("!", "~", "(", "0", "1") or _NAME.fullmatch(token) is not None)

    def _xor(self) -> int:
        value = self._factor()
        while self._take("^"):
            value ^= self._factor()
        return value

    def _factor(self) -> int:
        inverted = False
        while self._take("!", "~"):
            inverted = not inverted
        value = self._primary()
        while self._take("'"):
            inverted = not inverted
        return value ^ self.ones if inverted else value

    def _primary(self) -> int:
        token = self._peek()
        self.place += 1
        if token == "(":
            self.depth += 1
            if self.depth > 100:
                self._fail("at most 100 nested parentheses")
            value = self._or()
            self.depth -= 1
            if not self._take(")"):
                self._fail(f"')', got {self._peek() or 'the end'!r}")
            return value
        if token in ("0", "1"):
            return self.ones if token == "1" else 0
        if token not in self.tables:
            known = ", ".join(self.tables) or "none"
            self._fail(f"an input pin (known: {known}), got {token or 'the end'!r}")
        return self.tables[token]
