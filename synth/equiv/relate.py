"""Register correspondence for registers that are not simply equal: complements, constants, and other codes.

In every reachable state, some relation R of the two designs' registers holds: bits that are equal or complementary,
bits that never change, and narrow groups (two codes of one state machine) whose joint values are among few tuples. R
is guessed from random runs, then made inductive: from arbitrary states within R one step is taken; a tuple that comes
up new is added, a bit relation that breaks is dropped. When a prover finds no step out of R and no output
that differs within R, and the start is in R, the designs are equivalent. Only the last two facts count; how R was
found does not. (C. A. J. van Eijk, "Sequential equivalence checking based on structural similarities", IEEE TCAD 2000,
for bit relations; the tuples are its counterpart for re-encoded registers.)
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from rtlgen.synth.equiv.aig import FALSE, TRUE, Aig, write_aiger
from rtlgen.synth.equiv.bits import Bit, Ops, one_of, zero_of
from rtlgen.synth.equiv.combine import Decision, screen
from rtlgen.synth.equiv.correspond import output_mismatches
from rtlgen.synth.equiv.engines import COMBINATIONAL, Verdict, race
from rtlgen.synth.equiv.mine import Group, Guess
from rtlgen.synth.equiv.netlist import Netlist, Register
from rtlgen.synth.equiv.reset import State
from rtlgen.synth.equiv.simulate import BitName, Simulator, random_inputs
from rtlgen.synth.equiv.solver import QUICK_S, decide
from rtlgen.synth.equiv.unfold import RegisterBits, Unfolding, mismatch

_PATTERNS = 512
_CALM_ROUNDS = 4
_MAX_TUPLES = 1024
_MAX_ROUNDS = 120

Item = tuple[str, int | BitName]
"""What an obligation is about: `equal` or `constant` with a state bit, `group` or `order` with its number, `output`."""


@dataclass(frozen=True, slots=True)
class _Bits:
    register: Register
    bit: RegisterBits


class Relation:
    """One guess, being turned into an inductive relation."""

    def __init__(self, gold: Netlist, gate: Netlist, guess: Guess, start: tuple[State, State]) -> None:
        self.gold, self.gate, self.guess, self.start = gold, gate, guess, start
        self.verdicts: list[Verdict] = []
        self._rng = random.Random(7)
        self._keep_what_holds_at_start()

    def prove(self, deadline: float, jobs: int) -> Decision:
        """Return `unsat` where the designs are shown equivalent; anything else says nothing about them."""
        problem = _Problem(self)
        calm = 0
        for _ in range(_MAX_ROUNDS):
            if time.monotonic() > deadline:
                break
            changed, failed = self._learn(problem, self._patterns(problem), _PATTERNS)
            if failed:
                return Decision("unknown", "an output differs within the relation", tuple(self.verdicts))
            if changed:
                problem, calm = _Problem(self), 0
                continue
            calm += 1
            if calm < _CALM_ROUNDS:
                continue
            decision, witness = self._ask(problem, deadline, jobs)
            if decision.answer != "sat":
                return decision
            changed, failed = self._learn(problem, witness, 1)
            if failed or not changed:
                break
            problem, calm = _Problem(self), 0
        return Decision("unknown", "no inductive relation", tuple(self.verdicts))

    def _keep_what_holds_at_start(self) -> None:
        """Drop what the start contradicts; where gold starts unknown, one choice of it must do for all partners."""
        found = self.guess
        first: dict[BitName, Bit] = {}
        for name, (stands, flip) in list(found.equal.items()):
            own, other = _flipped(self._start_of(name), flip), self._start_of(stands)
            if stands[0] == "gold" and name[0] == "gate" and not isinstance(other, int):
                holds = stands not in first or (isinstance(own, int) and first[stands] == own)
                first.setdefault(stands, own)
            else:
                holds = isinstance(own, int) and own == other
            if not holds:
                del found.equal[name]
        for name, value in list(found.constant.items()):
            start = self._start_of(name)
            if start != value and (name[0] == "gate" or isinstance(start, int)):
                del found.constant[name]
        found.groups = [g for g in found.groups if self._start_tuple(g) in g.tuples]
        found.orders = [(a, b) for a, b in found.orders if 0 <= self._start_number(a) <= self._start_number(b)]

    def _start_number(self, nets: Sequence[int]) -> int:
        return self._start_tuple(Group(tuple(nets), (), set()))

    def _start_of(self, name: BitName) -> Bit:
        return self.start[0 if name[0] == "gold" else 1][name[1]]

    def _start_tuple(self, group: Group) -> int:
        bits = [self.start[0][n] for n in group.gold] + [self.start[1][n] for n in group.gate]
        return (
            sum(b << i for i, b in enumerate(bits) if isinstance(b, int))
            if all(isinstance(b, int) for b in bits)
            else -1
        )

    def _patterns(self, problem: _Problem) -> dict[int, int]:
        """Return random values of the inputs within the relation."""
        inputs = random_inputs(self._rng, problem.aig.pis, _PATTERNS)
        for group in self.guess.groups:
            if problem.lost[id(group)] != FALSE:  # mostly not
                inputs[problem.lost[id(group)] >> 1] = self._rng.getrandbits(_PATTERNS) & self._rng.getrandbits(
                    _PATTERNS
                )
            chosen = self._rng.choices(sorted(group.tuples), k=_PATTERNS)
            for i, lit in enumerate(problem.members(group)):
                inputs[lit >> 1] = sum((value >> i & 1 ^ lit & 1) << lane for lane, value in enumerate(chosen))
        return inputs

    def _learn(self, problem: _Problem, inputs: Mapping[int, int], patterns: int) -> tuple[bool, bool]:
        """Run the patterns; return whether the relation changed, and whether an output differed though it did not."""
        simulator = problem.simulator(patterns)
        simulator.run(inputs)
        inside = simulator.value(problem.inside)
        changed = False
        for index, group in enumerate(list(self.guess.groups)):
            changed |= self._extend(group, problem, simulator, inside, index)
        broken = [item for item, lit in problem.lits.items() if item[0] != "group" and simulator.value(lit) & inside]
        for item in broken:
            changed |= self._drop(item)
        fallen = {item[1] for item in broken if item[0] == "order"}
        self.guess.orders = [order for index, order in enumerate(self.guess.orders) if index not in fallen]
        return changed or bool(fallen), not changed and bool(broken) and not fallen

    def _drop(self, item: Item) -> bool:
        if isinstance(item[1], int):
            return False
        dropped = self.guess.equal.pop(item[1], None) or self.guess.constant.pop(item[1], None)
        return dropped is not None

    def _extend(self, group: Group, problem: _Problem, simulator: Simulator, inside: int, index: int) -> bool:
        """Add the tuples that the group moves to; drop the group where it has no common next state or too many."""
        following = problem.following.get(index)
        if following is None:
            self.guess.groups.remove(group)
            return True
        lanes = simulator.value(problem.lits["group", index]) & inside
        vectors = [simulator.value(lit) for lit in following] if lanes else []
        added = set()
        while lanes:
            lane = (lanes & -lanes).bit_length() - 1
            lanes &= lanes - 1
            if vectors[-1] >> lane & 1:  # in part X: no tuple says that
                self.guess.groups.remove(group)
                return True
            added.add(sum((v >> lane & 1) << i for i, v in enumerate(vectors[:-1])))
        added -= group.tuples
        group.tuples |= added
        if len(group.tuples) > _MAX_TUPLES:
            self.guess.groups.remove(group)
        return bool(added)

    def _ask(self, problem: _Problem, deadline: float, jobs: int) -> tuple[Decision, dict[int, int]]:
        g = problem.aig
        screening = screen(g, [g.and_(problem.inside, lit) for lit in problem.lits.values()])
        if screening.decision.answer == "unsat":
            return Decision("unsat", screening.decision.method, tuple(self.verdicts)), {}
        lits = screening.open_lits or tuple(g.and_(problem.inside, lit) for lit in problem.lits.values())
        quick, values = decide(g, lits, min(QUICK_S, deadline - time.monotonic()))
        if quick.answer != "unknown":
            self.verdicts.append(quick)
            return Decision(quick.answer, quick.engine, tuple(self.verdicts)), dict(values)
        text, inputs = write_aiger(g, [], [g.or_all(lits)])
        tasks = [(engine, text) for engine in COMBINATIONAL[:2]]
        verdicts = race(tasks, deadline=deadline, jobs=jobs, enough=lambda v: v.answer == "unsat" or bool(v.frames))
        self.verdicts += verdicts
        answers = {v.answer for v in verdicts} - {"unknown"}
        if answers == {"unsat"}:
            return Decision("unsat", verdicts[-1].engine, tuple(self.verdicts)), {}
        frames = next((v.frames for v in verdicts if v.frames), ())
        if answers == {"sat"} and frames:
            return Decision("sat", "witness"), dict(zip(inputs, map(int, frames[0]), strict=True))
        return Decision("unknown", "budget", tuple(self.verdicts)), {}


def is_among(aig: Aig, members: Sequence[int], tuples: Set[int]) -> int:
    """Return the literal of "the members have one of these joint values", as a decision graph without duplicates."""
    made: dict[tuple[int, frozenset[int]], int] = {}

    def decide(index: int, values: frozenset[int]) -> int:
        if not values or index == len(members):
            return TRUE if values else FALSE
        key = (index, values)
        if key not in made:
            rests = [frozenset(v >> 1 for v in values if v & 1 == bit) for bit in (0, 1)]
            made[key] = aig.mux(members[index], decide(index + 1, rests[1]), decide(index + 1, rests[0]))
        return made[key]

    return decide(0, frozenset(tuples))


def _flipped(bit: Bit, flip: bool) -> Bit:
    if not flip:
        return bit
    return bit ^ 1 if isinstance(bit, int) else (bit[1], bit[0])


class _Problem:
    """The step from an arbitrary state within the relation, in one graph.

    Attributes:
        inside: the state is within the relation (as far as tuples say; the rest is built in).
        lits: what must be impossible inside, by item.
        following: next joint value of each group, where its registers move together.
    """

    def __init__(self, relation: Relation) -> None:
        self.relation = relation
        self.aig = Aig()
        self.ops = Ops(self.aig)
        gold, gate, guess = relation.gold, relation.gate, relation.guess
        self.gold_values: dict[int, Bit] = {}
        self.gate_values: dict[int, Bit] = {}
        self.known: dict[int, int] = {}
        self._set_inputs(gold, gate)
        self._set_states(guess)
        self.lost = {id(g): self._let_lose(g) for g in guess.groups}
        left = Unfolding(gold, self.ops, self.gold_values, None)
        right = Unfolding(gate, self.ops, self.gate_values, lambda _: self.aig.pi("x"))
        among = [self.aig.or_(self.lost[id(g)], self._is_among(self.members(g), g.tuples)) for g in guess.groups]
        self.inside = self.aig.and_all([*among, *(self._ordered(a, b) for a, b in guess.orders)])
        self.lits: dict[Item, int] = {("output", 0): self.aig.or_all(output_mismatches(left, right).values())}
        self.following: dict[int, list[int]] = {}
        bits = {("gold", b.net): _Bits(r, b) for r in gold.registers for b in left.register(r)}
        bits |= {("gate", b.net): _Bits(r, b) for r in gate.registers for b in right.register(r)}
        self._oblige_bits(guess, bits)
        for index, group in enumerate(guess.groups):
            members = [bits["gold", n] for n in group.gold] + [bits["gate", n] for n in group.gate]
            self._oblige_group(index, group, members)
        for index, (low, high) in enumerate(guess.orders):
            self._oblige_order(index, [bits["gold", n] for n in low], [bits["gold", n] for n in high])
        self._simulators: dict[int, Simulator] = {}

    def simulator(self, patterns: int) -> Simulator:
        """Return the simulator for a number of patterns."""
        if patterns not in self._simulators:
            roots = [self.inside, *self.lits.values(), *(lit for lits in self.following.values() for lit in lits)]
            self._simulators[patterns] = Simulator(self.aig, roots, patterns)
        return self._simulators[patterns]

    def members(self, group: Group) -> list[int]:
        """Return the literals of a group's state bits."""
        bits = [self.known.get(n, self.gold_values[n]) for n in group.gold] + [self.gate_values[n] for n in group.gate]
        return [one_of(b) for b in bits]

    def _ordered(self, low: Sequence[int], high: Sequence[int]) -> int:
        a, b = ([one_of(self.known.get(n, self.gold_values[n])) for n in nets] for nets in (low, high))
        return self._at_most(a, b)

    def _at_most(self, low: list[int], high: list[int]) -> int:
        width = max(len(low), len(high))
        a, b = (bits + [FALSE] * (width - len(bits)) for bits in (low, high))
        return self.ops.less_plain(b, a) ^ 1

    def _oblige_order(self, index: int, low: list[_Bits], high: list[_Bits]) -> None:
        """Say that two registers get out of order; always, where they do not move at the same time."""
        moments = {(b.bit.event, b.register.rising, b.register.latch, b.bit.control) for b in (*low, *high)}
        moved = [[self.ops.mux(b.bit.control, b.bit.value, b.bit.data) for b in bits] for bits in (low, high)]
        unknown = self.aig.or_all(self.ops.maybe_x((b,)) for bits in moved for b in bits)
        holds = self._at_most(*([one_of(b) for b in bits] for bits in moved))
        together = len(moments) == 1 and not low[0].register.latch
        self.lits["order", index] = self.aig.or_(unknown, holds ^ 1) if together else TRUE

    def _let_lose(self, group: Group) -> int:
        """Let gold's part of a group be X as a whole, gate's then being anything; return the literal that says so.

        From a state that is never reached, gold's next code may well be X, and then nothing is asked of gate's. Bits
        that stand for others can't be treated so.
        """
        bound = {n for name, (stands, _) in self.relation.guess.equal.items() for n in (name, stands)}
        if not group.gold or not group.gate or any(("gold", n) in bound for n in group.gold):
            return FALSE
        lost = self.aig.pi("lost")
        for net in group.gold:
            lit = self.known[net] = one_of(self.gold_values[net])
            self.gold_values[net] = (self.aig.and_(lit, lost ^ 1), self.aig.and_(lit ^ 1, lost ^ 1))
        return lost

    def _set_inputs(self, gold: Netlist, gate: Netlist) -> None:
        for name, port in gold.ports.items():
            if port.direction != "input":
                continue
            for a, b in zip(port.nets, gate.ports[name].nets, strict=True):
                lit = self.aig.pi(name)
                if isinstance(a, int):
                    self.gold_values[a] = lit
                if isinstance(b, int):
                    self.gate_values[b] = lit

    def _set_states(self, guess: Guess) -> None:
        values = {"gold": self.gold_values, "gate": self.gate_values}
        names = [(side, net) for side, state in zip(values, self.relation.start, strict=True) for net in state]
        for side, net in names:
            if (side, net) not in guess.equal:
                known = guess.constant.get((side, net))
                values[side][net] = self.aig.pi("state") if known is None else known
        for (side, net), ((other, partner), flip) in guess.equal.items():
            values[side][net] = one_of(values[other][partner]) ^ int(flip)

    def _is_among(self, members: list[int], tuples: set[int]) -> int:
        return is_among(self.aig, members, tuples)

    def _oblige_bits(self, guess: Guess, bits: Mapping[BitName, _Bits]) -> None:
        partners = Counter(stands for stands, _ in guess.equal.values())
        for name, (stands, flip) in guess.equal.items():
            lit = self._pair(bits[stands], bits[name], flip)
            if partners[stands] > 1 or name[0] == stands[0]:  # one X of gold can't do for two partners
                lit = self.aig.or_all((lit, self._is_x(bits[stands].bit), self._is_x(bits[name].bit)))
            self.lits["equal", name] = lit
        for name, value in guess.constant.items():
            self.lits["constant", name] = self._leaves(bits[name].bit, value)

    def _is_x(self, bit: RegisterBits) -> int:
        return self.ops.maybe_x((bit.event, bit.control, bit.value, bit.data))

    def _pair(self, a: _Bits, b: _Bits, flip: bool) -> int:
        """Return the literal of a difference between partners' clock, asynchronous control or next state."""
        g, ops = self.aig, self.ops
        if a.register.latch != b.register.latch:
            return TRUE
        same_edge = a.register.latch or a.register.rising == b.register.rising
        event = a.bit.event if same_edge else ops.inv(a.bit.event)
        control = a.bit.control
        held = g.and_(one_of(control), mismatch(ops, a.bit.value, _flipped(b.bit.value, flip)))
        moved = g.and_(zero_of(control), mismatch(ops, a.bit.data, _flipped(b.bit.data, flip)))
        if a.register.latch:
            moved = g.and_(moved, one_of(event))
        return g.or_all((mismatch(ops, event, b.bit.event), mismatch(ops, control, b.bit.control), held, moved))

    def _leaves(self, bit: RegisterBits, value: int) -> int:
        """Return the literal of a constant bit's leaving its value, whenever its clock may tick."""
        g = self.aig
        held = g.and_(zero_of(bit.control) ^ 1, mismatch(self.ops, bit.value, value))
        return g.or_(held, g.and_(one_of(bit.control) ^ 1, mismatch(self.ops, bit.data, value)))

    def _oblige_group(self, index: int, group: Group, bits: list[_Bits]) -> None:
        """Say that the group moves to another tuple; only where all its registers move at the same time."""
        moments = {(b.bit.event, b.register.rising, b.register.latch, b.bit.control) for b in bits}
        if len(moments) != 1 or bits[0].register.latch:
            return
        moved = [self.ops.mux(b.bit.control, b.bit.value, b.bit.data) for b in bits]
        nexts = [one_of(b) for b in moved]
        g = self.aig
        nowhere = [g.and_(one_of(b) ^ 1, zero_of(b) ^ 1) for b in moved]
        unknown = g.or_all(nowhere)
        self.following[index] = [*nexts, unknown]
        outside = g.or_(unknown, self._is_among(nexts, group.tuples) ^ 1)
        if self.lost[id(group)] != FALSE:
            outside = g.and_(outside, g.and_all(nowhere[: len(group.gold)]) ^ 1)
        self.lits["group", index] = outside
