"""Taking dead tests out of source text: comparisons that can't hold any more, case items that can't be reached.

A comparison known to be false is propagated upwards through `||`, `&&`, `!` and parentheses; the largest expression or
statement that it settles is edited, so that `if (state == A || state == OLD)` becomes `if (state == A)` and a branch
of its own disappears whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from rtlgen.optimizer.edits import Edit

_OR = ("LogicalOrExpression", "BinaryOrExpression")
_AND = ("LogicalAndExpression", "BinaryAndExpression")
_NOT = ("UnaryLogicalNotExpression", "UnaryBitwiseNotExpression")
_BLANK = b" \t"


def start_of(node: Any) -> int:
    """Return the byte offset of the first token of a syntax node."""
    return int(node.sourceRange.start.offset)


def end_of(node: Any) -> int:
    """Return the byte offset behind the last token of a syntax node."""
    return int(node.sourceRange.end.offset)


class Surgeon:
    """Collects what becomes of dead tests in one file, and returns it as edits."""

    def __init__(self, file: str, source: bytes) -> None:
        self.file = file
        self.source = source
        self._known: dict[Any, bool] = {}
        self._labels: list[Any] = []
        self._edits: list[Edit] = []

    def settle(self, node: Any, truth: bool) -> None:
        """Note that the Boolean expression `node` always has the value `truth`."""
        waiting = [(node, truth)]
        while waiting:
            node, truth = waiting.pop()
            self._known[node] = truth
            upward = self._upward(node.parent, truth)
            if upward is not None:
                waiting.append((node.parent, upward))

    def _upward(self, parent: Any, truth: bool) -> bool | None:
        """Return the value that `parent` gets from an operand of value `truth`, None where that leaves it open."""
        kind = parent.kind.name
        if kind == "ParenthesizedExpression":
            return truth
        if kind in _NOT:
            return not truth
        if kind in _OR + _AND:
            absorbing = kind in _OR
            if truth is absorbing:
                return truth
            others = (self._known.get(parent.left), self._known.get(parent.right))
            return truth if others == (truth, truth) else None
        return None

    def remove_label(self, node: Any) -> None:
        """Note that no value matches the case label or list member `node`."""
        self._labels.append(node)

    def remove_text(self, start: int, end: int) -> None:
        """Delete a byte range."""
        self._edits.append(Edit(self.file, start, end, ""))

    def replace(self, start: int, end: int, text: str) -> None:
        """Replace a byte range."""
        self._edits.append(Edit(self.file, start, end, text))

    def edits(self) -> tuple[Edit, ...]:
        """Return all edits, those inside a deleted range left out."""
        for node, truth in self._known.items():
            if node.parent not in self._known:
                self._emit(node, truth)
        self._emit_labels()
        return outermost(self._edits)

    def _emit(self, node: Any, truth: bool) -> None:
        parent = node.parent
        kind = parent.kind.name
        if kind in _OR + _AND:
            self._drop_operand(parent, node)
        elif kind == "ConditionalPattern" and len(list(parent.parent.conditions)) == 1:
            self._choose(parent.parent.parent, truth)
        elif kind == "StandardCaseItem" and not truth and any(node is e for e in parent.expressions):
            self._labels.append(node)
        else:
            self.replace(start_of(node), end_of(node), f"1'b{int(truth)}")

    def _drop_operand(self, parent: Any, node: Any) -> None:
        if node is parent.left:
            self.remove_text(start_of(node), start_of(parent.right))
        else:
            self.remove_text(end_of(parent.left), end_of(node))

    def _choose(self, owner: Any, truth: bool) -> None:
        """Keep one arm of a conditional expression or statement."""
        if owner.kind.name == "ConditionalExpression":
            kept = owner.left if truth else owner.right
        elif truth:
            kept = owner.statement
        elif self._vanishes(owner):
            self.remove_statement(owner)
            return
        else:
            kept = owner.elseClause.clause
        self.remove_text(start_of(owner), start_of(kept))
        self.remove_text(end_of(kept), end_of(owner))

    def _vanishes(self, statement: Any) -> bool:
        """Return whether an `if` and everything that its `else` leads to is dead."""
        if statement.kind.name != "ConditionalStatement" or self._test_of(statement) is not False:
            return False
        return statement.elseClause is None or self._vanishes(statement.elseClause.clause)

    def _test_of(self, statement: Any) -> bool | None:
        patterns = [c for c in statement.predicate.conditions if hasattr(c, "expr")]
        return self._known.get(patterns[0].expr) if len(patterns) == 1 else None

    def remove_statement(self, node: Any) -> None:
        """Delete a statement from whatever holds it."""
        kind = node.parent.kind.name
        if kind == "ElseClause":
            start = start_of(node.parent)
            while self.source[start - 1 : start].isspace():
                start -= 1
            self.remove_text(start, end_of(node))
        elif kind == "SequentialBlockStatement":
            self.remove_text(*self.lines(start_of(node), end_of(node)))
        else:
            self.replace(start_of(node), end_of(node), ";")

    def _emit_labels(self) -> None:
        groups: dict[Any, list[Any]] = {}
        for node in self._labels:
            groups.setdefault(node.parent, []).append(node)
        for holder, dead in groups.items():
            listed = holder.expressions if hasattr(holder, "expressions") else holder.valueRanges
            entries = [e for e in listed if hasattr(e, "sourceRange") and hasattr(e, "parent")]
            if len(entries) > len(dead):
                self._drop_entries(entries, dead)
            elif holder.kind.name == "StandardCaseItem":
                self.remove_text(*self.item_lines(start_of(holder), end_of(holder)))
            else:
                self.settle_inside(holder.parent)

    def settle_inside(self, node: Any) -> None:
        """Replace an `inside` test whose list has become empty."""
        self.replace(start_of(node), end_of(node), "1'b0")

    def _drop_entries(self, entries: Sequence[Any], dead: Iterable[Any]) -> None:
        gone = {id(d) for d in dead}
        for index, entry in enumerate(entries):
            if id(entry) not in gone:
                continue
            if any(id(e) not in gone for e in entries[:index]):
                self.remove_text(end_of(entries[index - 1]), end_of(entry))
            else:
                self.remove_text(start_of(entry), start_of(entries[index + 1]))

    def item_lines(self, start: int, end: int) -> tuple[int, int]:
        """Return `lines`, with a comment of its own directly above when the item has one to itself."""
        return self.lines(start, end)

    def lines(self, start: int, end: int) -> tuple[int, int]:
        """Return the range widened to whole lines, with a comment behind it, where nothing else stands on them."""
        first = start
        while self.source[first - 1 : first] and self.source[first - 1 : first] in _BLANK:
            first -= 1
        behind = re.compile(rb"[ \t]*(//[^\n]*)?(\r?\n)?").match(self.source, end)
        assert behind is not None
        alone = first == 0 or self.source[first - 1 : first] == b"\n"
        if alone and behind.group(2):
            return first, behind.end()
        return (first if not alone else start), end


def outermost(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Return the edits without empty ones, without repeats, and without those inside a larger deletion."""
    kept: list[Edit] = []
    distinct = dict.fromkeys(e for e in edits if e.start != e.end or e.text)
    for edit in sorted(distinct, key=lambda e: (e.start, -e.end)):
        if kept and kept[-1].end > edit.start and edit.end <= kept[-1].end:
            continue
        kept.append(edit)
    return tuple(kept)
