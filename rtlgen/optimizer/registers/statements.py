"""Remove the assignments to some signals from a statement, and what then holds nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.registers.syntax import CannotEditError, base_names, descend, is_assignment, span

if TYPE_CHECKING:
    from rtlgen.optimizer.registers.module_text import ModuleText

_LOOPS: Final = ("LoopStatement", "ForLoopStatement", "ForeachLoopStatement", "ForeverStatement")


class Removal:
    """Removes the assignments to some names from a statement."""

    def __init__(self, text: ModuleText, names: Collection[str]) -> None:
        self.text, self.names = text, names
        self.edits: list[Edit] = []
        self._places = self._starts()

    def vanishes(self, s: Any) -> bool:
        """Say whether nothing of the statement is left (true of empty statements too)."""
        kind = s.kind.name
        if kind == "EmptyStatement":
            return True
        if kind == "ExpressionStatement":
            return is_assignment(s) and self._is_target(s)
        if kind == "SequentialBlockStatement":
            return all(self.vanishes(i) for i in _statements(s))
        if kind == "TimingControlStatement" or kind in _LOOPS:
            return self.vanishes(s.statement)
        if kind == "ConditionalStatement":
            other = s.elseClause
            return self.vanishes(s.statement) and (other is None or self.vanishes(other.clause))
        if kind == "CaseStatement":
            return all(self.vanishes(i.clause) for i in s.items)
        return False

    def touches(self, s: Any) -> bool:
        """Say whether the statement contains something to remove."""
        if self._places is None:
            return any(is_assignment(n) and self._is_target(n) for n in descend(s))
        start, end = span(s)
        following = bisect_left(self._places, start)
        return following < len(self._places) and self._places[following] < end

    def _starts(self) -> list[int] | None:
        """Return where the statements to remove start, in order; None where a macro brings one in."""
        found = {id(s): s for n in self.names for s in self.text.assignments(n)}.values()
        here = self.text.module.sourceRange.start.buffer
        if any(s.sourceRange.start.buffer != here for s in found):
            return None
        return sorted(span(s)[0] for s in found if self._is_target(s))

    def _is_target(self, s: Any) -> bool:
        bases = base_names(s.expr.left)
        hit = [b in self.names for b in bases]
        if any(hit) and not all(hit):
            raise CannotEditError("expected assignments to the removed signals only, got a concatenation with others")
        return bool(hit) and all(hit)

    def remove(self, s: Any) -> None:
        """Record the edits for a statement that does not vanish as a whole."""
        if not self.touches(s):
            return
        kind = s.kind.name
        if kind == "SequentialBlockStatement":
            self._each(list(_statements(s)))
        elif kind == "TimingControlStatement" or kind in _LOOPS:
            self.remove(s.statement)
        elif kind == "ConditionalStatement":
            self._conditional(s)
        elif kind == "CaseStatement":
            self._case(s)
        else:
            raise CannotEditError(f"expected plain statements around the removed assignment, got {kind!r}")

    def _each(self, statements: list[Any]) -> None:
        for inner in statements:
            if self.touches(inner) and self.vanishes(inner):
                self.edits.append(self.text.delete(*span(inner)))
            else:
                self.remove(inner)

    def _conditional(self, s: Any) -> None:
        other = s.elseClause
        if other is not None and self.vanishes(other.clause):
            start = span(s.statement)[1]
            self.edits.append(self.text.edit(start, span(other)[1], ""))
            self.remove(s.statement)
        elif self.vanishes(s.statement) and self.touches(s.statement):
            self._keep_else(s, other)
        else:
            self.remove(s.statement)
            if other is not None:
                self.remove(other.clause)

    def _keep_else(self, s: Any, other: Any) -> None:
        """Turn `if (c) gone; else rest` into `if (!(c)) rest`."""
        start, end = span(s.predicate)
        condition = self.text.text[start:end].decode("latin-1")
        self.edits.append(self.text.edit(start, end, negated(condition)))
        self.edits.append(self.text.edit(span(s.statement)[0], span(other.clause)[0], ""))
        self.remove(other.clause)

    def _case(self, s: Any) -> None:
        for item in s.items:
            if not self.touches(item.clause):
                continue
            if not self.vanishes(item.clause):
                self.remove(item.clause)
            elif item.kind.name == "DefaultCaseItem":
                self.edits.append(self.text.delete(*span(item)))
            else:
                self.edits.append(self.text.edit(*span(item.clause), ";"))


def negated(condition: str) -> str:
    """Return the text of the opposite condition."""
    plain = condition.strip()
    if plain.startswith("!") and plain[1:].replace("_", "a").isalnum():
        return plain[1:]
    return f"!{plain}" if plain.replace("_", "a").isalnum() else f"!({plain})"


def _statements(block: Any) -> Iterator[Any]:
    for item in block.items:
        if item.__class__.__name__.endswith("StatementSyntax"):
            yield item
        elif item.kind.name in ("DataDeclaration", "LocalVariableDeclaration", "ParameterDeclarationStatement"):
            raise CannotEditError("expected no declarations inside the block, got some")
