"""The netlist of an elaborated design, before any optimization: what Yosys makes of the sources, cells and wires."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rtlgen.core.errors import ElaborationError
from rtlgen.core.types import Diagnostic
from rtlgen.synth.flow.script import FlowOptions, read_commands
from rtlgen.synth.yosys import YosysPool

Bit = int | str
"""Number of a net of one bit, or a constant: `0`, `1`, `x` or `z`."""
_OUTPUT: Final = "netlist.json"


@dataclass(frozen=True, slots=True)
class Wire:
    """A named wire: hierarchical name below the top, one part for each scope, and its bits, lowest first."""

    path: tuple[str, ...]
    bits: tuple[Bit, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of Yosys' word-level library (`$add`, `$mux`, `$dff` …).

    Attributes:
        name: name of the cell; of a memory `memory`.
        inputs: port → bits, lowest first.
        outputs: port → bits.
        parameters: as Yosys writes them: binary digits or text.
        memory: hierarchical name of the memory that the cell is or reads, else empty.
    """

    name: str
    kind: str
    inputs: Mapping[str, tuple[Bit, ...]]
    outputs: Mapping[str, tuple[Bit, ...]]
    parameters: Mapping[str, str]
    memory: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Netlist:
    """A flattened design.

    Attributes:
        inputs: bits of the inputs and inouts of the top.
    """

    top: str
    wires: tuple[Wire, ...]
    cells: tuple[Cell, ...]
    inputs: frozenset[Bit]


def read_netlist(pool: YosysPool, files: Mapping[str, str], options: FlowOptions, timeout_s: float = 300) -> Netlist:
    """Return the netlist of a design: processes as multiplexers and flip-flops, the hierarchy dissolved.

    Args:
        pool: where Yosys runs.
        files: sources by name, in reading order.
        options: top, parameters, include folders and macros.
        timeout_s: wall-clock seconds.

    Raises:
        ElaborationError: Yosys does not take the design; in its words.
        InputError: a name or value can't be given to Yosys safely.
        SandboxError: Yosys could not be started.
    """
    commands = [*read_commands(list(files), options, "slang"), "proc", "flatten", "memory_collect"]
    run = pool.run([*commands, f"write_json {_OUTPUT}"], files=files, fetch=[_OUTPUT], timeout_s=timeout_s)
    if not run.ok or _OUTPUT not in run.files:
        message = run.error or f"Yosys ended by {run.ended_by}"
        raise ElaborationError(message, [Diagnostic(severity="error", code="Netlist", message=message, tool="yosys")])
    return _netlist(json.loads(run.files[_OUTPUT]), options.top)


def _netlist(document: Any, top: str) -> Netlist:
    module = document["modules"].get(top) or next(iter(document["modules"].values()))
    wires = tuple(
        Wire(_path(name, wire["attributes"]), tuple(wire["bits"]))
        for name, wire in module["netnames"].items()
        if not wire["hide_name"]
    )
    cells = tuple(_cell(name, cell) for name, cell in module["cells"].items())
    ports = [port for port in module["ports"].values() if port["direction"] != "output"]
    return Netlist(top, wires, cells, frozenset(bit for port in ports for bit in port["bits"]))


def _path(name: str, attributes: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(attributes["hdlname"].split()) if "hdlname" in attributes else (name.removeprefix("\\"),)


def _cell(name: str, cell: Any) -> Cell:
    directions = cell["port_directions"]
    ports = {port: tuple(bits) for port, bits in cell["connections"].items()}
    memory = _path(name, cell["attributes"]) if cell["type"].startswith("$mem") else ()
    return Cell(
        name,
        cell["type"],
        {port: bits for port, bits in ports.items() if directions[port] == "input"},
        {port: bits for port, bits in ports.items() if directions[port] != "input"},
        cell["parameters"],
        memory,
    )
