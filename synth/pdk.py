"""Names for Liberty libraries: the shipped one, those of open PDKs fetched by `ciel`, and those of Debian packages.

A PDK root is laid out as `ciel` 3 leaves it: `ROOT/ciel/FAMILY/versions/HASH/VARIANT/libs.ref/LIBRARY/lib/*.lib`, with
`ROOT/VARIANT` linked to the enabled version. Roots of other tools that use `ciel` or `volare` are found the same way.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path

from rtlgen.core.errors import LibraryError, ToolNotFoundError
from rtlgen.synth.liberty import default_library_path, read_library

DATA_SOURCE = "static-web:https://fossi-foundation.github.io/ciel-releases"
"""Where `ciel` looks for PDKs unless `CIEL_DATA_SOURCE` says otherwise, as `class:argument`."""
INSTALL = "pip install 'rtlgen[pdk]'"
SHIPPED = "rtlgen45"

_SYSTEM = {f"osu0{node}": Path(f"/usr/share/qflow/tech/osu0{node}/osu0{node}_stdcells.lib") for node in (18, 35, 50)}
"""Libraries that Debian's packages `qflow-tech-osu...` install."""


@dataclass(frozen=True, slots=True)
class Pdk:
    """An open PDK that can be fetched."""

    name: str
    title: str
    family: str
    """Name of the PDK in `ciel`."""
    variant: str
    library: str
    """Standard-cell library that the bare name stands for."""
    aliases: tuple[str, ...] = ()


PDKS = (
    Pdk("sky130", "SkyWater 130 nm", "sky130", "sky130A", "sky130_fd_sc_hd"),
    Pdk("gf180", "GlobalFoundries 180 nm", "gf180mcu", "gf180mcuD", "gf180mcu_fd_sc_mcu7t5v0", ("gf180mcu",)),
    Pdk("ihp", "IHP 130 nm SG13G2", "ihp-sg13", "ihp-sg13g2", "sg13g2_stdcell", ("sg13g2", "ihp-sg13g2")),
)

