"""Statements of a block, in order: what each assigns, and on which conditions (IEEE 1800-2017, clause 12)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from pyslang import ast

from rtlgen.graphs.elaborate.assignments import Assignments
from rtlgen.graphs.elaborate.dependencies import Dependencies
from rtlgen.graphs.elaborate.environment import Environment, merge
from rtlgen.graphs.elaborate.names import width_of
from rtlgen.graphs.elaborate.state import State
from rtlgen.graphs.elaborate.values import Values

MAX_TURNS: Final = 4096
"""Turns of a loop that are run one by one."""
MAX_ROUNDS: Final = 12
"""Rounds until a loop of unknown length must have settled."""
Snapshot = tuple[Environment, Environment]


@dataclass(slots=True)
class _Jumps:
    """Values at the jumps out of a loop, a call or a block, until they meet again."""

    taken: list[tuple[str, Snapshot]] = field(default_factory=list)
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
        self._running: list[int] = []
        self._returns: list[Any] = []
        self.flushed: list[tuple[int, int, int, Dependencies]] = []
        """What was assigned before a wait inside the block."""

    def release(self) -> None:
        """Let go of the state: the parts refer to each other, and symbols must not wait for the garbage collector."""
        self.values.release()

    def run(self, statement: Any) -> None:
        """Run a whole block."""
        self._run(statement)
        self._meet(("return", "disable", "break", "continue"))

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
        ends = []
        stopped = False
        for branch in branches:
            self._restore(start)
            if branch():
                ends.append(self._snapshot())
            else:
                stopped = True
        if stopped:
            self._jumps[-1].conditions.extend(condition)
        if not ends:
            return False
        self._merge(ends, condition)
        return True

    def _jump(self, kind: str) -> bool:
        self._jumps[-1].taken.append((kind, self._snapshot()))
        return False

    def _meet(self, kinds: tuple[str, ...], *, goes_on: bool = True) -> bool:
        """Let the jumps of these kinds arrive here; return whether control can go on."""
        jumps = self._jumps[-1]
        arriving = [s for kind, s in jumps.taken if kind in kinds]
        jumps.taken = [(kind, s) for kind, s in jumps.taken if kind not in kinds]
        if not arriving:
            return goes_on
        self._merge([*arriving, *([self._snapshot()] if goes_on else [])], jumps.conditions)
        return True

    def _list(self, statement: Any) -> bool:
        return all(self._run(inner) for inner in statement.list)

    def _block(self, statement: Any) -> bool:
        if statement.blockKind != ast.StatementBlockKind.Sequential:
            self._flush()
        goes_on = self._run(statement.body)
        return self._meet(("disable",), goes_on=goes_on)

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
            if subject is not None and statement.condition == ast.CaseStatementCondition.Normal:
                if any(c is not None and c == subject for c in constants):
                    return self._run(group.stmt)
                if all(c is not None for c in constants):
                    continue
            for expression, constant in zip(group.expressions, constants, strict=True):
                if constant is None:
                    decision += self.values.condition(expression)
            values += len(constants)
            branches.append(self._branch(group.stmt))
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
            return self._turns(statement)
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
            elif any(not step.eval(context) for step in statement.steps):
                turns = MAX_TURNS + 1
            turns += 1
        for symbol, _ in variables:
            context.deleteLocal(symbol)
        if turns > MAX_TURNS:
            return False
        for symbol, expression in variables:
            context.createLocal(symbol, self.state.constant(expression))
        return True

    def _turns(self, statement: Any) -> bool:
        self._jumps.append(_Jumps())
        goes_on = True
        while goes_on and self.state.constant(statement.stopExpr).isTrue():
            goes_on = self._meet(("continue",), goes_on=self._run(statement.body))
            for step in statement.steps:
                step.eval(self.state.context)
            self.state.step()
        return self._end_loop(goes_on)

    def _end_loop(self, goes_on: bool) -> bool:
        goes_on = self._meet(("break",), goes_on=goes_on)
        inner = self._jumps.pop()
        self._jumps[-1].taken.extend(inner.taken)
        self._jumps[-1].conditions.extend(inner.conditions)
        return goes_on

    def _unknown_turns(self, statement: Any, variables: list[tuple[Any, Any]]) -> bool:
        for symbol, _ in variables:
            self.state.context.deleteLocal(symbol)

        def turn() -> bool:
            goes_on = self._meet(("continue",), goes_on=self._run(statement.body))
            for step in statement.steps:
                self.values.of(step)
            return goes_on

        return self._until_settled(turn, statement.stopExpr)

    def _until_settled(self, turn: Callable[[], bool], condition: Any, *, at_least_once: bool = False) -> bool:
        """Run a loop of unknown length until another turn adds no dependency."""
        self._jumps.append(_Jumps())
        goes_on = not at_least_once or turn()
        for _ in range(MAX_ROUNDS):
            before = self._snapshot()
            decision = self.values.condition(condition) if condition is not None else []
            self._branches((turn, lambda: True), decision)
            if self.state.blocking.segments == before[0].segments and (
                self.state.nonblocking.segments == before[1].segments
            ):
                break
        return self._end_loop(goes_on)

    def _while(self, statement: Any) -> bool:
        return self._until_settled(lambda: self._meet(("continue",), goes_on=self._run(statement.body)), statement.cond)

    def _do_while(self, statement: Any) -> bool:
        return self._until_settled(
            lambda: self._meet(("continue",), goes_on=self._run(statement.body)), statement.cond, at_least_once=True
        )

    def _repeat(self, statement: Any) -> bool:
        count = self.state.constant(statement.count)
        turns = int(count.value) if count is not None and not count.hasUnknown() else MAX_TURNS + 1
        if turns > MAX_TURNS:
            return self._until_settled(
                lambda: self._meet(("continue",), goes_on=self._run(statement.body)), statement.count
            )
        self._jumps.append(_Jumps())
        goes_on = True
        for _ in range(turns):
            if goes_on:
                goes_on = self._meet(("continue",), goes_on=self._run(statement.body))
        return self._end_loop(goes_on)

    def _forever(self, statement: Any) -> bool:
        return self._until_settled(lambda: self._meet(("continue",), goes_on=self._run(statement.body)), None)

    def _foreach(self, statement: Any) -> bool:
        self.values.index(statement.arrayRef)
        bounds = [(d.range, d.loopVar) for d in statement.loopDims if d.loopVar is not None]
        turns = 1
        for range_, _ in bounds:
            turns = turns * (abs(range_.left - range_.right) + 1) if range_ is not None else MAX_TURNS + 1
        if turns > MAX_TURNS:
            return self._until_settled(lambda: self._meet(("continue",), goes_on=self._run(statement.body)), None)
        self._jumps.append(_Jumps())
        goes_on = self._dimensions(statement, bounds)
        return self._end_loop(goes_on)

    def _dimensions(self, statement: Any, bounds: list[tuple[Any, Any]]) -> bool:
        from pyslang import ConstantValue

        if not bounds:
            return self._meet(("continue",), goes_on=self._run(statement.body))
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
        expressions: list[Any] = []
        timing.visit(lambda part: expressions.append(part) if isinstance(part, ast.ValueExpressionBase) else None)
        for expression in expressions:
            self.values.condition(expression)
        self._flush()

    def _wait_until(self, statement: Any) -> bool:
        self._flush()
        self._jumps[-1].conditions.extend(self.values.condition(statement.cond))
        return self._run(statement.stmt)

    def _flush(self) -> None:
        for environment in (self.state.blocking, self.state.nonblocking):
            self.flushed.extend(s for s in environment.assigned() if s[0] > 0)
        kept = {v: s for v, s in self.state.blocking.segments.items() if v < 0}
        self.state.blocking, self.state.nonblocking = Environment(kept), Environment()

    def _trigger(self, statement: Any) -> bool:
        self.values.of(statement.target)
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
        self._running.append(hash(subroutine))
        self._returns.append(subroutine.returnValVar)
        self._jumps.append(_Jumps())
        try:
            goes_on = self._run(subroutine.body)
            self._meet(("return", "disable", "break", "continue"), goes_on=goes_on)
        finally:
            self._jumps.pop()
            self._returns.pop()
            self._running.pop()

    @property
    def depth(self) -> int:
        """How many calls deep the trace is."""
        return len(self._running)

    def depth_of(self, subroutine: Any) -> int:
        """Return how many of these calls are of one subroutine."""
        return self._running.count(hash(subroutine))


def _assigns(body: Any, symbols: list[Any]) -> bool:
    """Whether a loop's body assigns a variable that counts its turns."""
    found: list[Any] = []

    def target(expression: Any) -> None:
        left = expression.left if isinstance(expression, ast.AssignmentExpression) else expression.operand
        found.append(left.getSymbolReference())

    body.visit(lookup_table={ast.ExpressionKind.Assignment: target, ast.ExpressionKind.UnaryOp: _if_increment(target)})
    return any(symbol in found for symbol in symbols)


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
    ast.DisableStatement: lambda tracer, _: tracer._jump("disable"),
    ast.RandCaseStatement: Tracer._random_case,
    ast.ConcurrentAssertionStatement: Tracer._property,
}
