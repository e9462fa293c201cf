"""FuseSoC core files (CAPI 2): what a core and those it depends on consist of.

See https://fusesoc.readthedocs.io/en/stable/ref/capi2.html. Generators are programs of the repository; they are
noted, never run.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml

from rtlgen.core.errors import InputError
from rtlgen.graphs.model import Diagnosis
from rtlgen.graphs.repository.notes import Notes, names
from rtlgen.graphs.repository.vlnv import Vlnv, as_list, choose, texts

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_KEYS: Final = 10_000
_NAME: Final = re.compile(r"^name\s*:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)
_SOURCE: Final = re.compile(r"(system)?verilogsource", re.IGNORECASE)
_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SAFE):  # type: ignore[misc]
    """YAML without code, whose merges (`<<`) can't multiply without end."""

    def flatten_mapping(self, node: Any) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MAX_KEYS:
            problem = f"more than {MAX_KEYS} keys in one mapping"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


@dataclass(frozen=True, slots=True)
class CoreFiles:
    """What a core consists of, with all that it depends on; paths are relative to the root of the repository."""

    name: str
    files: tuple[str, ...] = ()
    """Sources, those of the dependencies first."""
    include_dirs: tuple[str, ...] = ()
    defines: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Of the top module, as Verilog text."""
    tops: tuple[str, ...] = ()
    cores: tuple[str, ...] = ()
    """Core files that were used."""
    missing: tuple[str, ...] = ()
    notes: tuple[Diagnosis, ...] = ()
    places: tuple[str, ...] = ()


def read_core(
    core: str | Path, root: Path | str, core_files: Iterable[str], *, target: str = "default", flags: Iterable[str] = ()
) -> CoreFiles:
    """Return what a core consists of.

    Args:
        core: a `.core` file, relative to the root or absolute, or a name `vendor:library:name:version` of which all
            but the name may be left out.
        root: root of the repository.
        core_files: every core file of the repository, relative to its root.
        target: the target of the core; dependencies always give their `default` one, as in FuseSoC.
        flags: what conditions such as `tool_verilator ? (...)` may ask for; `is_toplevel` and `target_NAME` are set.

    Raises:
        InputError: the core is not there, or its file is unreadable or no core file of CAPI 2.
    """
    reader = _Reader(Path(root).absolute(), sorted(core_files), frozenset(flags))
    return reader.whole(str(core), target)


class _Reader:
    """Reads a core and those it depends on."""

    def __init__(self, root: Path, core_files: list[str], flags: Set[str]) -> None:
        self.root = root
        self.flags = flags
        self.known: dict[str, list[tuple[Vlnv, str]]] = {}
        self.notes = Notes()
        self.files: dict[str, None] = {}
        self.dirs: dict[str, None] = {}
        self.missing: dict[str, None] = {}
        self.defines: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.done: dict[str, bool] = {}
        self.absent: dict[str, list[str]] = {}
        self.generators: list[str] = []
        for path in core_files:
            self._index(path)

    def _index(self, path: str) -> None:
        try:
            match = _NAME.search(_text(self.root / path))
        except InputError as error:
            self.notes.add("CoreFile", str(error), path, severity="warning")
            return
        if match:
            vlnv = Vlnv.parse(match[1])
            self.known.setdefault(vlnv.name, []).append((vlnv, path))

    def whole(self, core: str, target: str) -> CoreFiles:
        path = self._asked(core)
        content = _load(self.root / path)
        tops = self._visit(path, content, target, True)
        for name, users in sorted(self.absent.items()):
            message = f"core {name} is in no core file of the repository; needed by {names(users)}"
            self.notes.add("MissingCore", message, users[0], severity="warning")
        if self.generators:
            message = f"generators are not run: {names(self.generators)}; index what they write, if it is elsewhere"
            self.notes.add("Generator", message, path)
        return CoreFiles(
            name=str(content.get("name", core)),
            files=tuple(self.files),
            include_dirs=tuple(self.dirs),
            defines=self.defines,
            parameters=self.parameters,
            tops=tops,
            cores=tuple(self.done),
            missing=tuple(self.missing),
            notes=tuple(self.notes.rows),
            places=tuple(self.notes.places),
        )

    def _asked(self, core: str) -> str:
        if core.endswith(".core"):
            return Path(os.path.relpath(self.root / core, self.root)).as_posix()
        path = self._find(Vlnv.parse(core))
        if path is None:
            near = get_close_matches(
                core, [str(v) for several in self.known.values() for v, _ in several], n=3, cutoff=0.4
            )
            raise InputError(
                f"no core {core!r} in {self.root}" + (f"; did you mean {' or '.join(near)}?" if near else "")
            )
        return path

    def _find(self, wanted: Vlnv) -> str | None:
        """Return the core file of the highest version that is asked for."""
        fits = [(v, p) for v, p in self.known.get(wanted.name, ()) if v.meets(wanted)]
        return max(fits, key=lambda f: (f[0].order, f[1]))[1] if fits else None

    def _visit(self, path: str, content: dict[str, Any], target: str, is_top: bool) -> tuple[str, ...]:
        """Add a core after those it depends on; return its tops."""
        self.done[path] = True
        chosen = self._target(path, content, target, is_top)
        flags = self.flags | {f"target_{target}"} | ({"is_toplevel"} if is_top else set())
        filesets = [*texts(chosen.get("filesets"), flags), *texts(chosen.get("filesets_append"), flags)]
        known = _mapping(content.get("filesets"))
        for name in filesets:
            if name not in known:
                self.notes.add("CoreFile", f"fileset {name!r} is not there", path, severity="warning")
        for name in filesets:
            for wanted in texts(_mapping(known.get(name)).get("depend"), flags):
                self._depend(wanted, path)
        for name in filesets:
            self._fileset(_mapping(known.get(name)), path, flags)
        self._settings(content, chosen, flags, is_top)
        generate = _mapping(content.get("generate"))
        for item in texts([g for g in as_list(chosen.get("generate")) if isinstance(g, str)], flags):
            self.generators.append(f"{_mapping(generate.get(item)).get('generator', item)} of {path}")
        return tuple(texts(chosen.get("toplevel"), flags))

    def _target(self, path: str, content: dict[str, Any], target: str, is_top: bool) -> dict[str, Any]:
        targets = _mapping(content.get("targets"))
        if target in targets:
            return _mapping(targets[target])
        if not is_top or not targets:
            return {}
        if target != "default":
            raise InputError(f"{path}: no target {target!r}; it has {', '.join(map(str, targets))}")
        first = str(next(iter(targets)))
        self.notes.add("CoreFile", f"no target 'default'; {first!r} of {names([*map(str, targets)])} was taken", path)
        return _mapping(targets[first])

    def _depend(self, text: str, user: str) -> None:
        path = self._find(Vlnv.parse(text))
        if path is None:
            self.absent.setdefault(text, []).append(user)
        elif path not in self.done:
            try:
                content = _load(self.root / path)
            except InputError as error:
                self.notes.add("CoreFile", str(error), path, severity="warning")
                return
            self._visit(path, content, "default", False)

    def _fileset(self, fileset: dict[str, Any], core: str, flags: Set[str]) -> None:
        for name, attributes in _entries(fileset.get("files")):
            for word in choose(name, flags):
                kind = str(attributes.get("file_type", fileset.get("file_type", "")))
                path = posixpath.normpath(posixpath.join(posixpath.dirname(core), word))
                if _SOURCE.match(kind) or (not kind and path.endswith((".v", ".sv", ".vh", ".svh"))):
                    self._file(path, attributes, core)

    def _file(self, path: str, attributes: Mapping[str, Any], core: str) -> None:
        if not (self.root / path).is_file():
            self.missing[path] = None
            self.notes.add("MissingFile", f"file {path} does not exist and is left out", core, severity="warning")
        elif attributes.get("is_include_file"):
            folder = attributes.get("include_path")
            base = posixpath.dirname(core)
            self.dirs[posixpath.normpath(posixpath.join(base, str(folder))) if folder else posixpath.dirname(path)] = (
                None
            )
        else:
            self.files[path] = None

    def _settings(self, content: dict[str, Any], target: dict[str, Any], flags: Set[str], is_top: bool) -> None:
        """Take the values of parameters that the target names."""
        known = _mapping(content.get("parameters"))
        for word in texts(target.get("parameters"), flags):
            name, given, value = word.partition("=")
            about = _mapping(known.get(name))
            setting = value if given else about.get("default")
            if setting is None:
                continue
            kind, datatype = about.get("paramtype"), about.get("datatype")
            if kind == "vlogdefine":
                text = _text_of(setting, datatype)
                if datatype != "bool" or text == "1":
                    self.defines.setdefault(name, text)
            elif kind == "vlogparam" and is_top:
                text = _text_of(setting, datatype)
                self.parameters[name] = f'"{text}"' if datatype == "str" else text


def _text_of(value: object, datatype: object) -> str:
    if datatype == "bool" or isinstance(value, bool):
        return "1" if str(value).lower() in ("true", "1", "yes") else "0"
    return str(value)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _entries(files: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and attributes of the entries of `files`: plain names, or mappings of one name."""
    for item in as_list(files):
        if isinstance(item, str):
            yield item, {}
        elif isinstance(item, dict):
            for name, attributes in item.items():
                yield str(name), _mapping(attributes)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: expected a core file of at most {MAX_BYTES >> 20} MiB")
        return path.read_text("utf-8", "replace")
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from error


def _load(path: Path) -> dict[str, Any]:
    text = _text(path)
    if not re.match(r"\s*(#[^\n]*\n\s*)*CAPI\s*=\s*2\b", text):
        raise InputError(f"{path}: expected a FuseSoC core file that begins with 'CAPI=2:'")
    try:
        content = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or str(error)
        raise InputError(f"{path}{where}: expected YAML: {what}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a mapping, got {type(content).__name__}")
    return content
