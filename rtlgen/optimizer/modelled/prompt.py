"""What a model is asked."""

from __future__ import annotations

from typing import Final

from rtlgen.models import Message
from rtlgen.optimizer.modelled.pieces import Piece
from rtlgen.optimizer.rewrite import Objective

_SYSTEM: Final = """\
You are an expert RTL designer. You rewrite synthesizable Verilog so that logic synthesis gives a better circuit with \
exactly the same behaviour. Every rewrite is proved equivalent and measured by tools; a wrong one is thrown away.

Rules:
- Keep the module name, all ports and all parameters exactly as they are.
- Same outputs in every cycle from reset on; keep the clocking and reset behaviour of every register that stays.
- Change as few lines as needed. Copy every other line as it is, with its comments and formatting.
- No compiler directives, system tasks, delays, initial blocks, attributes, new modules, or literals with x.
- Code that a reviewer likes: readable, lint-clean, no netlists.

Answer with one sentence that says what you changed and why, and then the code in one fenced block (```verilog). \
Never leave out lines."""

_GOALS: Final[dict[Objective, str]] = {
    "area": "the smallest cell area after technology mapping",
    "delay": "the shortest critical path after technology mapping",
    "power": "the lowest power (fewer cells, fewer registers, less switching)",
    "area-delay": "the smallest product of cell area and critical path",
}
_FOCUS: Final[dict[Objective, tuple[str, ...]]] = {
    "area": (
        "Look for the change that saves most.",
        "Look for operators that can be shared between exclusive branches, computed once, or replaced by cheaper ones.",
        "Look for registers, states and bits that are not needed, and for wider arithmetic than the result needs.",
        "Look for a different algorithm or structure with the same behaviour.",
    ),
    "delay": (
        "Look for the change that shortens the longest path most.",
        "Look for chains of operators or priority chains that can become trees or run in parallel.",
        "Look for late signals that can be moved nearer to the outputs, and for arithmetic done after a choice.",
        "Look for a different algorithm or structure with the same behaviour.",
    ),
}
_TEMPERATURES: Final = (0.2, 0.5, 0.8, 1.0)
CANDIDATES: Final = len(_TEMPERATURES)
"""Answers asked for on one piece."""


def temperature(candidate: int) -> float:
    """Return the temperature for the candidate of this number, from 0: rising."""
    return _TEMPERATURES[min(candidate, CANDIDATES - 1)]


def room(piece: Piece) -> int:
    """Return the tokens that an answer on `piece` may need, hidden reasoning included."""
    return 4096 + len(piece.text) // 2


def conversation(piece: Piece, objective: Objective, measured: str, candidate: int) -> tuple[Message, ...]:
    """Return the messages that ask for a rewrite of `piece`.

    Args:
        piece: what to rewrite.
        objective: what is made smaller.
        measured: figures of the design as it is, in words; may be empty.
        candidate: number of the answer, from 0; each is asked to look elsewhere.
    """
    focus = _FOCUS.get(objective, _FOCUS["area"])[candidate % 4]
    parts = [f"Goal: {_GOALS[objective]}.", f"The whole design now: {measured}." if measured else "", focus]
    wanted = f"the whole module {piece.module}"
    if not piece.whole:
        last = piece.first_line + piece.text.rstrip("\n").count("\n")
        wanted = f"the new text of lines {piece.first_line} to {last} of module {piece.module} only"
        parts.append(f"Header and declarations of the module, which stay as they are:\n{_fence(_shown(piece.context))}")
    parts.append(f"Source, with line numbers that are not part of it:\n{_fence(_numbered(piece))}")
    parts.append(f"Answer with {wanted}.")
    return Message("system", _SYSTEM), Message("user", "\n\n".join(p for p in parts if p))


def _fence(text: str) -> str:
    return f"```verilog\n{text}\n```"


def _shown(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", errors="replace")


def _numbered(piece: Piece) -> str:
    lines = _shown(piece.text).rstrip("\n").split("\n")
    return "\n".join(f"{n:5} | {line.rstrip()}" for n, line in enumerate(lines, piece.first_line))
