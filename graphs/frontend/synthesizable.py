"""Constructs that simulate but have no hardware, found in the elaborated design with file and line.

Synthesis tools drop many of them in silence (IEEE 1364.1, the synthesizable subset), so that what they measure is not
what the user wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rtlgen.core.errors import ElaborationError
from rtlgen.core.types import Diagnostic, SourceSpan
from rtlgen.graphs.frontend.slang import Elaborated

_STATEMENTS = {
    "Wait": "a wait statement",
    "WaitFork": "wait fork",
    "WaitOrder": "wait_order",
    "EventTrigger": "an event trigger",
    "ForeverLoop": "a forever loop",
    "ProceduralAssign": "a procedural continuous assignment",
    "ProceduralDeassign": "a deassign or release",
    "DisableFork": "disable fork",
    "RandCase": "randcase",
    "RandSequence": "randsequence",
}
_TYPES = {
    "FloatingType": "of a real type",
    "StringType": "a string",
    "DynamicArrayType": "a dynamic array",
    "AssociativeArrayType": "an associative array",
    "QueueType": "a queue",
    "ClassType": "a class object",
    "EventType": "an event",
    "CHandleType": "a chandle",
}
_PROCEDURAL = ("Always", "AlwaysComb", "AlwaysFF", "AlwaysLatch")


def unsynthesizable(design: Elaborated) -> list[Diagnostic]:
    """Return one error per construct without hardware in the modules below the top, in source order."""
    found: dict[tuple[str, int, str], Diagnostic] = {}
    for item in _walk(design.top.body, design):
        assert item.span is not None
        found.setdefault((item.span.file, item.span.line, item.message), item)
    return [found[key] for key in sorted(found)]


def _walk(scope: Any, design: Elaborated) -> Iterator[Diagnostic]:
    for member in scope:
        kind = member.kind.name
        if kind in ("GenerateBlock", "GenerateBlockArray", "StatementBlock"):
            if not getattr(member, "isUninstantiated", False):
                yield from _walk(member, design)
        elif kind == "Instance" and member.isModule:
            yield from _walk(member.body, design)
        elif kind == "ProceduralBlock" and member.procedureKind.name in _PROCEDURAL:
            yield from _block(member, design)
        elif kind == "Variable" and member.type.canonicalType.kind.name in _TYPES:
            what = _TYPES[member.type.canonicalType.kind.name]
            yield _error(design, member.location, f"{member.name!r} is {what}, which has no hardware")


def _block(block: Any, design: Elaborated) -> Iterator[Diagnostic]:
    body = block.body
    if block.procedureKind.name == "Always" and body.kind.name != "Timed":
        yield _error(design, block.location, "this always block has no event control, so it has no hardware")
        return
    found: list[tuple[Any, str]] = []

    def visit(node: Any) -> None:
        kind = getattr(getattr(node, "kind", None), "name", "")
        if kind in _STATEMENTS:
            found.append((node, _STATEMENTS[kind]))
        elif kind == "Timed" and node is not body:
            found.append((node, "a second event control or delay"))
        elif kind == "Block" and hasattr(node, "blockKind") and node.blockKind.name != "Sequential":
            found.append((node, "fork"))

    body.visit(visit)
    if body.kind.name == "Timed" and body.timing.kind.name == "Delay":
        found.append((body, "a delay instead of an event control"))
    for node, what in found:
        yield _error(design, node.sourceRange.start, f"{what} inside an always block has no hardware")


def _error(design: Elaborated, location: Any, message: str) -> Diagnostic:
    manager = design.manager
    place = manager.getFullyExpandedLoc(location)
    span = SourceSpan(
        file=manager.getFileName(place), line=manager.getLineNumber(place), column=manager.getColumnNumber(place)
    )
    return Diagnostic(severity="error", code="Unsynthesizable", message=message, span=span, tool="rtlgen")


def check_synthesizable(design: Elaborated) -> None:
    """Check that every construct has hardware.

    Raises:
        ElaborationError: something has none; the message names each place.
    """
    errors = unsynthesizable(design)
    if errors:
        raise ElaborationError("\n".join(f"{e.span}: not synthesizable: {e.message}" for e in errors[:20]), errors)
