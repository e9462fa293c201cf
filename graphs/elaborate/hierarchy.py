"""A compilation as rows: every body once, every instance with its place in the hierarchy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pyslang import ast

from rtlgen.graphs.elaborate.body import extract
from rtlgen.graphs.elaborate.names import Places, interface_ports
from rtlgen.graphs.model import Diagnosis
from rtlgen.graphs.rows import BodyRows, DesignRows, InstanceRow

MAX_INSTANCES: Final = 2_000_000
"""Instances that are listed; the rest of a larger design is left out, with a note."""
MAX_PATH_BYTES: Final = 128 << 20
"""Text of their paths, likewise: a module that holds itself twice with other parameters doubles with every level."""


class Inputs(Protocol):
    """Says what a body is elaborated from, and whether the database has it from the same."""

    def digest(self, definition: str, children: Sequence[str]) -> str:
        """Return a digest of the sources of a definition and of those right below it."""

    def is_stored(self, key: str, digest: str) -> bool:
        """Return whether the stored body of that key was made from inputs of that digest."""


@dataclass(slots=True)
class _Child:
    name: str
    instance: Any
    """None for an unknown module."""
    definition: str
    line: int


@dataclass(slots=True)
class _Body:
    path: str
    children: list[_Child]


class Hierarchy:
    """Extracts the bodies of a design and lays out its instances.

    slang elaborates equal instances once: all others point to the canonical body, and only that one is walked.
    """

    def __init__(
        self,
        places: Places,
        advance: Callable[[int], None] | None = None,
        inputs: Inputs | None = None,
        *,
        share: bool = False,
    ) -> None:
        """Start with nothing.

        Args:
            places: positions of the compilation.
            advance: called with 1 for every body that is done.
            inputs: bodies that it knows are not extracted.
            share: take bodies of equal parameters as one: slang finds out itself which are equal, but not in a
                hierarchy without end, which it elaborates as far as somebody looks.
        """
        self._share = share
        self._places = places
        self._advance = advance or (lambda _: None)
        self._inputs = inputs
        self._keys: dict[int, str] = {}
        self._times: dict[str, int] = {}
        self._bodies: dict[str, _Body] = {}
        self._alive: list[Any] = []
        self._endless: set[str] = set()
        self._size = 0
        self.design = DesignRows(())

    def run(self, tops: Iterable[Any], packages: Iterable[Any] = ()) -> DesignRows:
        """Return the rows of the design below the given top instances, with the variables of packages and units."""
        tops = list(tops)
        self.design.tops = tuple(t.name for t in tops)
        for top in tops:
            path, line, _ = self._places.at(top.location)
            self._place(InstanceRow(-1, top.name, top.name, self._body(top), top.definition.name, path, line))
        for package in packages:
            self._package(package)
        return self.design

    def _package(self, package: Any) -> None:
        """Place a package, or a compilation unit, that has variables: other bodies name them."""
        members = [m for m in package if isinstance(m, ast.NetSymbol | ast.VariableSymbol)]
        if not members:
            return
        name = package.name or "$unit"
        path, line, _ = self._places.at(members[0].location)
        key = f"package {name}"
        rows = BodyRows(key, name, "{}", path, line, line)
        self._extract(package, rows)
        self._bodies[key] = _Body(path, [])
        self._place(InstanceRow(-1, name, name, key, name, path, line))

    def _body(self, instance: Any) -> str:
        """Return the key of an instance's body, extracted unless it is stored."""
        canonical: Any = instance.canonicalBody
        body = canonical if canonical is not None else instance.body
        key = self._keys.get(hash(body))
        if key is not None:
            return key
        base = _base_key(body)
        if self._share and base in self._bodies:
            return base
        self._alive.append(body)
        key = self._keys[hash(body)] = self._new_key(base)
        definition = instance.definition
        path, first, last, _ = self._places.lines(definition.syntax.sourceRange)
        children = list(self._children(body))
        self._bodies[key] = _Body(path, children)
        digest = self._inputs.digest(definition.name, [c.definition for c in children]) if self._inputs else ""
        self.design.inputs[key] = digest
        if self._inputs is not None and digest and self._inputs.is_stored(key, digest):
            self.design.bodies[key] = None
        else:
            self._extract(body, BodyRows(key, definition.name, _parameters(body), path, first, last))
        self._advance(1)
        return key

    def _extract(self, body: Any, rows: BodyRows) -> None:
        for location, message in extract(body, rows, self._places).notes:
            self._note(location, message)
        self.design.bodies[rows.key] = rows

    def _new_key(self, base: str) -> str:
        """Return the key of a body; those of one base are told apart by a count."""
        count = self._times[base] = self._times.get(base, 0) + 1
        return base if count == 1 else f"{base}~{count}"

    def _children(self, body: Any) -> Iterable[_Child]:
        start = len(str(body.hierarchicalPath)) + 1
        for member in instances_below(body):
            line = self._places.at(member.location)[1]
            name = str(member.hierarchicalPath)[start:]
            if isinstance(member, ast.InstanceSymbol):
                yield _Child(name, member, member.definition.name, line)
            else:
                yield _Child(name, None, member.definitionName, line)

    def _place(self, top: InstanceRow) -> None:
        """Add an instance and, below it, all that its body holds; without recursion, hierarchies can be deep."""
        waiting = [(0, top)]
        around: list[str] = []
        while waiting:
            level, row = waiting.pop()
            position = len(self.design.instances)
            self._size += len(row.path)
            if position >= MAX_INSTANCES or self._size > MAX_PATH_BYTES:
                self._note(None, f"the design has more than {position:,} instances; the rest is left out")
                return
            self.design.instances.append(row)
            del around[level:]
            if not row.body or self._is_endless(row, around):
                continue
            around.append(row.body)
            body = self._bodies[row.body]
            for child in reversed(body.children):
                key = self._body(child.instance) if child.instance is not None else ""
                path = f"{row.path}.{child.name}"
                below = InstanceRow(position, child.name, path, key, child.definition, body.path, child.line)
                waiting.append((level + 1, below))

    def _is_endless(self, row: InstanceRow, around: list[str]) -> bool:
        """Tell whether an instance lies in one of the same body, which slang elaborates once however deep it goes."""
        if row.body not in around:
            return False
        if row.body not in self._endless:
            self._endless.add(row.body)
            message = f"{row.definition} instantiates itself without end; what is below {row.path} is left out"
            self.design.diagnoses.append(
                Diagnosis(0, 0, row.line, 0, "error", "EndlessHierarchy", message, "elaborate")
            )
            self.design.places.append(row.file)
        return True

    def _note(self, location: Any, message: str) -> None:
        path, line, column = self._places.at(location) if location is not None else ("", 0, 0)
        self.design.diagnoses.append(Diagnosis(0, 0, line, column, "warning", "Approximate", message, "elaborate"))
        self.design.places.append(path)


