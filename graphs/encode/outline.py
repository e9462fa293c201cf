"""The syntax tree of a definition as an indented outline; the form is described in `docs/graph-text.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from pyslang import Bag, SourceManager, parsing, syntax

from rtlgen.core.errors import InputError
from rtlgen.graphs.encode.budget import Encoded, Line, cut, fit, line
from rtlgen.graphs.encode.expressions import expression, source_text, tokens_of
from rtlgen.graphs.encode.focus import BRIEF_DONE, FAR, lines_of
from rtlgen.graphs.encode.names import written

MAX_TEXT: Final = 48
"""Characters of a shortened line, without its indentation."""

_OWN_LINE: Final = (
    syntax.MemberSyntax,
    syntax.StatementSyntax,
    syntax.CaseItemSyntax,
    syntax.ElseClauseSyntax,
    syntax.ParameterDeclarationBaseSyntax,
)
_WORDS: Final = {
    "ImplicitAnsiPort": "port",
    "ExplicitAnsiPort": "port",
    "PortDeclaration": "port",
    "ParameterDeclaration": "param",
    "TypeParameterDeclaration": "param",
    "DataDeclaration": "var",
    "HierarchyInstantiation": "inst",
    "PrimitiveInstantiation": "gate",
    "StandardCaseItem": "when",
    "PatternCaseItem": "when",
    "StandardRsCaseItem": "when",
    "SequentialBlockStatement": "block",
    "GenerateBlock": "block",
}
"""The kind of a line whose source does not begin with a word that says it."""
_CLOSING: Final = """
    begin end endmodule endinterface endprogram endcase endfunction endtask endgenerate endclocking endproperty
    endsequence endgroup endspecify join ; : ,
