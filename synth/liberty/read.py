"""Reading a Liberty file from disk: compression, encoding, limits, and the checks that it can serve synthesis."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from pathlib import Path

from rtlgen.core.config import load_settings
from rtlgen.core.errors import LibraryError
from rtlgen.core.store import Store, record_codec
from rtlgen.synth.liberty.checks import check_usable
from rtlgen.synth.liberty.library import Library, read_cell, read_units
from rtlgen.synth.liberty.parser import parse_liberty
from rtlgen.synth.liberty.tree import Group
from rtlgen.synth.liberty.trim import sequential_liberty

DEFAULT_LIBRARY = "rtlgen45.lib.gz"
"""File name of the library that ships in the package."""
_SCHEMA = "library/1"
"""Changes whenever `Library` or the way it is read changes, so that no older reading is taken for today's."""
_INDEX_MB = 64
MAX_BYTES = 500_000_000
"""Largest uncompressed library that is read, in bytes."""
TABLE_GROUPS = frozenset(
    {"timing", "internal_power", "pg_pin", "normalized_driver_waveform", "lu_table_template", "power_lut_template",
     "wire_load", "wire_load_selection", "wire_load_table", "output_current_template", "receiver_capacitance",
     "leakage_current", "dynamic_current", "intrinsic_parasitic", "ccsn_first_stage", "ccsn_last_stage",
     "input_voltage", "output_voltage", "min_pulse_width", "poly_template", "sensitization"}
)  # fmt: skip
"""Groups that carry tables or electrical data, which a `Library` does not hold."""


def default_library_path() -> Path:
    """Return the path of the synthetic library that ships in the package."""
    return Path(str(resources.files("rtlgen.synth") / "data" / DEFAULT_LIBRARY))


def read_library(path: Path | None = None) -> Library:
    """Return a Liberty library in fixed units, checked to be fit for synthesis.

    A file that has not changed since it was last read in this process is not read again.

    Args:
        path: `.lib` or `.lib.gz` file; None for the library that ships in the package.

    Raises:
        LibraryError: the file is missing, binary, empty, damaged, truncated or no Liberty, or it lacks a
            flip-flop, an inverter, a buffer or a two-input gate; one message with file, line, what was expected and
            what to do.
    """
    chosen = default_library_path() if path is None else Path(path)
    try:
        state = chosen.stat()
    except OSError as error:
        raise LibraryError(f"{chosen}: expected a Liberty file (.lib or .lib.gz), got {error.strerror}; "
                           "check the path") from error  # fmt: skip
    if not chosen.is_file():
        raise LibraryError(f"{chosen}: expected a Liberty file (.lib or .lib.gz), got a folder or device; "
                           "name the file itself")  # fmt: skip
    return _read_cached(chosen.absolute(), state.st_mtime_ns, state.st_size, str(chosen))


@lru_cache(maxsize=8)
def _read_cached(path: Path, mtime_ns: int, size: int, shown: str) -> Library:
    del mtime_ns, size  # part of the key only
    data = _read_bytes(path, shown)
    store = Store(load_settings().cache_dir / "libraries", max_mb=_INDEX_MB)
    key = Store.key(schema=_SCHEMA, inputs={"file": hashlib.sha256(data).hexdigest()})
    library = store.get_or_compute(key, lambda: _parse(data, path, shown), codec=record_codec(Library))
    return replace(library, path=path)


def _parse(data: bytes, path: Path, shown: str) -> Library:
    text = _text(data, shown)
    library = library_from_tree(parse_liberty(text, shown, skip=TABLE_GROUPS), text, path, shown)
    check_usable(library, shown)
    return library


def library_from_tree(tree: Group, text: str, path: Path, shown: str) -> Library:
    """Return the library of a parsed file; of a cell that is defined twice the last definition holds.

    Raises:
        LibraryError: a cell or a unit can't be understood.
    """
    units = read_units(tree, shown)
    cells = {}
    for group in tree.find("cell"):
        cell = read_cell(group, units, tree, shown)
        cells[cell.name] = cell
    return Library(
        name=tree.args[0] if tree.args else path.name.removesuffix(".gz").removesuffix(".lib"),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        path=path,
        units=units,
        voltage_v=_nominal(tree, "voltage", units.voltage_v),
        temperature_c=_nominal(tree, "temperature", 1.0),
        cells=cells,
        sequential_text=sequential_liberty(tree, cells),
    )


def _nominal(tree: Group, name: str, factor: float) -> float | None:
    wanted = tree.get("default_operating_conditions")
    stated = tree.get(f"nom_{name}")
    for group in tree.find("operating_conditions"):
        if wanted is None or group.args[:1] == (wanted,):
            stated = group.get(name) or stated
    try:
        return None if stated is None else float(stated) * factor
    except ValueError:
        return None


def read_text(path: Path, shown: str | None = None) -> str:
    """Return the text of a Liberty file, decompressed.

    Args:
        path: file to read; compression is told by its content, not its name.
        shown: name for messages; default is the path.

    Raises:
        LibraryError: unreadable, empty, damaged compression, too large, or binary.
    """
    name = shown or str(path)
    return _text(_read_bytes(path, name), name)


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LibraryError(
            f"{name}: expected a readable Liberty file, got {error.strerror}; check path and permissions"
        ) from error


def _text(data: bytes, name: str) -> str:
    if not data.strip():
        raise LibraryError(
            f"{name}:1: expected 'library (NAME) {{', got an empty file; give a Liberty (.lib or .lib.gz) file"
        )
    if data[:2] == b"\x1f\x8b":
        data = _decompress(data, name)
    if len(data) > MAX_BYTES:
        raise LibraryError(f"{name}: expected at most {MAX_BYTES} bytes of text, got more; this is no usable library")
    return _decode(data, name)


def _decompress(data: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise LibraryError(
            f"{name}: expected a whole gzip file, got damaged data ({error}); fetch or compress it again"
        ) from error


def _decode(data: bytes, name: str) -> str:
    if b"\0" in data[:65536] or b"\0" in data:
        raise LibraryError(f"{name}: expected Liberty text, got a binary file; compiled (.db) libraries can't be "
                           "read, give the .lib source")  # fmt: skip
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # Comments of old libraries hold Latin-1 signs such as the micro or copyright sign.
        text = data.decode("latin-1")
    strange = sum(map(text[:65536].count, map(chr, [*range(1, 9), *range(14, 32), *range(127, 160)])))
    if strange * 50 > min(len(text), 65536):
        raise LibraryError(f"{name}: expected Liberty text, got a binary file; compiled (.db) libraries can't be "
                           "read, give the .lib source")  # fmt: skip
    return text
