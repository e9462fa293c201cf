"""The whole synthetic library: header, templates, every cell, and the compressed file."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

from rtlgen.synth.liberty.generate import tables
from rtlgen.synth.liberty.generate.emit import combinational_cell, tie_cell
from rtlgen.synth.liberty.generate.emit_storage import clock_gate_cell, storage_cell
from rtlgen.synth.liberty.generate.flops import ClockGate, flip_flops, latches
from rtlgen.synth.liberty.generate.gates import combinational_gates
from rtlgen.synth.liberty.generate.process import GENERIC_45, Process
from rtlgen.synth.liberty.generate.tables import number, simple
from rtlgen.synth.liberty.tree import Attribute, Group, to_text

NAME = "rtlgen45"

_HEADER = """\
/*
 * {name}: a synthetic standard-cell library for experiments with RTL.
 *
 * Computed, not characterised: every number comes from a logical-effort model of transistor networks (Sutherland,
 * Sproull, Harris, "Logical Effort", 1999) with the constants of a generic 45 nm-class process that were chosen by
 * the authors of rtlgen. It describes no foundry's process and no real cell. Do not sign off silicon with it.
 *
 * tau = {tau} ps, inverter driving four inverters (FO4) = {fo4} ps, {vdd} V, {temperature} C, typical.
 * Scan cells are left out. Written by: python -m rtlgen.synth.liberty.generate
 * Licence: Apache-2.0.
 */
"""


def library_group(process: Process = GENERIC_45) -> Group:
    """Return the `library` group of the synthetic library."""
    root = Group("library", (NAME,), _library_attributes(process))
    root.groups.append(
        Group("operating_conditions", ("typical",),
              simple(process=1.0, voltage=process.vdd_v, temperature=process.temperature_c, tree_type="balanced_tree"))
    )  # fmt: skip
    root.groups += tables.templates()
    root.groups += [combinational_cell(gate, d, process) for gate in combinational_gates() for d in gate.drives]
    root.groups += [tie_cell(level, process) for level in (0, 1)]
    root.groups += [storage_cell(item, d, process) for item in (*flip_flops(), *latches()) for d in item.drives]
    gate = ClockGate()
    root.groups += [clock_gate_cell(gate, d, process) for d in gate.drives]
    return root


def _library_attributes(process: Process) -> list[Attribute]:
    head = [Attribute("technology", ("cmos",), is_complex=True), *simple(delay_model="table_lookup")]
    units = simple(time_unit="1ns", voltage_unit="1V", current_unit="1mA", pulling_resistance_unit="1kohm",
                   leakage_power_unit="1nW")  # fmt: skip
    load = Attribute("capacitive_load_unit", ("1", "pf"), is_complex=True)
    edges = [
        item
        for kind in ("input", "output")
        for way in ("rise", "fall")
        for item in simple(**{f"{kind}_threshold_pct_{way}": 50.0})
    ]
    slews = [
        item
        for way in ("rise", "fall")
        for item in simple(**{f"slew_lower_threshold_pct_{way}": 20.0, f"slew_upper_threshold_pct_{way}": 80.0})
    ]
    nominal = simple(nom_process=1.0, nom_voltage=process.vdd_v, nom_temperature=process.temperature_c,
                     default_operating_conditions="typical", default_cell_leakage_power=0.0, default_fanout_load=1.0,
                     default_inout_pin_cap=0.0, default_input_pin_cap=process.inverter_cap / 1000.0,
                     default_output_pin_cap=0.0, default_max_transition=process.max_slew_ps / 1000.0)  # fmt: skip
    return [*head, *units, load, *simple(slew_derate_from_library=1.0), *edges, *slews, *nominal]


def library_text(process: Process = GENERIC_45) -> str:
    """Return the text of the synthetic library; the same on every machine."""
    header = _HEADER.format(
        name=NAME,
        tau=number(process.tau_ps),
        fo4=number(process.fo4_ps()),
        vdd=number(process.vdd_v),
        temperature=number(process.temperature_c),
    )
    return header + to_text(library_group(process))


def compressed(text: str) -> bytes:
    """Return `text` as gzip data without time stamp and name, so that equal texts give equal files."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        file.write(text.encode("ascii"))
    return buffer.getvalue()


def write_library(path: Path, process: Process = GENERIC_45) -> None:
    """Write the synthetic library to `path`, compressed when the name ends in `.gz`."""
    text = library_text(process)
    path.write_bytes(compressed(text) if path.suffix == ".gz" else text.encode("ascii"))
