from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path

import pytest

from rtlgen.synth.liberty import Group, Library, default_library_path, parse_liberty, read_library, read_text
from rtlgen.synth.liberty.function import truth_table
from rtlgen.synth.liberty.generate import GENERIC_45
from rtlgen.synth.liberty.generate.__main__ import main
from rtlgen.synth.liberty.generate.emit import Arc
from rtlgen.synth.liberty.generate.flops import ClockGate, Storage, flip_flops, latches
from rtlgen.synth.liberty.generate.gates import Gate, combinational_gates
from rtlgen.synth.liberty.generate.network import as_net
from rtlgen.synth.liberty.generate.stages import Circuit, Stage

P = GENERIC_45
INVERT = {"rise": ("fall",), "fall": ("rise",)}


@pytest.fixture(scope="module")
def tree() -> Group:
    return parse_liberty(read_text(default_library_path()), "shipped")


@pytest.fixture(scope="module")
def library() -> Library:
    return read_library()


def test_shipped_file_is_what_the_generator_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "again.lib.gz"
    assert main([str(path)]) == 0
    assert path.read_bytes() == default_library_path().read_bytes()
    assert capsys.readouterr().out == f"{path}: {path.stat().st_size} bytes\n"
    assert path.stat().st_size < 300_000


def test_the_file_says_that_it_is_synthetic() -> None:
    head = read_text(default_library_path())[:800]
    assert "synthetic standard-cell library" in head
    assert "no foundry's process" in head


@pytest.mark.parametrize("gate", combinational_gates(), ids=lambda gate: gate.name)
def test_the_transistors_of_a_gate_compute_its_function(gate: Gate) -> None:
    circuit = Circuit(P, gate.stages(1.0))
    for row, levels in enumerate(product((False, True), repeat=len(gate.inputs))):
        pins = dict(zip(reversed(gate.inputs), levels, strict=True))
        settled = circuit.settle(pins)
        for output, function in gate.functions.items():
            assert settled[output] == bool(truth_table(function, gate.inputs) >> row & 1), (pins, output)


def _states(storage: Storage) -> Iterator[tuple[dict[str, bool], bool]]:
    for levels in product((False, True), repeat=len(storage.pins)):
        for held in (False, True):
            yield dict(zip(storage.pins, levels, strict=True)), held


def _value(function: str, pins: dict[str, bool], held: bool) -> bool:
    values = {**pins, "IQ": held}
    row = sum(1 << index for index, name in enumerate(values) if values[name])
    return bool(truth_table(function, tuple(values)) >> row & 1)


def _forced(storage: Storage, pins: dict[str, bool]) -> bool | None:
    if storage.clear and not pins[storage.clear]:
        return False
    return True if storage.preset and not pins[storage.preset] else None


@pytest.mark.parametrize("flop", flip_flops(), ids=lambda flop: flop.name)
def test_the_transistors_of_a_flip_flop_take_the_next_state_at_the_edge(flop: Storage) -> None:
    circuit = Circuit(P, flop.stages(1.0))
    before, after = (True, False) if flop.active_low else (False, True)
    for pins, held in _states(flop):
        # slave holds, master follows; then the edge: master holds what it had, slave follows
        early = circuit.settle({**pins, flop.clock: before, "s1": not held, "m1": not held})
        late = circuit.settle({**pins, flop.clock: after, "m1": early["m1"], "s1": early["s1"]})
        forced = _forced(flop, pins)
        if forced is None:
            assert early["Q"] == held, pins
            assert late["Q"] == _value(flop.next_state, pins, held), pins
        else:
            assert late["Q"] == forced, pins


@pytest.mark.parametrize("latch", latches(), ids=lambda latch: latch.name)
def test_the_transistors_of_a_latch_follow_or_hold(latch: Storage) -> None:
    circuit = Circuit(P, latch.stages(1.0))
    for pins, held in _states(latch):
        settled = circuit.settle({**pins, "s1": not held})
        open_ = pins[latch.clock] != latch.active_low
        forced = _forced(latch, pins)
        expected = (pins["D"] if open_ else held) if forced is None else forced
        assert settled["Q"] == expected, (pins, held)