"""
_NOISE: Final = frozenset(_CLOSING.split())
_DECLARING: Final = frozenset({"parameter", "localparam"})
_UNSPACED_BEFORE: Final = frozenset({",", ";", ")", "]", "}"})
_UNSPACED_AFTER: Final = frozenset({"(", "[", "{", ".", "#", "@"})


@dataclass(slots=True)
class _Item:
    """A line while the outline is built."""

    text: str
    depth: int
    parent: int
    """Position of the line that this one is under, -1 for none."""
    first: int
    last: int
    after: int
    """Position of the `if` that this line is the alternative of, -1 for none."""
    names: set[str] = field(default_factory=set)


def encode_ast(
    source: str,
    name: str,
    *,
    tokens: int | None = None,
    focus: Sequence[str] = (),
    first_line: int = 1,
    defines: Mapping[str, str] | None = None,
) -> Encoded:
    """Return the syntax tree of a definition as text.

    Args:
        source: text that holds the definition.
        name: of the module, interface or program.
        tokens: the most the text may take, by `estimate`; None for all of it. Shallow nodes are kept first.
        focus: identifiers, or lines (`14`, `14-20`), whose nodes are kept first, with all nodes around them.
        first_line: number of the first line of `source` in its file.
        defines: macro → value.

    Raises:
        InputError: fewer than `MIN_TOKENS` tokens, no such definition, no such identifier or line in it, or a source
            that nests too deeply for slang.
    """
    tree = _parse(source, defines or {})
    items = _Outline(tree, first_line - 1).run(_definition(tree.root, name))
    far = _distances(items, focus) if focus else [0] * len(items)
    lines = [_line(item, number, far[number], focused=bool(focus)) for number, item in enumerate(items)]
    return fit(f"ast {written(name)}", lines, tokens)


def _parse(source: str, defines: Mapping[str, str]) -> syntax.SyntaxTree:
    bag = Bag()
    options = parsing.PreprocessorOptions()
    options.predefines = [f"{n}={v}" if v else n for n, v in defines.items()]
    bag.preprocessorOptions = options
    try:
        return syntax.SyntaxTree.fromText(source, SourceManager(), options=bag)
    except RuntimeError as error:
        raise InputError("expected a source that slang can parse, got one that nests too deeply") from error


def _line(item: _Item, number: int, distance: int, *, focused: bool) -> Line:
    indent = " " * item.depth
    forms = [indent + cut(item.text, MAX_TEXT), indent + item.text]
    importance = (item.depth, number)
    distance = min(distance, FAR)
    later = 4 + 2 * distance if focused else BRIEF_DONE + 1
    return line("nodes", forms, [(1 + 2 * distance, *importance), (later, *importance)])


def _definition(root: Any, name: str) -> Any:
    found = root.members if isinstance(root, syntax.CompilationUnitSyntax) else [root]
    modules = [m for m in found if isinstance(m, syntax.ModuleDeclarationSyntax)]
    names = [m.header.name.valueText for m in modules]
    if name in names:
        return modules[names.index(name)]
    near = get_close_matches(name, names, n=3) or names[:8]
    such = f" such as {', '.join(near)}" if near else ""
    raise InputError(f"expected a definition{such}, got {name!r}")


class _Waiting(NamedTuple):
    """A node whose line is still to be written."""

    node: Any
    parent: int = -1
    after: int = -1
    prefix: str = ""


class _Outline:
    """Lays out nodes as lines, without recursion: sources nest as deep as they like."""

    def __init__(self, tree: syntax.SyntaxTree, before: int) -> None:
        self._manager = tree.sourceManager
        self._before = before
        self.items: list[_Item] = []

    def run(self, definition: Any) -> list[_Item]:
        """Return the lines below a definition."""
        waiting = [_Waiting(node) for node in reversed(list(_below(definition)))]
        while waiting:
            item = waiting.pop()
            clause = item.node.clause if isinstance(item.node, syntax.ElseClauseSyntax) else None
            if isinstance(clause, syntax.ConditionalStatementSyntax | syntax.IfGenerateSyntax):
                waiting.append(_Waiting(clause, item.parent, item.after, "else "))
                continue
            position = item.parent if _is_transparent(item.node) else self._add(item)
            for child in reversed(list(_below(item.node))):
                if isinstance(child, syntax.ElseClauseSyntax) and position != item.parent:
                    waiting.append(_Waiting(child, item.parent, position))
                else:
                    waiting.append(_Waiting(child, position))
        return self.items

    def _add(self, item: _Waiting) -> int:
        """Add the line of a node and return its position; that of its parent where it has nothing to say."""
        node, parent = item.node, item.parent
        own = list(_own_parts(node))
        word = _WORDS.get(node.kind.name, "")
        text = item.prefix + " ".join(filter(None, [word, _joined(own)]))
        if not text:
            return parent
        depth = self.items[parent].depth + 1 if parent >= 0 else 0
        first, last = self._lines(node)
        if depth == 0 and word not in ("port", "param"):
            text = f"{first} {text}"
        names = {t.valueText for part in own for t in tokens_of(part) if t.kind == parsing.TokenKind.Identifier}
        self.items.append(_Item(text, depth, parent, first, last, item.after, names))
        return len(self.items) - 1

    def _lines(self, node: Any) -> tuple[int, int]:
        first, last = (
            self._manager.getLineNumber(self._manager.getFullyExpandedLoc(place)) + self._before
            for place in (node.sourceRange.start, node.sourceRange.end)
        )
        return first, max(first, last)


def _is_transparent(node: Any) -> bool:
    """Whether a node says nothing that the lines around it do not."""
    if isinstance(node, syntax.BlockStatementSyntax):
        return node.kind == syntax.SyntaxKind.SequentialBlockStatement and node.blockName is None
    if isinstance(node, syntax.GenerateBlockSyntax):
        return node.beginName is None
    if isinstance(node, syntax.TimingControlStatementSyntax):
        return isinstance(node.parent, syntax.ProceduralBlockSyntax)
    return isinstance(node, syntax.GenerateRegionSyntax | syntax.EmptyMemberSyntax | syntax.EmptyStatementSyntax)


def _below(node: Any) -> Iterator[Any]:
    """Yield the nearest nodes under a node that have lines of their own."""
    waiting = list(reversed(list(node)))
    while waiting:
        child = waiting.pop()
        if isinstance(child, _OWN_LINE):
            yield child
        elif child is not None and not isinstance(child, parsing.Token | syntax.ExpressionSyntax):
            waiting.extend(reversed(list(child)))


def _own_parts(node: Any) -> Iterator[Any]:
    """Yield tokens and nodes that belong on a node's own line."""
    drop = isinstance(node, syntax.StatementSyntax | syntax.IfGenerateSyntax | syntax.CaseGenerateSyntax)
    noise = _NOISE | _DECLARING if node.kind.name in _WORDS else _NOISE
    noise |= {"(", ")"} if drop else set()
    if isinstance(node, syntax.LoopGenerateSyntax | syntax.ForLoopStatementSyntax):
        noise -= {";"}
    if isinstance(node, syntax.CaseItemSyntax):
        noise -= {","}
    for child in node:
        if isinstance(child, parsing.Token):
            if child.rawText not in noise and not child.isMissing and child.rawText:
                yield child
        elif child is None or isinstance(child, syntax.AttributeInstanceSyntax):
            continue
        elif isinstance(child, _OWN_LINE):
            if isinstance(child, syntax.TimingControlStatementSyntax) and _is_transparent(child):
                yield child.timingControl
        elif isinstance(child, syntax.ExpressionSyntax) or not any(_below(child)):
            yield child


