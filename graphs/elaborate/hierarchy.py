"""A compilation as rows: every body once, every instance with its place in the hierarchy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from pyslang import ast

from rtlgen.graphs.elaborate.body import Extracted, extract
from rtlgen.graphs.elaborate.names import Places
from rtlgen.graphs.model import Diagnosis
from rtlgen.graphs.rows import BodyRows, DesignRows, InstanceRow

MAX_INSTANCES = 2_000_000


class Hierarchy:
    """Extracts the bodies of a design and lays out its instances.

    slang elaborates equal instances once: all others point to the canonical body, and only that one is walked.
    """

    def __init__(self, places: Places, advance: Callable[[int], None] | None = None) -> None:
        """`advance` is called with 1 for every body that is done."""
        self._places = places
        self._advance = advance or (lambda _: None)
        self._keys: dict[int, str] = {}
        self._extracted: dict[str, Extracted] = {}
        self._bodies: list[Any] = []
        self.design = DesignRows(())

    def run(self, tops: Iterable[Any], packages: Iterable[Any] = ()) -> DesignRows:
        """Return the rows of the design below the given top instances, with the variables of packages and units."""
        tops = list(tops)
        self.design.tops = tuple(t.name for t in tops)
        for top in tops:
            path, line, _ = self._places.at(top.location)
            self._place(-1, top.name, top.name, self._body(top), top.definition.name, path, line)
        for package in packages:
            self._package(package)
        self.design.bodies = {key: e.rows for key, e in self._extracted.items()}
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
        self._extracted[key] = extract(package, rows, self._places)
        self._place(-1, name, name, key, name, path, line)

    def _body(self, instance: Any) -> str:
        """Return the key of an instance's body, extracted with all bodies below it."""
        body = instance.canonicalBody or instance.body
        key = self._keys.get(hash(body))
        if key is not None:
            return key
        self._bodies.append(body)
        definition, parameters = instance.definition, _parameters(body)
        key = f"{definition.name}#{parameters}"
        if key in self._extracted:
            key += f"~{sum(k.startswith(key) for k in self._extracted)}"
        self._keys[hash(body)] = key
        extent = definition.syntax.sourceRange
        path, first, last, _ = self._places.lines(extent)
        rows = BodyRows(key, definition.name, parameters, path, first, last)
        extracted = extract(body, rows, self._places)
        self._extracted[key] = extracted
        for location, message in extracted.notes:
            self._note(location, message)
        self._advance(1)
        return key

    def _place(self, parent: int, name: str, path: str, key: str, definition: str, file: str, line: int) -> None:
        """Add an instance and, below it, all that its body holds; without recursion, hierarchies can be deep."""
        waiting = [(parent, name, path, key, definition, file, line)]
        while waiting:
            parent, name, path, key, definition, file, line = waiting.pop()
            position = len(self.design.instances)
            self.design.instances.append(InstanceRow(parent, name, path, key, definition, file, line))
            if position >= MAX_INSTANCES:
                return
            if not key:
                continue
            extracted = self._extracted[key]
            for child, instance, below, child_line in reversed(extracted.children):
                child_key = self._body(instance) if instance is not None else ""
                waiting.append((position, child, f"{path}.{child}", child_key, below, extracted.rows.path, child_line))

    def _note(self, location: Any, message: str) -> None:
        path, line, column = self._places.at(location)
        self.design.diagnoses.append(Diagnosis(0, 0, line, column, "warning", "Approximate", message, "elaborate"))
        self.design.places.append(path)


def _parameters(body: Any) -> str:
    found: dict[str, str] = {}
    for member in body:
        if isinstance(member, ast.ParameterSymbol) and member.isPortParam | (not member.isLocalParam):
            found[member.name] = str(member.value)
        elif isinstance(member, ast.TypeParameterSymbol):
            found[member.name] = str(member.typeAlias)
    return json.dumps(found)
