"""Reads the switching of a simulation: VCD (IEEE 1800-2017, clause 21.7) and SAIF (IEEE 1801-2018, annex I)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rtlgen.core.errors import InputError

MAX_BYTES = 2_000_000_000
"""Largest file that is read."""
_RANGE = re.compile(r"^(?P<name>.*?)\s*\[(?P<left>-?\d+)(?::(?P<right>-?\d+))?\]$")


@dataclass(slots=True)
class Variable:
    """One recorded variable: its bits by index, and its changes."""

    indices: tuple[int, ...]
    """Index of each character of a value, first character first; empty for a scalar."""
    changes: list[tuple[int, str]] = field(default_factory=list)
    """Time and value (characters 0 1 x z, most significant first), in order."""


@dataclass(slots=True)
class Dump:
    """A VCD file: variables by scope and name."""

    scopes: dict[str, dict[str, Variable]]
    timescale_ns: float
    end: int
    """Time of the last change, in units of the timescale."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Switching of one bit over the recorded time."""

    toggles: float
    duty: float


@dataclass(slots=True)
class Saif:
    """A SAIF file: statistics by scope and bit name such as `data[3]`."""

    scopes: dict[str, dict[str, Statistics]]
    duration_ns: float


def read_text(path: Path) -> str:
    """Return the text of an activity file.

    Raises:
        InputError: it can't be read, is empty, binary or too large.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: expected at most {MAX_BYTES} bytes, got more; record a shorter run")
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: expected a VCD or SAIF file, got {error.strerror}; check the path") from error
    if not raw.strip() or b"\0" in raw:
        raise InputError(f"{path}: expected VCD or SAIF text, got {'a binary' if raw.strip() else 'an empty'} file")
    return raw.decode("utf-8", errors="replace")


def read_vcd(path: Path) -> Dump:
    """Return the variables and changes of a VCD file.

    Raises:
        InputError: it is no VCD; the message has the line.
    """
    reader = _Vcd(path, read_text(path))
    return reader.read()


class _Vcd:
    """One pass over the words of a VCD file."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()
        self.line = 0
        self.codes: dict[str, list[Variable]] = {}
        self.dump = Dump({}, 1.0, 0)

    def fail(self, expected: str, got: str) -> InputError:
        return InputError(f"{self.path}:{self.line}: expected {expected}, got {got[:60]!r}; is this a VCD file?")

    def read(self) -> Dump:
        words = self._words()
        self._header(words)
        time, value = 0, ""
        for word in words:
            first = word[0]
            if value:
                self._change(word, time, value)
                value = ""
            elif first in "01xXzZ":
                self._change(word[1:], time, first)
            elif first == "#":
                time = self._time(word)
            elif first in "bB":
                value = word[1:]
            elif first in "rRsS":
                next(words, None)
            elif word == "$comment":
                self._until_end(words)
            elif first != "$":
                raise self.fail("a value change", word)
        self.dump.end = max(self.dump.end, time)
        if not self.dump.scopes:
            raise self.fail("$scope and $var", "no variable")
        return self.dump

    def _words(self) -> Iterator[str]:
        for number, line in enumerate(self.lines, 1):
            self.line = number
            yield from line.split()

    def _until_end(self, words: Iterator[str]) -> list[str]:
        found: list[str] = []
        for word in words:
            if word == "$end":
                return found
            found.append(word)
        raise self.fail("$end", "the end of the file")

    def _header(self, words: Iterator[str]) -> None:
        scope: list[str] = []
        for word in words:
            if not word.startswith("$"):
                raise self.fail("a declaration such as $scope", word)
            body = self._until_end(words)
            if word == "$enddefinitions":
                return
            if word == "$scope" and len(body) == 2:
                scope.append(body[1].lstrip("\\"))
            elif word == "$upscope" and scope:
                scope.pop()
            elif word == "$var":
                self._variable(".".join(scope), body)
            elif word == "$timescale":
                self.dump.timescale_ns = self._timescale("".join(body))
        raise self.fail("$enddefinitions", "the end of the file")

    def _timescale(self, text: str) -> float:
        found = re.fullmatch(r"(\d+)(s|ms|us|ns|ps|fs)", text)
        if not found:
            raise self.fail("a timescale such as 1ns", text)
        return int(found[1]) * {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0, "ps": 1e-3, "fs": 1e-6}[found[2]]

    def _variable(self, scope: str, body: list[str]) -> None:
        if len(body) < 4 or not body[1].isdigit():
            raise self.fail("$var TYPE WIDTH CODE NAME", " ".join(body))
        if body[0] in ("real", "string", "event"):
            return
        width, code, name = int(body[1]), body[2], " ".join(body[3:])
        found = _RANGE.match(name)
        indices: tuple[int, ...] = ()
        if found:
            left, right = int(found["left"]), int(found["right"] or found["left"])
            step = -1 if left >= right else 1
            indices, name = tuple(range(left, right + step, step)), found["name"]
        elif width > 1:
            indices = tuple(range(width - 1, -1, -1))
        variable = Variable(indices)
        self.codes.setdefault(code, []).append(variable)
        self.dump.scopes.setdefault(scope, {})[name.lstrip("\\")] = variable

    def _time(self, word: str) -> int:
        if not word[1:].isdigit():
            raise self.fail("a time such as #10", word)
        return int(word[1:])

    def _change(self, code: str, time: int, value: str) -> None:
        for variable in self.codes.get(code, ()):
            variable.changes.append((time, value.lower()))


