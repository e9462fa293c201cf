"""One slang source manager for the files of a repository, fed from memory.

A compilation of slang takes trees of one source manager only, and a source manager reads each path once and for ever:
a path can't be assigned twice, and a header that changed keeps its old text. So every text is put under a path of its
own: a file below `/@N/` with its digest behind the name, its headers below the same `/@N/`, where they lie in the
repository. `N` grows when a header changed, appeared or vanished since it was last used. Headers are looked up in
memory only: what slang may read was chosen here, no text can make it open another file.

Trees of older texts stay valid, and memory is never given back: take new `Sources` once `size` is far above that of
the repository.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import stat
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rtlgen.graphs.frontend.lexical import Include, Lexed, Span, blanked, scan
from rtlgen.graphs.frontend.slang import ascii_text

if TYPE_CHECKING:
    import pyslang
    from pyslang import syntax

MAX_HEADER_BYTES: Final = 32 << 20
MAX_INCLUDE_DEPTH: Final = 64
MIN_INCLUDE_COST: Final = 4096
MAX_EXPANDED_BYTES: Final = 64 << 20
"""How much text includes may add up to; the depth is cut where it would be more."""

Reader = Callable[[str], bytes | None]
"""Gives the content of a path, None where there is no such file."""


@dataclass(frozen=True, slots=True)
class Header:
    """A file that is included."""

    path: str
    sha256: str
    content: bytes
    lexed: Lexed


@dataclass(frozen=True, slots=True)
class Unit:
    """What slang made of one file, and the places that tell its own text from that of others."""

    tree: syntax.SyntaxTree
    buffer: int
    """slang's number of the buffer with the file's own text."""
    frame: frozenset[int]
    """Those of what was put before and behind it."""
    headers: Mapping[str, Header]
    """Path → header, of all that slang may have read."""
    hidden: tuple[Include, ...]
    """Includes of the file itself that slang was not shown: an absolute path, or a name that only a macro gives."""


@dataclass(slots=True)
class _Closure:
    headers: dict[str, Header] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    hidden: dict[str, list[Include]] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file and the headers that it can include."""

    place: str
    """Absolute path."""
    content: bytes
    lexed: Lexed
    directories: tuple[str, ...]
    closure: _Closure
    depth: int
    """Greatest depth of includes."""


_VIRTUAL: Final = re.compile(r"^/@\d+(?P<path>/.*?)(?:@[0-9a-f]{20})?$", re.DOTALL)
"""How `Sources` names a text for slang."""


def stored_path(name: str, root: str) -> str:
    """Return slang's name of a text as a path relative to the root of the repository."""
    match = _VIRTUAL.match(name)
    path = match["path"] if match else name
    return posixpath.relpath(path, root) if path.startswith("/") else path


