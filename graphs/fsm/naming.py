"""Names of states and where they are handled, from the symbols and the text of one body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtlgen.graphs.fsm.facts import Exchanges, Facts, collect, constant_value, leaves, number, unwrapped, whole_signals
from rtlgen.graphs.wordlevel.build import Compiled, local_name, members
from rtlgen.graphs.wordlevel.module import Signal
from rtlgen.graphs.wordlevel.signals import member_signals

if TYPE_CHECKING:
    from pyslang import ast


@dataclass(frozen=True, slots=True)
class Spot:
    """A line of a file."""

    file: str
    line: int


@dataclass(slots=True)
class StateNames:
    """What the source says about the states of one register.

    Attributes:
        names: code → name, in order of declaration; more than the machine reaches.
        spots: code → the case item, or else the comparison, that handles the state.
        typed: the register's type is an enumeration.
        selected: a case statement with several constant labels asks for the state and assigns it.
    """

    names: dict[int, str] = field(default_factory=dict)
    spots: dict[int, Spot] = field(default_factory=dict)
    typed: bool = False
    selected: bool = False


class BodyText:
    """The symbols of one body by name, and the facts of its text; instances below are not entered."""

    def __init__(self, design: Compiled, body: ast.InstanceBodySymbol) -> None:
        self.design = design
        self.prefix = f"{body.hierarchicalPath}."
        self.items = [m for _, m in members(body)]
        self.symbols: dict[str, Any] = {}
        for item in self.items:
            if item.kind.name in ("Net", "Variable"):
                self.symbols[self.name(item) or str(item.name)] = item
        self._members: dict[str, dict[tuple[int, int], Signal]] = {}
        self._called: dict[Any, None] = {}
        parts = list(self._parts())
        self._enter(parts)
        self.facts: Facts = collect(*parts, *(f.body for f in self._called))
        self._link()
        self.exchanges = Exchanges(self.facts)

    def _parts(self) -> Iterator[Any]:
        for item in self.items:
            if item.kind.name == "Instance":
                yield from (c.expression for c in item.portConnections if c.expression is not None)
            elif item.kind.name in ("ProceduralBlock", "ContinuousAssign", "Net", "Variable"):
                yield item

    def _enter(self, parts: Iterable[Any]) -> None:
        """Note the functions that are called, and those that they call."""

        def visit(node: Any) -> None:
            if _is_call(node) and node.subroutine not in self._called:
                self._called[node.subroutine] = None
                node.subroutine.body.visit(visit)

        for part in parts:
            part.visit(visit)

    def _link(self) -> None:
        """Join arguments with what is handed in, and results with what takes them."""
        facts = self.facts
        for symbol, _, right in list(facts.assignments):
            for call in (leaf for leaf in leaves(right) if _is_call(leaf)):
                function = call.subroutine
                if function.returnValVar is not None:
                    facts.links.append([symbol, function.returnValVar])
                pairs = zip(function.arguments, call.arguments, strict=False)
                facts.links += [[formal, *whole_signals(actual)] for formal, actual in pairs]
        for function in self._called:
            for statement in _returns(function.body):
                facts.assignments.append((function.returnValVar, statement, statement.expr))

    def name(self, symbol: Any) -> str | None:
        """Return the name of a symbol inside the body."""
        return local_name(symbol, self.prefix)

    def members(self, name: str) -> dict[tuple[int, int], Signal]:
        """Return the members of a signal whose type is a packed structure; see `member_signals`."""
        if name not in self._members:
            type_ = getattr(self.symbols.get(name), "type", None)
            self._members[name] = member_signals(name, type_) if type_ is not None and type_.isIntegral else {}
        return self._members[name]

    def spot(self, location: Any) -> Spot:
        """Return where something stands, for text from a macro where the macro is used."""
        manager = self.design.manager
        place = manager.getFullyExpandedLoc(location)
        file = self.design.buffers.get(place.buffer.id) or manager.getFileName(place)
        return Spot(str(file), int(manager.getLineNumber(place)))

    def states(self, symbol: Any) -> StateNames:
        """Return what the source says about the states of a register."""
        return _Namer(self, symbol).run()


def _is_call(node: Any) -> bool:
    return getattr(getattr(node, "kind", None), "name", "") == "Call" and not node.isSystemCall


def _returns(body: Any) -> list[Any]:
    found: list[Any] = []

    def visit(node: Any) -> None:
        if getattr(getattr(node, "kind", None), "name", "") == "Return" and node.expr is not None:
            found.append(node)

    body.visit(visit)
    return found


class _Namer:
    def __init__(self, text: BodyText, symbol: Any) -> None:
        self.text = text
        self.facts = text.facts
        self.symbol = symbol
        self.width = int(symbol.type.bitWidth)
        self.carriers: Mapping[Any, None] = text.exchanges.carriers(symbol, self.width)
        self.found = StateNames()
        self.constants: dict[int, Any] = {}

    def run(self) -> StateNames:
        """Return the finished names."""
        self._cases()
        self._comparisons()
        for symbol, _, right in self.facts.assignments:
            if symbol in self.carriers:
                self._named(leaves(right))
        if not self.constants:
            self._indexed()
        self._enumeration()
        for code, symbol in sorted(self.constants.items(), key=lambda c: self._order(c[1])):
            self.found.names.setdefault(code, symbol if isinstance(symbol, str) else str(symbol.name))
        return self.found

    def _carried(self, expression: Any) -> bool:
        return any(s in self.carriers for s in whole_signals(expression))

    def _order(self, symbol: Any) -> tuple[int, int]:
        if isinstance(symbol, str):
            return 1 << 60, 0
        return int(symbol.location.buffer.id), int(symbol.location.offset)

    def _named(self, expressions: Iterable[Any]) -> None:
        """Keep the named constants among the expressions."""
        for expression in expressions:
            leaf = unwrapped(expression)
            known, code = constant_value(leaf, self.width)
            if not known or code is None:
                continue
            if leaf.kind.name == "NamedValue":
                self.constants.setdefault(code, leaf.symbol)
            elif macro := self._macro(leaf):
                self.constants.setdefault(code, macro)

    def _macro(self, leaf: Any) -> str:
        manager, start = self.text.design.manager, leaf.sourceRange.start
        return f"`{manager.getMacroName(start)}" if manager.isMacroLoc(start) and manager.getMacroName(start) else ""

    def _enumeration(self) -> None:
        type_ = self.symbol.type.canonicalType
        if type_.kind.name != "EnumType":
            return
        self.found.typed = True
        for value in type_:
            known, code = number(value.value, self.width) if value.kind.name == "EnumValue" else (False, None)
            if known and code is not None:
                self.found.names.setdefault(code, str(value.name))

    def _cases(self) -> None:
        """Read the case statements, those that assign a state first."""
        asked = [c for c in self.facts.cases if self._carried(c.expr)]
        for statement in sorted(asked, key=lambda c: not self._assigns_state(c)):
            labels = [(label, item) for item in statement.items for label in item.expressions]
            self._named(label for label, _ in labels)
            codes = [constant_value(unwrapped(label), self.width)[1] for label, _ in labels]
            self.found.selected |= sum(c is not None for c in codes) > 1 and self._assigns_state(statement)
            for code, (label, _) in zip(codes, labels, strict=True):
                if code is not None:
                    self.found.spots.setdefault(code, self.text.spot(label.sourceRange.start))

    def _assigns_state(self, statement: Any) -> bool:
        return any(s in self.carriers for s, left, _ in collect(statement).assignments if left is not None)

    def _comparisons(self) -> None:
        for comparison in self.facts.comparisons:
            sides = (comparison.left, comparison.right)
            for side, other in (sides, sides[::-1]):
                if self._carried(side):
                    self._compared(leaves(other))
        for inside in self.facts.insides:
            if self._carried(inside.left):
                self._compared(i for i in inside.rangeList if i.kind.name != "ValueRange")

    def _compared(self, expressions: Iterable[Any]) -> None:
        for expression in expressions:
            self._named([expression])
            code = constant_value(unwrapped(expression), self.width)[1]
            if code is not None:
                self.found.spots.setdefault(code, self.text.spot(expression.sourceRange.start))

    def _indexed(self) -> None:
        """Take the name of a bit of a one-hot register (`state[RUN]`) for the code with that bit."""
        for select in self.facts.selects:
            base, index = unwrapped(select.value), unwrapped(select.selector)
            if base.kind.name != "NamedValue" or base.symbol not in self.carriers or index.kind.name != "NamedValue":
                continue
            bit = constant_value(index, 32)[1]
            if bit is not None and bit < self.width:
                self.constants.setdefault(1 << bit, index.symbol)
                self.found.spots.setdefault(1 << bit, self.text.spot(select.sourceRange.start))
        names = [str(s.name) for s in self.constants.values()]
        if len(set(names)) < len(names):  # the variable of a generate loop
            self.constants.clear()
