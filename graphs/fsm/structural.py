"""State machines read off the text of one body, for what the word-level view can't take.

The block that assigns the register is run once per state, and with it whatever drives the next-state signal. Conditions
on the state are decided, every other condition is a free variable with its text as name. That is right as long as the
text of a condition means the same wherever it stands, so the result is never called exact.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from typing import Any

from rtlgen.graphs.fsm.bdd import FALSE, TRUE, DiagramLimitError, Diagrams
from rtlgen.graphs.fsm.conditions import SEEN, SHOWN, Condition, Factored, factored_sum
from rtlgen.graphs.fsm.exact import ExactExtractor, depends_on_state
from rtlgen.graphs.fsm.facts import constant_value, unwrapped
from rtlgen.graphs.fsm.model import Reset, State, StateMachine, Transition, style_of
from rtlgen.graphs.fsm.naming import BodyText, Spot, StateNames
from rtlgen.graphs.wordlevel.clocks import trigger_of
from rtlgen.graphs.wordlevel.literals import literal
from rtlgen.graphs.wordlevel.module import ModuleIR

MAX_STATES, MAX_WIDTH = 64, 64
MAX_S = 5.0
"""Seconds per body; the registers left then are not looked at."""
_EDGES = {"PosEdge": "pos", "NegEdge": "neg"}
_LAYOUT = re.compile(r"//[^\n]*|/\*.*?\*/|\s+", re.DOTALL)
_PLAIN = re.compile(r"!?[\w$.'\[\]]+|!\(.*\)")
Moves = dict[int | None, int]
"""Next code → guard; None stands for a value that is not known."""


class StructuralExtractor:
    """Extracts the machines of one body that the exact extraction has not got."""

    def __init__(self, text: BodyText, view: ModuleIR, exact: ExactExtractor) -> None:
        self.text = text
        self.view = view
        self.exact = exact
        self.clocked: dict[Any, list[Any]] = {}
        self.combinational: dict[Any, list[Any]] = {}
        for item in text.items:
            if item.kind.name == "ProceduralBlock" and item.procedureKind.name.startswith("Always"):
                self._add(self.clocked if _edges(item) else self.combinational, item, item)
            elif item.kind.name == "ContinuousAssign":
                self._add(self.combinational, item.assignment, item)

    def _add(self, blocks: dict[Any, list[Any]], node: Any, item: Any) -> None:
        targets: dict[Any, None] = {}

        def visit(inner: Any) -> None:
            if getattr(getattr(inner, "kind", None), "name", "") == "Assignment":
                targets.update(dict.fromkeys(_symbols(inner.left)))

        node.visit(visit)
        for symbol in targets:
            blocks.setdefault(symbol, []).append(item)

    def machines(self) -> Iterator[StateMachine]:
        """Yield the machines in order of declaration."""
        limit = time.monotonic() + MAX_S
        for name, symbol in self.text.symbols.items():
            problem = self._problem(name, symbol)
            if not problem or time.monotonic() > limit:
                continue
            names = self.text.states(symbol)
            if names.typed or (names.selected and len(names.spots) > 1) or len(names.names) > 1:
                try:
                    machine = _Reading(self, symbol, name, names, problem).run()
                except DiagramLimitError:
                    continue
                if machine is not None:
                    yield machine

    def _problem(self, name: str, symbol: Any) -> str:
        """Return why a register is read off the text; empty where it need not be, or is no register."""
        if symbol not in self.clocked or not symbol.type.isIntegral or symbol.type.bitWidth > MAX_WIDTH:
            return ""
        if name in self.view.registers:
            return self.exact.tried.get(name, "")
        return self.view.opaque.get(name, "its block is not understood")


class _Reading:
    def __init__(self, owner: StructuralExtractor, symbol: Any, name: str, names: StateNames, problem: str) -> None:
        self.owner = owner
        self.symbol = symbol
        self.name = name
        self.names = names
        self.problem = problem
        self.width = int(symbol.type.bitWidth)
        self.atoms = _Atoms()
        self.resets: dict[str, tuple[str, int]] = {}
        self.inactive = TRUE
        self.state = 0
        self.asked = False
        """A condition asks for the state."""
        self._open: list[Any] = []

    def run(self) -> StateMachine | None:
        """Return the machine, None where nothing moves it."""
        codes = list(dict.fromkeys([*self.names.names, *self.names.spots]))
        moves: dict[int, Moves] = {}
        blocks = self.owner.clocked[self.symbol]
        while codes and len(moves) < MAX_STATES:
            self.state = codes.pop(0)
            if self.state in moves:
                continue
            held: Moves = {self.state: TRUE}
            for block in blocks:
                held = _Walk(self, self.symbol, held).block(block)
            moves[self.state] = held
            codes += [c for c in held if c is not None and c not in moves]
        d = self.atoms.diagrams
        care = self.inactive
        settled: dict[int, Moves] = {}
        for state, held in moves.items():
            guards = {target: d.restrict(d.conj(guard, care), care) for target, guard in held.items()}
            settled[state] = {target: guard for target, guard in guards.items() if guard != FALSE}
        known = {t for m in settled.values() for t in m if t is not None}
        treated = self.names.typed or self.names.selected or not any(None in m for m in settled.values())
        asked = self.names.selected or (self.names.typed and self.asked)
        moving = len(known) > 1 and (asked or depends_on_state(d, settled))
        starts = [code for _, code in self.resets.values()]
        reached = _reached(starts, settled) if starts else set(settled)
        return self._machine(settled, reached) if moving and treated and len(reached) > 1 else None

    def driven(self, symbol: Any) -> Moves | None:
        """Return what a combinational signal holds in the present state, None where that is not read."""
        blocks = self.owner.combinational.get(symbol, [])
        if symbol in self._open or len(blocks) != 1 or int(symbol.type.bitWidth) != self.width:
            return None
        self._open.append(symbol)
        try:
            start: Moves = {None: TRUE}
            return _Walk(self, symbol, start).block(blocks[0])
        finally:
            self._open.pop()

    def _machine(self, moves: Mapping[int, Moves], reached: set[int]) -> StateMachine:
        label = {c: self.names.names.get(c) or literal(c, self.width) for c in moves}
        transitions = []
        for source in (s for s in moves if s in reached):
            for target, guard in moves[source].items():
                written = self.atoms.condition(guard)
                to = "" if target is None else label[target]
                transitions.append(Transition(label[source], to, written.text, written.complete))
        left = {t.source for t in transitions if t.source != t.target}
        nowhere = Spot("", 0)
        states = []
        for code in moves:
            spot = self.names.spots.get(code, nowhere)
            end = code in reached and label[code] not in left
            states.append(State(label[code], code, code in reached, end, spot.file, spot.line))
        place = self.owner.text.spot(self.symbol.location)
        block = self.owner.clocked[self.symbol][0]
        clock, edge = _clock(block)
        steps = [(s, t) for s in moves for t in moves[s] if t is not None]
        return StateMachine(
            module=self.owner.view.name,
            path=self.owner.view.path,
            register=self.name,
            width=self.width,
            file=place.file,
            line=place.line,
            clock=clock,
            edge=edge,
            style=style_of(moves if self.names.typed else reached, steps),
            exact=False,
            problem=self.problem,
            resets=tuple(
                Reset("asynchronous" if kind == "asynchronous" else "synchronous", text, label[code])
                for text, (kind, code) in self.resets.items()
            ),
            states=tuple(states),
            transitions=tuple(transitions),
        )


class _Walk:
    """Runs one block for one target in one state."""

    def __init__(self, reading: _Reading, target: Any, moves: Moves) -> None:
        self.reading = reading
        self.target = target
        self.moves = dict(moves)
        self.d = reading.atoms.diagrams

    def block(self, item: Any) -> Moves:
        """Return what the target holds after the block (or continuous assignment)."""
        if item.kind.name == "ContinuousAssign":
            self._assign(item.assignment, TRUE)
            return self._kept()
        body = item.body.stmt if item.body.kind.name == "Timed" else item.body
        if _edges(item):
            body = self._reset(item, body)
        self._statement(body, TRUE)
        return self._kept()

    def _kept(self) -> Moves:
        return {k: g for k, g in self.moves.items() if g != FALSE}

    def _reset(self, item: Any, body: Any) -> Any:
        """Take the outermost `if` as a reset where its condition alone gives the register a constant."""
        while (first := _only(body)) is not None:
            body = first
        if body.kind.name != "Conditional" or len(body.conditions) != 1:
            return body
        condition = unwrapped(body.conditions[0].expr)
        signals = _symbols(condition)
        codes = self._constants(body.ifTrue)
        trigger = trigger_of(item)
        asynchronous = trigger is not None and any(str(s.name) in trigger.others for s in signals)
        if len(codes) != 1 or len(signals) != 1 or signals[0] is self.reading.symbol or self._handles(signals[0]):
            return body
        kind = "asynchronous" if asynchronous else "synchronous"
        guard = self._condition(condition)
        self.reading.resets.setdefault(self.reading.atoms.condition(guard).text, (kind, codes[0]))
        self.reading.inactive = self.d.conj(self.reading.inactive, self.d.neg(guard))
        return body

    def _handles(self, symbol: Any) -> bool:
        return int(symbol.type.bitWidth) > 1

    def _constants(self, statement: Any) -> list[int]:
        """Return the codes that a statement assigns to the target without a further condition."""
        if statement.kind.name in ("Block", "List"):
            inner = list(statement.list) if statement.kind.name == "List" else [statement.body]
            return [c for s in inner for c in self._constants(s)]
        if statement.kind.name != "ExpressionStatement" or statement.expr.kind.name != "Assignment":
            return []
        left, right = statement.expr.left, unwrapped(statement.expr.right)
        code = constant_value(right, self.reading.width)[1]
        return [code] if _is(left, self.target) and code is not None else []

    # Statements.

    def _statement(self, s: Any, path: int) -> None:
        kind = s.kind.name
        if path == FALSE:
            return
        if kind == "List":
            for item in s.list:
                self._statement(item, path)
        elif kind == "Block":
            self._statement(s.body, path)
        elif kind == "Timed":
            self._statement(s.stmt, path)
        elif kind == "Conditional":
            self._conditional(s, path)
        elif kind == "Case":
            self._case(s, path)
        elif kind == "ExpressionStatement" and s.expr.kind.name == "Assignment":
            self._assign(s.expr, path)
        elif kind.endswith("Loop") and self._assigns(s.body):
            self._move({None: TRUE}, path)

    def _assigns(self, statement: Any) -> bool:
        found = False

        def visit(node: Any) -> None:
            nonlocal found
            if getattr(getattr(node, "kind", None), "name", "") == "Assignment":
                found |= self.target in _symbols(node.left)

        statement.visit(visit)
        return found

    def _conditional(self, s: Any, path: int) -> None:
        guard = TRUE
        for item in s.conditions:
            guard = self.d.conj(guard, self._condition(item.expr))
        self._statement(s.ifTrue, self.d.conj(path, guard))
        if s.ifFalse is not None:
            self._statement(s.ifFalse, self.d.conj(path, self.d.neg(guard)))

    def _case(self, s: Any, path: int) -> None:
        for group in s.items:
            hit = reduce(self.d.disj, [self._hit(s, label) for label in group.expressions], FALSE)
            self._statement(group.stmt, self.d.conj(path, hit))
            path = self.d.conj(path, self.d.neg(hit))
        if s.defaultCase is not None:
            self._statement(s.defaultCase, path)

    def _hit(self, s: Any, label: Any) -> int:
        subject = unwrapped(s.expr)
        if _is(subject, self.reading.symbol):
            self.reading.asked = True
            matched = _matches(label, self.reading.state, self.reading.width)
            if matched is not None:
                return TRUE if matched else FALSE
        if constant_value(subject, 1) == (True, 1) and subject.kind.name != "NamedValue":
            return self._condition(label)
        return self._atom(f"{_text(subject)} == {_text(label)}")

    def _assign(self, e: Any, path: int) -> None:
        if e.kind.name != "Assignment" or self.target not in _symbols(e.left):
            return
        plain = _is(e.left, self.target) and not e.isCompound
        self._move(self._value(e.right) if plain else {None: TRUE}, path)

    def _move(self, value: Moves, path: int) -> None:
        self.moves = {k: self.d.conj(g, self.d.neg(path)) for k, g in self.moves.items()}
        for code, guard in value.items():
            self.moves[code] = self.d.disj(self.moves.get(code, FALSE), self.d.conj(path, guard))

    def _value(self, expression: Any) -> Moves:
        """Return what an expression comes to in the present state."""
        e = unwrapped(expression)
        if e.kind.name == "ConditionalOp" and len(e.conditions) == 1:
            guard = self._condition(e.conditions[0].expr)
            then, other = self._value(e.left), self._value(e.right)
            return {
                k: self.d.ite(guard, then.get(k, FALSE), other.get(k, FALSE)) for k in dict.fromkeys([*then, *other])
            }
        known, code = constant_value(e, self.reading.width)
        if known:
            return {code: TRUE}
        if e.kind.name == "NamedValue":
            if e.symbol is self.reading.symbol or e.symbol == self.reading.symbol:
                return {self.reading.state: TRUE}
            if e.symbol == self.target:
                return dict(self.moves)
            found = self.reading.driven(e.symbol)
            if found is not None:
                return found
        return {None: TRUE}

    # Conditions.

    def _condition(self, expression: Any) -> int:
        e = unwrapped(expression)
        kind = e.kind.name
        known, value = constant_value(e, 64)
        if known and value is not None:
            return TRUE if value else FALSE
        if kind == "UnaryOp" and (e.op.name == "LogicalNot" or (e.op.name == "BitwiseNot" and e.type.bitWidth == 1)):
            return self.d.neg(self._condition(e.operand))
        if kind == "BinaryOp":
            return self._binary(e)
        decided = self._of_state(e)
        return self._atom(_text(e)) if decided is None else decided

    def _binary(self, e: Any) -> int:
        op = e.op.name
        one_bit = e.left.type.bitWidth == 1 and e.right.type.bitWidth == 1
        if op == "LogicalAnd" or (op == "BinaryAnd" and one_bit):
            return self.d.conj(self._condition(e.left), self._condition(e.right))
        if op == "LogicalOr" or (op == "BinaryOr" and one_bit):
            return self.d.disj(self._condition(e.left), self._condition(e.right))
        equal = op in ("Equality", "CaseEquality", "WildcardEquality")
        if equal or op in ("Inequality", "CaseInequality", "WildcardInequality"):
            hit = self._compared(e)
            return hit if equal else self.d.neg(hit)
        return self._atom(_text(e))

    def _compared(self, e: Any) -> int:
        """Return where the two sides of a comparison are equal."""
        for side, other in ((e.left, e.right), (e.right, e.left)):
            if _is(unwrapped(side), self.reading.symbol):
                self.reading.asked = True
                matched = _matches(other, self.reading.state, self.reading.width)
                if matched is not None:
                    return TRUE if matched else FALSE
        for side, other in ((e.left, e.right), (e.right, e.left)):
            known, value = constant_value(unwrapped(other), 1)
            if known and value is not None and unwrapped(side).type.bitWidth == 1:
                guard = self._condition(side)
                return guard if value else self.d.neg(guard)
        return self._atom(f"{_text(e.left)} == {_text(e.right)}")

    def _of_state(self, e: Any) -> int | None:
        """Return the value of a condition that asks for the state in another way, None for any other."""
        symbol, state, width = self.reading.symbol, self.reading.state, self.reading.width
        if _is(e, symbol):
            return TRUE if state else FALSE
        if e.kind.name == "ElementSelect" and _is(unwrapped(e.value), symbol):
            bit = constant_value(unwrapped(e.selector), 32)[1]
            return (TRUE if state >> bit & 1 else FALSE) if bit is not None and bit < width else None
        if e.kind.name == "Inside" and _is(unwrapped(e.left), symbol):
            hits = [_matches(i, state, width) for i in e.rangeList if i.kind.name != "ValueRange"]
            if len(hits) == len(list(e.rangeList)) and None not in hits:
                return TRUE if any(hits) else FALSE
        return None

    def _atom(self, text: str) -> int:
        return self.reading.atoms.variable(text)


@dataclass(slots=True)
class _Atoms:
    """Conditions by text, as variables of decision diagrams."""

    diagrams: Diagrams = field(default_factory=Diagrams)
    levels: dict[str, int] = field(default_factory=dict)

    def variable(self, text: str) -> int:
        """Return the function of one condition."""
        return self.diagrams.variable(self.levels.setdefault(text, len(self.levels)))

    def condition(self, guard: int) -> Condition:
        """Return the text of a guard; see `rtlgen.graphs.fsm.conditions`."""
        d = self.diagrams
        if guard <= TRUE:
            return Condition(f"1'b{guard}")
        complement = d.neg(guard)
        found = factored_sum(d, (guard, guard), (complement, complement))
        if found is None:
            shown = sorted(islice(d.products(guard, guard), SEEN), key=len)[:SHOWN]
            return Condition(" || ".join([*map(self._product, shown), "..."]), complete=False)
        text = self._factored(found[0])
        return Condition(f"!({text})" if found[1] else text)

    def _factored(self, factored: Factored) -> str:
        texts = [self._factored(p) for p in factored.parts]
        either = " || ".join(f"({t})" if "&&" in t and t[0] != "(" else t for t in texts)
        if not factored.shared:
            return either
        product = self._product(factored.shared)
        return f"{product} && ({either})" if either else product

    def _product(self, product: Iterable[tuple[int, bool]]) -> str:
        names = list(self.levels)
        return " && ".join(_literal(names[level], value) for level, value in product)


def _literal(text: str, value: bool) -> str:
    if _PLAIN.fullmatch(text):
        return text if value else f"!{text}"
    side = re.fullmatch(r"([\w$.'\[\]:]+) == ([\w$.'\[\]:]+)", text)
    if side:
        return text if value else f"{side[1]} != {side[2]}"
    return f"({text})" if value else f"!({text})"


def _reached(starts: Iterable[int], moves: Mapping[int, Moves]) -> set[int]:
    seen: set[int] = set()
    waiting = list(starts)
    while waiting:
        code = waiting.pop()
        if code not in seen:
            seen.add(code)
            following = moves.get(code, {})
            if None in following:
                return set(moves)
            waiting += [c for c in following if c is not None]
    return seen


def _edges(block: Any) -> list[Any]:
    """Return the edge events that start a block."""
    body = block.body
    if body.kind.name != "Timed":
        return []
    timing = body.timing
    events = list(timing.events) if timing.kind.name == "EventList" else [timing]
    return [e for e in events if e.kind.name == "SignalEvent" and e.edge.name in ("PosEdge", "NegEdge", "BothEdges")]


def _clock(block: Any) -> tuple[str, str]:
    trigger = trigger_of(block)
    if trigger is not None and trigger.clock is not None and trigger.edge is not None:
        return trigger.clock, trigger.edge
    first = _edges(block)[0]
    return _text(first.expr), _EDGES.get(first.edge.name, "both")


def _only(statement: Any) -> Any:
    """Return the one statement of a block that has one, else None."""
    if statement.kind.name not in ("Block", "List"):
        return None
    inner = list(statement.list) if statement.kind.name == "List" else [statement.body]
    return inner[0] if len(inner) == 1 else None


def _symbols(expression: Any) -> list[Any]:
    """Return the signals that an expression names."""
    found: dict[Any, None] = {}

    def visit(node: Any) -> None:
        if getattr(getattr(node, "kind", None), "name", "") in ("NamedValue", "HierarchicalValue"):
            found[node.symbol] = None

    expression.visit(visit)
    return list(found)


def _is(expression: Any, symbol: Any) -> bool:
    return bool(expression.kind.name == "NamedValue" and expression.symbol == symbol)


def _matches(label: Any, state: int, width: int) -> bool | None:
    """Return whether a code matches a constant label, whose unknown bits match anything; None for no constant."""
    e = unwrapped(label)
    known, code = constant_value(e, width)
    if not known:
        return None
    if code is not None:
        return code == state
    value = e.value if hasattr(e, "value") else e.constant.value
    bits = [str(value[i]).lower() for i in range(min(int(value.bitWidth), width))]
    return all(b not in "01" or int(b) == state >> i & 1 for i, b in enumerate(bits))


def _text(expression: Any) -> str:
    """Return the text of an expression on one line, without comments."""
    e = unwrapped(expression)
    syntax = e.syntax
    while syntax is not None and syntax.kind.name == "ParenthesizedExpression":
        syntax = syntax.expression
    if syntax is not None:
        return _LAYOUT.sub(" ", str(syntax)).strip()
    known, value = constant_value(e, int(e.type.bitWidth))
    return literal(value, int(e.type.bitWidth)) if known and value is not None else "?"
