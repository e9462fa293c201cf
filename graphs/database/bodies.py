"""A stored body as the rows that elaboration gave, with local identifiers again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtlgen.graphs import model
from rtlgen.graphs.model import SHIFT
from rtlgen.graphs.rows import BodyRows

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase

_MASK = (1 << SHIFT) - 1


def body_rows(design: DesignDatabase, number: int) -> BodyRows:
    """Return the rows of a body.

    Raises:
        KeyError: there is no such body.
    """
    body = next(design.rows(model.Body, "id = ?", (number,)), None)
    if body is None:
        raise KeyError(number)
    files: dict[str, int] = {}
    found = BodyRows(
        "", body.definition, body.parameters, design.file(body.file), body.first_line, body.last_line
    )  # fmt: skip

    def file(identifier: int) -> int:
        return files.setdefault(design.file(identifier), len(files) + 1) if identifier else 0

    within, bounds = "id BETWEEN ? AND ? ORDER BY id", (number << SHIFT, (number << SHIFT) | _MASK)

    def rows(row_type: Any) -> Any:
        return design.rows(row_type, within, bounds)

    found.ports = [p._replace(id=p.id & _MASK, signal=p.signal & _MASK) for p in rows(model.Port)]
    found.signals = [s._replace(id=s.id & _MASK, file=file(s.file)) for s in rows(model.Signal)]
    found.blocks = [
        b._replace(id=b.id & _MASK, clock=b.clock & _MASK, reset=b.reset & _MASK, file=file(b.file))
        for b in rows(model.Block)
    ]
    found.statements = [s._replace(id=s.id & _MASK, block=s.block & _MASK) for s in rows(model.Statement)]
    found.drives = [e._replace(source=e.source & _MASK, target=e.target & _MASK) for e in rows(model.Drives)]
    found.reads = [e._replace(source=e.source & _MASK, target=e.target & _MASK) for e in rows(model.Reads)]
    found.flows = [
        e._replace(source=e.source & _MASK, target=e.target & _MASK, block=e.block & _MASK) for e in rows(model.Flows)
    ]
    found.binds = [e._replace(outer=e.outer & _MASK) for e in rows(model.PortBind)]
    found.nexts = [e._replace(source=e.source & _MASK, target=e.target & _MASK) for e in rows(model.Next)]
    found.files = list(files)
    return found
