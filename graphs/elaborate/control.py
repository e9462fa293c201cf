"""Control flow of a block: its statements and which follows which."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from pyslang import ast

from rtlgen.graphs.elaborate.names import Places
from rtlgen.graphs.model import Next, Statement
from rtlgen.graphs.rows import BodyRows

MAX_TEXT: Final = 120
Ends = list[tuple[int, str]]
"""Statements that go on to whatever comes next, with the label of that edge."""

_NOISE = re.compile(r"//[^\n]*|/\*.*?\*/|\s+", re.DOTALL)
_JUMPS: Final = {
    ast.StatementKind.Break: "break",
    ast.StatementKind.Continue: "continue",
    ast.StatementKind.Return: "return",
    ast.StatementKind.Disable: "disable",
}


def shortened(syntax: Any) -> str:
    """Return the text of a piece of syntax on one line, without comments, cut to a readable length."""
    text = _NOISE.sub(" ", str(syntax)[: 8 * MAX_TEXT] if syntax is not None else "").strip()
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def text_of(expression: Any) -> str:
    """Return the text of an expression; of one that slang converts by itself, that of what it converts."""
    while expression.syntax is None and isinstance(expression, ast.ConversionExpression):
        expression = expression.operand
    return shortened(expression.syntax)


def statement_key(statement: Any) -> tuple[int, int, int, Any]:
    """Return what tells a statement from every other one of its block."""
    extent = statement.sourceRange
    return extent.start.buffer.id, extent.start.offset, extent.end.offset, statement.kind


class ControlFlow:
    """Adds statements and NEXT edges of one block to the rows."""

    def __init__(self, rows: BodyRows, block: int, places: Places) -> None:
        """Add to `rows`, for the block of that number."""
        self._rows = rows
        self._block = block
        self._places = places
        self.numbers: dict[tuple[int, int, int, Any], int] = {}
        self._jumps: list[tuple[int, str, int]] = []
        """Statement, what it does, and the block that a `disable` leaves."""

    def build(self, body: Any) -> None:
        """Add the whole block: an entry, the statements, an exit."""
        entry = self._add(body, "entry", "")
        ends = self._walk(body, [(entry, "")])
        leave = self._add(body, "exit", "", last=True)
        self._join([*ends, *((s, kind) for s, kind, _ in self._jumps)], leave)

    def single(self, range_: Any, kind: str, text: str) -> int:
        """Add the one statement of a continuous assignment, a gate or an initial value."""
        _, first, last, column = self._places.lines(range_)
        return self._new(kind, text, first, last, column)

    def number_of(self, statement: Any) -> int:
        """Return the number of a statement, 0 for one that is not of this block."""
        return self.numbers.get(statement_key(statement), 0)

    def _add(self, statement: Any, kind: str, text: str, *, last: bool = False) -> int:
        _, first, end, column = self._places.lines(statement.sourceRange)
        if kind in ("entry", "exit"):
            first = end = end if last else first
            return self._new(kind, text, first, end, column)
        number = self._new(kind, text, first, end, column)
        self.numbers.setdefault(statement_key(statement), number)
        return number

    def _new(self, kind: str, text: str, first: int, last: int, column: int) -> int:
        number = len(self._rows.statements) + 1
        self._rows.statements.append(Statement(number, self._block, kind, text, first, last, column))
        return number

    def _join(self, ends: Iterable[tuple[int, str]], target: int) -> None:
        self._rows.nexts.extend(Next(source, target, label) for source, label in dict.fromkeys(ends))

    def _walk(self, statement: Any, ends: Ends) -> Ends:
        if statement is None:
            return ends
        handler = _HANDLERS.get(type(statement))
        if handler is not None:
            return handler(self, statement, ends)
        kind = _KINDS.get(statement.kind, "other")
        if kind == "none":
            return ends
        return self._plain(statement, kind, ends)

    def _plain(self, statement: Any, kind: str, ends: Ends) -> Ends:
        number = self._add(statement, kind, shortened(statement.syntax))
        self._join(ends, number)
        jump = _JUMPS.get(statement.kind)
        if jump:
            target = statement.target.getSymbolReference() if jump == "disable" and statement.target else None
            self._jumps.append((number, jump, hash(target)))
            return []
        return [(number, "")]

    def _expression(self, statement: Any, ends: Ends) -> Ends:
        is_assignment = isinstance(statement.expr, ast.AssignmentExpression | ast.UnaryExpression)
        return self._plain(statement, "assign" if is_assignment else "call", ends)

    def _list(self, statement: Any, ends: Ends) -> Ends:
        for inner in statement.list:
            ends = self._walk(inner, ends)
        return ends

    def _body(self, statement: Any, ends: Ends) -> Ends:
        outer, self._jumps = self._jumps, []
        ends = self._walk(statement.body, ends)
        block = hash(statement.blockSymbol)
        here = [j for j in self._jumps if j[1] == "disable" and j[2] == block]
        self._jumps = outer + [j for j in self._jumps if j not in here]
        return ends + [(number, kind) for number, kind, _ in here]

    def _if(self, statement: Any, ends: Ends) -> Ends:
        text = " &&& ".join(text_of(c.expr) for c in statement.conditions)
        number = self._add(statement, "if", text)
        self._join(ends, number)
        taken = self._walk(statement.ifTrue, [(number, "true")])
        return taken + self._walk(statement.ifFalse, [(number, "false")])

    def _case(self, statement: Any, ends: Ends) -> Ends:
        number = self._add(statement, "case", text_of(statement.expr))
        self._join(ends, number)
        result: Ends = []
        for group in statement.items:
            items = group.expressions if isinstance(statement, ast.CaseStatement) else [group.pattern]
            label = ", ".join(text_of(e) if isinstance(e, ast.Expression) else shortened(e.syntax) for e in items)
            result += self._walk(group.stmt, [(number, label)])
        return result + self._walk(statement.defaultCase, [(number, "default")])

    def _loop(self, statement: Any, ends: Ends) -> Ends:
        number = self._add(statement, "loop", _loop_text(statement))
        self._join(ends, number)
        outer, self._jumps = self._jumps, []
        back = self._walk(statement.body, [(number, "loop")])
        back += [(s, kind) for s, kind, _ in self._jumps if kind == "continue"]
        self._join([(s, label or "back") for s, label in back], number)
        leaves = [(s, kind) for s, kind, _ in self._jumps if kind == "break"]
        self._jumps = outer + [j for j in self._jumps if j[1] in ("return", "disable")]
        endless = isinstance(statement, ast.ForeverLoopStatement)
        return leaves if endless else [(number, "false"), *leaves]

    def _timed(self, statement: Any, ends: Ends) -> Ends:
        number = self._add(statement, "wait", shortened(statement.timing.syntax))
        self._join(ends, number)
        return self._walk(statement.stmt, [(number, "")])

    def _wait(self, statement: Any, ends: Ends) -> Ends:
        number = self._add(statement, "wait", text_of(statement.cond))
        self._join(ends, number)
        return self._walk(statement.stmt, [(number, "")])


def _loop_text(statement: Any) -> str:
    if isinstance(statement, ast.ForLoopStatement):
        stop: Any = statement.stopExpr
        return text_of(stop) if stop is not None else ""
    if isinstance(statement, ast.RepeatLoopStatement):
        return text_of(statement.count)
    if isinstance(statement, ast.ForeachLoopStatement):
        return text_of(statement.arrayRef)
    return text_of(statement.cond) if hasattr(statement, "cond") else ""


_KINDS: Final = {
    ast.StatementKind.Empty: "none",
    ast.StatementKind.VariableDeclaration: "declare",
    ast.StatementKind.Return: "jump",
    ast.StatementKind.Break: "jump",
    ast.StatementKind.Continue: "jump",
    ast.StatementKind.Disable: "jump",
    ast.StatementKind.ImmediateAssertion: "assert",
    ast.StatementKind.ConcurrentAssertion: "assert",
    ast.StatementKind.ProceduralAssign: "assign",
    ast.StatementKind.ProceduralDeassign: "assign",
    ast.StatementKind.WaitFork: "wait",
    ast.StatementKind.WaitOrder: "wait",
}

_HANDLERS: Final[dict[type, Callable[[ControlFlow, Any, Ends], Ends]]] = {
    ast.StatementList: ControlFlow._list,
    ast.BlockStatement: ControlFlow._body,
    ast.ExpressionStatement: ControlFlow._expression,
    ast.ConditionalStatement: ControlFlow._if,
    ast.CaseStatement: ControlFlow._case,
    ast.PatternCaseStatement: ControlFlow._case,
    ast.ForLoopStatement: ControlFlow._loop,
    ast.WhileLoopStatement: ControlFlow._loop,
    ast.DoWhileLoopStatement: ControlFlow._loop,
    ast.RepeatLoopStatement: ControlFlow._loop,
    ast.ForeverLoopStatement: ControlFlow._loop,
    ast.ForeachLoopStatement: ControlFlow._loop,
    ast.TimedStatement: ControlFlow._timed,
    ast.WaitStatement: ControlFlow._wait,
}
