"""Syntax of slang as short text: expressions with the operator first, everything else as written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from pyslang import parsing, syntax

MAX_DEPTH: Final = 32
"""Levels of an expression with the operator first; what is deeper is given as written."""
_OPENED: Final = re.compile(r"([\[(]) | (?=[\])])")
_ASSOCIATIVE: Final = frozenset({"+", "*", "&", "|", "^", "&&", "||"})


def tokens_of(node: Any) -> Iterator[Any]:
    """Yield the tokens of a syntax node in order."""
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, parsing.Token):
            if not item.isMissing and item.rawText:
                yield item
        elif item is not None:
            waiting.extend(reversed(list(item)))


def source_text(node: Any) -> str:
    """Return the text of a node on one line: its spaces made one, without comments and directives."""
    text = ""
    for token in tokens_of(node):
        text += (" " if text and len(token.trivia) else "") + token.rawText
    return _OPENED.sub(r"\1", " ".join(text.split()))


def expression(node: Any, depth: int = 0) -> str:
    """Return an expression with the operator first: `(+ a (* b c))`; names, literals and the rest as written."""
    if depth >= MAX_DEPTH:
        return source_text(node)
    if isinstance(node, syntax.ParenthesizedExpressionSyntax):
        return expression(node.expression, depth + 1)
    parts = _parts(node)
    if parts is None:
        return source_text(node)
    head, operands = parts
    return f"({' '.join([head, *(expression(o, depth + 1) for o in operands)])})"


def _parts(node: Any) -> tuple[str, list[Any]] | None:
    """Return the operator of an expression and its operands; None for what is given as written."""
    if isinstance(node, syntax.BinaryExpressionSyntax):
        return _binary(node)
    if isinstance(node, syntax.PrefixUnaryExpressionSyntax):
        return node.operatorToken.rawText, [node.operand]
    if isinstance(node, syntax.PostfixUnaryExpressionSyntax):
        return f"post{node.operatorToken.rawText}", [node.operand]
    if isinstance(node, syntax.ConditionalExpressionSyntax):
        return "?", [node.predicate, node.left, node.right]
    if isinstance(node, syntax.ConditionalPredicateSyntax | syntax.ConditionalPatternSyntax):
        return _only(node)
    if isinstance(node, syntax.ConcatenationExpressionSyntax):
        return "{}", _expressions(node.expressions)
    if isinstance(node, syntax.MultipleConcatenationExpressionSyntax):
        return "rep", [node.expression, node.concatenation]
    if isinstance(node, syntax.InvocationExpressionSyntax):
        return _call(node)
    return None


def _binary(node: Any) -> tuple[str, list[Any]]:
    """Return an operator and its operands; of a chain of one associative operator, all of them."""
    operator = node.operatorToken.rawText
    operands = [node.right]
    while (
        operator in _ASSOCIATIVE
        and isinstance(node.left, syntax.BinaryExpressionSyntax)
        and node.left.operatorToken.rawText == operator
    ):
        node = node.left
        operands.append(node.right)
    return operator, [node.left, *reversed(operands)]


def _only(node: Any) -> tuple[str, list[Any]] | None:
    """Return the parts of the one expression of a condition; None where there are several, or a pattern."""
    children = [c for c in node if not isinstance(c, parsing.Token)]
    if len(children) != 1 or len(list(tokens_of(node))) != len(list(tokens_of(children[0]))):
        return None
    inner = children[0]
    while isinstance(inner, syntax.ParenthesizedExpressionSyntax):
        inner = inner.expression
    return _parts(inner)


def _call(node: Any) -> tuple[str, list[Any]] | None:
    arguments = [] if node.arguments is None else [a for a in node.arguments.parameters if _is_node(a)]
    if any(not isinstance(a, syntax.OrderedArgumentSyntax) for a in arguments):
        return None
    return source_text(node.left), [_unwrapped(a.expr) for a in arguments]


def _unwrapped(node: Any) -> Any:
    """Return the expression of an argument, which may stand where a property could."""
    while isinstance(node, syntax.SimplePropertyExprSyntax | syntax.SimpleSequenceExprSyntax):
        if getattr(node, "repetition", None) is not None:
            break
        node = node.expr
    return node


def _expressions(items: Any) -> list[Any]:
    return [item for item in items if _is_node(item)]


def _is_node(item: Any) -> bool:
    return item is not None and not isinstance(item, parsing.Token)
