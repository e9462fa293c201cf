"""Reader of Liberty text into a tree of groups; fast enough for a foundry library of tens of megabytes.

One regular expression takes one statement, so that the interpreter runs once a statement, not once a token, and
groups that the caller does not want (tables, mostly) are stepped over at the speed of the expression engine.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NoReturn

from rtlgen.core.errors import LibraryError
from rtlgen.synth.liberty.tree import Attribute, Group

MAX_LINE = 8_000_000
"""Longest line in characters; a real library stays below 100,000."""
MAX_DEPTH = 64
"""Deepest nesting of groups; real libraries stay below 8."""

_STRING = r'"(?>(?:[^"\\]|\\.)*)"'
_COMMENT = r"/\*(?>(?:[^*]|\*(?!/))*)\*/"
# Possessive (`*+`) and atomic (`(?>...)`) throughout: a broken file must not send the engine into backtracking.
# Possessive on single characters only: Python before 3.11.5 (Debian 12 has 3.11.2) mismatches it on groups, gh-106052.
_GAP = re.compile(rf"(?>(?:[\s;]++|\\\r?\n|{_COMMENT}|//[^\n]*+)*)", re.DOTALL)
_STATEMENT = re.compile(
    rf"""(?>(?P<close>\}})
    | (?P<name>[A-Za-z_][\w.$\[\]]*+)[ \t]*+(?>(?:\\\r?\n\s*+)?)(?:
        :[ \t]*+(?>(?:\\?\r?\n\s*+)?)(?P<value>{_STRING}|[^;"{{}}\n/]*+(?>(?:/(?![*/])[^;"{{}}\n/]*+)*))
      | \s*+\((?P<args>(?>(?:[^()"{{}};/]++|{_STRING}|{_COMMENT}|/)*))\)
        (?P<open>(?>(?:\s|\\\r?\n|{_COMMENT}|//[^\n]*+)*)\{{)?
      ))""",
    re.DOTALL | re.VERBOSE,
)
_SKIP = re.compile(rf'(?>(?:[^{{}}"/]++|{_STRING}|{_COMMENT}|//[^\n]*+|/)*)', re.DOTALL)
_ARGUMENT = re.compile(rf'{_COMMENT}|(?P<quoted>{_STRING})|(?P<bare>[^\s,"\\/]++(?>(?:/[^\s,"\\/]++)*))', re.DOTALL)
_ESCAPE = re.compile(r"\\(\r?\n\s*|.)", re.DOTALL)


def parse_liberty(text: str, file: str = "<text>", *, skip: Collection[str] = ()) -> Group:
    """Return the outermost group of a Liberty file, normally `library (...)`.

    Args:
        text: contents of the file.
        file: name for messages.
        skip: names of groups to step over; they are missing from the tree.

    Raises:
        LibraryError: the text is not Liberty, a group is not closed, or a limit is passed; the message names
            file, line, what was expected and what to do.
    """
    return _Parser(text, file, frozenset(skip)).parse()


class _Parser:
    """State of one reading: the text, the place in it, and the open groups."""

    def __init__(self, text: str, file: str, skip: frozenset[str]) -> None:
        self.text = text.removeprefix("\ufeff")
        self.file = file
        self.skip = skip
        self.pos = 0
        self.stack: list[Group] = []
        self._line = 1
        self._line_pos = 0

    def parse(self) -> Group:
        """Return the outermost group."""
        self._check_lines()
        root = self._first_group()
        self.stack.append(root)
        while self.stack:
            self._statement()
        self._check_rest()
        return root

    def line_at(self, pos: int) -> int:
        """Return the line (from 1) of a place at or after the last one asked for."""
        self._line += self.text.count("\n", self._line_pos, pos)
        self._line_pos = pos
        return self._line

    def fail(self, pos: int, message: str) -> NoReturn:
        """Raise the error of a place in the file."""
        line = self.text.count("\n", 0, pos) + 1
        raise LibraryError(f"{self.file}:{line}: {message}")

    def _first_group(self) -> Group:
        self.pos = _end(_GAP, self.text, 0)
        found = _STATEMENT.match(self.text, self.pos)
        if self.pos == len(self.text):
            self.fail(self.pos, "expected 'library (NAME) {', got an empty file; give a Liberty (.lib or .lib.gz) file")
        if found is None or found["open"] is None or found["name"] != "library":
            came = self._excerpt(self.pos)
            self.fail(self.pos, f"expected 'library (NAME) {{', got {came!r}; give a Liberty (.lib or .lib.gz) file")
        self.pos = found.end()
        return Group("library", split_args(found["args"]), line=self.line_at(found.start()))

    def _statement(self) -> None:
        text = self.text
        self.pos = pos = _end(_GAP, text, self.pos)
        found = _STATEMENT.match(text, pos)
        if found is None:
            self._bad_statement(pos)
        self.pos = found.end()
        group = self.stack[-1]
        if found["close"]:
            self.stack.pop()
        elif found["open"]:
            self._open_group(found)
        elif found["value"] is not None:
            group.attributes.append(Attribute(found["name"], (_simple(found["value"]),)))
        else:
            group.attributes.append(Attribute(found["name"], split_args(found["args"]), is_complex=True))

    def _open_group(self, found: re.Match[str]) -> None:
        name = found["name"]
        if name in self.skip:
            self._skip_group(found)
            return
        if len(self.stack) >= MAX_DEPTH:
            self.fail(found.start(), f"expected at most {MAX_DEPTH} nested groups, got one more ({name!r}); "
                                     "the file is damaged")  # fmt: skip
        inner = Group(name, split_args(found["args"]), line=self.line_at(found.start()))
        self.stack[-1].groups.append(inner)
        self.stack.append(inner)

    def _skip_group(self, found: re.Match[str]) -> None:
        depth, pos, text = 1, found.end(), self.text
        while depth:
            pos = _end(_SKIP, text, pos)
            brace = text[pos : pos + 1]
            if brace not in ("{", "}"):
                opened = Group(found["name"], split_args(found["args"]), line=self.line_at(found.start()))
                self.stack.append(opened)
                self._unclosed(pos)
            depth += 1 if brace == "{" else -1
            pos += 1
        self.pos = pos

    def _bad_statement(self, pos: int) -> NoReturn:
        if pos >= len(self.text) or self._runs_off(pos):
            self._unclosed(len(self.text))
        came = self._excerpt(pos)
        inside = self.stack[-1]
        self.fail(pos, f"expected 'name : value;', 'name (values);', 'name (...) {{' or '}}' in group "
                       f"{inside.title} of line {inside.line}, got {came!r}; correct this line or fetch the "
                       "library again")  # fmt: skip

    def _runs_off(self, pos: int) -> bool:
        """Whether what stands here is open up to the end of the file: cut string, comment, list or name."""
        rest = self.text[pos:]
        cut = re.fullmatch(
            rf'[\w.$\[\]]*+\s*+(?>(?::\s*+)?)(?>(?:\((?>(?:[^()"{{}};/]++|{_STRING}|{_COMMENT}|/(?!\*))*))?)'
            r'(?>(?:"(?>(?:[^"\\]|\\.)*)\\?|/\*.*+)?)',
            rest,
            re.DOTALL,
        )
        return cut is not None

    def _unclosed(self, pos: int) -> NoReturn:
        inner = self.stack[-1]
        self.fail(pos, f"expected '}}' to close group {inner.title} opened in line {inner.line}, got the end of the "
                       "file; the library is truncated, fetch or decompress it again")  # fmt: skip

    def _check_rest(self) -> None:
        self.pos = _end(_GAP, self.text, self.pos)
        # A second library or a stray brace would be dropped without a word otherwise.
        if self.pos < len(self.text):
            came = self._excerpt(self.pos)
            self.fail(self.pos, f"expected the end of the file after the library group, got {came!r}; "
                                "keep one library in a file")  # fmt: skip

    def _check_lines(self) -> None:
        text, start = self.text, 0
        while len(text) - start > MAX_LINE:
            end = text.rfind("\n", start, start + MAX_LINE)
            if end < start:
                self.fail(start, f"expected lines of at most {MAX_LINE} characters, got a longer one; "
                                 "this is no usable Liberty file")  # fmt: skip
            start = end + 1

    def _excerpt(self, pos: int) -> str:
        line = self.text[pos : pos + 200].split("\n", 1)[0].strip()
        return line if len(line) <= 40 else line[:40] + "..."


def split_args(text: str) -> tuple[str, ...]:
    """Return the comma- or space-separated values of a parenthesised list, without their quotes."""
    values = []
    for found in _ARGUMENT.finditer(text):
        if found["quoted"] is not None:
            values.append(unquote(found["quoted"]))
        elif found["bare"] is not None:
            values.append(found["bare"])
    return tuple(values)


def unquote(text: str) -> str:
    """Return the contents of a quoted string: line continuations dropped, escapes resolved."""
    inner = text[1:-1]
    return _ESCAPE.sub(_unescape, inner) if "\\" in inner else inner


def _unescape(found: re.Match[str]) -> str:
    return found[1] if found[1] in ('"', "\\") else "" if found[1].endswith("\n") or found[1].isspace() else found[0]


def _simple(value: str) -> str:
    return unquote(value) if value.startswith('"') else value.strip()


def _end(pattern: re.Pattern[str], text: str, pos: int) -> int:
    found = pattern.match(text, pos)
    return found.end() if found else pos
