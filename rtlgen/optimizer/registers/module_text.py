"""Clean removal and change of whole statements and declarations in one module's text.

Works on slang's syntax tree of the file, so that an `if` whose only statement goes, goes with it, and a declaration
keeps its other names. What it can't do cleanly it refuses, and the rewrite then makes no proposal.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

from rtlgen.graphs.wordlevel.module import ModuleIR, Place
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.registers.statements import Removal
from rtlgen.optimizer.registers.statements import negated as negated
from rtlgen.optimizer.registers.syntax import CannotEditError as CannotEditError
from rtlgen.optimizer.registers.syntax import base_names, descend, is_assignment, span

_PROCEDURES: Final = ("AlwaysBlock", "AlwaysCombBlock", "AlwaysFFBlock", "AlwaysLatchBlock", "InitialBlock")


@dataclass(frozen=True, slots=True)
class Declaration:
    """Where and how one name is declared.

    Attributes:
        keyword: `reg`, `wire`, `logic`, `integer` ..., empty for an implicit net type.
        keyword_place: its bytes, None where there is none.
        port: declared in a port list or port declaration.
        alone: no other name depends on the same keyword and dimensions.
        dimension: text such as `[7:0]`, empty for a scalar. signed: declared with that word.
        node, declarator: syntax nodes of the declaration and of the name in it.
    """

    keyword: str
    keyword_place: tuple[int, int] | None
    port: bool
    alone: bool
    dimension: str
    signed: bool
    node: Any
    declarator: Any


class _Index:
    """The nodes of a module by what is asked for, from one walk."""

    def __init__(self, nodes: Iterable[Any]) -> None:
        self.nodes = list(nodes)
        self.by_kind: dict[str, list[Any]] = {}
        self.by_place: dict[tuple[int, int], list[Any]] = {}
        self.uses: dict[str, list[Any]] = {}
        for node in self.nodes:
            kind = node.kind.name
            self.by_kind.setdefault(kind, []).append(node)
            self.by_place.setdefault(span(node), []).append(node)
            if kind in ("IdentifierName", "IdentifierSelectName"):
                self.uses.setdefault(node.identifier.valueText, []).append(node)


class ModuleText:
    """Text and syntax of one module."""

    def __init__(self, file: str, text: bytes, place: Place, defines: Mapping[str, str] | None = None) -> None:
        """Parse the file.

        Args:
            file: name for the edits.
            text: content of the file.
            place: the module's bytes.
            defines: macros given from outside.

        Raises:
            CannotEditError: no module of that place is in the text.
        """
        import pyslang
        from pyslang import parsing, syntax

        self.file, self.text = file, text
        ascii_text = text.decode("latin-1").encode("ascii", "replace").decode("ascii")
        preprocessor = parsing.PreprocessorOptions()
        preprocessor.predefines = [f"{n}={v}" if v else n for n, v in (defines or {}).items()]
        bag = pyslang.Bag()
        bag.preprocessorOptions = preprocessor
        self._manager = pyslang.SourceManager()
        self._tree = syntax.SyntaxTree.fromText(ascii_text, self._manager, file, "", bag)
        root = self._tree.root
        modules = [n for n in descend(root, lambda n: n.kind.name != "ModuleDeclaration") if _is_module(n)]
        found = [m for m in modules if span(m) == (place.start, place.end)]
        if not found:
            raise CannotEditError(f"expected a module at bytes {place.start} to {place.end} of {file!r}, got none")
        self.module = found[0]
        self.removable: dict[str, bool] = {}
        """Whether a signal could be removed from this text, as far as somebody asked."""

    @classmethod
    def of(cls, module: ModuleIR, sources: Mapping[str, bytes], defines: Mapping[str, str] | None = None) -> ModuleText:
        """Return the text of a module view; the texts asked for last are kept, because families ask again and again.

        Raises:
            CannotEditError: it can't be found in the sources.
        """
        if module.place.file not in sources:
            raise CannotEditError(f"expected the module's file {module.place.file!r} among the sources, got none")
        macros = tuple(sorted((defines or {}).items()))
        return _module_text(module.place.file, sources[module.place.file], module.place, macros)

    # Plain edits ----------------------------------------------------------------------------------------------

    def edit(self, start: int, end: int, text: str) -> Edit:
        """Return the replacement of a byte range."""
        return Edit(self.file, start, end, text)

    def delete(self, start: int, end: int) -> Edit:
        """Return the deletion of a byte range, with its lines and a comment behind it where nothing else is there."""
        first, last = self.line_start(start), self.line_end(end)
        before, after = self.text[first:start], self.text[end:last]
        if not before.strip() and (not after.strip() or after.strip().startswith(b"//")):
            return self.edit(first, min(last + 1, len(self.text)), "")
        while not before.strip() and end < last and self.text[end : end + 1] in b" \t":
            end += 1
        while before.strip() and start > first and self.text[start - 1 : start] in b" \t":
            start -= 1
        return self.edit(start, end, "")

    def line_start(self, offset: int) -> int:
        """Return the offset of the first byte of the line."""
        return self.text.rfind(b"\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """Return the offset of the line's end, without the newline."""
        end = self.text.find(b"\n", offset)
        return end if end >= 0 else len(self.text)

    def indent(self, offset: int) -> str:
        """Return the white space at the beginning of the line."""
        start = self.line_start(offset)
        line = self.text[start : self.line_end(start)]
        return line[: len(line) - len(line.lstrip())].decode("latin-1")

    def insert_before(self, offset: int, lines: str) -> Edit:
        """Return the insertion of whole lines before the line of `offset`."""
        start = self.line_start(offset)
        if self.text[start:offset].strip():
            return self.edit(offset, offset, lines.strip() + " ")
        return self.edit(start, start, lines)

    # Finding --------------------------------------------------------------------------------------------------

    @cached_property
    def _index(self) -> _Index:
        return _Index(descend(self.module))

    def nodes(self, *kinds: str) -> Iterator[Any]:
        """Yield every syntax node of the module of these kinds (all without one), parents first."""
        if not kinds:
            yield from self._index.nodes
        elif len(kinds) == 1:
            yield from self._index.by_kind.get(kinds[0], [])
        else:
            yield from (n for n in self._index.nodes if n.kind.name in kinds)

    def item(self, place: Place) -> Any:
        """Return the syntax node of exactly these bytes.

        Raises:
            CannotEditError: there is none.
        """
        for node in self.items(place):
            return node
        raise CannotEditError(f"expected an item at bytes {place.start} to {place.end} of {self.file!r}, got none")

    def items(self, place: Place) -> list[Any]:
        """Return all syntax nodes of exactly these bytes, outermost first."""
        return self._index.by_place.get((place.start, place.end), [])

    def reads(self, name: str) -> list[tuple[int, int, bool]]:
        """Return start, end and "has a select" of every use of a name in expressions, targets included."""
        found = []
        for node in self._index.uses.get(name, []):
            start = node.identifier.location.offset
            found.append((start, start + len(name), node.kind.name == "IdentifierSelectName"))
        return found

    def assignments(self, name: str) -> list[Any]:
        """Return the procedural assignment statements that drive a name, alone or with others."""
        return self._targets.get(name, [])

    @cached_property
    def _targets(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for statement in filter(is_assignment, self.nodes("ExpressionStatement")):
            with suppress(CannotEditError):
                for name in dict.fromkeys(base_names(statement.expr.left)):
                    found.setdefault(name, []).append(statement)
        return found

    def read_slices(self, name: str, width: int) -> list[tuple[int, int, int, int]]:
        """Return start, end, lowest bit and width of every use of a vector `[width-1:0]`, selects included.

        Raises:
            CannotEditError: a select is not one of plain numbers.
        """
        found = []
        for node in self._index.uses.get(name, []):
            start, end = node.identifier.location.offset, span(node)[1]
            found.append((start, end, *_slice(self.text[start + len(name) : end], width)))
        return found

    def used(self) -> set[str]:
        """Return every name that stands in an expression, targets included."""
        return set(self._index.uses)

    def words(self) -> set[str]:
        """Return every identifier of the module's text."""
        found = set()
        for node in self.nodes():
            for child in node:
                if hasattr(child, "valueText") and child.kind.name == "Identifier":
                    found.add(child.valueText)
        return found

    # Removing statements --------------------------------------------------------------------------------------

    def without_assignments(self, place: Place, names: Collection[str]) -> list[Edit]:
        """Return edits that remove all assignments to `names` from the item, or the whole item if nothing is left.

        Raises:
            CannotEditError: an assignment drives others too, or the item is no plain procedural block or `assign`.
        """
        item = self.item(place)
        if item.kind.name == "AssignmentExpression":
            return [self._without_assign(item, names)]
        if item.kind.name in ("Declarator", "EqualsValueClause"):
            return [self._without_initial_value(item, names)]
        if item.kind.name not in _PROCEDURES:
            raise CannotEditError(f"expected a procedural block, got {item.kind.name!r}")
        removal = Removal(self, names)
        if removal.vanishes(item.statement):
            return [self.delete(place.start, place.end)]
        removal.remove(item.statement)
        return removal.edits

    def _without_assign(self, item: Any, names: Collection[str]) -> Edit:
        gone = [b in names for b in base_names(item.left)]
        if not all(gone):
            raise CannotEditError("expected assignments to the removed signals only, got a concatenation with others")
        statement = item.parent
        if statement is None or statement.kind.name != "ContinuousAssign":
            raise CannotEditError("expected a continuous assignment, got another kind of item")
        if len([n for n in statement.assignments if n.__class__.__name__.endswith("Syntax")]) != 1:
            raise CannotEditError("expected one assignment per statement, got a list")
        return self.delete(*span(_emptied(statement, names)))

    def _without_initial_value(self, item: Any, names: Collection[str]) -> Edit:
        declarator = item if item.kind.name == "Declarator" else item.parent
        if declarator.name.valueText not in names:
            raise CannotEditError("expected the declaration of a removed signal, got another one")
        start, end = span(declarator.initializer)
        return self.edit(_skip_back(self.text, start), end, "")

    def statement_start(self, place: Place) -> int:
        """Return the offset of the item or statement that a driver's bytes belong to."""
        for item in self.items(place):
            start = None
            if item.kind.name == "AssignmentExpression" and item.parent.kind.name == "ContinuousAssign":
                start = item.parent
            elif item.kind.name in ("Declarator", "EqualsValueClause"):
                start = (item if item.kind.name == "Declarator" else item.parent).parent
            elif item.kind.name in _PROCEDURES:
                start = item
            if start is not None:
                return span(_outside_loops(start))[0]
        return place.start

    def right_side(self, place: Place, names: Sequence[str]) -> tuple[int, int, int] | None:
        """Return where an item's statement starts and the bytes of its expression, if it drives exactly `names`.

        None where the item drives others too, only parts, or another order.
        """
        for item in self.items(place):
            kind = item.kind.name
            if kind == "AssignmentExpression" and _plain_names(item.left) == list(names):
                return span(item.parent)[0], *span(item.right)
            if kind in ("Declarator", "EqualsValueClause"):
                declarator = item if kind == "Declarator" else item.parent
                if declarator.initializer is not None and [declarator.name.valueText] == list(names):
                    return span(declarator.parent)[0], *span(declarator.initializer.expr)
        return None

    # Declarations ---------------------------------------------------------------------------------------------

    def declarations(self, name: str) -> list[Declaration]:
        """Return every declaration of a name (two for a port in the old style)."""
        named = (n for n in self.nodes("Declarator") if n.name.valueText == name)
        return [self._declaration(n) for n in named if _owner(n) is not None]

    def _declaration(self, declarator: Any) -> Declaration:
        owner: Any = _owner(declarator)
        kind = owner.kind.name
        typed = owner.header if kind in ("ImplicitAnsiPort", "PortDeclaration") else owner
        data_type = getattr(typed, "dataType", None) or getattr(typed, "type", None)
        token = _keyword(typed, data_type)
        dimension = "".join(self._text(d) for d in getattr(data_type, "dimensions", []) or [])
        return Declaration(
            keyword=token.valueText if token is not None else "",
            keyword_place=(token.location.offset, token.location.offset + len(token.valueText)) if token else None,
            port=kind in ("ImplicitAnsiPort", "PortDeclaration"),
            alone=self._alone(owner, kind),
            dimension=dimension,
            signed=bool(getattr(getattr(data_type, "signing", None), "valueText", "")),
            node=owner,
            declarator=declarator,
        )

    def _text(self, node: Any) -> str:
        start, end = span(node)
        return self.text[start:end].decode("latin-1").strip()

    @staticmethod
    def _alone(owner: Any, kind: str) -> bool:
        if kind != "ImplicitAnsiPort":
            return len(_declarators(owner)) == 1
        ports = [p for p in owner.parent if p.__class__.__name__.endswith("Syntax")]
        following = ports[ports.index(owner) + 1 :] if owner in ports else []
        return not following or span(following[0].header) != (following[0].header.sourceRange.start.offset,) * 2

    def unused_genvars(self) -> list[Edit]:
        """Return edits that remove the declarations of generate variables that nothing uses."""
        edits = []
        for node in self.nodes("GenvarDeclaration"):
            tokens = [c for n in node.identifiers if n.__class__.__name__.endswith("Syntax") for c in n]
            names = [c.valueText for c in tokens if c.kind.name == "Identifier"]
            if names and not any(self._mentions(n, node) for n in names):
                edits.append(self.delete(*span(node)))
        return edits

    def _mentions(self, name: str, declaration: Any) -> bool:
        start, end = span(declaration)
        word = re.compile(rb"(?<![\w$])" + name.encode() + rb"(?![\w$])")
        first, last = span(self.module)
        return any(not start <= m.start() < end for m in word.finditer(self.text, first, last))

    def remove_declaration(self, name: str) -> list[Edit]:
        """Return edits that remove a name's declaration, or its declarator from a list of several.

        Raises:
            CannotEditError: it is a port, is not declared in this text, or has several declarations.
        """
        return self.remove_declarations([name])

    def remove_declarations(self, names: Collection[str]) -> list[Edit]:
        """Return edits that remove the declarations of several names at once.

        Raises:
            CannotEditError: one is a port, is not declared in this text, or has several declarations.
        """
        owners: dict[tuple[int, int], Any] = {}
        for name in names:
            found = self.declarations(name)
            if len(found) != 1 or found[0].port:
                raise CannotEditError(f"expected one declaration of {name!r} that is no port, got {len(found)!r}")
            owners[span(found[0].node)] = found[0].node
        return [self._without_declarators(node, names) for node in owners.values()]

    def _without_declarators(self, node: Any, names: Collection[str]) -> Edit:
        declarators = _declarators(node)
        kept = [d for d in declarators if d.name.valueText not in names]
        if not kept:
            return self.delete(*span(node))
        start, end = span(declarators[0])[0], span(declarators[-1])[1]
        return self.edit(start, end, ", ".join(self._text(d) for d in kept))

    def as_net(self, name: str) -> list[Edit]:
        """Return edits after which a continuous assignment may drive the name; none where it already may.

        Raises:
            CannotEditError: its declaration also declares others, or has an initial value.
        """
        found = self.declarations(name)
        edits: list[Edit] = []
        for declaration in found:
            if declaration.keyword in ("", "wire", "logic", "tri", "bit"):
                continue
            if declaration.port or len(found) == 1:
                edits.append(self._to_wire(name, declaration))
            else:
                edits.append(self._without_declarators(declaration.node, [name]))
        if not found:
            raise CannotEditError(f"expected a declaration of {name!r}, got none")
        return edits

    def _to_wire(self, name: str, declaration: Declaration) -> Edit:
        if declaration.keyword != "reg" or declaration.keyword_place is None or not declaration.alone:
            raise CannotEditError(f"expected a 'reg' declaration of {name!r} only, got a shared one or another type")
        if declaration.declarator.initializer is not None:
            raise CannotEditError(f"expected no initial value of {name!r}, got one")
        start, end = declaration.keyword_place
        padded = self.text[end : end + 2] == b"  "
        return self.edit(start, end + int(padded), "wire")


def _outside_loops(node: Any) -> Any:
    """Return the outermost generate loop around a node, else the node."""
    found, parent = node, node.parent
    while parent is not None and parent.kind.name != "ModuleDeclaration":
        if parent.kind.name == "LoopGenerate" or (parent.kind.name == "GenerateRegion" and found is not node):
            found = parent
        parent = parent.parent
    return found


def _emptied(statement: Any, names: Collection[str]) -> Any:
    """Return the outermost generate construct in which only assignments to `names` stand, else the statement."""
    found = statement
    while found.parent is not None and found.parent.kind.name in ("GenerateBlock", "LoopGenerate", "GenerateRegion"):
        parent = found.parent
        members = list(parent.members) if hasattr(parent, "members") else [found]
        if not all(_only_assigns(m, names) for m in members):
            break
        found = parent
    return found


def _only_assigns(member: Any, names: Collection[str]) -> bool:
    if member.kind.name in ("GenerateBlock", "GenerateRegion"):
        return all(_only_assigns(m, names) for m in member.members)
    if member.kind.name == "LoopGenerate":
        return _only_assigns(member.block, names)
    if member.kind.name != "ContinuousAssign":
        return False
    assignments = [n for n in member.assignments if n.__class__.__name__.endswith("Syntax")]
    return all(b in names for a in assignments for b in base_names(a.left))


def _slice(select: bytes, width: int) -> tuple[int, int]:
    """Return lowest bit and width of the text of a select, of the whole vector for an empty text."""
    if not select.strip():
        return 0, width
    match = re.fullmatch(rb"\s*\[\s*(\d+)\s*(?::\s*(\d+)\s*)?\]", select)
    if match is None:
        raise CannotEditError(f"expected a select by plain numbers, got {select.decode('latin-1')!r}")
    high, low = int(match[1]), int(match[2] or match[1])
    if not low <= high < width:
        raise CannotEditError(f"expected a select inside {width!r} bits, got {select.decode('latin-1')!r}")
    return low, high - low + 1


def _plain_names(left: Any) -> list[str] | None:
    """Return the signals of a left side that assigns whole signals only."""
    kind = left.kind.name
    if kind == "IdentifierName":
        return [left.identifier.valueText]
    if kind == "ConcatenationExpression":
        parts = [p for p in left.expressions if p.__class__.__name__.endswith("Syntax")]
        if all(p.kind.name == "IdentifierName" for p in parts):
            return [p.identifier.valueText for p in parts]
    return None


def _skip_back(text: bytes, offset: int) -> int:
    while offset > 0 and text[offset - 1 : offset] in b" \t":
        offset -= 1
    return offset


def _is_module(node: Any) -> bool:
    return bool(node.kind.name == "ModuleDeclaration")


def _owner(declarator: Any) -> Any | None:
    parent = declarator.parent
    kinds = ("DataDeclaration", "NetDeclaration", "ImplicitAnsiPort", "PortDeclaration")
    if parent is None or parent.kind.name not in kinds:
        parent = parent.parent if parent is not None else None
    if parent is None or parent.kind.name not in kinds:
        return None
    inside = parent.parent
    while inside is not None and inside.kind.name != "ModuleDeclaration":
        if inside.kind.name in ("FunctionDeclaration", "TaskDeclaration", "SequentialBlockStatement"):
            return None
        inside = inside.parent
    return parent


def _declarators(owner: Any) -> list[Any]:
    if owner.kind.name == "ImplicitAnsiPort":
        return [owner.declarator]
    return [d for d in owner.declarators if d.__class__.__name__.endswith("Syntax")]


def _keyword(typed: Any, data_type: Any) -> Any | None:
    net = getattr(typed, "netType", None)
    if net is not None and net.valueText:
        return net
    token = getattr(data_type, "keyword", None)
    return token if token is not None and token.valueText else None


@lru_cache(maxsize=24)
def _module_text(file: str, text: bytes, place: Place, macros: tuple[tuple[str, str], ...]) -> ModuleText:
    return ModuleText(file, text, place, dict(macros))
