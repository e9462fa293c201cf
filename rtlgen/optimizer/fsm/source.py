"""Where a state machine's codes stand in the source text: carriers, constants, declarations and dimensions.

A *carrier* is the state register or another signal that holds a state (next state, a copy). Codes may be changed only
where every carrier is assigned nothing but states and compared with nothing but states; anything else that reads one
is listed in `visible`, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rtlgen.graphs.frontend.slang import Elaborated
from rtlgen.graphs.fsm.facts import (
    Exchanges,
    collect,
    constant_value,
    index_value,
    leaves,
    number,
    unwrapped,
    whole_signals,
)
from rtlgen.graphs.wordlevel.module import ModuleIR, Place
from rtlgen.optimizer.fsm.statetext import (
    BitSite,
    NameKind,
    Resize,
    Role,
    Site,
    StateName,
    StateText,
    Table,
)

_DECLARATIONS = ("DataDeclaration", "NetDeclaration", "LocalVariableDeclaration")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)


def locate(design: Elaborated, module: ModuleIR, register: str) -> StateText | None:
    """Return where the machine of `register` stands in the source, None where it can't be told.

    Args:
        design: the elaborated design that `module` was built from.
        module: the view of the module.
        register: name of the state register in it.
    """
    body = _body(design.top, module.name)
    signal = module.signals.get(register)
    if body is None or signal is None or signal.declared is None:
        return None
    return _Locator(design, module, body, register).run()


def reads_of(design: Elaborated, module: ModuleIR, name: str) -> list[tuple[Any, Place]]:
    """Return syntax node and place of every occurrence of a signal as a whole, targets included."""
    body = _body(design.top, module.name)
    signal = module.signals.get(name)
    if body is None or signal is None or signal.declared is None:
        return []
    locator = _Locator(design, module, body, name)
    if locator.root is None:
        return []
    reads = [e for e in locator.facts.reads if e.symbol == locator.root and e.syntax is not None]
    return [(e.syntax, place) for e in reads if (place := locator.place(e.sourceRange)) is not None]


def _body(instance: Any, name: str) -> Any:
    """Return the first body of a module definition, searched from the top."""
    waiting = [instance]
    while waiting:
        current = waiting.pop(0)
        if current.body.definition.name == name:
            return current.body
        waiting += _children(current.body)
    return None


def _children(scope: Any) -> Iterator[Any]:
    for member in scope:
        kind = member.kind.name
        if kind == "Instance" and member.isModule:
            yield member
        elif kind in ("GenerateBlock", "GenerateBlockArray"):
            yield from _children(member)


class _Locator:
    def __init__(self, design: Elaborated, module: ModuleIR, body: Any, register: str) -> None:
        self.design = design
        self.module = module
        self.facts = collect(body)
        signal = module.signals[register]
        assert signal.declared is not None
        self.text = StateText(register, signal.declared.file, signal.width, latched=bool(module.latched))
        self.root = self._symbol(signal.declared)
        self.carriers: dict[Any, None] = {}
        self.accounted: set[int] = set()
        self.symbols: dict[str, Any] = {}
        self.index_symbols: dict[str, Any] = {}

    def run(self) -> StateText | None:
        """Return the finished text, None where the register's symbol isn't found."""
        if self.root is None:
            return None
        self.carriers = Exchanges(self.facts).carriers(self.root, self.text.width)
        self.text.carriers = tuple(s.name for s in self.carriers)
        self._assigned()
        self._compared()
        self._cases()
        self._insides()
        self._events()
        self._bits()
        self._unaccounted()
        self._ports()
        self._names()
        self._index_names()
        self._declarations()
        return self.text

    def place(self, source_range: Any) -> Place | None:
        """Return the byte range in one file of the design, None inside a macro or an included file."""
        start, end = source_range.start, source_range.end
        manager = self.design.manager
        if not (manager.isFileLoc(start) and manager.isFileLoc(end)) or start.buffer.id != end.buffer.id:
            return None
        file = self.design.buffers.get(start.buffer.id)
        return Place(file, start.offset, end.offset) if file is not None else None

    def _symbol(self, declared: Place) -> Any:
        for symbol in [n.symbol for n in self.facts.reads]:
            location = symbol.location
            if location.offset == declared.start and self.design.buffers.get(location.buffer.id) == declared.file:
                return symbol
        return None

    # Constants.

    def _assigned(self) -> None:
        for symbol, left, right in self.facts.assignments:
            reads = [s for s in whole_signals(right) if s in self.carriers]
            if symbol in self.carriers:
                if left is not None:
                    self._account(left)
                self._states(right, "value")
            elif reads:
                self.text.visible.append(f"read into {symbol.name!r}")

    def _compared(self) -> None:
        for comparison in self.facts.comparisons:
            sides = (comparison.left, comparison.right)
            if any(s in self.carriers for side in sides for s in whole_signals(side)):
                for side in sides:
                    self._states(side, "compare")

    def _cases(self) -> None:
        for statement in self.facts.cases:
            if not any(s in self.carriers for s in whole_signals(statement.expr)):
                continue
            self._states(statement.expr, "compare")
            if statement.defaultCase is None and statement.syntax is not None:
                self.text.cases.append(statement.syntax)
            table = self._table(statement)
            if table is not None:
                self.text.tables.append(table)
            for item in statement.items:
                for label in item.expressions:
                    self._states(label, "label")

    def _table(self, statement: Any) -> Table | None:
        """Return a case statement as a table of moves, None where it does anything else."""
        if statement.expr.kind.name != "NamedValue" or statement.syntax is None:
            return None
        if self.place(statement.sourceRange) is None:
            return None
        targets: set[tuple[str, str]] = set()
        moves: dict[int, int] = {}
        for item in statement.items:
            to = self._move(item.stmt, targets)
            labels = [constant_value(unwrapped(e), self.text.width) for e in item.expressions]
            if to is None or any(not known or code is None for known, code in labels):
                return None
            for _, code in labels:
                assert code is not None
                moves.setdefault(code, to)
        otherwise = None
        if statement.defaultCase is not None and (otherwise := self._move(statement.defaultCase, targets)) is None:
            return None
        if len(targets) != 1:
            return None
        name, operator = targets.pop()
        selector = str(statement.expr.symbol.name)
        return Table(statement.syntax, selector, name, operator, tuple(moves.items()), otherwise)

    def _move(self, statement: Any, targets: set[tuple[str, str]]) -> int | None:
        """Return the code that a statement assigns to a carrier and nothing else, noting the carrier."""
        while statement.kind.name in ("Block", "List"):
            inner = list(statement.list) if statement.kind.name == "List" else [statement.body]
            if len(inner) != 1:
                return None
            statement = inner[0]
        if statement.kind.name != "ExpressionStatement" or statement.expr.kind.name != "Assignment":
            return None
        left, right = statement.expr.left, unwrapped(statement.expr.right)
        if statement.expr.isCompound or left.kind.name != "NamedValue" or left.symbol not in self.carriers:
            return None
        targets.add((str(left.symbol.name), "<=" if statement.expr.isNonBlocking else "="))
        return constant_value(right, self.text.width)[1]

    def _insides(self) -> None:
        for expression in self.facts.insides:
            if any(s in self.carriers for s in whole_signals(expression.left)):
                self._states(expression.left, "compare")
                for member in expression.rangeList:
                    self._states(member, "member")

    def _states(self, expression: Any, role: Role) -> None:
        """Record the constants among the leaves, account for the carriers, and note anything else."""
        for leaf in leaves(expression):
            if leaf.kind.name == "NamedValue" and leaf.symbol in self.carriers:
                self._account(leaf)
            elif not self._constant(leaf, role):
                self.text.visible.append(f"mixed with {_kind_words(leaf)}")

    def _constant(self, leaf: Any, role: Role) -> bool:
        known, value = constant_value(leaf, self.text.width)
        place = self.place(leaf.sourceRange)
        if not known:
            return False
        if place is None:
            self.text.visible.append("constant inside a macro")
            return True
        name = None
        if leaf.kind.name == "NamedValue":
            name = str(leaf.symbol.name)
            self.symbols[name] = leaf.symbol
        if place not in {s.place for s in self.text.sites}:
            self.text.sites.append(Site(place, value, name, role, leaf.syntax))
        return True

    def _account(self, expression: Any) -> None:
        self.accounted.add(_offset(expression))

    def _events(self) -> None:
        for expression in self.facts.events:
            if expression.kind.name == "NamedValue":
                self._account(expression)

    def _bits(self) -> None:
        writes = {_offset(a.left): a for a in self.facts.bit_assignments}
        for select in self.facts.selects:
            base = select.value
            if base.kind.name != "NamedValue" or base.symbol not in self.carriers:
                continue
            place, selector = self.place(select.sourceRange), self.place(select.selector.sourceRange)
            index = index_value(select.selector)
            if place is None or selector is None or index is None or select.syntax is None:
                continue
            name = None
            if (inner := unwrapped(select.selector)).kind.name == "NamedValue":
                name = str(inner.symbol.name)
                self.index_symbols[name] = inner.symbol
            written = self._written(writes.get(_offset(select)))
            if written is not None:
                self._account(base)
                self.text.bits.append(BitSite(place, base.symbol.name, index, selector, name, select.syntax, *written))

    def _written(self, assignment: Any) -> tuple[Any, Place | None, int | None] | None:
        """Return (syntax node, place of the value, constant value) of an assignment, None where it can't be edited."""
        if assignment is None:
            return None, None, None
        value = self.place(assignment.right.sourceRange)
        if value is None or assignment.syntax is None:
            return None
        constants = [constant_value(leaf, 1) for leaf in leaves(assignment.right)]
        constant = constants[0][1] if len(constants) == 1 and constants[0][0] else None
        return assignment.syntax, value, constant

    def _unaccounted(self) -> None:
        for read in self.facts.reads:
            if read.symbol in self.carriers and _offset(read) not in self.accounted:
                line = self.design.manager.getLineNumber(read.sourceRange.start)
                self.text.visible.append(f"{read.symbol.name!r} read as a number in line {line}")

    def _ports(self) -> None:
        for symbol in self.carriers:
            signal = self.module.signals.get(symbol.name)
            if signal is not None and signal.kind in ("input", "output", "inout"):
                self.text.visible.append(f"{symbol.name!r} is a port")

    # Names.

    def _names(self) -> None:
        found = [n for n in map(self._name, self.symbols.values()) if n is not None]
        for name in sorted(self._siblings(found), key=lambda n: n.place.start):
            self.text.names[name.name] = name
        for site in self.text.sites:
            if site.name is not None and site.name not in self.text.names:
                self.text.visible.append(f"{site.name!r} is declared where it can't be edited")

    def _index_names(self) -> None:
        places = {b.selector.start for b in self.text.bits}
        found = [self._name(s, places, 32) for s in self.index_symbols.values()]
        for name in sorted((n for n in found if n is not None), key=lambda n: n.place.start):
            self.text.index_names[name.name] = name

    def _siblings(self, found: list[StateName]) -> list[StateName]:
        """Return the names, with other members of their enums and unused constants of their declarations added."""
        known = {n.name for n in found}
        others = []
        for scope in {id(s.parentScope): s.parentScope for s in self.symbols.values()}.values():
            others += [s for s in scope if s.kind.name in ("EnumValue", "Parameter") and s.name not in known]
        holders = [n.node.parent for n in found if n.kind != "enum"]
        result = list(found)
        for symbol in others:
            holder = getattr(symbol.syntax, "parent", None)
            if symbol.kind.name == "Parameter" and not any(holder is h for h in holders):
                continue
            name = self._name(symbol)
            if name is not None and (name.kind == "enum" or name.private):
                result.append(name)
        return result

    def _name(self, symbol: Any, uses: set[int] | None = None, width: int = 0) -> StateName | None:
        if symbol.kind.name not in ("Parameter", "EnumValue"):
            return None
        if symbol.kind.name == "Parameter" and symbol.isOverridden:
            return None
        node = symbol.syntax
        place = self.place(node.sourceRange) if node is not None else None
        if place is None or place.file != self.text.file or not _inside(place, self.module.place):
            return None
        known, value = number(symbol.value, width or self.text.width)
        if not known or value is None or node.kind.name != "Declarator":
            return None
        clause = node.initializer
        initializer = self.place(clause.expr.sourceRange) if clause is not None else None
        if clause is not None and initializer is None:
            return None
        uses = {s.place.start for s in self.text.sites} if uses is None else uses
        private = self._is_private(symbol.name, uses | {place.start})
        return StateName(symbol.name, value, _name_kind(symbol), node, place, initializer, private)

    def _is_private(self, name: str, places: set[int]) -> bool:
        """Return whether every occurrence of the identifier in the module is at one of the places."""
        module = self.module.place
        text = blank_comments(self.design.sources[module.file][module.start : module.end].decode("latin-1"))
        pattern = re.compile(rf"(?<![\w$.]){re.escape(name)}(?![\w$])")
        return all(m.start() + module.start in places for m in pattern.finditer(text))

    # Declarations.

    def _declarations(self) -> None:
        resizes: dict[Place, Resize] = {}
        holders = [(s.syntax, self.text.width) for s in self.carriers]
        holders += [(n.node, self.text.width) for n in self.text.names.values() if n.kind != "enum"]
        complete = True
        for node, width in holders:
            found = self._resize(node, width)
            if found is None:
                complete = False
            elif isinstance(found, Resize):
                resizes[found.place] = found
        self.text.resizes = tuple(resizes.values()) if complete else ()
        declaration = self._declaration_of(self.root.syntax)
        editable = declaration is not None and self.place(declaration.sourceRange) is not None
        if editable and declaration.kind.name in _DECLARATIONS:
            self.text.declaration = declaration
            self.text.attribute = _encoding_attribute(declaration)

    @staticmethod
    def _declaration_of(node: Any) -> Any:
        while node is not None and not hasattr(node, "declarators"):
            node = node.parent
        return node

    def _resize(self, node: Any, width: int) -> Resize | bool | None:
        """Return how the declaration around one declarator is resized; True: nothing to do, None: it can't be."""
        declaration = self._declaration_of(node)
        if declaration is None or not hasattr(declaration, "type") or not self._all_ours(declaration):
            return None
        type_ = declaration.type
        if type_.kind.name == "NamedType":
            return self._resize_named(type_)
        if type_.kind.name == "EnumType":
            return self._resize_enum(type_)
        if declaration.kind.name == "ParameterDeclaration" and not list(getattr(type_, "dimensions", ())):
            return True
        return self._resize_packed(type_, width)

    def _all_ours(self, declaration: Any) -> bool:
        ours = {s.name for s in self.carriers} | set(self.text.names)
        return all(d.name.valueText in ours for d in declaration.declarators if hasattr(d, "name"))

    def _resize_packed(self, type_: Any, width: int) -> Resize | None:
        dimensions = list(getattr(type_, "dimensions", ()))
        if len(dimensions) != 1:
            return None
        place = self.place(dimensions[0].sourceRange)
        if place is None or not self._is_plain(place, width):
            return None
        source = self.design.sources[place.file]
        start = place.start
        while start > 0 and source[start - 1 : start] in (b" ", b"\t"):
            start -= 1
        before = source[start : place.start].decode("latin-1")
        return Resize(Place(place.file, start, place.end), before + "[{high}:0]", "")

    def _is_plain(self, place: Place, width: int) -> bool:
        text = self.design.sources[place.file][place.start : place.end].decode("latin-1")
        return re.sub(r"\s", "", text) == f"[{width - 1}:0]"

    def _resize_named(self, type_: Any) -> Resize | bool | None:
        enums = [s for s in self.symbols.values() if s.kind.name == "EnumValue"]
        node = enums[0].syntax.parent if enums else None
        return self._resize_enum(node) if node is not None and node.kind.name == "EnumType" else None

    def _resize_enum(self, node: Any) -> Resize | None:
        if node.baseType is not None:
            return self._resize_packed(node.baseType, self.text.width)
        place = self.place(node.keyword.range)
        if place is None:
            return None
        return Resize(place, "enum logic [{high}:0]", "enum logic")


def _encoding_attribute(declaration: Any) -> str | None:
    match = re.search(r'fsm_encoding\s*=\s*"([^"]*)"', "".join(str(a) for a in declaration.attributes))
    return match.group(1) if match else None


def _offset(expression: Any) -> int:
    return int(expression.sourceRange.start.offset)


def _inside(place: Place, outer: Place) -> bool:
    return outer.file == place.file and outer.start <= place.start and place.end <= outer.end


def _name_kind(symbol: Any) -> NameKind:
    if symbol.kind.name == "EnumValue":
        return "enum"
    return "localparam" if symbol.isLocalParam else "parameter"


def _kind_words(leaf: Any) -> str:
    return f"{leaf.kind.name} expression"


def blank_comments(text: str) -> str:
    """Return `text` with comments and strings replaced by blanks of the same length."""
    return _COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
