"""Calls of functions and tasks: their bodies run where they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyslang import ast

from rtlgen.graphs.elaborate.dependencies import Dependencies, spread
from rtlgen.graphs.elaborate.names import width_of

if TYPE_CHECKING:
    from rtlgen.graphs.elaborate.statements import Tracer

MAX_CALLS: Final = 32
"""Depth of calls that is followed; deeper, a result depends on all arguments."""
MAX_RECURSION: Final = 3
"""Calls of one subroutine inside itself that are followed, likewise: whether it ends is not known here."""

_SAME_BITS: Final = frozenset({"$signed", "$unsigned"})
_WRITES: Final = {"$readmemh": 1, "$readmemb": 1, "$fgets": 0, "$fread": 0, "$swrite": 0, "$sformat": 0}
"""System tasks → the argument they write; `$fscanf` and `$sscanf` write from the third argument on."""
_SCANS: Final = frozenset({"$fscanf", "$sscanf"})
_WRITES_ALWAYS: Final = frozenset({"$value$plusargs"})


def call(tracer: Tracer, expression: Any) -> Dependencies:
    """Return what the result of a call depends on, and run its effects."""
    width = max(width_of(expression.type), 1)
    if expression.isSystemCall:
        return _system(tracer, expression, width)
    subroutine = expression.subroutine
    arguments = list(expression.arguments)
    inputs = [_input(tracer, formal, actual) for formal, actual in zip(subroutine.arguments, arguments, strict=False)]
    unknown = expression.thisClass is not None or subroutine.body is None or subroutine.isVirtual
    if unknown or tracer.depth >= MAX_CALLS or tracer.depth_of(subroutine) >= MAX_RECURSION:
        for formal, actual in zip(subroutine.arguments, arguments, strict=False):
            if formal.direction != ast.ArgumentDirection.In:
                _copy_out(tracer, actual, spread([d for i in inputs for d in i], 0, width_of(actual.type) or 1))
        return spread([d for value in inputs for d in value], 0, width - 1)
    outer = tracer.state.blocking.locals() if tracer.runs(subroutine) else {}
    for formal, value in zip(subroutine.arguments, inputs, strict=False):
        tracer.assignments.bind(formal, value)
    result = subroutine.returnValVar
    if result is not None:
        tracer.assignments.bind(result, [])
    tracer.inline(subroutine)
    outputs = [
        (actual, _value_of(tracer, formal))
        for formal, actual in zip(subroutine.arguments, arguments, strict=False)
        if formal.direction != ast.ArgumentDirection.In
    ]
    returned = _value_of(tracer, result) if result is not None else []
    tracer.state.blocking.segments.update(outer)
    for actual, value in outputs:
        _copy_out(tracer, actual, value)
    return returned


def _input(tracer: Tracer, formal: Any, actual: Any) -> Dependencies:
    if formal.direction == ast.ArgumentDirection.Out:
        return []
    source = actual.left if isinstance(actual, ast.AssignmentExpression) else actual
    return tracer.values.of(source)


def _copy_out(tracer: Tracer, actual: Any, value: Dependencies) -> None:
    if actual is not None:
        tracer.assignments.assign(actual, value, "blocking")


def _value_of(tracer: Tracer, symbol: Any) -> Dependencies:
    number = tracer.state.names.of(None, symbol)
    if number is None:
        return []
    return tracer.state.read(number, 0, max(width_of(symbol.type), 1) - 1)


def _system(tracer: Tracer, expression: Any, width: int) -> Dependencies:
    name = str(expression.subroutineName)
    arguments = list(expression.arguments)
    if name in _SAME_BITS and len(arguments) == 1:
        return tracer.values.of(arguments[0])
    written = _written(name, arguments)
    read = [tracer.values.of(a) for i, a in enumerate(arguments) if i not in written and _is_value(a)]
    details = expression.subroutine.extraInfo
    if isinstance(details, ast.CallExpression.IteratorCallInfo):
        read.append(tracer.values.of(details.iterExpr))
    everything = [d for value in read for d in value]
    for position in sorted(written):
        target = arguments[position]
        _copy_out(tracer, target, spread(everything, 0, max(width_of(target.type), 1) - 1))
    return spread(everything, 0, width - 1)


def _written(name: str, arguments: list[Any]) -> set[int]:
    if name in _SCANS:
        return set(range(2, len(arguments)))
    if name in _WRITES_ALWAYS:
        return {1} & set(range(len(arguments)))
    return {_WRITES[name]} & set(range(len(arguments))) if name in _WRITES else set()


def _is_value(argument: Any) -> bool:
    return isinstance(argument, ast.Expression) and not isinstance(argument, ast.ArbitrarySymbolExpression)
