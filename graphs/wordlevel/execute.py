"""Symbolic execution of procedural code: what every target holds at the end of a block.

Blocking assignments update the environment, non-blocking ones a second environment that nobody reads (IEEE 1800-2023,
10.4). `break`, `continue` and `return` are guards on later assignments; loops are unrolled.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.expressions import (
    Lowering,
    Slice,
    UnsupportedError,
    compare,
    replace,
    width_of,
    wildcard_equal,
)
from rtlgen.graphs.wordlevel.module import Step
from rtlgen.graphs.wordlevel.terms import Term

MAX_ITERATIONS = 4096
MAX_CALL_DEPTH = 32
Env = dict[str, Term]
FALSE = t.const(0, 1)
_FLAGS = ("$return", "$break", "$continue")


class Executor:
    """Runs the statements of one block over terms.

    Args:
        name_of: signal symbol → name in the module view, None for what lives outside the module.
        note: called for each expression in the source: (slang expression, local term, expanded term, parent width,
            self-determined, whether it is a whole right-hand side or condition, role).
        full_case: whether a case statement carries the attribute that makes its other values don't-cares.
    """

    def __init__(
        self,
        name_of: Callable[[Any], str | None],
        note: Callable[..., None],
        full_case: Callable[[Any], bool] = lambda _: False,
    ) -> None:
        self.full_case = full_case
        self._name_of = name_of
        self._note = note
        self._lowering = Lowering(self)
        self.blocking: Env = {}
        self.nonblocking: Env = {}
        self.settling = False
        """True in combinational blocks: what a nonblocking assignment leaves behind is the same as a blocking one's."""
        self.memories_written: set[str] = set()
        self.assigned: set[str] = set()
        self.path: list[Step] = []
        self.target: str | None = None
        self.replicated = 0
        """Above 0 inside a loop or function body, where one text stands for several values."""
        self.deadline_s = float("inf")
        """`time.monotonic()` value after which nothing more is read."""
        self._role = "rhs"
        self._root: Any = None
        self._depth = 0
        self._locals: set[str] = set()
        self._results: list[str] = []
        self._frames: list[str] = []

    # What Lowering asks (protocol Reader).

    def read(self, symbol: Any) -> Term:
        """Return the local view of a value: constants as they are, signals as variables."""
        kind = symbol.kind.name
        if kind in ("Parameter", "EnumValue", "Specparam"):
            from rtlgen.graphs.wordlevel.expressions import literal

            return literal(symbol.value.value, width_of(symbol.type))
        name = self._name(symbol)
        held = self.blocking.get(name)
        if held is not None and (held.op == "const" or name in self._locals):
            return held
        return t.var(name, width_of(symbol.type))

    def read_memory(self, symbol: Any, address: Term) -> Term:
        """Return one word of an unpacked array of one dimension."""
        element = symbol.type.canonicalType.elementType
        return t.select(self._name(symbol), address, width_of(element))

    def call(self, expression: Any, arguments: list[Term]) -> Term:
        """Return the result of a user function, its body executed inline."""
        function = expression.subroutine
        if self._depth >= MAX_CALL_DEPTH:
            raise UnsupportedError("recursive function")
        outer = (self.blocking, self._locals, self.path, self.target)
        self._depth += 1
        self.replicated += 1
        try:
            return self._run_function(function, arguments)
        finally:
            self._depth -= 1
            self.replicated -= 1
            self.blocking, self._locals, self.path, self.target = outer

    def _run_function(self, function: Any, arguments: list[Term]) -> Term:
        frame = dict(self.blocking)
        self._locals = set(self._locals)
        for flag in _FLAGS:
            frame.pop(flag, None)
        for formal, actual in zip(function.arguments, arguments, strict=True):
            if formal.direction.name != "In":
                raise UnsupportedError("function with output arguments")
            self._locals.add(name := self._name(formal))
            frame[name] = t.zext(actual, width_of(formal.type))
        result = function.returnValVar
        if result is None:
            raise UnsupportedError("task")
        self._locals.add(key := self._name(result))
        frame[key] = t.undef(width_of(result.type))
        self.blocking = frame
        self._results.append(key)
        self._frames.append(key.rpartition(".")[0] + ".")
        try:
            self.statement(function.body)
        finally:
            self._results.pop()
            self._frames.pop()
        return self.blocking[key]

    def note(self, expression: Any, term: Term, parent_width: int, self_determined: bool) -> None:
        """Hand one expression on with what is known here."""
        if expression is not self._root:
            self._note(expression, term, self.expand(term), parent_width, self_determined, False, self._role)

    # Values.

    def _name(self, symbol: Any) -> str:
        name = self._name_of(symbol)
        if name is None:
            raise UnsupportedError(f"reference to {symbol.name!r} outside the module")
        return name

    def expand(self, term: Term) -> Term:
        """Return `term` with the block's intermediate values put in."""
        names = t.variables(term)
        return t.substitute(term, {n: self.blocking[n] for n in names if n in self.blocking})

    def value(self, expression: Any, role: str = "rhs") -> Term:
        """Return the expanded value of a whole right-hand side or condition.

        Raises:
            UnsupportedError: it has no word-level meaning, or the time is up.
        """
        from rtlgen.graphs.wordlevel.expressions import _unwrap

        if time.monotonic() > self.deadline_s:
            raise UnsupportedError("not read within the time limit")
        outer = (self._role, self._root)
        self._role, self._root = role, _unwrap(expression)
        try:
            term = self._lowering.lower(expression)
            own = role == "condition" or role == "port"
            self._note(self._root, term, self.expand(term), term.width, own, True, role)
            return term
        finally:
            self._role, self._root = outer

    # Statements.

    def statement(self, s: Any) -> None:
        """Execute one statement.

        Raises:
            UnsupportedError: it has no word-level meaning.
        """
        handler = getattr(self, "_do_" + s.kind.name, None)
        if handler is None:
            raise UnsupportedError(f"statement {s.kind.name}")
        handler(s)

    def _do_Empty(self, s: Any) -> None:
        pass

    def _do_ImmediateAssertion(self, s: Any) -> None:
        pass

    def _do_ConcurrentAssertion(self, s: Any) -> None:
        pass

    def _do_List(self, s: Any) -> None:
        for item in s.list:
            self.statement(item)

    def _do_Block(self, s: Any) -> None:
        if s.blockKind.name != "Sequential":
            raise UnsupportedError("fork")
        self.statement(s.body)

    def _do_VariableDeclaration(self, s: Any) -> None:
        name = self._name(s.symbol)
        self._locals.add(name)
        start = s.symbol.initializer
        width = width_of(s.symbol.type)
        self.blocking[name] = self.expand(self.value(start)) if start is not None else t.undef(width)

    def _do_ExpressionStatement(self, s: Any) -> None:
        e = s.expr
        kind = e.kind.name
        if kind == "Assignment":
            self._assign(e)
        elif kind == "UnaryOp":
            self._increment(e)
        elif kind == "Call" and e.isSystemCall:
            pass  # $display and the like have no hardware
        elif kind == "Call":
            self._task(e)
        else:
            raise UnsupportedError(f"expression statement {kind}")

    def _task(self, e: Any) -> None:
        """Execute a user task or void function inline; outputs are copied back at its end."""
        task = e.subroutine
        if self._depth >= MAX_CALL_DEPTH or self._guard() is not FALSE:
            raise UnsupportedError("task call under a loop exit, or recursive")
        self._depth += 1
        self.replicated += 1
        try:
            outputs = [self._bind(f, a) for f, a in zip(task.arguments, e.arguments, strict=True)]
            self._frames.append(f"{self._name(task)}.")
            self.statement(task.body)
            self._frames.pop()
            self.blocking.pop("$return", None)
            for left, name in filter(None, outputs):
                self.write(left, self.blocking[name], False)
        finally:
            self._depth -= 1
            self.replicated -= 1

    def _bind(self, formal: Any, actual: Any) -> tuple[Any, str] | None:
        name = self._name(formal)
        self._locals.add(name)
        width = width_of(formal.type)
        direction = formal.direction.name
        if direction == "In":
            self.blocking[name] = t.zext(self.expand(self.value(actual)), width)
            return None
        left = actual.left if actual.kind.name == "Assignment" else actual
        if direction not in ("Out", "InOut") or width_of(left.type) != width:
            raise UnsupportedError("task argument by reference or of another width")
        held = self.expand(self._lowering.lower(left)) if direction == "InOut" else t.undef(width)
        self.blocking[name] = held
        return left, name

    def _assign(self, e: Any) -> None:
        if e.timingControl is not None and not e.isNonBlocking:
            raise UnsupportedError("delay inside an assignment")
        outer = self.target
        self.target = _first_name(e.left, self._name_of)
        try:
            local = self._compound(e) if e.isCompound else self.value(e.right)
            self.write(e.left, self.expand(local), bool(e.isNonBlocking))
        finally:
            self.target = outer

    def _compound(self, e: Any) -> Term:
        held = self._lowering.lower(e.left)
        self._lowering._handlers["LValueReference"] = lambda _: held
        return self.value(e.right)

    def _increment(self, e: Any) -> None:
        if e.op.name not in ("Preincrement", "Postincrement", "Predecrement", "Postdecrement"):
            raise UnsupportedError(f"statement {e.op.name}")
        old = self.expand(self._lowering.lower(e.operand))
        op = "add" if "incr" in e.op.name else "sub"
        self.write(e.operand, t.apply(op, old, t.const(1, old.width)), False)

    def write(self, left: Any, value: Term, nonblocking: bool) -> None:
        """Assign `value` (already of the target's width) to a name, select or concatenation."""
        if left.kind.name == "Concatenation":
            low = sum(width_of(o.type) for o in left.operands)
            for part in left.operands:
                low -= (width := width_of(part.type))
                self.write(part, t.extract(value, low, width), nonblocking)
            return
        outer, self._role = self._role, "index"
        part = self._lowering.slice(left)
        self._role = outer
        if part.address is not None:
            self.memories_written.add(self._name(part.symbol))
            return
        self._store(part, value, nonblocking)

    def _store(self, part: Slice, value: Term, nonblocking: bool) -> None:
        name = self._name(part.symbol)
        width = width_of(part.symbol.type)
        if self._is_local(name):
            self._locals.add(name)
        else:
            self.assigned.add(name)
        env = self.nonblocking if nonblocking and not self.settling else self.blocking
        old = env.get(name, t.var(name, width))
        offset = self.expand(part.offset) if isinstance(part.offset, Term) else part.offset
        new = replace(old, offset, t.zext(value, part.width)) if part.width != width or offset != 0 else value
        guard = self._guard()
        env[name] = t.ite(guard, old, new)

    def _is_local(self, name: str) -> bool:
        """Return whether a name belongs to the block or to a function that runs, not to the module."""
        return name in self._locals or any(name.startswith(prefix) for prefix in self._frames)

    def _guard(self) -> Term:
        result = FALSE
        for flag in _FLAGS:
            result = t.lor(result, self.blocking.get(flag, FALSE))
        return result

    def _do_Conditional(self, s: Any) -> None:
        local = t.const(1, 1)
        for item in s.conditions:
            if item.pattern is not None:
                raise UnsupportedError("pattern matching")
            local = t.land(local, self.value(item.expr, "condition"))
        self._branch(local, lambda: self.statement(s.ifTrue), lambda: self._optional(s.ifFalse))

    def _optional(self, s: Any) -> None:
        if s is not None:
            self.statement(s)

    def _branch(self, local: Term, then: Callable[[], None], other: Callable[[], None]) -> None:
        condition = t.boolean(self.expand(local))
        if condition.op == "const":
            (then if condition.value else other)()
            return
        local = t.boolean(local)
        before = (dict(self.blocking), dict(self.nonblocking))
        self._taken(Step(local, True), then)
        after_then = (self.blocking, self.nonblocking)
        self.blocking, self.nonblocking = before
        self._taken(Step(local, False), other)
        self.blocking = _merge(condition, after_then[0], self.blocking)
        self.nonblocking = _merge(condition, after_then[1], self.nonblocking)

    def _taken(self, step: Step, action: Callable[[], None]) -> None:
        self.path.append(step)
        try:
            action()
        finally:
            self.path.pop()

    def _do_Case(self, s: Any) -> None:
        subject = self.value(s.expr, "condition")
        items: list[tuple[Term, Any]] = []
        for group in s.items:
            hit = FALSE
            for label in group.expressions:
                hit = t.lor(hit, self._case_hit(s, subject, label))
            items.append((hit, group.stmt))
        full = self.full_case(s) or _exhaustive(subject, [h for h, _ in items])
        exhaustive = s.defaultCase is None and full
        self._case_chain(items, s.defaultCase, exhaustive)

    def _case_hit(self, s: Any, subject: Term, label: Any) -> Term:
        mode = s.condition.name
        if mode == "Inside":
            if label.kind.name == "ValueRange":
                low, high = self._lowering.lower(label.left), self._lowering.lower(label.right)
                return t.land(t.apply("ule", low, subject), t.apply("ule", subject, high))
            return wildcard_equal(subject, self._lowering.lower(label))
        value = self._lowering.lower(label)
        if mode == "Normal":
            return compare("Equality", subject, value, False)
        if subject.op == "const" and value.op != "const":
            return t.boolean(value) if subject.width == 1 else t.apply("eq", subject, value)
        return wildcard_equal(subject, value)

    def _case_chain(self, items: list[tuple[Term, Any]], default: Any, exhaustive: bool) -> None:
        if not items:
            self._optional(default)
            return
        (hit, body), rest = items[0], items[1:]
        if exhaustive and not rest:
            self.statement(body)
            return
        self._branch(hit, lambda: self.statement(body), lambda: self._case_chain(rest, default, exhaustive))

    # Loops.

    def _do_ForLoop(self, s: Any) -> None:
        for variable in s.loopVars:
            name = self._name(variable)
            self._locals.add(name)
            self.blocking[name] = self.expand(self._lowering.lower(variable.initializer))
        for start in s.initializers:
            self._assign(start)
        self._loop(s.body, lambda: self.expand(self._lowering.lower(s.stopExpr)), s.steps)

    def _do_RepeatLoop(self, s: Any) -> None:
        count = self.expand(self._lowering.lower(s.count))
        if count.op != "const" or count.const_value > MAX_ITERATIONS:
            raise UnsupportedError("repeat count that is not a small constant")
        left = [count.const_value]

        def more() -> Term:
            left[0] -= 1
            return t.const(int(left[0] >= 0), 1)

        self._loop(s.body, more, ())

    def _do_WhileLoop(self, s: Any) -> None:
        self._loop(s.body, lambda: self.expand(self._lowering.lower(s.cond)), ())

    def _loop(self, body: Any, more: Callable[[], Term], steps: Any) -> None:
        outer_break = self.blocking.pop("$break", FALSE)
        self.replicated += 1
        try:
            for _ in range(MAX_ITERATIONS):
                go = t.boolean(more())
                if go.op != "const":
                    raise UnsupportedError("loop whose end depends on data")
                if not go.value:
                    return
                self._iteration(body, steps)
            raise UnsupportedError(f"loop of more than {MAX_ITERATIONS} iterations")
        finally:
            self.replicated -= 1
            self.blocking["$break"] = outer_break

    def _iteration(self, body: Any, steps: Any) -> None:
        self.statement(body)
        held = {f: self.blocking.pop(f, FALSE) for f in _FLAGS}
        for step in steps:
            if step.kind.name == "Assignment":
                self._assign(step)
            else:
                self._increment(step)
        self.blocking["$return"], self.blocking["$break"] = held["$return"], held["$break"]

    def _do_Break(self, s: Any) -> None:
        self.blocking["$break"] = t.const(1, 1)

    def _do_Continue(self, s: Any) -> None:
        self.blocking["$continue"] = t.const(1, 1)

    def _do_Return(self, s: Any) -> None:
        if s.expr is None:
            raise UnsupportedError("return without a value")
        if not self._results:
            raise UnsupportedError("return outside a function")
        key = self._results[-1]
        value = self.expand(self.value(s.expr))
        self.blocking[key] = t.ite(self._guard(), self.blocking[key], value)
        self.blocking["$return"] = t.const(1, 1)