class Sources:
    """The texts that slang has been given, of one repository; for one thread at a time.

    Args:
        read: where headers come from, by default the disk; an editor gives its unsaved texts here.
    """

    def __init__(self, read: Reader | None = None) -> None:
        """Start with no text."""
        self.size = 0
        """Bytes of all texts so far."""
        self._read = read or _Disk().read
        self._manager: pyslang.SourceManager | None = None
        self._generation = 0
        self._assigned: dict[str, str | None] = {}
        self._buffers: dict[tuple[str, str], pyslang.SourceBuffer] = {}
        self._bags: dict[tuple[str, ...], pyslang.Bag] = {}
        self._known: dict[tuple[str, bytes], Header] = {}

    @property
    def manager(self) -> pyslang.SourceManager:
        """The source manager of all trees."""
        if self._manager is None:
            import pyslang

            self._manager = pyslang.SourceManager()
        return self._manager

    def prepare(self, path: str, content: bytes, lexed: Lexed, include_dirs: Sequence[str] = ()) -> Prepared:
        """Find and read the headers of a file.

        Args:
            path: of the file, absolute or relative to the present folder.
            content: its text.
            lexed: that of `content`.
            include_dirs: searched for headers after the folder of the file that includes.
        """
        place = _absolute(path)
        directories = tuple(map(_absolute, include_dirs))
        closure = self._closure(place, lexed, directories)
        return Prepared(place, content, lexed, directories, closure, _depth(place, len(content), closure))

    def unit(self, file: Prepared, *, defines: Mapping[str, str], before: str = "", behind: str = "") -> Unit:
        """Return the syntax tree of a file.

        Args:
            file: with its headers as they are now.
            defines: macro → value.
            before: text put before the file, such as macro definitions.
            behind: text put behind it, to complete what `before` began.
        """
        from pyslang import syntax

        hidden = file.closure.hidden.get(file.place, ())
        self._put(file.closure, file.directories)
        buffer = self._buffer(file.place, _without(file.content, hidden))
        bag = self._options([self._virtual(d) for d in file.directories], defines, file.depth)
        buffers = [*self._words(before), buffer, *self._words(behind)]
        tree = syntax.SyntaxTree.fromBuffers(buffers, self.manager, bag)
        frame = frozenset(b.id.id for b in buffers) - {buffer.id.id}
        return Unit(tree, buffer.id.id, frame, file.closure.headers, tuple(hidden))

    def _options(self, directories: Sequence[str], defines: Mapping[str, str], depth: int) -> pyslang.Bag:
        key = (*directories, *(f"{n}={v}" for n, v in defines.items()), str(depth))
        if key not in self._bags:
            self._bags[key] = _options(directories, defines, depth)
        return self._bags[key]

    def _virtual(self, path: str) -> str:
        return f"/@{self._generation}{path}"

    def _buffer(self, place: str, text: bytes) -> pyslang.SourceBuffer:
        digest = hashlib.sha256(text).hexdigest()[:20]
        key = (self._virtual(place), digest)
        if key not in self._buffers:
            self._buffers[key] = self._assign(f"{key[0]}@{digest}", ascii_text(text))
        return self._buffers[key]

    def _words(self, text: str) -> list[pyslang.SourceBuffer]:
        if not text:
            return []
        key = ("", text)
        if key not in self._buffers:
            self.size += len(text)
            self._buffers[key] = self.manager.assignText(text)
        return [self._buffers[key]]

    def _assign(self, path: str, text: str) -> pyslang.SourceBuffer:
        self.size += len(text)
        return self.manager.assignText(path, text)

    def _put(self, closure: _Closure, directories: Sequence[str]) -> None:
        """Give slang the headers; in a new generation where one is not as it was."""
        wanted: dict[str, str | None] = {p: h.sha256 for p, h in closure.headers.items()}
        wanted["include_dirs"] = "\n".join(directories)
        wanted.update(dict.fromkeys(closure.absent, None))
        if any(self._assigned.get(p, digest) != digest for p, digest in wanted.items()):
            self._generation += 1
            self._assigned.clear()
        for path, digest in wanted.items():
            if path in self._assigned:
                continue
            self._assigned[path] = digest
            header = closure.headers.get(path)
            if header is not None:
                self._assign(self._virtual(path), ascii_text(_without(header.content, closure.hidden.get(path))))

    def _closure(self, place: str, lexed: Lexed, directories: Sequence[str]) -> _Closure:
        """Return the headers that a file and its headers can include, and the includes that slang must not see."""
        found = _Closure()
        waiting: list[tuple[str, Lexed]] = [(place, lexed)]
        while waiting:
            owner, pieces = waiting.pop()
            here, names = posixpath.dirname(owner), _named(pieces)
            found.children[owner] = []
            for include in pieces.includes:
                name = names.get(include.name, include.name)
                header = self._find(name, here, directories, found)
                if header is not None:
                    found.children[owner].append(header.path)
                    if header.path not in found.headers:
                        found.headers[header.path] = header
                        waiting.append((header.path, header.lexed))
                elif not self._harmless(name, (here, *directories)):
                    found.hidden.setdefault(owner, []).append(include)
        return found

    def _harmless(self, name: str, directories: Sequence[str]) -> bool:
        """Tell whether slang finds nothing under this name outside of its memory."""
        if not name or name.startswith(("`", "/")) or "\0" in name or "\\" in name:
            return False
        root = f"/@{self._generation}"
        return all(posixpath.normpath(posixpath.join(root + d, name)).startswith(root + "/") for d in directories)

    def _find(self, name: str, here: str, directories: Sequence[str], found: _Closure) -> Header | None:
        if not self._harmless(name, (here, *directories)):
            return None
        for directory in (here, *directories):
            path = posixpath.normpath(posixpath.join(directory, name))
            if path in found.headers:
                return found.headers[path]
            content = self._read(path)
            if content is not None:
                return self._header(path, content)
            found.absent.add(path)
        return None

    def _header(self, path: str, content: bytes) -> Header:
        digest = hashlib.sha256(content).digest()
        key = (path, digest)
        if key not in self._known:
            self._known[key] = Header(path, digest.hex(), content, scan(content))
        return self._known[key]