def _joined(parts: Sequence[Any]) -> str:
    text, glued = "", True
    for part in parts:
        is_token = isinstance(part, parsing.Token)
        piece = part.rawText if is_token else _node_text(part)
        if piece:
            text += piece if glued or piece in _UNSPACED_BEFORE else f" {piece}"
            glued = is_token and piece in _UNSPACED_AFTER
    return text


def _node_text(node: Any) -> str:
    if isinstance(node, syntax.NamedBlockClauseSyntax):
        return str(node.name.rawText)
    if isinstance(node, syntax.DeclaratorSyntax) and isinstance(node.initializer, syntax.EqualsValueClauseSyntax):
        dimensions = "".join(source_text(d) for d in node.dimensions if not isinstance(d, parsing.Token))
        return f"{node.name.rawText}{dimensions} = {expression(node.initializer.expr)}"
    if isinstance(node, syntax.DataTypeSyntax | syntax.NameSyntax):
        return source_text(node)
    if isinstance(node, syntax.ExpressionSyntax | syntax.ConditionalPredicateSyntax):
        return expression(node)
    return source_text(node)


def _distances(items: Sequence[_Item], focus: Sequence[str]) -> list[int]:
    """Return for every line how far it is, in steps of the tree, from those in focus and all around them.

    Raises:
        InputError: no line has such an identifier or number.
    """
    ranges, names = lines_of(focus)
    near = [False] * len(items)
    for hits in [*(_named(items, name) for name in names), *(_standing(items, lines) for lines in ranges)]:
        for number in hits:
            near[number] = True
    for number in range(len(items) - 1, -1, -1):
        for needed in (items[number].parent, items[number].after):
            if near[number] and needed >= 0:
                near[needed] = True
    far: list[int] = []
    for number, item in enumerate(items):
        above = far[item.parent] if item.parent >= 0 else 1
        far.append(0 if near[number] else above + 1)
    return far


def _named(items: Sequence[_Item], wanted: str) -> list[int]:
    """Return the lines with an identifier; of a hierarchical name or a select, the last one."""
    name = wanted.partition("[")[0].strip().rpartition(".")[2]
    hits = [number for number, item in enumerate(items) if name in item.names]
    if hits:
        return hits
    near = get_close_matches(name, sorted(set().union(*(item.names for item in items))), n=3)
    such = f" such as {', '.join(near)}" if near else ""
    raise InputError(f"expected an identifier of the definition{such}, got {wanted!r}")


def _standing(items: Sequence[_Item], lines: range) -> list[int]:
    """Return the lines of the outline whose source begins on given lines, or the innermost one around them."""
    hits = [number for number, item in enumerate(items) if item.first in lines]
    around = [number for number, item in enumerate(items) if item.first <= lines.start <= item.last]
    if not hits and not around:
        last = max((item.last for item in items), default=0)
        raise InputError(f"expected a line with code, up to {last}, got {lines.start}")
    return hits or [max(around, key=lambda number: (items[number].depth, number))]
