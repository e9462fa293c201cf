"""The netlist view of an indexed design: graphs know the sources, Yosys the netlist, and neither knows the other."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rtlgen.graphs.model import Corresponds, Definition, File, Instance, Net, Package

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase
    from rtlgen.synth.flow.script import FlowOptions


@dataclass(frozen=True, slots=True)
class NetlistAdded:
    """What was added to a database.

    Attributes:
        nets: named wires of the netlists.
        matched: those that correspond to a signal of the source.
        failures: top and reason, where Yosys does not take a design.
    """

    nets: int
    matched: int
    failures: tuple[tuple[str, str], ...]


def add_netlist(database: Path, timeout_s: float = 300) -> NetlistAdded:
    """Add the wires of the netlist of every top of a stored design, and what they stand for, to its database.

    Args:
        database: the database or a folder of its repository; nothing else may be writing it.
        timeout_s: wall-clock seconds for each top.

    Raises:
        InputError: there is no such database, or no design in it.
        SandboxError: Yosys could not be started.
    """
    from rtlgen.core.errors import ElaborationError
    from rtlgen.graphs.correspondence import Correspondence
    from rtlgen.graphs.database.design import DesignDatabase
    from rtlgen.graphs.database.store import Writer
    from rtlgen.synth.netlist import read_netlist
    from rtlgen.synth.yosys import YosysPool

    nets: list[Net] = []
    found: list[Corresponds] = []
    failures = []
    with DesignDatabase.open(database) as design:
        place = design.location
        correspondence = Correspondence(design)
        with YosysPool(1, warm_abc=False) as pool:
            for texts, option in sources_of(design):
                try:
                    netlist = read_netlist(pool, texts, option, timeout_s)
                except ElaborationError as error:
                    failures.append((option.top, str(error)))
                    continue
                wires = ((wire.path, len(wire.bits)) for wire in netlist.wires)
                more, rows = correspondence.rows(option.top, wires)
                first = len(nets)
                nets += [net._replace(id=net.id + first) for net in more]
                found += [row._replace(source=row.source + first) for row in rows]
    writer = Writer(place)
    try:
        with writer.transaction():
            writer.replace_netlist(nets, found)
    finally:
        writer.close()
    return NetlistAdded(len(nets), len(found), tuple(failures))


def sources_of(design: DesignDatabase) -> Iterator[tuple[dict[str, str], FlowOptions]]:
    """Yield for each top of an indexed design its texts in reading order, and what to tell Yosys.

    Files whose definitions the top does not use are left out.

    Raises:
        InputError: the database holds no design.
    """
    from rtlgen.core.errors import InputError
    from rtlgen.synth.flow.script import FlowOptions

    plan = design.note("plan")
    if not plan:
        raise InputError(f"{design.location}: no design was elaborated; index it again")
    root = str(design.root)
    inner = {path: posixpath.relpath(path, root) if path.startswith("/") else path for path in plan["files"]}
    numbers = {row.path: row.id for row in design.rows(File)}
    folders: dict[str, None] = {}
    for path, name in inner.items():
        for folder in ("", posixpath.dirname(name), *plan["include_dirs"].get(path, ())):
            folders[posixpath.normpath(posixpath.join(root, folder))] = None
    for top in plan["tops"]:
        used = _files_of(design, top)
        texts: dict[str, str] = {}
        for path, name in inner.items():
            if numbers.get(name) in used:
                text = design.source(numbers[name]).decode("utf-8", "replace")
                prelude = plan["preludes"].get(path, "")
                texts[f"{len(texts)}_{posixpath.basename(name)}"] = f"{prelude}\n{text}" if prelude else text
        yield texts, FlowOptions(top, plan["parameters"], tuple(folders), tuple(plan["defines"].items()))


def _files_of(design: DesignDatabase, top: str) -> set[int]:
    """Return the files that a top needs: with a definition below it, with a package, or without definitions."""
    names = {row.definition for row in design.rows(Instance) if row.path == top or row.path.startswith(f"{top}.")}
    used = {row.id for row in design.rows(File)}
    used -= {row.file for row in design.rows(Definition)}
    used |= {row.file for row in design.rows(Definition, "kind = 'class'")}
    used |= {row.file for row in design.rows(Package)}
    return used | {row.file for row in design.rows(Definition) if row.name in names}