def _absolute(path: str) -> str:
    """Return an absolute path without following links: headers lie beside the name that the user gave."""
    return posixpath.normpath(posixpath.join(Path.cwd(), path))


def _without(content: bytes, includes: Sequence[Include] | None) -> bytes:
    return blanked(content, [Span(i.start, i.end) for i in includes]) if includes else content


def _named(lexed: Lexed) -> dict[str, str]:
    """Return `` `NAME`` → the file name that the macro stands for, for includes by a macro of the same file."""
    found: dict[str, str] = {}
    times = Counter(d.name for d in lexed.defines)
    for name, text in lexed.macros().items():
        value = text.removeprefix(name).strip() if times[name] == 1 else ""
        if len(value) > 2 and value[0] + value[-1] in ('""', "<>"):
            found["`" + name] = value[1:-1]
    return found


def _depth(place: str, size: int, closure: _Closure) -> int:
    """Return the greatest depth of includes at which all texts together stay in bounds; a small one costs a page.

    A header that keeps itself from being read twice counts once; without such a guard a cycle of headers doubles with
    every level.
    """
    once = {p for p, h in closure.headers.items() if _guarded(h)}
    cost = {p: max(len(h.content), MIN_INCLUDE_COST) for p, h in closure.headers.items()}
    fixed = size + sum(cost[p] for p in once)
    costs: dict[str, int] = dict.fromkeys(closure.children, 0)
    for depth in range(1, MAX_INCLUDE_DEPTH + 1):
        former, costs = (
            costs,
            {
                owner: sum(costs[c] + cost[c] for c in children if c not in once)
                for owner, children in closure.children.items()
            },
        )
        if fixed + costs[place] + sum(costs[p] for p in once) > MAX_EXPANDED_BYTES:
            return max(1, depth - 1)
        if costs == former:
            break
    return MAX_INCLUDE_DEPTH


def _guarded(header: Header) -> bool:
    if b"`undef" in header.content:
        return False
    if b"`pragma once" in header.content:
        return True
    return any(f"`ifndef {d.name}".encode() in header.content for d in header.lexed.defines[:1])


def _options(directories: Sequence[str], defines: Mapping[str, str], depth: int) -> pyslang.Bag:
    import pyslang
    from pyslang import parsing

    version = pyslang.LanguageVersion.v1800_2023
    preprocessor = parsing.PreprocessorOptions()
    preprocessor.predefines = [f"{n}={v}" if v else n for n, v in defines.items()]
    preprocessor.additionalIncludePaths = [Path(d) for d in directories]
    preprocessor.maxIncludeDepth = depth
    preprocessor.languageVersion = version
    lexer = parsing.LexerOptions()
    lexer.languageVersion = version
    lexer.enableLegacyProtect = True
    lexer.maxErrors = 1000
    parser = parsing.ParserOptions()
    parser.languageVersion = version
    bag = pyslang.Bag()
    bag.preprocessorOptions = preprocessor
    bag.lexerOptions = lexer
    bag.parserOptions = parser
    return bag


class _Disk:
    """Reads headers from the disk, each version once."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[tuple[int, int, int], bytes]] = {}

    def read(self, path: str) -> bytes | None:
        try:
            found = Path(path).stat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_HEADER_BYTES:
                return None
            version = (found.st_mtime_ns, found.st_size, found.st_ino)
            known = self._seen.get(path)
            if known and known[0] == version:
                return known[1]
            content = Path(path).read_bytes()
        except (OSError, ValueError):
            return None
        if b"\0" in content:
            return None
        self._seen[path] = (version, content)
        return content
