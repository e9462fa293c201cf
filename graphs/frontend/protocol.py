"""One interface for all that turns the text of one file into rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from rtlgen.core.registry import Registry
from rtlgen.graphs.frontend.units import Sources
from rtlgen.graphs.rows import FileRows

if TYPE_CHECKING:
    from pyslang import syntax


@dataclass(frozen=True, slots=True)
class Context:
    """What is known around a file."""

    include_dirs: tuple[str, ...] = ()
    """Folders searched for headers after that of the file; relative to `root`."""
    defines: Mapping[str, str] = field(default_factory=dict)
    """Macro → value; the empty value defines the bare name."""
    prelude: str = ""
    """Macro definitions of other files of the repository, as text; used for macros that nothing else defines."""
    root: str = ""
    """Folder that paths are relative to; empty for the present one."""
    sources: Sources = field(default_factory=Sources, compare=False)
    """Holds the texts that slang was given: share it among all files whose trees are to be elaborated together."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a front end made of one file."""

    rows: FileRows
    tree: syntax.SyntaxTree | None = None
    """slang's tree, to be elaborated with others of the same `Context.sources`; None where another front end gave the
    rows, and for a fragment. Macros that nothing defines (`FileRows.unknown_macros`) have substitutes in it."""
    lost: int = 0
    """Bytes of code that are part of nothing in the tree; counted only where it has errors."""
    includes_read: Mapping[str, str] = field(default_factory=dict)
    """Absolute path → sha256 of every header that went into the tree: the rows hold as long as these do, as no
    header in `FileRows.includes` that was missing appears, and as `Context` is the same."""


class FrontEnd(Protocol):
    """Makes rows of the text of one file.

    Example:
        >>> parsed = FRONT_ENDS.load("syntax").parse("m.v", b"module m; endmodule", Context())
        >>> [d.name for d in parsed.rows.definitions]
        ['m']
    """

    def parse(self, path: str, content: bytes, context: Context) -> Parsed:
        """Return the rows of a file; whatever the bytes are, nothing is raised."""
        ...


FRONT_ENDS: Final[Registry[FrontEnd]] = Registry("frontend")
"""The front ends by tier."""
FRONT_ENDS.add("syntax", "rtlgen.graphs.frontend.syntax:FRONT_END")
FRONT_ENDS.add("text", "rtlgen.graphs.frontend.tolerant:FRONT_END")


def prelude_of(files: Iterable[FileRows]) -> str:
    """Return the macro definitions of files as a text for `Context.prelude`; of several definitions the first."""
    found: dict[str, str] = {}
    for rows in files:
        for name, text in rows.macros.items():
            found.setdefault(name, text)
    return "".join(f"`define {text}\n" for text in found.values())
