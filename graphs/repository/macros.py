"""Macros that a file uses and another file of the repository defines.

Simulators read all files of a list as one text, so that a macro of one file holds in the next. Here every file is read
by itself, and what it needs of the others is put before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rtlgen.graphs.repository.places import Role, distance, role_of
from rtlgen.graphs.rows import FileRows

_USE: Final = re.compile(r"(?<!`)`([A-Za-z_]\w*)(``(?=\w))?")
_DIRECTIVES_TEXT: Final = """
    __FILE__ __LINE__ begin_keywords celldefine default_decay_time default_nettype default_trireg_strength
    define delay_mode_distributed delay_mode_path delay_mode_unit delay_mode_zero else elsif end_keywords
    endcelldefine endif endprotect endprotected ifdef ifndef include line nounconnected_drive pragma protect
    protected resetall timescale unconnected_drive undef undefineall
"""
DIRECTIVES: Final = frozenset(_DIRECTIVES_TEXT.split())


@dataclass(frozen=True, slots=True)
class Choice:
    """A macro that several files define differently."""

    name: str
    user: str
    chosen: str
    candidates: tuple[str, ...]


@dataclass(slots=True)
class Macros:
    """Finds the definitions of macros among the files of a repository.

    Args:
        files: the rows of every file.
        included: what each file includes, directly or not.
        defines: macros that are given for the whole design.
        rank: what the file lists say of a file; a smaller one is preferred.
    """

    files: Mapping[str, FileRows]
    included: Mapping[str, Sequence[str]]
    defines: Mapping[str, str]
    rank: Callable[[str], int]
    choices: dict[tuple[str, str], Choice] = field(default_factory=dict)
    unknown: dict[str, list[str]] = field(default_factory=dict)
    """Macros that nobody defines → files that use them."""
    _sites: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(self.files):
            for name in self.files[path].macros:
                self._sites.setdefault(name, []).append(path)

    def prelude(self, path: str) -> str:
        """Return the `` `define`` lines to put before a file, by name; empty where it needs none."""
        own = self._own(path)
        todo = self._unknown(path) - own
        lines: dict[str, str] = {}
        while todo:
            later: set[str] = set()
            for name in sorted(todo):
                site = self._site(name, path)
                if site is None:
                    self.unknown.setdefault(name, []).append(path)
                else:
                    text = self.files[site].macros[name]
                    lines[name] = _line(name, text)
                    later |= self._used(text, site)
            todo = later - own - lines.keys() - self.unknown.keys()
        return "".join(lines[name] for name in sorted(lines))

    def _used(self, text: str, site: str) -> set[str]:
        """Return the macros that the text of one uses; for a name pasted together, those of its file that begin so."""
        used: set[str] = set()
        for name, pasted in _USE.findall(text):
            if pasted:
                used |= {other for other in self.files[site].macros if other.startswith(name)}
            elif name not in DIRECTIVES:
                used.add(name)
        return used

    def _own(self, path: str) -> set[str]:
        own = set(self.defines)
        for source in (path, *self.included.get(path, ())):
            if source in self.files:
                own |= self.files[source].macros.keys()
        return own

    def _unknown(self, path: str) -> set[str]:
        found: set[str] = set()
        for source in (path, *self.included.get(path, ())):
            if source in self.files:
                found |= self.files[source].unknown_macros
        return found

    def _site(self, name: str, user: str) -> str | None:
        """Return the file whose definition of a macro is meant in another; None where there is none."""
        sites = self._sites.get(name)
        if not sites:
            return None
        chosen = min(sites, key=lambda p: self._preference(p, user))
        texts = {" ".join(self.files[site].macros[name].split()) for site in sites}
        if len(texts) > 1:
            others = sorted((s for s in sites if s != chosen), key=lambda p: self._preference(p, user))
            self.choices[(name, user)] = Choice(name, user, chosen, (chosen, *others))
        return chosen

    def _preference(self, site: str, user: str) -> tuple[int, bool, int, Role, int, str]:
        role = role_of(site)
        return (self.rank(site), role is Role.TEST, distance(site, user), role, len(site), site)


def _line(name: str, text: str) -> str:
    """Return a `` `define`` of `text`, with or without the name in front, every line but the last continued."""
    begins = text.startswith(name) and not re.match(r"[\w$]", text[len(name) :])
    body = re.sub(r"(?<!\\)\n", "\\\n", text.rstrip("\\ \t\r\n"))
    return f"`define {body if begins else name + ' ' + body}\n"
