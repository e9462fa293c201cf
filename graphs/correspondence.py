"""Which signals of the source the wires of a netlist stand for (CORRESPONDS)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rtlgen.graphs.bits import Array, Layout, Record
from rtlgen.graphs.database.design import DesignDatabase, layout
from rtlgen.graphs.database.mirror import Bits
from rtlgen.graphs.model import Corresponds, Instance, Net


class Correspondence:
    """Finds the signal behind a hierarchical name of a flattened netlist."""

    def __init__(self, design: DesignDatabase) -> None:
        """Look signals up in `design`."""
        self._design = design
        self._instances: dict[str, Instance] = {row.path: row for row in design.rows(Instance)}

    def signal(self, top: str, path: tuple[str, ...]) -> tuple[int, int] | None:
        """Return instance and signal of a name below a top, its scopes apart: `("g[0]", "u_alu", "sum")`."""
        for length in range(len(path) - 1, -1, -1):
            instance = self._instances.get(".".join((top, *path[:length])))
            if instance is not None and instance.body:
                number = self._design.mirror.body(instance.body).names.get(".".join(path[length:]))
                if number is not None:
                    return instance.id, number
        return None

    def rows(self, top: str, wires: Iterable[tuple[tuple[str, ...], int]]) -> tuple[list[Net], list[Corresponds]]:
        """Return the rows of a netlist's wires (name and width), numbered from 1.

        A wire of another width than the signal of its name corresponds to nothing: it is something else.
        """
        nets: list[Net] = []
        found: list[Corresponds] = []
        for path, width in wires:
            number = len(nets) + 1
            place = self.signal(top, path)
            nets.append(Net(number, self._instance_of(top, path, place), self._name_of(path, place), width))
            if place is not None and self._width(place) == width:
                found.append(Corresponds(number, *place, 0, width - 1))
        return nets, found

    def stream_order(self, place: tuple[int, int]) -> list[int]:
        """Return for each bit of the wire of a signal, lowest first, the bit of the signal.

        They differ for unpacked types: tools take the first element as the highest, as in a stream of bits.
        """
        return list(_bits(layout(self._design.mirror.signal(Bits(*place, 0, 0))), 0))

    def _width(self, place: tuple[int, int]) -> int:
        return max(self._design.mirror.signal(Bits(*place, 0, 0)).width, 1)

    def _instance_of(self, top: str, path: tuple[str, ...], place: tuple[int, int] | None) -> str:
        return self._design.mirror.instance(place[0]).path if place else ".".join((top, *path[:-1]))

    def _name_of(self, path: tuple[str, ...], place: tuple[int, int] | None) -> str:
        return self._design.mirror.signal(Bits(*place, 0, 0)).name if place else path[-1]


def _bits(layout: Layout, low: int) -> Iterator[int]:
    """Yield the bits of a part that lies at `low`, in the order of a stream, last bit first."""
    if isinstance(layout, Array) and not layout.packed:
        width = layout.element.width
        for element in reversed(range(layout.width // width)):
            yield from _bits(layout.element, low + element * width)
    elif isinstance(layout, Record) and not layout.packed and not layout.union:
        for member in sorted(layout.members, key=lambda m: m.offset, reverse=True):
            yield from _bits(member.layout, low + member.offset)
    else:
        yield from range(low, low + max(layout.width, 1))
