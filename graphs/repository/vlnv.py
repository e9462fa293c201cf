"""Names of FuseSoC cores, `vendor:library:name:version`, and conditional expressions in core files (CAPI 2)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from typing import Any, Final

_RELATION: Final = re.compile(r"^(>=|<=|==|=|>|<|\^|~)?\s*(.*)$")
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "": operator.eq,
    "=": operator.eq,
    "==": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_TOKEN: Final = re.compile(r"\s*([!?()]|[^\s!?()]+)")


@dataclass(frozen=True, slots=True)
class Vlnv:
    """The name of a core, or what another asks for; empty parts are not given."""

    vendor: str
    library: str
    name: str
    version: str = ""
    relation: str = ""

    @classmethod
    def parse(cls, text: str) -> Vlnv:
        """Return the name in `text`; `relation` is the sign in front, such as `>=`."""
        match = _RELATION.match(text.strip())
        assert match is not None
        parts = [p.strip() for p in match[2].split(":")]
        if len(parts) == 1:
            return cls("", "", parts[0], "", match[1] or "")
        parts += [""] * (4 - len(parts))
        return cls(parts[0], parts[1], parts[2], parts[3], match[1] or "")

    def meets(self, wanted: Vlnv) -> bool:
        """Return whether a core of this name is what `wanted` asks for; a bare name asks for any vendor."""
        same = self.name == wanted.name
        if wanted.vendor or wanted.library:
            same = same and (self.vendor, self.library) == (wanted.vendor, wanted.library)
        return same and (not wanted.version or self._fits(wanted))

    def _fits(self, wanted: Vlnv) -> bool:
        own, other = self.order, wanted.order
        if wanted.relation == "^":
            first = next((i for i, n in enumerate(other) if n), len(other) - 1)
            return own >= other and own[: first + 1] == other[: first + 1]
        if wanted.relation == "~":
            return own >= other and own[:2] == other[:2]
        return _COMPARE[wanted.relation](own, other)

    @property
    def order(self) -> tuple[int, ...]:
        """The version as numbers, filled up to five with 0."""
        numbers = [int(n) for n in re.findall(r"\d+", self.version)]
        return tuple((numbers + [0] * 5)[:5])

    def __str__(self) -> str:
        return f"{self.relation}{self.vendor}:{self.library}:{self.name}" + (f":{self.version}" if self.version else "")


def choose(text: str, flags: Set[str]) -> list[str]:
    """Return the words that remain of `a flag ? (b c) !flag ? (d)` under the flags that are set.

    Example:
        >>> choose("tool_icarus ? (a.v) !mdu? (b.v c.v) d.v", {"mdu"})
        ['d.v']
    """
    if "?" not in text:
        return [text.strip()] if text.strip() else []
    return list(_words(_TOKEN.findall(text), 0, flags)[0])


def _words(tokens: list[str], at: int, flags: Set[str]) -> tuple[list[str], int]:
    found: list[str] = []
    while at < len(tokens) and tokens[at] != ")":
        negated = tokens[at] == "!"
        at += negated
        word = tokens[at] if at < len(tokens) else ""
        at += 1
        if tokens[at : at + 2] == ["?", "("]:
            inner, at = _words(tokens, at + 2, flags)
            at += 1
            if (word in flags) != negated:
                found += inner
        elif word and not negated:
            found.append(word)
    return found, at


def as_list(value: object) -> list[object]:
    """Return a YAML value that may be one item or a list of them as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def texts(value: object, flags: Set[str]) -> Iterator[str]:
    """Yield the words of one text or a list of them that remain under the flags."""
    for item in as_list(value):
        if isinstance(item, str | int | float):
            yield from choose(str(item), flags)