_NO_INSTANCES: Final = (
    ast.SymbolKind.ContinuousAssign, ast.SymbolKind.ProceduralBlock, ast.SymbolKind.Subroutine, ast.SymbolKind.Net,
    ast.SymbolKind.Variable, ast.SymbolKind.Parameter, ast.SymbolKind.Port, ast.SymbolKind.StatementBlock,
    ast.SymbolKind.ClassType, ast.SymbolKind.Sequence, ast.SymbolKind.Property, ast.SymbolKind.TypeAlias,
    ast.SymbolKind.InterfacePort, ast.SymbolKind.Modport,
)  # fmt: skip


def instances_below(body: Any) -> list[Any]:
    """Return the instances right below a body, of unknown modules too; not those in branches that are not taken."""
    found: list[Any] = []

    def take(member: Any) -> Any:
        found.append(member)
        return ast.VisitAction.Skip

    def enter(block: Any) -> Any:
        return ast.VisitAction.Skip if block.isUninstantiated else ast.VisitAction.Advance

    kinds = dict.fromkeys(_NO_INSTANCES, lambda _: ast.VisitAction.Skip)
    kinds |= {
        ast.SymbolKind.Instance: take,
        ast.SymbolKind.UninstantiatedDef: take,
        ast.SymbolKind.GenerateBlock: enter,
    }
    for member in body:
        member.visit(lookup_table=kinds)
    return found


def _base_key(body: Any) -> str:
    """Return the definition of a body, its parameters and the interfaces at its ports, as one text."""
    interfaces = [f"{port}={_described(connected)}" for port, connected in interface_ports(body)]
    base = f"{body.name}#{_parameters(body)}" + (f"#{','.join(interfaces)}" if interfaces else "")
    return base if len(base) <= 400 else f"{body.name}#{hashlib.sha256(base.encode()).hexdigest()}"


def _described(connected: Any) -> str:
    """Return what a body sees of an interface at its port."""
    return f"{connected.definition.name}{_parameters(connected.body)}"


def _parameters(body: Any) -> str:
    found: dict[str, str] = {}
    for member in body:
        if isinstance(member, ast.ParameterSymbol) and (member.isPortParam or not member.isLocalParam):
            found[member.name] = str(member.value)
        elif isinstance(member, ast.TypeParameterSymbol):
            found[member.name] = str(member.typeAlias)
    return json.dumps(found)