def read_saif(path: Path) -> Saif:
    """Return the statistics of a SAIF file.

    Raises:
        InputError: it is no SAIF.
    """
    text = read_text(path)
    words = re.findall(r'"[^"]*"|[()]|[^\s()]+', re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL))
    if words[:2] != ["(", "SAIFILE"]:
        raise InputError(f"{path}:1: expected (SAIFILE ...), got {text[:60]!r}; is this a SAIF file?")
    tree = _tree(path, words)
    saif = Saif({}, 0.0)
    scale = 1.0
    for item in tree[1:]:
        if not isinstance(item, list) or not item:
            continue
        if item[0] == "TIMESCALE":
            found = re.fullmatch(r"(\d+)(s|ms|us|ns|ps|fs)", "".join(str(word) for word in item[1:]))
            scale = (
                int(found[1]) * {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0, "ps": 1e-3, "fs": 1e-6}[found[2]]
                if found
                else 1.0
            )
        elif item[0] == "DURATION":
            saif.duration_ns = float(item[1]) * scale
        elif item[0] == "INSTANCE":
            _instance(item, "", saif)
    if not saif.scopes or saif.duration_ns <= 0:
        raise InputError(f"{path}: expected DURATION above 0 and an INSTANCE with nets, got none; record a longer run")
    return saif


def _tree(path: Path, words: list[str]) -> list[object]:
    """Return the nested lists of an S-expression."""
    stack: list[list[object]] = [[]]
    for word in words:
        if word == "(":
            stack.append([])
        elif word == ")":
            if len(stack) < 2:
                raise InputError(f"{path}: expected matching parentheses, got one ')' too many")
            closed = stack.pop()
            stack[-1].append(closed)
        else:
            stack[-1].append(word)
    if len(stack) != 1:
        raise InputError(
            f"{path}: expected matching parentheses, got the end of the file inside {len(stack) - 1}; "
            "is the file whole?"
        )
    root = stack[0][0]
    assert isinstance(root, list), "the caller has looked at the first word"
    return root


def _instance(item: list[object], outer: str, saif: Saif) -> None:
    names = [str(word) for word in item[1:] if isinstance(word, str)]
    scope = f"{outer}.{names[-1]}" if outer and names else (names[-1] if names else outer)
    for part in item[1:]:
        if isinstance(part, list) and part and part[0] == "INSTANCE":
            _instance(part, scope, saif)
        elif isinstance(part, list) and part and part[0] in ("NET", "PORT"):
            for net in part[1:]:
                if isinstance(net, list) and net:
                    saif.scopes.setdefault(scope, {})[str(net[0]).replace("\\", "")] = _statistics(net)


def _statistics(net: list[object]) -> Statistics:
    values = {str(p[0]): float(str(p[1])) for p in net[1:] if isinstance(p, list) and len(p) == 2}
    low, high = values.get("T0", 0.0), values.get("T1", 0.0)
    return Statistics(values.get("TC", 0.0), high / (low + high) if low + high > 0 else 0.0)
