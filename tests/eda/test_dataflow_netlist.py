"""Structure against Yosys: whatever reaches a wire or register in the netlist is in the computed cone.

The netlist is that of `read_slang; proc; flatten; memory_collect`: multiplexers, operators and flip-flops as written,
not optimized. Bits are followed back to registers and inputs, cell by cell, as finely as a cell's kind allows.
"""

from __future__ import annotations

import collections
import importlib.util
import random
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pytest

from rtlgen.cli._netlist import add_netlist, sources_of
from rtlgen.core.errors import ElaborationError
from rtlgen.graphs.correspondence import Correspondence
from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.database.mirror import Bits
from rtlgen.graphs.indexing import Indexer, Options
from rtlgen.graphs.model import Corresponds, Net
from rtlgen.graphs.query.cone import cone
from rtlgen.synth.netlist import Bit, Cell, Netlist, read_netlist
from rtlgen.synth.yosys import YosysPool

BITWISE = {"$and", "$or", "$xor", "$xnor", "$not", "$pos", "$buf"}
Leaf = Bit | tuple[str, ...]
"""A net that a flip-flop or an input drives, or the name of a memory."""


class Structure:
    """Which nets of a netlist depend on which."""

    def __init__(self, netlist: Netlist) -> None:
        """Index the cells by what they drive."""
        self.netlist = netlist
        self.driver: dict[Bit, tuple[Cell, str, int]] = {}
        for cell in netlist.cells:
            for port, bits in cell.outputs.items():
                self.driver.update({bit: (cell, port, i) for i, bit in enumerate(bits) if isinstance(bit, int)})
        self._support: dict[Bit, frozenset[Leaf]] = {}

    def is_register(self, bit: Bit) -> bool:
        """Return whether a flip-flop drives a net."""
        return bit in self.driver and is_flop(self.driver[bit][0])

    def support(self, bit: Bit) -> frozenset[Leaf]:
        """Return what a net depends on without passing a register."""
        found = self._support.get(bit)
        if found is None:
            found = self._support[bit] = frozenset(self._leaves([bit]))
        return found

    def next_support(self, bit: Bit) -> frozenset[Leaf]:
        """Return what the next value of a flip-flop's output depends on."""
        cell, _, i = self.driver[bit]
        before: list[Bit] = []
        for port, bits in cell.inputs.items():
            before += [bits[i]] if port in ("D", "AD", "SET", "CLR") else bits
        return frozenset(self._leaves(before))

    @cached_property
    def memories(self) -> dict[tuple[str, ...], frozenset[Leaf]]:
        """Memory → what is written to it depends on."""
        found = {}
        for cell in self.netlist.cells:
            if cell.memory:
                ports = ("WR_ADDR", "WR_CLK", "WR_DATA", "WR_EN")
                found[cell.memory] = frozenset(self._leaves([b for p in ports for b in cell.inputs.get(p, ())]))
        return found

    def _leaves(self, bits: list[Bit]) -> Iterator[Leaf]:
        waiting, seen = list(bits), set(bits)
        while waiting:
            bit = waiting.pop()
            if not isinstance(bit, int):
                continue
            if bit in self.netlist.inputs or self.is_register(bit):
                yield bit
                continue
            if bit not in self.driver:
                continue
            cell, port, i = self.driver[bit]
            if cell.memory:
                yield cell.memory
            for source in parents(cell, port, i):
                if source not in seen:
                    seen.add(source)
                    waiting.append(source)


def is_flop(cell: Cell) -> bool:
    """Return whether a cell is an edge-triggered flip-flop."""
    return "dff" in cell.kind or cell.kind == "$ff"


def parents(cell: Cell, port: str, i: int) -> Iterator[Bit]:
    """Yield the inputs that bit `i` of an output depends on."""
    inputs = cell.inputs
    width = len(cell.outputs[port])
    if cell.kind in BITWISE:
        for name, bits in inputs.items():
            if i < len(bits):
                yield bits[i]
            elif cell.parameters[f"{name}_SIGNED"].endswith("1"):
                yield bits[-1]
    elif cell.kind in ("$mux", "$pmux", "$bmux"):
        yield from inputs["S"]
        yield inputs["A"][i]
        yield from inputs["A" if cell.kind == "$bmux" else "B"][i::width]
    elif cell.kind == "$bwmux":
        yield from (inputs[name][i] for name in ("A", "B", "S"))
    elif cell.kind == "$demux":
        yield from inputs["S"]
        yield inputs["A"][i % len(inputs["A"])]
    elif cell.kind == "$dlatch":
        yield from inputs["EN"]
        yield inputs["D"][i]
    elif cell.memory:
        ports = int(cell.parameters["RD_PORTS"], 2)
        own = i // (width // ports)
        for name in ("RD_ADDR", "RD_EN", "RD_CLK"):
            size = len(inputs[name]) // ports
            yield from inputs[name][own * size : (own + 1) * size]
    else:
        for bits in inputs.values():
            yield from bits


