"""A second opinion on a candidate, by another simulator: reported beside the verdict, never in its place.

Verilator has two states and orders events of one time in its own way, so that it disagrees where a verdict hangs on x
or on a race; and it reads what Icarus can't.
"""

from __future__ import annotations

from typing import Final, Literal

from rtlgen.core.errors import InputError
from rtlgen.core.store import Store
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.simulation import Judge
from rtlgen.scorers.verdict import Verdict
from rtlgen.synth.sim import find_verilator

NAMES: Final = ("verilator",)
"""Simulators that can be asked."""

Agreement = Literal["agree", "first_only", "second_only", "unknown"]
"""Whether both pass or both don't, only one passes, or one of them can't read the candidate."""


def second_judge(name: str, *, store: Store | None = None) -> Judge:
    """Return a judge by the second simulator.

    Args:
        name: one of `NAMES`.
        store: where verdicts are kept, None for nowhere.

    Raises:
        InputError: no such simulator.
        ToolNotFoundError: it or the compiler that it needs is not installed.
        ToolVersionError: it is too old.
    """
    if name not in NAMES:
        raise InputError(f"expected a second simulator ({', '.join(NAMES)}), got {name!r}")
    return Judge(find_verilator(), store=store)


def second_verdict(judge: Judge, problem: Problem, source: str | None) -> Verdict:
    """Return the second verdict on a candidate, or on the reference where `source` is None.

    A testbench that this simulator's preprocessor refuses is the tool's limit.

    Raises:
        SandboxError: the sandbox itself failed.
    """
    try:
        return judge.reference(problem) if source is None else judge.judge(problem, source)
    except InputError as error:
        return Verdict(status="tool_limit", reason=str(error), simulator=str(judge.simulator))


def agreement(first: Verdict | None, second: Verdict | None) -> Agreement:
    """Return whether two verdicts on one candidate agree on its passing."""
    if first is None or second is None or "tool_limit" in (first.status, second.status):
        return "unknown"
    if first.passed == second.passed:
        return "agree"
    return "first_only" if first.passed else "second_only"
