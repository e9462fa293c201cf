"""What a body is elaborated from: a body with the same inputs need not be extracted again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from rtlgen.graphs.database.schema import VERSION
from rtlgen.graphs.indexing.tracker import Known
from rtlgen.graphs.repository.project import Plan


class BodyInputs:
    """Digests of the sources behind bodies.

    A body depends on the text of its definition, on the ports of the modules right below it, and on everything that is
    visible everywhere: packages, interfaces, and whatever stands outside of modules or reaches into them. Files that
    hold such things count for every body.
    """

    def __init__(self, made: Plan, known: Mapping[str, Known], stored: Mapping[str, str]) -> None:
        """Take the plan, the files, and what the database notes: key of a body → digest of its inputs."""
        self._chosen = made.chosen
        self._known = known
        self._stored = stored
        state = hashlib.sha256(repr((VERSION, made.tops, made.spare, sorted(made.defines.items()))).encode())
        for path in made.files:
            if path in known and _concerns_all(known[path]):
                state.update(f"{path}\0{known[path].context}\0".encode())
        self._shared = state.hexdigest()

    def digest(self, definition: str, children: Sequence[str]) -> str:
        """Return a digest of the inputs; empty where a definition has no file."""
        parts = [self._shared, self._context(definition), *(self._context(c) for c in sorted(set(children)))]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest() if parts[1] else ""

    def is_stored(self, key: str, digest: str) -> bool:
        """Return whether the stored body of that key was made from inputs of that digest."""
        return self._stored.get(key) == digest

    def _context(self, definition: str) -> str:
        path = self._chosen.get(definition, "")
        return self._known[path].context if path in self._known else ""


def _concerns_all(known: Known) -> bool:
    raw = known.raw
    return bool(raw.loose or raw.packages or any(d.kind != "module" for d in raw.definitions) or not raw.definitions)
