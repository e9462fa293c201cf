"""Combinational designs as words for an SMT solver (Bitwuzla): arithmetic is rewritten before it becomes bits.

Two dividers that share their operands, or a product of a multiplexer's output against a multiplexer of products, are
out of reach for SAT, but often the same term to a solver of bit vectors. X is treated as elsewhere: every X of gate is
a variable of its own, and gold's may be chosen. So gold takes gate's variable at the same place, or one of the same
kind, or else what `a - q * b` gives for a remainder by zero, the dividend.
"""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Any

from rtlgen.synth.equiv.engines import Verdict
from rtlgen.synth.equiv.netlist import Cell, Net, Netlist

NAME = "smt"
_MEMORY_MB = 1024
_MAX_CELLS = 2000
_BITWISE = {"$and": "BV_AND", "$or": "BV_OR", "$xor": "BV_XOR", "$xnor": "BV_XNOR"}
_WORDS = {"$add": "BV_ADD", "$sub": "BV_SUB", "$mul": "BV_MUL"}
_SHIFTS = {"$shl": "BV_SHL", "$sshl": "BV_SHL", "$shr": "BV_SHR"}
_ORDERS = {"$lt": ("ULT", "SLT"), "$le": ("ULE", "SLE"), "$gt": ("UGT", "SGT"), "$ge": ("UGE", "SGE")}
_REDUCTIONS = {"$reduce_and": "BV_REDAND", "$reduce_or": "BV_REDOR", "$reduce_bool": "BV_REDOR",
               "$reduce_xor": "BV_REDXOR"}  # fmt: skip
DIVIDERS = frozenset({"$div", "$mod"})
KINDS = frozenset({*_BITWISE, *_WORDS, *_SHIFTS, *_ORDERS, *_REDUCTIONS, *DIVIDERS, "$not", "$pos", "$buf", "$neg",
                   "$eq", "$ne", "$logic_not", "$logic_and", "$logic_or", "$mux", "$reduce_xnor"})  # fmt: skip


def applies(gold: Netlist, gate: Netlist) -> bool:
    """Return whether both are combinational, of cells with a meaning here, and multiply or divide."""
    cells = [*gold.cells, *gate.cells]
    return (
        not gold.registers
        and not gate.registers
        and len(cells) <= _MAX_CELLS
        and all(cell.kind in KINDS for cell in cells)
        and any(cell.kind in DIVIDERS or cell.kind == "$mul" for cell in cells)
    )


def prove(gold: Netlist, gate: Netlist, seconds: float) -> Verdict:
    """Return `unsat` where every output is shown equal; nothing else is ever said, since gold's X were chosen.

    Args:
        gold: old design.
        gate: new design.
        seconds: most time for the solver.
    """
    started = time.monotonic()
    if seconds <= 0:
        return Verdict(NAME, "unknown")
    import bitwuzla  # only where there is something to ask: loading it takes a moment

    for by_zero in (False, True):  # apart, since a division that may be by zero is no longer one to the rewriter
        left = seconds - (time.monotonic() - started)
        if left <= 0 or not _impossible(bitwuzla, gold, gate, by_zero, left):
            return Verdict(NAME, "unknown", wall_s=time.monotonic() - started)
    return Verdict(NAME, "unsat", wall_s=time.monotonic() - started)


def _impossible(bitwuzla: Any, gold: Netlist, gate: Netlist, by_zero: bool, seconds: float) -> bool:
    """Return whether no output differs where some (or no) divisor of either design is 0."""
    manager, kind = bitwuzla.TermManager(), bitwuzla.Kind
    options = bitwuzla.Options()
    options.set(bitwuzla.Option.TIME_LIMIT_PER, max(1, int(seconds * 1000)))
    options.set(bitwuzla.Option.MEMORY_LIMIT, _MEMORY_MB)
    solver = bitwuzla.Bitwuzla(manager, options)
    inputs = {
        name: manager.mk_const(manager.mk_bv_sort(len(port.nets)))
        for name, port in gold.ports.items()
        if port.direction == "input"
    }
    choices: dict[Hashable, Any] = {}
    right = Words(bitwuzla, manager, gate, inputs, choices, gate=True, by_zero=by_zero)
    left = Words(bitwuzla, manager, gold, inputs, choices, gate=False, by_zero=by_zero)
    divisors = [*left.divisors, *right.divisors]
    if by_zero and not divisors:
        return True
    apart = [
        manager.mk_term(kind.DISTINCT, [left.word(port.nets), right.word(gate.ports[name].nets)])
        for name, port in gold.ports.items()
        if port.direction == "output"
    ]
    zero = [manager.mk_term(kind.EQUAL, [d, manager.mk_bv_value(d.sort(), 0)]) for d in divisors]
    solver.assert_formula(_any(manager, kind, apart))
    if by_zero:
        solver.assert_formula(_any(manager, kind, zero))
    for condition in () if by_zero else zero:
        solver.assert_formula(manager.mk_term(kind.NOT, [condition]))
    return bool(solver.check_sat() == bitwuzla.Result.UNSAT)


