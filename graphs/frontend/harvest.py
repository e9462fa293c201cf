"""Rows from slang's syntax tree.

One visit in C++ calls back for the kinds of nodes that give rows; tokens never reach Python. A node that comes from a
header is left out, one that comes from a macro has the position of the macro's use.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from rtlgen.graphs.frontend.collect import Collector

if TYPE_CHECKING:
    import pyslang

    from rtlgen.graphs.frontend.units import Unit

Name = Callable[[Any], str]

_DEFINITIONS: Final = {
    "ModuleDeclaration": "module",
    "InterfaceDeclaration": "interface",
    "ProgramDeclaration": "program",
    "PackageDeclaration": "package",
    "ClassDeclaration": "class",
    "CheckerDeclaration": "checker",
    "UdpDeclaration": "primitive",
    "ConfigDeclaration": "configuration",
}
_CHUNKS: Final = {
    "AlwaysBlock": "block",
    "AlwaysCombBlock": "block",
    "AlwaysFFBlock": "block",
    "AlwaysLatchBlock": "block",
    "InitialBlock": "block",
    "FinalBlock": "block",
    "ContinuousAssign": "assign",
    "NetAlias": "assign",
    "FunctionDeclaration": "function",
    "TaskDeclaration": "task",
    "ClassMethodDeclaration": "function",
    "ClassMethodPrototype": "function",
    "ExternInterfaceMethod": "function",
    "DPIImport": "function",
    "LetDeclaration": "function",
    "HierarchyInstantiation": "instance",
    "PrimitiveInstantiation": "instance",
    "CheckerInstantiation": "instance",
    "DataDeclaration": "signal",
    "NetDeclaration": "signal",
    "UserDefinedNetDeclaration": "signal",
    "CheckerDataDeclaration": "signal",
    "ClassPropertyDeclaration": "signal",
    "GenvarDeclaration": "signal",
    "ImplicitAnsiPort": "port",
    "ExplicitAnsiPort": "port",
    "PortDeclaration": "port",
    "ParameterDeclaration": "parameter",
    "TypeParameterDeclaration": "parameter",
    "ParameterDeclarationStatement": "parameter",
    "SpecparamDeclaration": "parameter",
    "TypedefDeclaration": "type",
    "NetTypeDeclaration": "type",
    "IfGenerate": "generate",
    "CaseGenerate": "generate",
    "LoopGenerate": "generate",
    "PropertyDeclaration": "property",
    "SequenceDeclaration": "property",
    "ConcurrentAssertionMember": "property",
    "ImmediateAssertionMember": "property",
    "CovergroupDeclaration": "property",
    "ConstraintDeclaration": "property",
    "SpecifyBlock": "region",
    "ClockingDeclaration": "region",
    "ModportDeclaration": "region",
}
_CODE: Final = frozenset(
    {
        "AlwaysBlock", "AlwaysCombBlock", "AlwaysFFBlock", "AlwaysLatchBlock", "InitialBlock", "FinalBlock",
        "FunctionDeclaration", "TaskDeclaration", "ClassMethodDeclaration", "PropertyDeclaration",
        "SequenceDeclaration", "ConcurrentAssertionMember", "ImmediateAssertionMember", "CovergroupDeclaration",
        "ClockingDeclaration",
    }
)  # fmt: skip
"""Declarations inside these are no chunks."""
_WRAPPERS: Final = {
    "ClassMethodDeclaration": ("FunctionDeclaration", "TaskDeclaration"),
    "ClassPropertyDeclaration": ("DataDeclaration", "TypedefDeclaration", "ParameterDeclarationStatement"),
    "CheckerDataDeclaration": ("DataDeclaration",),
    "ParameterDeclarationStatement": ("ParameterDeclaration", "TypeParameterDeclaration"),
}
_NAMING: Final = frozenset(
    {"Declarator", "HierarchicalInstance", "TypeAssignment", "ModportItem", "SpecparamDeclarator"}
)
"""Their names are the names of the chunk right above."""
_MORE: Final = (
    *_DEFINITIONS, *_CHUNKS, "Declarator", "HierarchicalInstance", "SequentialBlockStatement",
    "ParallelBlockStatement", "TypeAssignment", "PackageImportItem", "ModportItem", "StandardCaseItem",
    "DefaultCaseItem", "EnumType", "StructType", "UnionType", "StructUnionMember", "FunctionPort",
    "ForVariableDeclaration", "SpecparamDeclarator", "ImmediateAssertStatement", "ImmediateAssumeStatement",
    "ImmediateCoverStatement", "AssertPropertyStatement", "AssumePropertyStatement", "CoverPropertyStatement",
    "CoverSequenceStatement", "ExpectPropertyStatement", "RestrictPropertyStatement",
    "BlockingEventTriggerStatement", "NonblockingEventTriggerStatement", "ProceduralForceStatement",
    "ProceduralReleaseStatement", "ProceduralAssignStatement", "ProceduralDeassignStatement",
)  # fmt: skip
_LEFT_OUT: Final = frozenset({"EmptyMember", "EmptyStatement"})


def _value(node: Any, *path: str) -> str:
    """Return the text of the token at `path`; empty where a part is missing."""
    for step in path:
        node = getattr(node, step)
        if node is None:
            return ""
    return str(node.valueText)


def _at(*path: str) -> Name:
    return lambda node: _value(node, *path)


def _label(node: Any) -> str:
    """Return the name of a block or the label of a statement."""
    return _value(node, "label", "name") or (_value(node, "blockName", "name") if hasattr(node, "blockName") else "")


def _block_name(node: Any) -> str:
    statement = node.statement
    while type(statement).__name__ == "TimingControlStatementSyntax":
        statement = statement.statement
    return _label(statement)


def _generate_name(node: Any) -> str:
    block = node.block
    return _value(block, "beginName", "name") if hasattr(block, "beginName") else ""


def _written(node: Any) -> str:
    """Return a name as written: `new`, `f`, `C::f`."""
    return str(node).strip() if node is not None else ""


def _assigned(node: Any) -> str:
    first = node.assignments[0] if len(node.assignments) else None
    while type(left := getattr(first, "left", None)).__name__ != "NoneType":
        first = left
    return str(first.getFirstToken().valueText) if first is not None else ""


_PROCEDURES: Final = (
    "AlwaysBlock",
    "AlwaysCombBlock",
    "AlwaysFFBlock",
    "AlwaysLatchBlock",
    "InitialBlock",
    "FinalBlock",
)
_NAMES: Final[dict[str, Name]] = {
    **dict.fromkeys(
        ("ModuleDeclaration", "InterfaceDeclaration", "ProgramDeclaration", "PackageDeclaration", "ExternModuleDecl"),
        _at("header", "name"),
    ),
    **dict.fromkeys(
        (
            "ClassDeclaration", "CheckerDeclaration", "UdpDeclaration", "ConfigDeclaration", "TypedefDeclaration",
            "NetTypeDeclaration", "ForwardTypedefDeclaration", "PropertyDeclaration", "SequenceDeclaration",
            "CovergroupDeclaration", "ExplicitAnsiPort", "Declarator", "TypeAssignment", "ModportItem",
            "SpecparamDeclarator",
        ),
        _at("name"),
    ),
    **dict.fromkeys(_PROCEDURES, _block_name),
    **dict.fromkeys(("FunctionDeclaration", "TaskDeclaration"), lambda node: _written(node.prototype.name)),
    **dict.fromkeys(
        ("ClassMethodPrototype", "ExternInterfaceMethod"), lambda node: _written(node.prototype.name)
    ),
    **dict.fromkeys(("IfGenerate", "LoopGenerate"), _generate_name),
    **dict.fromkeys(("SequentialBlockStatement", "ParallelBlockStatement"), _label),
    **dict.fromkeys(("ConcurrentAssertionMember", "ImmediateAssertionMember"), lambda node: _label(node.statement)),
    **dict.fromkeys(("ConstraintDeclaration", "ConstraintPrototype"), lambda node: _written(node.name)),
    "DPIImport": lambda node: _written(node.method.name),
    "LetDeclaration": _at("identifier"),
    "ClockingDeclaration": _at("blockName"),
    "HierarchicalInstance": _at("decl", "name"),
    "PackageImportItem": _at("package"),
    "GenerateBlock": _at("beginName", "name"),
    "Coverpoint": _at("label", "name"),
    "CoverCross": _at("label", "name"),
    "ContinuousAssign": _assigned,
    "ImplicitAnsiPort": _at("declarator", "name"),
    "GenvarDeclaration": lambda node: ", ".join(_written(n) for n in node.identifiers if hasattr(n, "kind")),
}  # fmt: skip


@lru_cache(maxsize=1)
def _kinds() -> tuple[tuple[Any, str], ...]:
    """Return the kinds of nodes that give rows: members, statements, and what `_MORE` names."""
    from pyslang import syntax

    classes = (syntax.MemberSyntax, syntax.StatementSyntax)
    names = set(_MORE)
    for name in dir(syntax.SyntaxKind):
        found = getattr(syntax, name + "Syntax", None)
        if isinstance(found, type) and issubclass(found, classes):
            names.add(name)
    return tuple((getattr(syntax.SyntaxKind, n), n) for n in sorted(names - _LEFT_OUT) if hasattr(syntax.SyntaxKind, n))


_local = threading.local()


def harvest(manager: pyslang.SourceManager, unit: Unit, collector: Collector, *, broken: bool = False) -> None:
    """Add the rows of a tree to the collector; `broken` says that it has errors, so that tokens may be missing."""
    if not hasattr(_local, "harvest"):
        _local.harvest = _Harvest()
    _local.harvest.walk(manager, unit, collector, broken)


class _Harvest:
    """The table of callbacks, made once a thread, and the file that it is walking."""

    manager: pyslang.SourceManager
    rows: Collector

    def __init__(self) -> None:
        from pyslang import ast, syntax

        self._skip = ast.VisitAction.Skip
        self.buffer = 0
        self.broken = False
        self._uses: dict[int, tuple[int, int] | None] = {}
        self._depths: dict[Any, int] = {}
        self._type = ""
        kinds = syntax.SyntaxKind
        self._table: dict[Any, Any] = {kind: self._handler(name) for kind, name in _kinds()}
        self._table[kinds.ScopedName] = self._scoped(kinds.IdentifierName)

    def walk(self, manager: pyslang.SourceManager, unit: Unit, collector: Collector, broken: bool) -> None:
        self.broken = broken
        self.manager, self.buffer, self.rows = manager, unit.buffer, collector
        self._uses.clear()
        self._type = ""
        self.size = len(collector.content)
        collector.node("CompilationUnit", "", 0, len(collector.content))
        unit.tree.root.visit(lookup_table=self._table)
        self._depths.clear()

    def place(self, location: Any) -> tuple[int, int, bool] | None:
        """Return start and end of the place in the file that a location stands for, and whether a header holds it.

        A location in a macro stands for the macro's use, one in a header for the include. None: neither.
        """
        number = location.buffer.id
        if number not in self._uses:
            self._uses[number] = self._find(location)
        found = self._uses[number]
        return (abs(found[0]), found[1], found[1] < 0) if found else None

    def _find(self, location: Any) -> tuple[int, int] | None:
        manager, start, end = self.manager, location, location
        while manager.isMacroLoc(start):
            start = manager.getExpansionRange(start).start
        while manager.isMacroLoc(end):
            end = manager.getExpansionRange(end).end
        if start.buffer.id == self.buffer:
            return start.offset, end.offset
        while manager.isIncludedFileLoc(start):
            start = manager.getIncludedFrom(start.buffer)
        return (start.offset, -1) if start.buffer.id == self.buffer else None

    def _span(self, node: Any, first: Any, last: Any) -> tuple[int, int, int] | None:
        """Return start, end and depth of a node that a macro or a header gives a part of; None: leave it out.

        A depth of -1: all of it lies in a header, so that nothing below it counts either.
        """
        begin = (first.offset, first.offset, False) if first.buffer.id == self.buffer else self.place(first)
        end = (last.offset, last.offset, False) if last.buffer.id == self.buffer else self.place(last)
        if begin is None or end is None:
            return None
        if begin[2]:
            return (0, 0, -1) if end[2] else None
        stop = min(end[0] if end[2] else end[1], len(self.rows.content))
        return (begin[0], stop, self._depth(node)) if stop >= begin[0] else None

    def _depth(self, node: Any) -> int:
        """Return how many nodes are above a node, itself included; a node is one object for as long as it is kept."""
        known, chain = self._depths, []
        while node is not None and node not in known:
            chain.append(node)
            node = node.parent
        depth = 0 if node is None else known[node]
        for inner in reversed(chain):
            depth += 1
            known[inner] = depth
        return depth

    def _handler(self, kind: str) -> Callable[[Any], Any]:
        name_of, then = _NAMES.get(kind), self._then(kind)

        def handle(node: Any) -> Any:
            buffer = self.buffer
            extent = node.sourceRange
            first, last = extent.start, extent.end
            if first.buffer.id == buffer and last.buffer.id == buffer:
                start, end, depth = first.offset, min(last.offset, self.size), 0  # missing tokens have a length too
                if self.broken:
                    end = min(end, _real_end(node))
                if end < start:
                    return None
            else:
                span = self._span(node, first, last)
                if span is None:
                    return None
                start, end, depth = span
                if depth < 0:
                    return self._skip
            name = name_of(node) if name_of else ""
            self.rows.node(kind, name, start, end, depth)
            if then:
                then(node, name, start, end)
            return None

        return handle

    def _then(self, kind: str) -> Callable[[Any, str, int, int], None] | None:
        """Return what is done with a node of this kind beside adding it."""
        if kind in _DEFINITIONS:
            what = _DEFINITIONS[kind]
            return lambda node, name, start, end: self.rows.definition(what, name, start, end)
        if kind == "PackageImportItem":
            return lambda node, name, start, end: self.rows.imports(name, start)
        if kind == "HierarchicalInstance":
            return self._instance
        if kind in _NAMING:
            return self._named
        if kind in _CHUNKS:
            return self._chunk(kind)
        return None

    def _named(self, node: Any, name: str, start: int, end: int) -> None:
        chunk = self.rows.chunk_of_node.get(self.rows.parent())
        if chunk is not None and name:
            chunk.names.append(name)

    def _instance(self, node: Any, name: str, start: int, end: int) -> None:
        self._named(node, name, start, end)
        if self._type and name:
            self.rows.instantiates(self._type, name, start)

    def _chunk(self, kind: str) -> Callable[[Any, str, int, int], None]:
        what, holds_code = _CHUNKS[kind], kind in _CODE
        named_here = "" if kind == "ImplicitAnsiPort" else None
        inner = frozenset(k for k, wrapped in _WRAPPERS.items() if kind in wrapped)
        instantiates = what == "instance"

        def handle(node: Any, name: str, start: int, end: int) -> None:
            rows = self.rows
            if instantiates:
                self._type = _type_of(kind, node)
            if start < rows.code_end and (end < rows.code_end or not holds_code):
                return
            above = rows.chunk_of_node.get(rows.parent()) if inner else None
            if above is not None and above.syntax in inner:
                _join(above, name, what)
                rows.chunk_of_node[rows.rows.nodes[-1].id] = above
            elif kind != "IfGenerate" or node.parent.kind.name != "ElseClause":
                rows.chunk(what, name if named_here is None else "", start, end)
            if holds_code:
                rows.code_end = max(rows.code_end, end)

        return handle

    def _scoped(self, identifier: Any) -> Callable[[Any], None]:
        """Return what adds the package of `pkg::name`; classes look alike and are added too."""
        from pyslang import parsing

        colons = parsing.TokenKind.DoubleColon

        def handle(node: Any) -> None:
            left = node.left
            if left.kind != identifier or node.separator.kind != colons:
                return
            token = left.identifier
            where = token.location
            if where.buffer.id == self.buffer:
                self.rows.imports(token.valueText, where.offset)
            else:
                found = self.place(where)
                if found and not found[2]:
                    self.rows.imports(token.valueText, found[0])

        return handle


def _real_end(node: Any) -> int:
    """Return where a node ends; a token that is missing has the length that it would have had."""
    last = node.getLastToken()
    return int(last.location.offset if last.isMissing else last.range.end.offset)


def _join(chunk: Any, name: str, what: str) -> None:
    """Take name and kind of what a chunk wraps: `virtual task f` is a task called f."""
    chunk.kind = what
    if name:
        chunk.names.append(name)


def _type_of(kind: str, node: Any) -> str:
    if kind == "PrimitiveInstantiation":
        return ""
    return _written(node.type) if kind == "CheckerInstantiation" else str(node.type.valueText)
