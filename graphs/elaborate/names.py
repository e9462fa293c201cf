"""Which signal of a body a slang symbol is, and where things stand in the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pyslang import SourceManager, ast

from rtlgen.graphs.bits import layout_of
from rtlgen.graphs.model import Signal
from rtlgen.graphs.rows import BodyRows

_CONSTANTS = (ast.ParameterSymbol, ast.EnumValueSymbol, ast.GenvarSymbol)


def width_of(type_: Any) -> int:
    """Return the bits of a flattened value; 0 for what has no fixed size."""
    return int(type_.selectableWidth)


def file_name(manager: SourceManager, location: Any) -> str:
    """Return the name under which slang was given the text of a place in a file."""
    full = str(manager.getFullPath(location.buffer))
    return str(manager.getFileName(location)) if full in ("", ".") else full


@dataclass(slots=True)
class Places:
    """Positions of slang as paths, lines and columns.

    Attributes:
        manager: slang's source manager.
        path_of: slang's name of a file → path in the repository.
    """

    manager: SourceManager
    path_of: Callable[[str], str] = str
    _paths: dict[int, str] = field(default_factory=dict)

    def at(self, location: Any) -> tuple[str, int, int]:
        """Return path, line, column of the place in a file; a macro's text stands where it is used."""
        if self.manager.isMacroLoc(location):
            location = self.manager.getFullyExpandedLoc(location)
        buffer = location.buffer.id
        path = self._paths.get(buffer)
        if path is None:
            path = self._paths[buffer] = self.path_of(file_name(self.manager, location))
        return path, self.manager.getLineNumber(location), self.manager.getColumnNumber(location)

    def lines(self, range_: Any) -> tuple[str, int, int, int]:
        """Return path, first line, last line and first column of a range."""
        path, first, column = self.at(range_.start)
        other, last, _ = self.at(range_.end)
        return path, first, max(first, last) if other == path else first, column


class Names:
    """The signals of one body.

    Variables of functions and of automatic blocks are no signals: they have negative numbers and never leave a block.
    """

    def __init__(self, body: Any, rows: BodyRows, places: Places) -> None:
        """Start with no signal; `body` is slang's canonical instance body."""
        self.body = body
        self.rows = rows
        self.places = places
        self.path: str = body.hierarchicalPath
        self._known: dict[int, int | None] = {}
        self._pseudo: dict[str, int] = {}
        self._files: dict[str, int] = {}
        self._locals = 0
        self._statics: dict[int, Any] = {}
        self.persistent: list[Any] = []
        """Static variables of functions and tasks that are read before they are assigned: they hold a value."""
        self.alive: list[Any] = []
        """Symbols behind the numbers: slang's addresses are unique as long as the symbols live."""
        self._interfaces = {port: str(symbol.hierarchicalPath) for port, symbol in interface_ports(body)}

    def file(self, path: str) -> int:
        """Return the number of a file in the body's list."""
        number = self._files.get(path)
        if number is None:
            self.rows.files.append(path)
            number = self._files[path] = len(self.rows.files)
        return number

    def relative(self, symbol: Any) -> str:
        """Return the hierarchical name of a symbol inside the body, relative to it."""
        return str(symbol.hierarchicalPath).removeprefix(self.path).lstrip(".:")

    def add(self, symbol: Any, direction: str = "") -> int:
        """Enter a net or variable of the body itself as a signal."""
        kind = "net" if isinstance(symbol, ast.NetSymbol) else "variable"
        number = self._new(self.relative(symbol), kind, direction, symbol, "")
        self._known[hash(symbol)] = number
        self.alive.append(symbol)
        return number

    def direct(self, number: int, direction: str) -> None:
        """Set the direction of a signal, once its port is known."""
        self.rows.signals[number - 1] = self.rows.signals[number - 1]._replace(direction=direction)

    def known(self, symbol: Any) -> int | None:
        """Return the number of a symbol that was entered before."""
        return self._known.get(hash(symbol))

    def of(self, expression: Any, symbol: Any) -> int | None:
        """Return the signal, or negative number of a local, that an expression names; None for a constant."""
        key = hash(symbol)
        if key in self._known:
            number = self._known[key]
            if number is None or number < 0 or not isinstance(expression, ast.HierarchicalValueExpression):
                return number
            if self.rows.signals[number - 1].kind in ("net", "variable"):
                return number
        if isinstance(symbol, _CONSTANTS) or not isinstance(symbol, ast.ValueSymbol):
            number = None
        elif isinstance(expression, ast.HierarchicalValueExpression) or self._is_elsewhere(symbol):
            return self._hierarchical(expression, symbol)
        else:
            self._locals += 1
            number = -self._locals
            if _outlives_calls(symbol):
                self._statics[number] = symbol
        self._known[key] = number
        self.alive.append(symbol)
        return number

    def unset(self, number: int) -> None:
        """Note that a local is read that has no value yet."""
        symbol = self._statics.pop(number, None)
        if symbol is not None and str(symbol.hierarchicalPath).startswith(self.path + "."):
            self.persistent.append(symbol)

    def _is_elsewhere(self, symbol: Any) -> bool:
        """Whether a plain name stands for a static variable outside of the body.

        It is one of a package or of the unit, or, in a function of an interface that runs here, one of the interface.
        """
        scope = symbol.parentScope
        if scope is None or scope.isProceduralContext or not _is_static(symbol):
            return False
        around = scope.containingInstance
        return around is None or hash(around) != hash(self.body)

    def _hierarchical(self, expression: Any, symbol: Any) -> int:
        inner = symbol
        direction = ""
        if isinstance(symbol, ast.ModportPortSymbol):
            direction = _direction(symbol.direction)
            internal: Any = symbol.internalSymbol
            inner = internal if internal is not None else symbol
        path = str(inner.hierarchicalPath).replace("::", ".")
        if inner.parentScope is not None and inner.parentScope.containingInstance is None and "." not in path:
            path = f"$unit.{path}"
        written = expression is not None and expression.syntax is not None
        first = str(expression.syntax).strip() if written else ""
        member = self._member(path, first)
        if member is not None:
            return self._pseudo.get(member) or self._new_pseudo(member, "member", direction, inner, "")
        remote = path[len(self.path) + 1 :] if path.startswith(self.path + ".") else "$root." + path
        return self._pseudo.get(remote) or self._new_pseudo(remote, "remote", direction, inner, remote)

    def _member(self, path: str, text: str) -> str | None:
        """Return the name of a member of an interface port, None when the path goes through none."""
        found = [
            (not text.startswith(port), port + path[len(base) :])
            for port, base in self._interfaces.items()
            if path.startswith(base) and path[len(base) : len(base) + 1] in (".", "[")
        ]
        return min(found)[1] if found else None

    def interface_name(self, path: str) -> str:
        """Return how the body names an interface: an instance below it, one of its own ports, or an absolute path."""
        for port, base in self._interfaces.items():
            if base == path:
                return port
        return path[len(self.path) + 1 :] if path.startswith(self.path + ".") else "$root." + path

    def _new_pseudo(self, name: str, kind: str, direction: str, symbol: Any, remote: str) -> int:
        number = self._pseudo[name] = self._new(name, kind, direction, symbol, remote)
        return number

    def _new(self, name: str, kind: str, direction: str, symbol: Any, remote: str) -> int:
        path, line, column = self.places.at(symbol.location)
        type_ = symbol.type
        number = len(self.rows.signals) + 1
        self.rows.signals.append(
            Signal(
                number, name, kind, direction, width_of(type_), str(type_), layout_of(type_).to_json(),
                enumeration(type_), remote, self.file(path), line, column,
            )
        )  # fmt: skip
        return number


