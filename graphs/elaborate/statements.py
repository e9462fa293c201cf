"""Statements of a block, in order: what each assigns, and on which conditions (IEEE 1800-2017, clause 12)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from pyslang import ast

from rtlgen.graphs.elaborate.assignments import Assignments
from rtlgen.graphs.elaborate.dependencies import Dependencies, compact
from rtlgen.graphs.elaborate.environment import Environment, merge
from rtlgen.graphs.elaborate.names import width_of
from rtlgen.graphs.elaborate.state import State, TooLarge
from rtlgen.graphs.elaborate.triggers import EDGES
from rtlgen.graphs.elaborate.values import Values

MAX_TURNS: Final = 4096
"""Turns of a loop that are run one by one."""
MAX_ROUNDS: Final = 8
"""Rounds of a loop of unknown length that are taken bit by bit; from then on variables are taken whole."""
MAX_WHOLE_ROUNDS: Final = 64
"""Rounds until such a loop must have settled."""
Snapshot = tuple[Environment, Environment]
Kind = str | int
"""What ends a jump: break, continue, return, or the block or subroutine that is disabled."""


@dataclass(slots=True)
class _Jumps:
    """Values at the jumps out of a loop, a call or a block, until they meet again.

    Attributes:
        taken: number of the jump, what ends it, the values.
        conditions: what decides whether the jumps that have not ended yet were taken.
    """

    taken: list[tuple[int, Kind, Snapshot]] = field(default_factory=list)
    conditions: Dependencies = field(default_factory=list)


class Tracer:
    """Runs the statements of one block over dependencies instead of values."""

    def __init__(self, state: State, number_of: Callable[[Any], int]) -> None:
        """Work on `state`; `number_of` gives the number of a statement of the block, 0 for one of a subroutine."""
        self.state = state
        self.assignments = Assignments(state)
        self.values = Values(state, self.assignments.assign, self._call)
        self.assignments.values = self.values
        self._number_of = number_of
        self._jumps: list[_Jumps] = [_Jumps()]
        self._active: list[int] = []
        self._jump_count = 0
        self._returns: list[Any] = []
        self.flushed: list[tuple[int, int, int, Dependencies]] = []
        """What was assigned before a wait inside the block."""
        self.waits: Dependencies = []
        """What is waited for inside the block: edges have the role clock."""
        self.fires = False
        """Whether the block triggers an event."""

    def release(self) -> None:
        """Let go of the state: the parts refer to each other, and symbols must not wait for the garbage collector."""
        self.values.release()

    def run(self, statement: Any) -> None:
        """Run a whole block."""
        self._meet(None, goes_on=self._run(statement))

    def _run(self, statement: Any) -> bool:
        """Run a statement; return whether control can go on after it."""
        number = self._number_of(statement)
        outer = self.state.statement
        if number:
            self.state.statement = number
        try:
            handler = _HANDLERS.get(type(statement))
            return handler(self, statement) if handler else True
        finally:
            self.state.statement = outer

    def _snapshot(self) -> Snapshot:
        return self.state.blocking.copy(), self.state.nonblocking.copy()

    def _restore(self, snapshot: Snapshot) -> None:
        self.state.blocking, self.state.nonblocking = snapshot[0].copy(), snapshot[1].copy()

    def _merge(self, snapshots: list[Snapshot], condition: Dependencies) -> None:
        self.state.blocking = merge([s[0] for s in snapshots], condition)
        self.state.nonblocking = merge([s[1] for s in snapshots], condition)

    def _branches(self, branches: Iterable[Callable[[], bool]], condition: Dependencies) -> bool:
        """Run alternatives from the same start and let them meet; return whether control can go on."""
        start = self._snapshot()
        first = self._jump_count
        ends = []
        for branch in branches:
            self._restore(start)
            if branch():
                ends.append(self._snapshot())
        jumps = self._jumps[-1]
        if any(number > first for number, _, _ in jumps.taken):
            jumps.conditions = compact([*jumps.conditions, *condition])
        if not ends:
            return False
        self._merge(ends, condition)
        return True

    def _jump(self, kind: Kind) -> bool:
        self._jump_count += 1
        self._jumps[-1].taken.append((self._jump_count, kind, self._snapshot()))
        return False

    def _meet(self, end: Kind | None, *, goes_on: bool = True) -> bool:
        """Let the jumps that end here arrive, all of them for None; return whether control can go on."""
        jumps = self._jumps[-1]
        arriving = [s for _, kind, s in jumps.taken if end is None or kind == end]
        if not arriving:
            return goes_on
        jumps.taken = [] if end is None else [jump for jump in jumps.taken if jump[1] != end]
        self._merge([*arriving, *([self._snapshot()] if goes_on else [])], jumps.conditions)
        if not jumps.taken:
            jumps.conditions = []
        return True

    def _list(self, statement: Any) -> bool:
        return all(self._run(inner) for inner in statement.list)

    def _block(self, statement: Any) -> bool:
        if statement.blockKind != ast.StatementBlockKind.Sequential:
            self._flush()
        if statement.blockSymbol is None:
            return self._run(statement.body)
        name = hash(statement.blockSymbol)
        self._active.append(name)
        goes_on = self._run(statement.body)
        self._active.pop()
        return self._meet(name, goes_on=goes_on)

    def _disable(self, statement: Any) -> bool:
        """Leave a block or subroutine; one that is not around this statement belongs to another process."""
        target = statement.target.getSymbolReference() if statement.target is not None else None
        return self._jump(hash(target)) if hash(target) in self._active else True

    def _expression(self, statement: Any) -> bool:
        self.values.of(statement.expr)
        return True

    def _declaration(self, statement: Any) -> bool:
        symbol = statement.symbol
        if symbol.initializer is not None and symbol.lifetime == ast.VariableLifetime.Automatic:
            self.assignments.bind(symbol, self.values.of(symbol.initializer))
        return True

    def _if(self, statement: Any) -> bool:
        conditions = [c.expr for c in statement.conditions]
        constant = self.state.constant(conditions[0]) if len(conditions) == 1 else None
        if constant is not None:
            taken = statement.ifTrue if constant.isTrue() else statement.ifFalse
            return self._run(taken) if taken is not None else True
        decision = [d for c in conditions for d in self.values.condition(c)]
        other = statement.ifFalse
        return self._branches(
            (lambda: self._run(statement.ifTrue), lambda: self._run(other) if other is not None else True), decision
        )

    def _case(self, statement: Any) -> bool:
        subject = self.state.constant(statement.expr)
        decision = self.values.condition(statement.expr)
        values = 0
        branches = []
        for group in statement.items:
            constants = [self.state.constant(e) for e in group.expressions]
            certain = False
            if subject is not None and statement.condition == ast.CaseStatementCondition.Normal:
                certain = any(c is not None and c == subject for c in constants)
                if not certain and all(c is not None for c in constants):
                    continue
            for expression, constant in zip(group.expressions, constants, strict=True):
                if constant is None:
                    decision += self.values.condition(expression)
            values += len(constants)
            branches.append(self._branch(group.stmt))
            if certain:
                return self._branches(branches, decision)
        if statement.defaultCase is not None:
            branches.append(self._branch(statement.defaultCase))
        elif not _covers(statement, values):
            branches.append(self._branch(None))
        return self._branches(branches, decision)

    def _pattern_case(self, statement: Any) -> bool:
        decision = self.values.condition(statement.expr)
        for group in statement.items:
            if group.filter is not None:
                decision += self.values.condition(group.filter)
        branches = [self._branch(group.stmt) for group in statement.items]
        return self._branches([*branches, self._branch(statement.defaultCase)], decision)

    def _branch(self, statement: Any) -> Callable[[], bool]:
        return lambda: self._run(statement) if statement is not None else True

    def _for(self, statement: Any) -> bool:
        variables = list(self._loop_variables(statement))
        for symbol, first in variables:
            self._initialise(symbol, first)
        for expression in () if statement.loopVars else statement.initializers:
            self.values.of(expression)
        try:
            if statement.stopExpr is None or not self._unrolls(statement, variables):
                return self._unknown_turns(statement, variables)
            return self._turns(statement, [] if statement.loopVars else [symbol for symbol, _ in variables])
        finally:
            for symbol, _ in variables:
                self.state.context.deleteLocal(symbol)

    def _loop_variables(self, statement: Any) -> Iterable[tuple[Any, Any]]:
        for symbol in statement.loopVars:
            yield symbol, symbol.initializer
        for expression in () if statement.loopVars else statement.initializers:
            if isinstance(expression, ast.AssignmentExpression) and isinstance(
                expression.left, ast.NamedValueExpression
            ):
                yield expression.left.symbol, expression.right

    def _initialise(self, symbol: Any, first: Any) -> None:
        if first is not None:
            self.assignments.bind(symbol, self.values.of(first))
            value = self.state.constant(first)
            if value is not None:
                self.state.context.createLocal(symbol, value)

    def _unrolls(self, statement: Any, variables: list[tuple[Any, Any]]) -> bool:
        """Return whether the number of turns is known, by counting them on a copy of the variables."""
        context = self.state.context
        first = {symbol: context.findLocal(symbol) for symbol, _ in variables}
        if any(value is None for value in first.values()) or _assigns(statement.body, list(first)):
            return False
        turns = 0
        while turns <= MAX_TURNS:
            stop = self.state.constant(statement.stopExpr)
            if stop is None:
                turns = MAX_TURNS + 1
            elif not stop.isTrue():
                break
            elif not all(step.eval(context) for step in statement.steps):
                turns = MAX_TURNS + 1
            turns += 1
        for symbol, _ in variables:
            context.deleteLocal(symbol)
        if turns > MAX_TURNS:
            return False
        for symbol, expression in variables:
            context.createLocal(symbol, self.state.constant(expression))
        return True

    def _body(self, statement: Any) -> bool:
        return self._meet("continue", goes_on=self._run(statement.body))

    def _turns(self, statement: Any, outside: list[Any]) -> bool:
        """Run a loop turn by turn; `outside` are its variables that live on after it."""
        self._jumps.append(_Jumps())
        goes_on = True
        while goes_on and self.state.constant(statement.stopExpr).isTrue():
            goes_on = self._body(statement)
            for step in statement.steps:
                step.eval(self.state.context)
            for symbol in outside:
                self.assignments.bind(symbol, [])
            self.state.step()
        return self._end_loop(goes_on)

    def _end_loop(self, goes_on: bool) -> bool:
        goes_on = self._meet("break", goes_on=goes_on)
        inner = self._jumps.pop()
        if inner.taken:
            self._jumps[-1].taken.extend(inner.taken)
            self._jumps[-1].conditions.extend(inner.conditions)
        return goes_on

    def _unknown_turns(self, statement: Any, variables: list[tuple[Any, Any]]) -> bool:
        for symbol, _ in variables:
            self.state.context.deleteLocal(symbol)

        def turn() -> bool:
            goes_on = self._body(statement)
            for step in statement.steps:
                self.values.of(step)
            return goes_on

        return self._until_settled(turn, statement.stopExpr)

    def _until_settled(self, turn: Callable[[], bool], condition: Any, *, at_least_once: bool = False) -> bool:
        """Run a loop of unknown length until another turn adds no dependency."""
        self._jumps.append(_Jumps())
        goes_on = not at_least_once or turn()
        for done in range(MAX_WHOLE_ROUNDS):
            before = self._snapshot()
            decision = self.values.condition(condition) if condition is not None else []
            self._branches((turn, lambda: True), decision)
            if done >= MAX_ROUNDS:
                self.state.blocking.widen(before[0])
                self.state.nonblocking.widen(before[1])
            if self.state.blocking.settled(before[0]) and self.state.nonblocking.settled(before[1]):
                return self._end_loop(goes_on)
        raise TooLarge

    def _while(self, statement: Any) -> bool:
        return self._until_settled(lambda: self._body(statement), statement.cond)

    def _do_while(self, statement: Any) -> bool:
        return self._until_settled(lambda: self._body(statement), statement.cond, at_least_once=True)

    def _repeat(self, statement: Any) -> bool:
        count = self.state.constant(statement.count)
        turns = int(count.value) if count is not None and not count.hasUnknown() else MAX_TURNS + 1
        if turns > MAX_TURNS:
            return self._until_settled(lambda: self._body(statement), statement.count)
        self._jumps.append(_Jumps())
        goes_on = True
        for _ in range(turns):
            if goes_on:
                goes_on = self._body(statement)
        return self._end_loop(goes_on)

    def _forever(self, statement: Any) -> bool:
        return self._until_settled(lambda: self._body(statement), None)

    def _foreach(self, statement: Any) -> bool:
        self.values.index(statement.arrayRef)
        bounds = [(d.range, d.loopVar) for d in statement.loopDims if d.loopVar is not None]
        turns = 1
        for range_, _ in bounds:
            turns = turns * (abs(range_.left - range_.right) + 1) if range_ is not None else MAX_TURNS + 1
        if turns > MAX_TURNS:
            return self._until_settled(lambda: self._body(statement), None)
        self._jumps.append(_Jumps())
        goes_on = self._dimensions(statement, bounds)
        return self._end_loop(goes_on)

    def _dimensions(self, statement: Any, bounds: list[tuple[Any, Any]]) -> bool:
        from pyslang import ConstantValue

        if not bounds:
            return self._body(statement)
        (range_, symbol), inner = bounds[0], bounds[1:]
        step = 1 if range_.left <= range_.right else -1
        goes_on = True
        for index in range(range_.left, range_.right + step, step):
            self.state.context.createLocal(symbol, ConstantValue(index))
            goes_on = goes_on and self._dimensions(statement, inner)
            self.state.context.deleteLocal(symbol)
        return goes_on

    def _timed(self, statement: Any) -> bool:
        self._wait(statement.timing)
        return self._run(statement.stmt)

    def _wait(self, timing: Any) -> None:
        """Let time pass: what was assigned is seen outside, and everything else may have changed."""
        found: list[Any] = []
        timing.visit(lambda part: found.append(part) if isinstance(part, ast.SignalEventControl) else None)
        for event in found:
            decision = self.values.condition(event.expr)
            if event.edge in EDGES:
                decision = [(*d[:5], "clock", d[6]) for d in decision]
            if event.iffCondition is not None:
                decision += self.values.condition(event.iffCondition)
            self.waits += decision
        self._flush()

    def _wait_until(self, statement: Any) -> bool:
        self._flush()
        self.waits += self.values.condition(statement.cond)
        return self._run(statement.stmt)

    def _flush(self) -> None:
        for environment in (self.state.blocking, self.state.nonblocking):
            self.flushed.extend(s for s in environment.assigned() if s[0] > 0)
        kept = {v: s for v, s in self.state.blocking.segments.items() if v < 0}
        self.state.blocking, self.state.nonblocking = Environment(kept), Environment()

    def _trigger(self, statement: Any) -> bool:
        self.assignments.assign(statement.target, [], "blocking")
        self.fires = True
        return True

    def _procedural_assign(self, statement: Any) -> bool:
        assignment = statement.assignment
        found = self.values.of(assignment.right)
        self.assignments.assign(assignment.left, found, "force")
        return True

    def _assertion(self, statement: Any) -> bool:
        decision = self.values.condition(statement.cond)
        return self._branches([self._branch(statement.ifTrue), self._branch(statement.ifFalse)], decision)

    def _property(self, statement: Any) -> bool:
        def visit(expression: Any) -> None:
            self.values.of(expression)

        kinds = (ast.ExpressionKind.NamedValue, ast.ExpressionKind.HierarchicalValue)
        statement.visit(lookup_table=dict.fromkeys(kinds, visit))
        return True

    def _return(self, statement: Any) -> bool:
        if statement.expr is not None:
            value = self.values.of(statement.expr)
            if self._returns and self._returns[-1] is not None:
                self.assignments.bind(self._returns[-1], value)
        return self._jump("return")

    def _random_case(self, statement: Any) -> bool:
        decision = [d for item in statement.items for d in self.values.condition(item.expr)]
        return self._branches([self._branch(item.stmt) for item in statement.items], decision)

    def _call(self, expression: Any) -> Dependencies:
        from rtlgen.graphs.elaborate.calls import call

        return call(self, expression)

    def inline(self, subroutine: Any) -> None:
        """Run the body of a function or task whose arguments are bound."""
        self._active.append(hash(subroutine))
        self._returns.append(subroutine.returnValVar)
        self._jumps.append(_Jumps())
        try:
            goes_on = self._run(subroutine.body)
            self._meet(None, goes_on=goes_on)
        finally:
            self._jumps.pop()
            self._returns.pop()
            self._active.pop()

    @property
    def depth(self) -> int:
        """How many calls deep the trace is."""
        return len(self._returns)

    def depth_of(self, subroutine: Any) -> int:
        """Return how many of these calls are of one subroutine."""
        return self._active.count(hash(subroutine))

    def runs(self, subroutine: Any) -> bool:
        """Return whether the trace is inside a call of `subroutine`."""
        return hash(subroutine) in self._active


def _assigns(body: Any, symbols: list[Any]) -> bool:
    """Whether a loop's body assigns a variable that counts its turns."""
    found: set[int] = set()

    def target(expression: Any) -> None:
        left = expression.left if isinstance(expression, ast.AssignmentExpression) else expression.operand
        found.add(hash(left.getSymbolReference()))

    body.visit(lookup_table={ast.ExpressionKind.Assignment: target, ast.ExpressionKind.UnaryOp: _if_increment(target)})
    return any(hash(symbol) in found for symbol in symbols)


