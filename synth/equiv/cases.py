"""Relations between words, one for each value of the control registers: running sums, shifted operands, accumulators.

In every reachable state, the control registers of both designs have one of a few joint values, and for each of them
the other state bits have a shape (see `affine`): constants, equal bits, words that are sums of other bits. The
shapes are those of states that random runs visit; then a step is taken from arbitrary states within them, and where it
leads outside, the state that it leads to is added and the shape gets wider. When no step leads outside and no output
differs inside, and the start is inside, the designs are equivalent. Only these facts count, not how the shapes were
found. (Abstraction by affine equations that grows with counterexamples: T. Reps, M. Sagiv, G. Yorsh, "Symbolic
implementation of the best transformer", VMCAI 2004; the cases are control locations.)
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtlgen.synth.equiv.affine import Bits, Shape, shape_of
from rtlgen.synth.equiv.aig import FALSE, TRUE, Aig, write_aiger
from rtlgen.synth.equiv.bits import Bit, Ops, one_of, zero_of
from rtlgen.synth.equiv.combine import Decision, screen
from rtlgen.synth.equiv.correspond import output_mismatches
from rtlgen.synth.equiv.engines import COMBINATIONAL, Verdict, race
from rtlgen.synth.equiv.netlist import Netlist, Register
from rtlgen.synth.equiv.relate import is_among
from rtlgen.synth.equiv.reset import State
from rtlgen.synth.equiv.simulate import BitName, Simulator, random_inputs
from rtlgen.synth.equiv.solver import QUICK_S, decide
from rtlgen.synth.equiv.split import control_nets
from rtlgen.synth.equiv.unfold import RegisterBits, Unfolding

MAX_STATE_BITS = 400
_MAX_CASES = 64
_CONTROL_CASES, _CONTROL_WIDTH = 40, 8
"""Joint values up to which registers are taken as control, and their greatest width."""
_PATTERNS, _SINGLE_PATTERNS, _NEW = 256, 8192, 24
"""Random states in a step from one of many cases and from a single one, and most states that are added at once."""
_CALM_ROUNDS, _MAX_ROUNDS = 3, 24
_ASK_S = 2.0
"""Most seconds for a prover on one case, which either is quick or never ends."""
_SINGLE_QUICK_S = 1.5
"""Seconds for the solver on a single case, whose step is one question."""
_SWITCHES = 4

Word = tuple[BitName, ...]


class Cases:
    """The relation of one pair of designs, being widened until it is inductive."""

    def __init__(
        self,
        gold: Netlist,
        gate: Netlist,
        start: tuple[State, State],
        runs: Mapping[BitName, int],
        samples: int,
        *,
        control: bool = True,
    ) -> None:
        """Take what the relation starts from.

        Args:
            gold: old design.
            gate: new design.
            start: their first states, every bit known.
            runs: values of each state bit over random runs.
            samples: how many values those are.
            control: whether there is a case for each value of the control registers, or only one case.
        """
        self.gold, self.gate, self.start = gold, gate, start
        words = [("gate", r) for r in gate.registers] + [("gold", r) for r in gold.registers]
        named: list[Word] = [tuple((s, n) for n in r.out if isinstance(n, int)) for s, r in words]
        # without cases, a wide word is a sum of narrow ones that take few values, such as digits
        self._words = named if control else sorted(named, key=len, reverse=True)
        self._names = sorted({name for word in self._words for name in word}, key=lambda n: (n[0] != "gold", n[1]))
        states = _matrix(runs, self._names, samples)
        first = np.array([[one_of(self._start(name)) for name in self._names]], dtype=np.uint8)
        states = np.concatenate([first, states])
        self.control = _control(states, self._names, self._words) if control else []
        self.states: dict[tuple[int, ...], Bits] = {}
        self.shapes: dict[tuple[int, ...], Shape] = {}
        self._split(states)
        self.quick_s = QUICK_S if control else _SINGLE_QUICK_S
        self.patterns = _PATTERNS if control else _SINGLE_PATTERNS
        self._has_sums = False
        self.verdicts: list[Verdict] = []
        self._rng = random.Random(5)
        self._switches = [name for name in _switches(gold) if name in gold.ports]

    def prove(self, deadline: float, jobs: int, longest: float) -> Decision:
        """Return `unsat` where the designs are shown equivalent; anything else says nothing about them.

        Args:
            deadline: `time.monotonic()` at which to give up.
            jobs: ABC processes at once.
            longest: the same as long as some word is a sum of others.
        """
        calm = rounds = 0
        short = deadline
        while rounds < _MAX_ROUNDS or not self.control:
            deadline = longest if self._has_sums else short
            if time.monotonic() > deadline:
                break
            rounds += 1
            grown: list[Bits] = []
            problems = {}
            for case in list(self.states):
                problem = problems[case] = self.problem(case)
                differs = problem.differs(problem.random(self._rng), self.patterns)
                new = problem.outside(self.patterns)
                # with more states, a sum may have other factors: then what differs now may not
                if differs and not (self._has_sums and len(new)):
                    return Decision("unknown", "an output differs within the relation", tuple(self.verdicts))
                if len(new):
                    grown.append(new)
                if time.monotonic() > deadline:
                    return Decision("unknown", "budget", tuple(self.verdicts))
            if not grown:
                calm += 1
                if calm < _CALM_ROUNDS:
                    continue
                decision, grown = self._ask(problems, deadline, jobs)
                if not grown:
                    return decision
            calm = 0
            if not self._split(np.concatenate(grown)):
                return Decision("unknown", "too many cases", tuple(self.verdicts))
        return Decision("unknown", "budget", tuple(self.verdicts))

    def problem(self, case: tuple[int, ...]) -> Problem:
        """Return the step from one case, as it is known now."""
        known = self._problems.get(case)
        if known is None:
            known = self._problems[case] = Problem(self, case)
        return known

    def shape(self, case: tuple[int, ...]) -> Shape:
        """Return the shape of a case."""
        if case not in self.shapes:
            words = [tuple(name for name in word if name not in self.control) for word in self._words]
            names = [name for name in self._names if name not in self.control]
            keep = [index for index, name in enumerate(self._names) if name not in self.control]
            self.shapes[case] = shape_of(
                self.states[case][:, keep], names, [w for w in words if w], overlap=not self.control
            )
            self._has_sums = bool(self.shapes[case].sums) or (self._has_sums and bool(self.control))
        return self.shapes[case]

    def row(self, values: Mapping[BitName, int], lane: int) -> list[int]:
        """Return one state of a simulation as a row."""
        return [values[name] >> lane & 1 for name in self._names]

    def _start(self, name: BitName) -> Bit:
        return self.start[0 if name[0] == "gold" else 1][name[1]]

    def _split(self, states: Bits) -> bool:
        """Add states to their cases; return whether there are not too many cases."""
        columns = [self._names.index(name) for name in self.control]
        keys = [tuple(row) for row in states[:, columns].tolist()]
        for key in set(keys):
            rows = states[[k == key for k in keys]]
            before = self.states.get(key)
            self.states[key] = np.unique(rows if before is None else np.concatenate([before, rows]), axis=0)
            self.shapes.pop(key, None)
        self._problems: dict[tuple[int, ...], Problem] = {}
        return len(self.states) <= _MAX_CASES

    def _ask(
        self, problems: Mapping[tuple[int, ...], Problem], deadline: float, jobs: int
    ) -> tuple[Decision, list[Bits]]:
        """Ask for each case whether a step leads out or an output differs; return also states outside, if any."""
        method = "structural"
        for problem in problems.values():
            decision, new = problem.ask(deadline, jobs, quick=True)
            self.verdicts += decision.verdicts
            if decision.answer != "unsat" and not new and self._switches:
                decision, new = self._ask_apart(problem.case, deadline, jobs)
            if decision.answer != "unsat" and not new:
                decision, new = problem.ask(min(deadline, time.monotonic() + _ASK_S), jobs)
                self.verdicts += decision.verdicts
            if decision.answer != "unsat":
                return Decision(decision.answer, decision.method, tuple(self.verdicts)), new
            method = decision.method if decision.verdicts else method
        return Decision("unsat", method, tuple(self.verdicts)), []

    def _ask_apart(self, case: tuple[int, ...], deadline: float, jobs: int) -> tuple[Decision, list[Bits]]:
        """Ask for each value of a few inputs that steer multiplexers: without those, sums have one canonical form."""
        decision = Decision("unknown", "no inductive relation")
        for values in itertools.product((FALSE, TRUE), repeat=len(self._switches)):
            problem = Problem(self, case, dict(zip(self._switches, values, strict=True)))
            decision, new = problem.ask(min(deadline, time.monotonic() + _ASK_S), jobs)
            self.verdicts += decision.verdicts
            if decision.answer != "unsat":
                return decision, new
        return decision, []


def _switches(gold: Netlist) -> list[str]:
    """Return the inputs of one bit that select most often, a few."""
    chosen = set(control_nets(gold))
    ports = [n for n, p in gold.ports.items() if p.direction == "input" and len(p.nets) == 1 and p.nets[0] in chosen]
    return ports[:_SWITCHES]


def applies(gold: Netlist, gate: Netlist, start: tuple[State, State]) -> bool:
    """Return whether the relation can be tried: flip-flops only, not too many, every bit known at the start."""
    registers = [*gold.registers, *gate.registers]
    return (
        bool(gold.registers and gate.registers)
        and gold.state_bits + gate.state_bits <= MAX_STATE_BITS
        and not any(r.latch for r in registers)
        and all(isinstance(bit, int) for state in start for bit in state.values())
    )


def _matrix(runs: Mapping[BitName, int], names: Sequence[BitName], samples: int) -> Bits:
    size = (samples + 7) // 8
    rows = [np.frombuffer(runs[name].to_bytes(size, "little"), dtype=np.uint8) for name in names]
    bits = np.unpackbits(np.stack(rows), axis=1, bitorder="little")[:, :samples]
    return np.unique(np.ascontiguousarray(bits.T), axis=0)


def _control(states: Bits, names: Sequence[BitName], words: Sequence[Word]) -> list[BitName]:
    """Return the bits of narrow registers that together take few values, fewest first."""
    index = {name: i for i, name in enumerate(names)}
    ranked = []
    for word in words:
        if 0 < len(word) <= _CONTROL_WIDTH:
            value = states[:, [index[name] for name in word]].astype(np.int64) @ (1 << np.arange(len(word)))
            ranked.append((len(np.unique(value)), word, value))
    chosen: list[BitName] = []
    joint = np.zeros(len(states), dtype=np.int64)
    for _, word, value in sorted(ranked, key=lambda item: item[0]):
        both = np.unique(joint << _CONTROL_WIDTH | value, return_inverse=True)
        if len(both[0]) <= _CONTROL_CASES:
            joint = both[1].reshape(-1).astype(np.int64)
            chosen += word
    return chosen


@dataclass(frozen=True, slots=True)
class _Next:
    """A register bit with its next values."""

    name: BitName
    stepped: Bit
    held: Bit


class Problem:
    """One step from an arbitrary state within one case."""

    def __init__(self, cases: Cases, case: tuple[int, ...], fixed: Mapping[str, int] = {}) -> None:
        self.cases, self.case = cases, case
        self.aig = aig = Aig()
        self.ops = Ops(aig)
        values: dict[BitName, Bit] = dict(zip(cases.control, case, strict=True))
        self._ranges: list[tuple[list[int], list[int]]] = []
        self._twice: list[int] = []
        values.update(self._within(cases.shape(case)))
        rules = [is_among(aig, lits, set(taken)) for lits, taken in self._ranges]
        inside = aig.and_all(rules + [lit ^ 1 for lit in self._twice])
        sides: dict[str, dict[int, Bit]] = {"gold": {}, "gate": {}}
        for name, port in cases.gold.ports.items():
            if port.direction == "input":
                for nets in zip(port.nets, cases.gate.ports[name].nets, strict=True):
                    lit = fixed[name] if name in fixed else aig.pi(name)
                    for side, net in zip(sides, nets, strict=True):
                        if isinstance(net, int):
                            sides[side][net] = lit
        for (side, net), bit in values.items():
            sides[side][net] = bit
        left = Unfolding(cases.gold, self.ops, sides["gold"], None)
        right = Unfolding(cases.gate, self.ops, sides["gate"], lambda _: aig.pi("x"))
        self.bad = aig.and_(inside, aig.or_all(output_mismatches(left, right).values()))
        pairs = [(("gold", b.net), r, b) for r in cases.gold.registers for b in left.register(r)]
        pairs += [(("gate", b.net), r, b) for r in cases.gate.registers for b in right.register(r)]
        self.possible = _one_clock(pairs)
        self._steps(pairs, values, inside)

    def _within(self, shape: Shape) -> dict[BitName, Bit]:
        """Return the state bits of an arbitrary state of the shape."""
        lits = {number: self.aig.pi("free") for number in sorted(shape.free)}
        for item in reversed(shape.sums):
            terms = {lits[number]: factor for number, factor in item.terms.items()}
            word = self.ops.words.combine(terms, item.const, len(item.classes))
            for index, (bit, member) in enumerate(zip(word, item.classes, strict=True)):
                if member is None:
                    self._twice.append(bit ^ (item.known >> index & 1))
                else:
                    value = bit ^ int(member[1])
                    self._twice.append(self.aig.xor(lits.setdefault(member[0], value), value))
        for narrow in shape.ranges:
            self._ranges.append(([lits[n] ^ int(flip) for n, flip in narrow.classes], sorted(narrow.values)))
        values: dict[BitName, Bit] = dict(shape.constant)
        values.update({name: lits[number] ^ int(flip) for name, (number, flip) in shape.member.items()})
        return values

    def _steps(
        self, pairs: Sequence[tuple[BitName, Register, RegisterBits]], values: Mapping[BitName, Bit], inside: int
    ) -> None:
        """Collect what a clock edge, and what an asynchronous control without one, makes of the state."""
        ops, aig = self.ops, self.aig
        nexts = [
            _Next(name, ops.mux(b.control, b.value, b.data), ops.mux(b.control, b.value, values[name]))
            for name, _, b in pairs
        ]
        kinds = [{n.name: n.stepped for n in nexts}]
        if any(b.control != FALSE for _, _, b in pairs):
            kinds.append({n.name: n.held for n in nexts})
        self.following: list[dict[BitName, int]] = []
        self.leaves: list[int] = []
        for bits in kinds:
            unknown = aig.or_all(aig.and_(one_of(b) ^ 1, zero_of(b) ^ 1) for b in bits.values())
            plain = {name: one_of(b) for name, b in bits.items()}
            self.following.append(plain)
            self.leaves.append(aig.and_(inside, aig.or_(unknown, self._outside(plain))))

    def _outside(self, state: Mapping[BitName, int]) -> int:
        """Return the literal of a state's being in no case."""
        aig = self.aig
        inside = []
        for case in self.cases.states:
            here = aig.and_all(state[name] ^ 1 ^ value for name, value in zip(self.cases.control, case, strict=True))
            if here != FALSE:
                inside.append(aig.and_(here, self._fits(state, self.cases.shape(case))))
        return aig.or_all(inside) ^ 1

    def _fits(self, state: Mapping[BitName, int], shape: Shape) -> int:
        aig = self.aig
        wrong = [state[name] ^ value for name, value in shape.constant.items()]
        lits: dict[int, int] = {}
        for name, (number, flip) in shape.member.items():
            lit = state[name] ^ int(flip)
            wrong.append(aig.xor(lits.setdefault(number, lit), lit))
        for item in shape.sums:
            terms: dict[int, int] = {}
            for number, factor in item.terms.items():
                terms[lits[number]] = terms.get(lits[number], 0) + factor
            word = self.ops.words.combine(terms, item.const, len(item.classes))
            wrong += [aig.xor(b, lits[m[0]] ^ int(m[1])) for b, m in zip(word, item.classes, strict=True) if m]
        for narrow in shape.ranges:
            wrong.append(is_among(aig, [lits[n] ^ int(flip) for n, flip in narrow.classes], narrow.values) ^ 1)
        return aig.or_all(wrong) ^ 1

    def random(self, rng: random.Random) -> dict[int, int]:
        """Return random inputs and states."""
        patterns = self.cases.patterns
        inputs = random_inputs(rng, self.aig.pis, patterns)
        for lits, taken in self._ranges:
            chosen = rng.choices(taken, k=patterns)
            for i, lit in enumerate(lits):
                inputs[lit >> 1] = sum((value >> i & 1 ^ lit & 1) << lane for lane, value in enumerate(chosen))
        return inputs

    def differs(self, inputs: Mapping[int, int], patterns: int) -> bool:
        """Simulate, and return whether an output differs (or nothing can be said of this case)."""
        roots = [self.bad, *self.leaves, *(lit for state in self.following for lit in state.values())]
        self._simulator = Simulator(self.aig, roots, patterns)
        self._simulator.run(inputs)
        return not self.possible or bool(self._simulator.value(self.bad))

    def outside(self, patterns: int) -> Bits:
        """Return states outside that the last simulation led to."""
        value = self._simulator.value
        rows = []
        for leave, state in zip(self.leaves, self.following, strict=True):
            lanes = value(leave)
            vectors = {name: value(lit) for name, lit in state.items()} if lanes else {}
            for _ in range(_NEW):
                if not lanes:
                    break
                lane = (lanes & -lanes).bit_length() - 1
                lanes &= lanes - 1
                rows.append(self.cases.row(vectors, lane))
        return np.array(rows, dtype=np.uint8)

    def ask(self, deadline: float, jobs: int, *, quick: bool = False) -> tuple[Decision, list[Bits]]:
        """Return whether this case is settled, and else a state outside that it leads to.

        Args:
            deadline: `time.monotonic()` at which to give up.
            jobs: ABC processes at once.
            quick: ask no other process.
        """
        if not self.possible:
            return Decision("unknown", "several clocks"), []
        decision, new = self._settle(self.leaves, deadline, jobs, quick)
        if decision.answer != "unsat":
            return decision, new
        last, new = self._settle([self.bad], deadline, jobs, quick)
        return replace(last, verdicts=decision.verdicts + last.verdicts), new

    def _settle(self, lits: list[int], deadline: float, jobs: int, quick: bool) -> tuple[Decision, list[Bits]]:
        """Return whether the literals are impossible, and else a state outside that a witness leads to."""
        screening = screen(self.aig, lits)
        if screening.decision.answer == "unsat" or TRUE in lits:
            return screening.decision, []
        open_lits = screening.open_lits or lits
        own, values = decide(self.aig, open_lits, min(self.cases.quick_s, deadline - time.monotonic()))
        if own.answer == "unsat":
            return Decision("unsat", own.engine, (own,)), []
        if own.answer == "sat":
            return self._outside_of(values, (own,))
        if quick:
            return Decision("unknown", "budget", (own,)), []
        text, inputs = write_aiger(self.aig, [], [self.aig.or_all(open_lits)])
        verdicts = race(
            [(engine, text) for engine in COMBINATIONAL[:2]],
            deadline=deadline,
            jobs=jobs,
            enough=lambda v: v.answer == "unsat" or bool(v.frames),
        )
        answers = {v.answer for v in verdicts} - {"unknown"}
        if answers == {"unsat"}:
            return Decision("unsat", verdicts[-1].engine, tuple(verdicts)), []
        frames = next((v.frames for v in verdicts if v.frames), ())
        if answers != {"sat"} or not frames:
            return Decision("unknown", "no inductive relation", tuple(verdicts)), []
        return self._outside_of(dict(zip(inputs, map(int, frames[0]), strict=True)), tuple(verdicts))

    def _outside_of(self, values: Mapping[int, int], verdicts: tuple[Verdict, ...]) -> tuple[Decision, list[Bits]]:
        """Return the state outside that a witness leads to; none where it shows an output that differs."""
        unknown = Decision("unknown", "no inductive relation", verdicts)
        if self.differs(values, 1):
            return unknown, []
        new = self.outside(1)
        return unknown, [new] if len(new) else []


def _one_clock(pairs: Sequence[tuple[BitName, Register, RegisterBits]]) -> bool:
    """Return whether all registers move at the same edge of one clock, which is known."""
    edges = {(bit.event, register.rising) for _, register, bit in pairs}
    return len(edges) == 1 and all(isinstance(event, int) and event > TRUE for event, _ in edges)
