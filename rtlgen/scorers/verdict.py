"""What is said of a candidate."""

from __future__ import annotations

from typing import Literal

from rtlgen.core.types import Record

Status = Literal[
    "passed", "failed", "syntax_error", "refused", "no_verdict", "timeout", "memory", "crashed", "tool_limit"
]


class Verdict(Record):
    """What a testbench said of a candidate.

    `tool_limit` says that the simulator can't read the candidate, which may well be right: it is told apart from a
    failure, so that reports can give the bound if it were.
    """

    status: Status
    reason: str = ""
    """In words, for people; never looked at by programs."""
    mismatches: int | None = None
    samples: int | None = None
    first_mismatch: int | None = None
    """Time of the first mismatch in units of the simulation's precision, where the testbench tells."""
    simulator: str = ""
    compile_s: float = 0.0
    run_s: float = 0.0
    from_store: bool = False
    """Whether it was there already; its times are then those of when it was made."""

    @property
    def passed(self) -> bool:
        """Whether the candidate is right, as far as the testbench tells."""
        return self.status == "passed"