def _if_increment(target: Callable[[Any], None]) -> Callable[[Any], None]:
    return lambda e: target(e) if e.op.name.startswith(("Pre", "Post")) else None


def _covers(statement: Any, values: int) -> bool:
    """Whether a case without default has an item for every value of a two-state subject."""
    width = width_of(statement.expr.type)
    if statement.condition != ast.CaseStatementCondition.Normal or width > 16 or values < 1 << width:
        return False
    seen = set()
    for group in statement.items:
        for expression in group.expressions:
            constant = expression.constant
            if not constant or constant.hasUnknown():
                return False
            seen.add(int(constant.value) & ((1 << width) - 1))
    return len(seen) == 1 << width


_HANDLERS: Final[dict[type, Callable[[Tracer, Any], bool]]] = {
    ast.StatementList: Tracer._list,
    ast.BlockStatement: Tracer._block,
    ast.ExpressionStatement: Tracer._expression,
    ast.VariableDeclStatement: Tracer._declaration,
    ast.ConditionalStatement: Tracer._if,
    ast.CaseStatement: Tracer._case,
    ast.PatternCaseStatement: Tracer._pattern_case,
    ast.ForLoopStatement: Tracer._for,
    ast.WhileLoopStatement: Tracer._while,
    ast.DoWhileLoopStatement: Tracer._do_while,
    ast.RepeatLoopStatement: Tracer._repeat,
    ast.ForeverLoopStatement: Tracer._forever,
    ast.ForeachLoopStatement: Tracer._foreach,
    ast.TimedStatement: Tracer._timed,
    ast.WaitStatement: Tracer._wait_until,
    ast.EventTriggerStatement: Tracer._trigger,
    ast.ProceduralAssignStatement: Tracer._procedural_assign,
    ast.ImmediateAssertionStatement: Tracer._assertion,
    ast.ReturnStatement: Tracer._return,
    ast.BreakStatement: lambda tracer, _: tracer._jump("break"),
    ast.ContinueStatement: lambda tracer, _: tracer._jump("continue"),
    ast.DisableStatement: Tracer._disable,
    ast.RandCaseStatement: Tracer._random_case,
    ast.ConcurrentAssertionStatement: Tracer._property,
}