class Comparison:
    """The cones of a design beside those of its netlist."""

    def __init__(self, design: DesignDatabase, netlist: Netlist) -> None:
        """Match the wires of the netlist with signals."""
        self.design = design
        self.structure = Structure(netlist)
        self.names: dict[Bit, list[Bits]] = collections.defaultdict(list)
        self.nets: dict[Bits, Bit] = {}
        self.memories: dict[tuple[int, int], tuple[str, ...]] = {}
        correspondence = Correspondence(design)
        for wire in netlist.wires:
            place = correspondence.signal(netlist.top, wire.path)
            order = correspondence.stream_order(place) if place else []
            if place and len(order) == len(wire.bits):
                for bit, k in zip(wire.bits, order, strict=True):
                    self.names[bit].append(Bits(*place, k, k))
                    self.nets[Bits(*place, k, k)] = bit
        for path in self.structure.memories:
            place = correspondence.signal(netlist.top, path)
            if place:
                self.memories[place] = path
        self.missing: list[str] = []
        self.extra: collections.Counter[str] = collections.Counter()
        self.pairs = 0

    def check(self, root: Bits) -> None:
        """Compare the cone of one bit."""
        net = self.nets[root]
        held = self.is_held(root)
        if held and not self.structure.is_register(net):
            self.extra["registers that are no flip-flop in the netlist"] += 1
            return
        if held:
            theirs = self.structure.next_support(net)
        else:
            theirs = frozenset([net]) if self.structure.is_register(net) else self.structure.support(net)
        found = cone(self.design.mirror, root, through_registers=False)
        self.pairs += len(theirs)
        inside = {
            (i, s, b) for (i, s), parts in found.bits.items() for low, high, _ in parts for b in range(low, high + 1)
        }
        for leaf in theirs:
            if not self.is_inside(leaf, inside):
                self.missing.append(f"{self.design.path_of(root)} <- {self.leaf_name(leaf)}")
        self.count_extra(root, net, theirs, inside)

    def is_held(self, bits: Bits) -> bool:
        """Return whether the database holds a bit to be a register."""
        graph = self.design.mirror.graph_of(bits.instance)
        assert graph is not None
        flows = graph.into.get(bits.signal, ())
        return any(f.registered and f.target_low <= bits.low <= f.target_high for f in flows)

    def is_inside(self, leaf: Leaf, inside: set[tuple[int, int, int]]) -> bool:
        """Return whether a leaf is in a cone under any of its names."""
        if isinstance(leaf, tuple):
            places = {place for place, path in self.memories.items() if path == leaf}
            return not places or any((i, s) in places for i, s, _ in inside)
        names = self.names.get(leaf, [])
        return not names or any((n.instance, n.signal, n.low) in inside for n in names)

    def leaf_name(self, leaf: Leaf) -> str:
        """Return a leaf in words."""
        if isinstance(leaf, tuple):
            return ".".join(leaf)
        return " = ".join(self.design.path_of(n) for n in self.names.get(leaf, [])[:3]) or str(leaf)

    def count_extra(self, root: Bits, net: Bit, theirs: frozenset[Leaf], inside: set[tuple[int, int, int]]) -> None:
        """Count what is in the cone and not in the netlist's, by the reason."""
        partly = {(n.instance, n.signal) for leaf in theirs if not isinstance(leaf, tuple) for n in self.names[leaf]}
        for instance, signal, bit in inside:
            leaf = Bits(instance, signal, bit, bit)
            if leaf == root or not (self.is_held(leaf) or self.is_input(leaf)):
                continue
            source = self.nets.get(leaf)
            if (instance, signal) in self.memories:
                inner = self.memories[instance, signal] in theirs
                self.extra["" if inner else "memory"] += 1
            elif source is None:
                self.extra["source is not in the netlist"] += 1
            elif source in theirs:
                self.extra[""] += 1
            elif not isinstance(source, int) or not (self.structure.is_register(source) or self.is_input(leaf)):
                self.extra["source is constant in the netlist"] += 1
            elif not isinstance(net, int):
                self.extra["target is constant in the netlist"] += 1
            elif (root.instance, root.signal) in self.memories:
                self.extra["memory"] += 1
            elif (instance, signal) in partly:
                self.extra["another bit of the source (dynamic index, arithmetic, parts of a call's result)"] += 1
            else:
                self.extra["folded away (constant operands, branches never taken, don't care)"] += 1

    def is_input(self, bits: Bits) -> bool:
        """Return whether a bit is one of an input of the top."""
        signal = self.design.mirror.signal(bits)
        return signal.direction in ("input", "inout") and not self.design.mirror.instance(bits.instance).parent

    def report(self) -> str:
        """Return what was seen in a line."""
        same = self.extra.pop("", 0)
        extra = ", ".join(f"{count} {reason}" for reason, count in self.extra.most_common())
        return (
            f"{self.pairs} dependencies of the netlist, {len(self.missing)} missed; {same} common; only ours: {extra}"
        )


