"""State machines of one elaborated body, for users: named states, and conditions written as Verilog.

Two ways, the first where it can: exactly, from the word-level view (`rtlgen.graphs.fsm.exact`), so that the style of
the source makes no difference; else from the text (`rtlgen.graphs.fsm.structural`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rtlgen.graphs.fsm.exact import ExactExtractor
from rtlgen.graphs.fsm.model import StateMachine
from rtlgen.graphs.fsm.naming import BodyText
from rtlgen.graphs.fsm.structural import StructuralExtractor
from rtlgen.graphs.wordlevel.build import Compiled, body_view

if TYPE_CHECKING:
    from pyslang import ast

LIMIT_S = 5.0
"""Seconds per body; what is not looked at exactly by then is read off the text."""


def state_machines(
    design: Compiled, instance: ast.InstanceSymbol | ast.InstanceBodySymbol, *, limit_s: float = LIMIT_S
) -> list[StateMachine]:
    """Return the state machines of one body, in order of declaration; instances in it are not entered.

    A register counts as a machine when it takes a few constant values, its next value depends on the present one by
    more than holding it, and it is handled as a state: its type is an enumeration, a case statement asks for it, it is
    compared with several named constants, it is one-hot, or nothing but constants is assigned to it. Counters, shift
    registers and registers that are just loaded are none.

    Args:
        design: an elaboration by slang; errors elsewhere in it do no harm.
        instance: an instance, such as the top, or the (canonical) body of one.
        limit_s: seconds after which the exact extraction gives up on what is left.
    """
    body: Any = instance.body if hasattr(instance, "body") else instance
    start = time.monotonic()
    text = BodyText(design, body)
    view = body_view(design, body, deadline_s=start + limit_s / 2)
    exact = ExactExtractor(text, view, deadline_s=start + limit_s)
    found = {m.register: m for m in exact.machines()}
    for machine in StructuralExtractor(text, view, exact).machines():
        found.setdefault(machine.register, machine)
    order = {name: index for index, name in enumerate(text.symbols)}
    return sorted(found.values(), key=lambda m: order.get(m.register, len(order)))