def test_the_clock_gate_lets_the_clock_through_only_while_enabled() -> None:
    circuit = Circuit(P, ClockGate().stages(1.0))
    for enable, held in product((False, True), repeat=2):
        low = circuit.settle({"E": enable, "CK": False, "s1": not held})
        assert (low["GCK"], low["s2"]) == (False, enable)
        # a late change of E must not reach the gated clock
        high = circuit.settle({"E": not enable, "CK": True, "s1": low["s1"]})
        assert high["GCK"] == enable


def test_a_chain_of_inverters_has_the_delay_of_logical_effort() -> None:
    """tau (p + g h) with p = g = 1: for every fan-out, in the steady state of a chain."""
    for fanout in (1, 2, 4, 8):
        circuit = Circuit(P, [Stage("Y", as_net("A"))])
        arc = Arc(circuit, "A", "Y", INVERT)  # type: ignore[arg-type]
        slew = 10.0
        for _ in range(30):
            last = arc.worst("rise", slew, fanout * P.inverter_cap)
            slew = last.slew_ps
        assert last.delay_ps == pytest.approx(P.tau_ps * (1 + fanout), rel=1e-6)
        assert arc.worst("fall", slew, fanout * P.inverter_cap).delay_ps == pytest.approx(last.delay_ps)
    assert P.fo4_ps() == pytest.approx(5 * P.tau_ps)
    assert 10 < P.fo4_ps() < 25  # about 0.36 ps per nm of gate length (Weste and Harris, 4.5)


@pytest.mark.parametrize(("name", "effort", "parasitic"), [("INV", 1, 1), ("NAND2", 4 / 3, 2), ("AOI21", None, None)])
def test_effort_of_fully_sized_gates(name: str, effort: float | None, parasitic: float | None) -> None:
    """The efforts that Sutherland, Sproull and Harris derive for static CMOS come out of the transistor widths."""
    gate = next(gate for gate in combinational_gates() if gate.name == name)
    circuit = Circuit(P, gate.stages(1.0))
    if effort is None:
        # stacks of two PMOS do not fit one finger, so the drive is 4/3 weaker than the textbook's
        assert circuit.output_resistance("Y") == pytest.approx(4 / 3 * P.p_resistance / P.p_width)
        return
    assert circuit.output_resistance("Y") == pytest.approx(P.n_resistance / P.n_width)
    assert circuit.node_cap("B" if name == "NAND2" else "A") / P.inverter_cap == pytest.approx(effort)
    assert circuit.node_cap("Y") / P.inverter_cap == pytest.approx(parasitic)


def test_areas_stand_in_sensible_ratios(library: Library) -> None:
    area = {name: cell.area_um2 for name, cell in library.cells.items()}
    nand = area["NAND2_X1"]
    assert area["INV_X1"] == min(cell.area_um2 for cell in library.cells.values())
    assert nand == pytest.approx(area["NOR2_X1"])
    assert 2.0 <= area["XOR2_X1"] / nand <= 2.5
    assert 2.0 <= area["XNOR2_X1"] / nand <= 2.5
    assert 1.9 <= area["NMUX2_X1"] / nand <= area["MUX2_X1"] / nand <= 2.5
    assert 4.0 <= area["DFF_X1"] / nand <= 6.0
    assert area["DFF_X1"] < area["DFFR_X1"] < area["DFFSR_X1"]
    # an enable inside the flip-flop is cheaper than a multiplexer in front of it
    assert area["DFF_X1"] < area["DFFE_X1"] < area["DFF_X1"] + area["MUX2_X1"]
    assert area["FA_X1"] < 2 * area["XOR2_X1"] + area["MAJ3_X1"]


def test_stronger_cells_are_larger_faster_and_leak_more(library: Library) -> None:
    families: dict[str, list[tuple[int, str]]] = {}
    for name in library.cells:
        family, _, drive = name.rpartition("_X")
        families.setdefault(family, []).append((int(drive), name))
    assert len(families) >= 60
    for members in families.values():
        cells = [library.cells[name] for _, name in sorted(members)]
        for small, large in pairwise(cells):
            assert small.area_um2 < large.area_um2, large.name
            assert (small.leakage_nw or 0) < (large.leakage_nw or 0), large.name
            output = small.outputs[0]
            limits = small.pins[output].max_capacitance_pf, large.pins[output].max_capacitance_pf
            assert (limits[0] or 0) < (limits[1] or 0), large.name