def compare(folder: Path, top: str, sample: int | None = None) -> Comparison:
    """Return the comparison of an indexed design over all bits of its signals, or a sample."""
    with DesignDatabase.open(folder) as design, YosysPool(1, warm_abc=False) as pool:
        texts, options = next((t, o) for t, o in sources_of(design) if o.top == top)
        comparison = Comparison(design, read_netlist(pool, texts, options))
        roots = sorted(comparison.nets)
        if sample is not None and sample < len(roots):
            roots = random.Random(0).sample(roots, sample)
        for root in roots:
            comparison.check(root)
        comparison.extra["bits compared"] = len(roots)
        return comparison


def generator() -> type:
    """Return the generator of random modules."""
    path = Path(__file__).with_name("test_dataflow_oracle.py")
    spec = importlib.util.spec_from_file_location("dataflow_oracle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["dataflow_oracle"] = module
    spec.loader.exec_module(module)
    return module.Module


@pytest.mark.parametrize(("first", "count"), [(0, 6), pytest.param(500, 60, marks=pytest.mark.slow)])
def test_random_modules_hold_the_netlist(
    first: int, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No dependency of the netlist of a random module is missed."""
    module = generator()
    pairs = refused = 0
    for seed in range(first, first + count):
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / "m.sv").write_text(module(random.Random(seed), "m").text)
        with Indexer(folder, Options(tops=("m",))) as indexer:
            indexer.run()
        try:
            found = compare(folder, "m")
        except ElaborationError:
            refused += 1
            continue
        pairs += found.pairs
        assert not found.missing, (seed, found.missing[:10], (folder / "m.sv").read_text())
    with capsys.disabled():
        sys.stdout.write(f"\n{count} modules, {refused} refused by Yosys: {pairs} dependencies, none missed\n")
    assert refused < count
    assert pairs > 200 * (count - refused)


@pytest.mark.parametrize(
    ("package", "folder", "top", "sample"),
    [
        pytest.param("pythondata_cpu_serv", "verilog/rtl", "serv_rf_top", 400, id="serv"),
        pytest.param("pythondata_cpu_serv", "verilog/rtl", "serv_rf_top", None, id="serv-all", marks=pytest.mark.slow),
        pytest.param("pythondata_cpu_picorv32", "verilog", "picorv32", 2500, id="picorv32", marks=pytest.mark.slow),
        pytest.param("pythondata_cpu_mor1kx", "verilog", "mor1kx", 2500, id="mor1kx", marks=pytest.mark.slow),
        pytest.param("pythondata_cpu_cv32e40p", "system_verilog", "cv32e40p_top", 2000, id="cv32e40p",
                     marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_cores_hold_the_netlist(
    package: str, folder: str, top: str, sample: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No dependency of the netlist of a real core is missed; what only the cone has is counted by its reason."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"needs {package}: pip install {package.replace('_', '-')}")
    root = Path(spec.origin).parent / folder
    with Indexer(root, Options(tops=(top,)), database=tmp_path / "graph.db") as indexer:
        indexer.run()
    found = compare(tmp_path / "graph.db", top, sample)
    with capsys.disabled():
        sys.stdout.write(f"\n{top}: {found.report()}\n")
    assert not found.missing, (len(found.missing), found.missing[:20])
    assert found.pairs > 1000


def test_netlist_is_stored_with_what_it_stands_for(tmp_path: Path) -> None:
    """The wires of the netlist are in the database, with the signals they stand for, until the design changes."""
    source = tmp_path / "m.sv"
    text = "module s(input a, output b); assign b = ~a; endmodule\n"
    text += "module m(input a, output b); for (genvar i = 0; i < 1; i++) begin : g s u(.a, .b); end endmodule\n"
    source.write_text(text)
    with Indexer(tmp_path) as indexer:
        indexer.run()
    done = add_netlist(tmp_path)
    assert (done.nets, done.matched, done.failures) == (4, 4, ())
    with DesignDatabase.open(tmp_path) as design:
        nets = {row.id: f"{row.instance}.{row.name}" for row in design.rows(Net)}
        stands = {
            nets[r.source]: design.path_of(Bits(r.instance, r.target, r.low, r.high)) for r in design.rows(Corresponds)
        }
    assert stands == {name: name for name in ("m.a", "m.b", "m.g[0].u.a", "m.g[0].u.b")}
    source.write_text(text.replace("~a", "a"))
    with Indexer(tmp_path) as indexer:
        indexer.run()
    with DesignDatabase.open(tmp_path) as design:
        assert not design.count(Net)


def test_netlist_that_yosys_refuses_is_named(tmp_path: Path) -> None:
    """A top that Yosys does not take leaves the others and is reported in Yosys' words."""
    (tmp_path / "a.sv").write_text("module good(input a, output b); assign b = a; endmodule\n")
    (tmp_path / "b.sv").write_text("module bad(input a, output logic b); initial #5 b = a; endmodule\n")
    with Indexer(tmp_path, Options(tops=("good", "bad"))) as indexer:
        indexer.run()
    done = add_netlist(tmp_path)
    assert done.nets == 2
    assert [top for top, _ in done.failures] == ["bad"]
    assert "0_b.sv:1: unsynthesizable timing control" in done.failures[0][1]
