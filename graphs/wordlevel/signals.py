"""Declared signals of a module, with the places of their names and dimensions in the source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtlgen.graphs.wordlevel.expressions import UnsupportedError, width_of
from rtlgen.graphs.wordlevel.module import Place, Signal, SignalKind

_MAX_MEMBERS = 4096
PlaceOf = Callable[[Any], Place | None]


def declare(name: str, symbol: Any, body: Any, place_of: PlaceOf) -> tuple[Signal | None, str]:
    """Return the signal, or None and the reason why nothing can be said of it."""
    type_ = symbol.type.canonicalType
    depth = None
    if type_.isUnpackedArray and hasattr(type_, "range"):
        depth = int(type_.range.width)
        type_ = type_.elementType.canonicalType
    try:
        width = width_of(type_)
    except UnsupportedError as reason:
        return None, str(reason)
    low, descending = _bounds(type_)
    declared, dimension, shared = _declaration(symbol, place_of)
    kind: SignalKind = "memory" if depth is not None else _kind(symbol, body)
    initial = _initial(symbol) if symbol.kind.name == "Variable" else None
    signed, names = bool(type_.isSigned), _enumerators(type_)
    signal = Signal(name, width, signed, kind, low, descending, declared, dimension, shared, depth, initial, names)
    return signal, ""


def member_signals(name: str, type_: Any) -> dict[tuple[int, int], Signal]:
    """Return (lowest bit, width) → the member of a packed structure that lies there, named `name.member`.

    Members of members and of elements of packed arrays are in it; where two lie at one place, the outer one is.
    """
    found: dict[tuple[int, int], Signal] = {}
    waiting = [(name, 0, type_.canonicalType)]
    while waiting and len(found) < _MAX_MEMBERS:
        path, base, type_ = waiting.pop(0)
        if type_.kind.name == "PackedStructType":
            parts = [(f"{path}.{f.name}", base + int(f.bitOffset), f.type.canonicalType) for f in type_]
        elif type_.kind.name == "PackedArrayType" and not type_.elementType.canonicalType.isScalar:
            element, bounds = type_.elementType.canonicalType, type_.range
            order = range(bounds.lower, bounds.upper + 1)
            numbers = order if bounds.isDescending else reversed(order)
            width = int(element.bitWidth)
            parts = [(f"{path}[{number}]", base + i * width, element) for i, number in enumerate(numbers)]
        else:
            continue
        for part, low, inner in parts:
            width = int(inner.bitWidth)
            signal = Signal(part, width, bool(inner.isSigned), "net", *_bounds(inner), enumerators=_enumerators(inner))
            found.setdefault((low, width), signal)
        waiting += parts
    return found


def _enumerators(type_: Any) -> tuple[tuple[int, str], ...]:
    """Return value and name of each enumerator that has a defined value."""
    if type_.kind.name != "EnumType":
        return ()
    pairs = [(v.value.value, str(v.name)) for v in type_ if v.kind.name == "EnumValue"]
    return tuple((int(value), name) for value, name in pairs if not value.hasUnknown)


def _bounds(type_: Any) -> tuple[int, bool]:
    bounds = type_.getBitVectorRange()
    return int(bounds.lower), bool(bounds.isDescending) or int(bounds.width) == 1


def _kind(symbol: Any, body: Any) -> SignalKind:
    if symbol.parentScope is not None and symbol.hierarchicalPath == f"{body.hierarchicalPath}.{symbol.name}":
        port = body.findPort(symbol.name)
        if port is not None and port.kind.name == "Port":
            kinds: dict[str, SignalKind] = {"In": "input", "Out": "output"}
            return kinds.get(port.direction.name, "inout")
    return "net" if symbol.kind.name == "Net" else "variable"


def _initial(symbol: Any) -> int | None:
    from rtlgen.graphs.wordlevel.expressions import literal

    start = symbol.initializer
    if start is None or start.constant is None:
        return None
    try:
        term = literal(start.constant.value, width_of(symbol.type))
    except UnsupportedError:
        return None
    return term.const_value if term.op == "const" else None


def _declaration(symbol: Any, place_of: PlaceOf) -> tuple[Place | None, Place | None, bool]:
    """Return the places of the name and of the only packed dimension, and whether others share the dimension."""
    from pyslang import SourceLocation, SourceRange

    start = symbol.location
    node = symbol.syntax
    end = SourceLocation(start.buffer, start.offset + len(symbol.name))
    declared = place_of(SourceRange(start, end))
    while node is not None and not (hasattr(node, "declarators") or hasattr(node, "header")):
        node = node.parent
    if node is None:
        return declared, None, False
    holder = node.header if hasattr(node, "header") else node
    type_ = getattr(holder, "dataType", None) or getattr(holder, "type", None)
    dimensions = list(getattr(type_, "dimensions", ()))
    shared = len(list(getattr(node, "declarators", ()))) > 1
    place = place_of(dimensions[0].sourceRange) if len(dimensions) == 1 else None
    return declared, place, shared
