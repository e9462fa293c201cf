"""State machines of the stored design."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rtlgen.core.errors import InputError
from rtlgen.graphs.fsm.machines import state_machines
from rtlgen.graphs.fsm.model import StateMachine
from rtlgen.graphs.query.recompile import recompile
from rtlgen.graphs.room import with_room

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase


def machines(
    design: DesignDatabase, name: str | None = None, *, advance: Callable[[int], None] | None = None
) -> list[StateMachine]:
    """Return the state machines of the design, of one module (`name`), or of one register (`MODULE.register`).

    A module that is elaborated with several parameters is looked at once for each. `advance` is called with 1 for each.

    Raises:
        InputError: there is no such module, or no such machine in it.
    """
    return with_room(lambda: _machines(design, name, advance))


def _machines(design: DesignDatabase, name: str | None, advance: Callable[[int], None] | None) -> list[StateMachine]:
    compiled = recompile(design)
    bodies = compiled.bodies()
    module, _, register = (name or "").partition(".")
    if name and module not in bodies:
        row = design.instance(name.rpartition(".")[0] or name)
        module, register = row.definition, "" if row.path == name else name.rpartition(".")[2]
    found: dict[tuple[object, ...], StateMachine] = {}
    for definition, instances in bodies.items():
        if name and definition != module:
            continue
        for body in instances:
            for machine in state_machines(compiled, body):
                if not register or machine.register == register:
                    found.setdefault((definition, machine.register, machine.states, machine.transitions), machine)
            if advance is not None:
                advance(1)
    if register and not found:
        raise InputError(
            f"{module}.{register}: no state machine; `rtlgen graph fsm {module}` lists those of the module"
        )
    return list(found.values())