def _merge(condition: Term, then: Env, other: Env) -> Env:
    merged: Env = {}
    for name in then.keys() | other.keys():
        a, b = then.get(name), other.get(name)
        if a is None or b is None:
            held = a if a is not None else b
            assert held is not None
            missing = FALSE if name in _FLAGS else t.var(name, held.width)
            a, b = a if a is not None else missing, b if b is not None else missing
        if a.width != b.width:  # locals of one name in scopes that have ended
            continue
        merged[name] = t.ite(condition, a, b)
    return merged


def _exhaustive(subject: Term, hits: list[Term]) -> bool:
    """Return whether constant labels cover every value of the subject."""
    if subject.op == "zext":
        subject = subject.args[0]
    if subject.width > 12:
        return False
    values: set[int] = set()
    for hit in hits:
        for leaf in _disjuncts(hit):
            if leaf.op != "eq" or leaf.args[1].op != "const" or leaf.args[0] is not subject:
                return False
            values.add(leaf.args[1].const_value)
    return len(values) == 1 << subject.width


def _disjuncts(term: Term) -> list[Term]:
    if term.op == "or" and term.width == 1:
        return _disjuncts(term.args[0]) + _disjuncts(term.args[1])
    return [term]


def _first_name(left: Any, name_of: Callable[[Any], str | None]) -> str | None:
    while left.kind.name in ("ElementSelect", "RangeSelect", "MemberAccess", "Conversion"):
        left = left.operand if left.kind.name == "Conversion" else left.value
    if left.kind.name == "Concatenation":
        return _first_name(left.operands[0], name_of)
    return name_of(left.symbol) if left.kind.name == "NamedValue" else None