# The typical corner at the nominal voltage, best first; what matches none is taken in the order of names.
_CORNERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(sky130_\w+__tt_025C_1v80|sky130_fd_sc_hvl__tt_025C_3v30|gf180mcu_\w+__tt_025C_5v00|\w+_typ_1p20V_25C)\.lib",
        r"\w+__tt_025C_\dv\d\d\.lib",
        r"\w+_(typ|typical|tt|TT)(_\w+)?\.lib",
    )
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A library that a name resolves to, or a PDK that could be fetched."""

    name: str
    status: Literal["shipped", "fetched", "system", "available"]
    path: Path | None
    """Liberty file; None for what is only available."""
    version: str | None
    """Version of the PDK, its commit hash; None where there is none."""
    title: str


def pdk_root() -> Path:
    """Return the folder under which PDKs are kept: `PDK_ROOT`, or `~/.ciel` as `ciel` has it."""
    return Path(os.environ.get("PDK_ROOT") or Path.home() / ".ciel")


def find_pdk(name: str) -> Pdk:
    """Return the PDK of a name or alias.

    Raises:
        LibraryError: there is no such PDK.
    """
    for pdk in PDKS:
        if name.lower() in (pdk.name, *pdk.aliases):
            return pdk
    known = [pdk.name for pdk in PDKS]
    raise LibraryError(f"expected a PDK out of {', '.join(known)}, got {name!r}{_suggest(name, known)}")


def entries() -> list[Entry]:
    """Return everything a name can stand for: shipped, fetched and system libraries, then what can be fetched."""
    found = {SHIPPED: Entry(SHIPPED, "shipped", default_library_path(), None, "synthetic, 45 nm class")}
    for entry in (*_registered(), *_in_root(pdk_root()), *_system()):
        found.setdefault(entry.name, entry)
    for pdk in PDKS:
        found.setdefault(pdk.name, Entry(pdk.name, "available", None, None, pdk.title))
    return list(found.values())


def resolve_library(name_or_path: str | Path) -> Path:
    """Return the Liberty file that a path or a name stands for.

    A file of that path wins; then the names of `entries()`: `rtlgen45` (or `default`), PDKs and their libraries that
    were fetched, and libraries of Debian packages. A `Path` comes from the settings, which put a folder before what
    they take for a file: there the last part alone may be the name.

    Raises:
        LibraryError: no such file and no such name, or the PDK has not been fetched; the message lists what there is.
    """
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    name = path.name if isinstance(name_or_path, Path) and not path.suffix else str(name_or_path)
    if name == "default":
        return default_library_path()
    known = {entry.name: entry for entry in entries()}
    wanted = _canonical(name)
    entry = known.get(name) or known.get(wanted)
    if entry is None:
        raise LibraryError(_unknown(name, path, known.values()))
    if entry.path is None:
        raise LibraryError(f"expected the PDK {entry.name!r} below {pdk_root()}, got none; run: rtlgen pdk fetch "
                           f"{entry.name}")  # fmt: skip
    return entry.path


def _canonical(name: str) -> str:
    for pdk in PDKS:
        if name.lower() in (pdk.name, *pdk.aliases):
            return pdk.name
    return name


def _unknown(name: str, path: Path, known: Iterable[Entry]) -> str:
    names = [entry.name for entry in known]
    kind = "no such file" if not path.exists() else "a folder"
    return (
        f"expected a Liberty file (.lib or .lib.gz) or one of the names {', '.join(names)}, got {name!r} ({kind})"
        f"{_suggest(name, names)}"
    )


def _suggest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(repr(item) for item in near)}?" if near else "; run: rtlgen pdk list"


def _system() -> Iterator[Entry]:
    for name, path in _SYSTEM.items():
        if path.is_file():
            yield Entry(name, "system", path, None, "Oklahoma State University, Debian package")


def _in_root(root: Path) -> Iterator[Entry]:
    """Yield every standard-cell library below a PDK root, the bare PDK names first."""
    for pdk in PDKS:
        for version, folder in _variant_folders(root, pdk):
            path = typical_corner(folder / "libs.ref" / pdk.library / "lib")
            if path:
                yield Entry(pdk.name, "fetched", path, version, pdk.title)
    for pdk in PDKS:
        for version, folder in _variant_folders(root, pdk):
            for library in sorted(_children(folder / "libs.ref")):
                path = typical_corner(library / "lib")
                if path and ("_sc_" in library.name or "stdcell" in library.name):
                    yield Entry(library.name, "fetched", path, version, pdk.title)


def _variant_folders(root: Path, pdk: Pdk) -> Iterator[tuple[str | None, Path]]:
    """Yield version and folder of a PDK: the enabled version first, then those only fetched, newest first."""
    enabled = root / pdk.variant
    if enabled.is_dir():
        target = enabled.resolve()
        yield (target.parent.name if target.parent.parent.name == "versions" else None), enabled
    versions = [folder for folder in _children(root / "ciel" / pdk.family / "versions") if folder.is_dir()]
    for folder in sorted(versions, key=lambda item: (-item.stat().st_mtime_ns, item.name)):
        if (folder / pdk.variant).is_dir():
            yield folder.name, folder / pdk.variant


def _children(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def typical_corner(folder: Path) -> Path | None:
    """Return the Liberty file of the typical corner at nominal voltage in a folder; None where there is none."""
    files = sorted(path for path in _children(folder) if path.name.endswith((".lib", ".lib.gz")))
    for pattern in _CORNERS:
        for path in files:
            if pattern.fullmatch(path.name.removesuffix(".gz")):
                return path
    return files[0] if len(files) == 1 else None


def registry_file() -> Path:
    """Return the file that remembers PDKs fetched into folders other than the default root."""
    return Path(user_data_path("rtlgen")) / "libraries.json"


def _registered() -> Iterator[Entry]:
    for record in _read_registry():
        path = Path(record["path"])
        if path.is_file():  # a tree that was deleted since is not offered
            yield Entry(record["name"], "fetched", path, record.get("version"), record.get("title", ""))


def _read_registry() -> list[dict[str, str]]:
    try:
        document = json.loads(registry_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    records = document.get("libraries", []) if isinstance(document, dict) else []
    return [item for item in records if isinstance(item, dict) and {"name", "path"} <= item.keys()]


def _register(entry: Entry) -> None:
    """Remember a fetched library; the next call of any command knows its name.

    Raises:
        LibraryError: the registry can't be written.
    """
    kept = [item for item in _read_registry() if item["name"] != entry.name]
    record = {"name": entry.name, "path": str(entry.path), "version": entry.version or "", "title": entry.title}
    file = registry_file()
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(
            json.dumps({"schema_version": 1, "libraries": [*kept, record]}, indent=1), encoding="utf-8"
        )
        temporary.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise LibraryError(f"expected to write {file}, got {error.strerror}; the library itself is at {entry.path}, "
                           "give that path to --liberty") from error  # fmt: skip


def fetch(
    name: str, *, root: Path | None = None, version: str | None = None, say: Callable[[str], None] | None = None
) -> Entry:
    """Return the library of a PDK, checked, and known by its name from now on; `ciel` downloads what is not there.

    Args:
        name: name or alias of a PDK.
        root: PDK root to put it under; default is `pdk_root()`.
        version: commit hash of the PDK; default is the one that is there, else the newest release.
        say: called with a line of progress.

    Raises:
        LibraryError: no such PDK, no connection, no such version, a folder that can't be written, or a library that
            turns out damaged.
        ToolNotFoundError: the package `ciel` is not installed.
    """
    pdk = find_pdk(name)
    where = (root or pdk_root()).expanduser().absolute()
    found = _present(where, pdk, version)
    if found is None:
        version = _download(pdk, where, version, say or (lambda _line: None))
        found = _present(where, pdk, version)
    if found is None:
        raise LibraryError(f"expected a Liberty file of the typical corner of {pdk.library!r} in version {version!r} "
                           f"below {where}, got none; fetch another version with --version")  # fmt: skip
    version, path = found
    read_library(path)
    entry = Entry(pdk.name, "fetched", path, version, pdk.title)
    _register(entry)
    return entry


def _present(root: Path, pdk: Pdk, version: str | None) -> tuple[str | None, Path] | None:
    """Return version and library file that are below `root` already; any version serves where none is asked for."""
    for name, folder in _variant_folders(root, pdk):
        path = typical_corner(folder / "libs.ref" / pdk.library / "lib")
        if path and version in (None, name):
            return name, path
    return None


def _download(pdk: Pdk, root: Path, version: str | None, say: Callable[[str], None]) -> str:
    """Return the version that `ciel` has put under `root`."""
    ciel, source = _import_ciel()
    address = os.environ.get("CIEL_DATA_SOURCE") or DATA_SOURCE
    try:
        data_source = _data_source(source, address)
        if version is None:
            version = _newest(data_source.get_available_versions(pdk.family))
        say(f"fetching {pdk.library} of {pdk.family} {version} into {root}")
        with _console() as console:
            ciel.fetch(
                str(root),
                (pdk.family, pdk.variant),
                version,
                data_source=data_source,
                include_libraries=[pdk.library],
                output=console,
            )
    except LibraryError:
        raise
    except Exception as error:  # ciel and httpx raise many kinds; each means that there is no library
        raise LibraryError(_failed(pdk, root, address, error)) from error
    return version


def _import_ciel() -> tuple[Any, Any]:
    try:
        return importlib.import_module("ciel"), importlib.import_module("ciel.source")
    except ImportError as error:
        raise ToolNotFoundError(
            f"expected the Python package 'ciel', which fetches open PDKs, got {error.msg}; run: {INSTALL}"
        ) from error


def _data_source(source: Any, address: str) -> Any:
    kind, _, argument = address.partition(":")
    known = source.DataSource.factory
    if kind not in known or not argument:
        raise LibraryError(f"expected CIEL_DATA_SOURCE to be 'CLASS:ARGUMENT' with a class out of "
                           f"{', '.join(known)}, got {address!r}; correct or unset it")  # fmt: skip
    return known[kind](argument)


def _newest(versions: list[Any]) -> str:
    """Return the name of the newest release; of the newest pre-release where there is no other."""
    ordered = sorted(versions, reverse=True)
    releases = [item for item in ordered if not item.prerelease]
    return str((releases or ordered)[0].name)


@contextlib.contextmanager
def _console() -> Iterator[Any]:
    """Yield a console for ciel's progress on standard error, so that standard output holds the path only."""
    from rich.console import Console

    yield Console(stderr=True)


def _failed(pdk: Pdk, root: Path, address: str, error: Exception) -> str:
    came = str(error) or type(error).__name__
    if isinstance(error, PermissionError) or (isinstance(error, OSError) and error.filename):
        return f"expected to write PDK {pdk.name!r} below {root}, got {came}; give another folder with --dir"
    return (
        f"expected to fetch PDK {pdk.name!r} from {address}, got {came}; go online, check the version, or copy the PDK "
        f"of another machine to {root} (it needs {root}/{pdk.variant}/libs.ref/{pdk.library}/lib/)"
    )