def _any(manager: Any, kind: Any, conditions: list[Any]) -> Any:
    return conditions[0] if len(conditions) == 1 else manager.mk_term(kind.OR, conditions)


class Words:
    """The terms of one netlist."""

    def __init__(
        self,
        bitwuzla: Any,
        manager: Any,
        netlist: Netlist,
        inputs: dict[str, Any],
        choices: dict[Hashable, Any],
        *,
        gate: bool,
        by_zero: bool,
    ) -> None:
        """Make a term for every cell.

        Args:
            bitwuzla: the solver's module.
            manager: its term manager.
            netlist: a combinational design of `KINDS`.
            inputs: term of each input port.
            choices: variables of gate's X, by place and by kind; gate comes first and fills it.
            gate: whether an X is a variable of its own.
            by_zero: whether a divisor may be 0; else the caller excludes that.
        """
        self._kind, self._manager, self._choices = bitwuzla.Kind, manager, choices
        self._gate, self._by_zero = gate, by_zero
        self.divisors: list[Any] = []
        self._places: dict[int, tuple[Any, int]] = {}
        for name, term in inputs.items():
            self._place(netlist.ports[name].nets, term)
        for item in netlist.order(transparent=False):
            assert isinstance(item, Cell)
            self._place(item.outs, self._sized(self._cell(item), len(item.outs)))

    def word(self, nets: tuple[Net, ...]) -> Any:
        """Return the term of some nets, least significant first; neighbours of one term stay together."""
        parts: list[Any] = []
        i = 0
        while i < len(nets):
            term, low, count = self._run(nets, i)
            parts.append(term if (low, count) == (0, self._width(term)) else self._extract(term, low, count))
            i += count
        return parts[0] if len(parts) == 1 else self._make("BV_CONCAT", list(reversed(parts)))

    def _run(self, nets: tuple[Net, ...], start: int) -> tuple[Any, int, int]:
        """Return term, lowest bit and length of the longest run of neighbours from an index on."""
        term, low = self._find(nets[start])
        count = 1
        while start + count < len(nets):
            other = self._places.get(nets[start + count]) if isinstance(nets[start + count], int) else None  # type: ignore[arg-type]
            if other is None or other[0] is not term or other[1] != low + count:
                break
            count += 1
        return term, low, count

    def _find(self, net: Net) -> tuple[Any, int]:
        if net == "0" or net == "1":
            return self._number(int(net), 1), 0
        if isinstance(net, int) and net in self._places:
            return self._places[net]
        return self._unknown(("net", net), 1), 0  # a constant X or a net without driver

    def _place(self, nets: tuple[Net, ...], term: Any) -> None:
        self._places.update((net, (term, i)) for i, net in enumerate(nets) if isinstance(net, int))

    def _unknown(self, place: tuple[Hashable, ...], width: int) -> Any:
        """Return gate's new variable, or gold's choice: any of gate's variables will do."""
        if self._gate:
            term = self._manager.mk_const(self._manager.mk_bv_sort(width))
            for key in (place, (place[0], width)):
                self._choices.setdefault(key, term)
            return term
        found = self._choices.get(place)
        return self._choices.get((place[0], width), self._number(0, width)) if found is None else found

    def _make(self, kind: str, operands: list[Any], indices: list[int] | None = None) -> Any:
        return self._manager.mk_term(getattr(self._kind, kind), operands, indices or [])

    def _number(self, value: int, width: int) -> Any:
        return self._manager.mk_bv_value(self._manager.mk_bv_sort(width), value)

    @staticmethod
    def _width(term: Any) -> int:
        return int(term.sort().bv_size())

    def _extract(self, term: Any, low: int, count: int) -> Any:
        return self._make("BV_EXTRACT", [term], [low + count - 1, low])

    def _sized(self, term: Any, width: int, *, signed: bool = False) -> Any:
        """Return the term cut or extended to a width."""
        have = self._width(term)
        if have > width:
            return self._extract(term, 0, width)
        kind = "BV_SIGN_EXTEND" if signed else "BV_ZERO_EXTEND"
        return term if have == width else self._make(kind, [term], [width - have])

    def _bit(self, condition: Any) -> Any:
        return self._make("ITE", [condition, self._number(1, 1), self._number(0, 1)])

    def _true(self, term: Any) -> Any:
        """Return the condition that a word is not 0."""
        return self._make("DISTINCT", [term, self._number(0, self._width(term))])

    def _operand(self, cell: Cell, name: str, width: int) -> Any:
        return self._sized(self.word(cell.pins[name]), width, signed=bool(cell.parameters.get(f"{name}_SIGNED")))

    def _cell(self, cell: Cell) -> Any:
        kind, width = cell.kind, len(cell.outs)
        if kind in _BITWISE or kind in _WORDS:
            name = (_BITWISE | _WORDS)[kind]
            return self._make(name, [self._operand(cell, "A", width), self._operand(cell, "B", width)])
        if kind in ("$not", "$neg", "$pos", "$buf"):
            operand = self._operand(cell, "A", width)
            return operand if kind in ("$pos", "$buf") else self._make("BV_" + kind[1:].upper(), [operand])
        if kind == "$mux":
            a, b = self.word(cell.pins["A"]), self.word(cell.pins["B"])
            return self._make("ITE", [self._true(self.word(cell.pins["S"])), b, a])
        if kind in _SHIFTS or kind == "$sshr":
            return self._shift(cell)
        if kind in DIVIDERS:
            return self._divide(cell)
        if kind in _REDUCTIONS:
            return self._make(_REDUCTIONS[kind], [self.word(cell.pins["A"])])
        if kind == "$reduce_xnor":
            return self._make("BV_NOT", [self._make("BV_REDXOR", [self.word(cell.pins["A"])])])
        return self._bit(self._condition(cell))

    def _condition(self, cell: Cell) -> Any:
        if cell.kind.startswith("$logic"):
            truths = [self._true(self.word(cell.pins[name])) for name in ("A", "B") if name in cell.pins]
            return self._make({"$logic_not": "NOT", "$logic_and": "AND", "$logic_or": "OR"}[cell.kind], truths)
        width = max(len(cell.pins["A"]), len(cell.pins["B"]))
        operands = [self._operand(cell, "A", width), self._operand(cell, "B", width)]
        if cell.kind in _ORDERS:
            return self._make("BV_" + _ORDERS[cell.kind][self._signed(cell)], operands)
        return self._make("EQUAL" if cell.kind == "$eq" else "DISTINCT", operands)

    @staticmethod
    def _signed(cell: Cell) -> bool:
        return bool(cell.parameters.get("A_SIGNED")) and bool(cell.parameters.get("B_SIGNED", 1))

    def _shift(self, cell: Cell) -> Any:
        amount = self.word(cell.pins["B"])
        width = max(len(cell.outs), len(cell.pins["A"]), self._width(amount))
        arithmetic = cell.kind == "$sshr" and cell.parameters.get("A_SIGNED")
        if cell.kind in ("$shl", "$sshl") or arithmetic:
            operand = self._operand(cell, "A", width)
        else:  # what moves in from above the operand is 0, not its extension
            operand = self._sized(self._operand(cell, "A", max(len(cell.outs), len(cell.pins["A"]))), width)
        name = "BV_ASHR" if arithmetic else _SHIFTS.get(cell.kind, "BV_SHR")
        return self._make(name, [operand, self._sized(amount, width)])

    def _divide(self, cell: Cell) -> Any:
        width = max(len(cell.outs), len(cell.pins["A"]), len(cell.pins["B"]))
        a, b = self._operand(cell, "A", width), self._operand(cell, "B", width)
        name = ("BV_SREM" if cell.kind == "$mod" else "BV_SDIV") if self._signed(cell) else (
            "BV_UREM" if cell.kind == "$mod" else "BV_UDIV")  # fmt: skip
        result = self._make(name, [a, b])
        self.divisors.append(b)
        if not self._by_zero:
            return result
        place = (cell.kind, a.id(), b.id())
        if cell.kind == "$mod" and not self._gate and place not in self._choices:
            return result  # by zero, the dividend
        return self._make("ITE", [self._true(b), result, self._unknown(place, width)])