def _tables(tree: Group) -> Iterator[tuple[str, Group, Group]]:
    for cell in tree.find("cell"):
        for pin in cell.find("pin"):
            for arc in pin.find("timing", "internal_power"):
                for table in arc.groups:
                    yield f"{cell.args[0]}/{pin.args[0]}/{arc.get('related_pin')}/{table.name}", arc, table


def _rows(table: Group) -> list[list[float]]:
    return [
        [float(x) for x in row.split(",")] for item in table.attributes if item.name == "values" for row in item.values
    ]


def test_delays_and_transitions_grow_with_load_and_input_transition(tree: Group) -> None:
    count = 0
    for where, _, table in _tables(tree):
        if table.name.startswith("cell_") or table.name.endswith("_transition"):
            rows = _rows(table)
            assert (len(rows), {len(row) for row in rows}) == (7, {7}), where
            assert all(a < b for row in rows for a, b in pairwise(row)), where
            assert all(a <= b for one, two in pairwise(rows) for a, b in zip(one, two, strict=True)), where
            assert min(min(row) for row in rows) > 0, where
            count += 1
    assert count > 1500


def test_setup_grows_with_the_data_transition_and_shrinks_with_the_clocks(tree: Group) -> None:
    count = 0
    for where, arc, table in _tables(tree):
        kind = arc.get("timing_type") or ""
        if not table.name.endswith("_constraint"):
            continue
        rows, sign = _rows(table), 1 if kind.startswith(("setup", "recovery")) else -1
        assert all(sign * a < sign * b for one, two in pairwise(rows) for a, b in zip(one, two, strict=True)), where
        assert all(sign * a > sign * b for row in rows for a, b in pairwise(row)), where
        count += 1
    assert count > 150


def test_setup_and_hold_together_leave_a_window(tree: Group) -> None:
    for cell in tree.find("cell"):
        for pin in cell.find("pin"):
            arcs = {(arc.get("timing_type") or "").split("_")[0]: arc for arc in pin.find("timing")}
            if {"setup", "hold"} <= arcs.keys():
                for setup, hold in zip(arcs["setup"].groups, arcs["hold"].groups, strict=True):
                    total = [
                        a + b for x, y in zip(_rows(setup), _rows(hold), strict=True) for a, b in zip(x, y, strict=True)
                    ]
                    assert min(total) > 0, (cell.args, pin.args)


def test_energies_are_positive_and_grow_with_the_transition(tree: Group) -> None:
    for where, _, table in _tables(tree):
        if table.name.endswith("_power"):
            rows = _rows(table)
            assert min(min(row) for row in rows) > 0, where
            columns = [rows[0]] if len(rows) == 1 else [list(column) for column in zip(*rows, strict=True)]
            assert all(a <= b for column in columns for a, b in pairwise(column)), where


def test_nand_is_faster_than_nor(tree: Group) -> None:
    def worst(name: str) -> float:
        cell = next(cell for cell in tree.find("cell") if cell.args == (name,))
        return max(
            _rows(table)[3][3]
            for pin in cell.find("pin")
            for arc in pin.find("timing")
            for table in arc.find("cell_rise", "cell_fall")
        )

    assert worst("INV_X1") < worst("NAND2_X1") < worst("NOR2_X1")
    assert worst("NAND2_X1") < worst("NAND3_X1") < worst("NAND4_X1")


def test_every_state_leaks_and_the_mean_is_the_cells(tree: Group) -> None:
    for cell in tree.find("cell"):
        states = [float(group.get("value") or 0) for group in cell.find("leakage_power")]
        if states:
            assert min(states) > 0
            assert sum(states) / len(states) == pytest.approx(float(cell.get("cell_leakage_power") or 0), rel=1e-4)


def test_no_scan_cells(tree: Group, library: Library) -> None:
    assert not library.of_kind("scan_ff")
    assert all(not list(cell.find("test_cell")) for cell in tree.find("cell"))


def test_every_kind_of_flip_flop_is_there(library: Library) -> None:
    shapes = {
        (
            bool(c.sequential.clear),
            bool(c.sequential.preset),
            "E" in c.pins,
            str(c.sequential.clocked_on).startswith("!"),
        )
        for c in library.of_kind("ff")
        if c.sequential
    }
    plain = set(product((False, True), (False, True), (False,), (False, True)))
    assert plain <= shapes
    assert {(False, False, True, False), (True, False, True, False), (False, True, True, False)} <= shapes
