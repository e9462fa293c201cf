"""What a search keeps of each candidate, and everything it found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from rtlgen.models import Usage
from rtlgen.optimizer.prover import Proof
from rtlgen.optimizer.rewrite import Change
from rtlgen.optimizer.target import Target
from rtlgen.synth.flow import Evaluation


@dataclass(frozen=True, slots=True)
class Accepted:
    """One change that is in the output (several where only together they are better).

    Attributes:
        changes: what was changed.
        before: source and measurement before it.
        after: source and measurement with it.
        proof: why it is right.
        at_s: seconds from the start of the run.
    """

    changes: tuple[Change, ...]
    before: Target
    after: Target
    evaluation_before: Evaluation
    evaluation_after: Evaluation
    proof: Proof
    at_s: float


@dataclass(frozen=True, slots=True)
class Rejected:
    """A proposal that is not in the output, and why."""

    rule: str
    module: str
    title: str
    reason: str
    outcome: str
    """`not better`, `refuted`, `unproved`, `special`, `lint`, `does not parse`, `does not map` or `constraint`.

    `special`: not known to hold at other parameter values, and not worth a guard or `--general` was asked for.

    Of a language model also `unsafe` (refused before any tool read it) or `no code`.
    """
    area_um2: float | None = None
    delay_ns: float | None = None


@dataclass(slots=True)
class Outcome:
    """Everything a search found."""

    baseline: Target
    baseline_evaluation: Evaluation
    current: Target
    current_evaluation: Evaluation
    accepted: list[Accepted] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    trials: Counter[str] = field(default_factory=Counter)
    ended_by: str = "converged"
    """`converged`, `budget` or `interrupt`."""
    wall_s: float = 0.0
    model: str | None = None
    """Language model that was asked, as `PROVIDER:NAME`."""
    model_usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate that was measured.

    Attributes:
        changes: what it changes.
        family: who proposed it.
        target: the design with it.
        evaluation: its measurement.
        base_size: accepted edits of the round when it was measured.
        reference: measurement of the version it was made from: what it has to beat.
    """

    changes: tuple[Change, ...]
    family: str
    target: Target
    evaluation: Evaluation
    base_size: int
    reference: Evaluation