def interface_ports(body: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name of every interface port (with index for arrays) and the interface instance behind it."""
    for port in body:
        if isinstance(port, ast.InterfacePortSymbol):
            connected, _ = port.connection
            if connected is not None:
                yield from elements_of(port.name, connected)


def elements_of(name: str, connected: Any) -> Iterator[tuple[str, Any]]:
    """Yield name with index, and instance, of every interface in what is connected to a port."""
    if isinstance(connected, ast.InstanceArraySymbol):
        bounds = connected.range
        step = 1 if bounds.left <= bounds.right else -1
        indices = range(bounds.left, bounds.right + step, step)
        for index, element in zip(indices, connected.elements, strict=False):
            yield from elements_of(f"{name}[{index}]", element)
    else:
        yield name, connected


def modport_expression(symbol: Any) -> Any:
    """Return what a member of a modport with an expression of its own stands for, `.x(d[3:0])`; None for others."""
    return symbol.explicitConnection if isinstance(symbol, ast.ModportPortSymbol) else None


def _is_static(symbol: Any) -> bool:
    return getattr(symbol, "lifetime", ast.VariableLifetime.Static) == ast.VariableLifetime.Static


def _outlives_calls(symbol: Any) -> bool:
    formal = isinstance(symbol, ast.FormalArgumentSymbol)
    return isinstance(symbol, ast.VariableSymbol) and not formal and _is_static(symbol)


def _direction(direction: Any) -> str:
    return {"In": "input", "Out": "output", "InOut": "inout", "Ref": "ref"}[direction.name]


def enumeration(type_: Any) -> str:
    """Return the JSON object value → name of an enumeration, empty for any other type."""
    import json

    canonical = type_.canonicalType
    if not isinstance(canonical, ast.EnumType):
        return ""
    values = {str(v.value.value): v.name for v in canonical if isinstance(v, ast.EnumValueSymbol)}
    return json.dumps(values)
