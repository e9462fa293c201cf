"""`optimize`: the whole job, from files to written results."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rtlgen.core.errors import ConfigError, InputError
from rtlgen.core.events import EventBus, Notice, StopToken
from rtlgen.core.types import Design
from rtlgen.models import open_model
from rtlgen.optimizer import REWRITES, patch
from rtlgen.optimizer.goal import Goal
from rtlgen.optimizer.meter import Meter
from rtlgen.optimizer.outcome import Accepted, Outcome
from rtlgen.optimizer.precheck import refuse_loops
from rtlgen.optimizer.prover import Proof, Prover
from rtlgen.optimizer.report import OptimizationReport, html, make_report
from rtlgen.optimizer.search import Search
from rtlgen.optimizer.second import Second, second_proof
from rtlgen.optimizer.target import Target
from rtlgen.synth.flow import Evaluator
from rtlgen.synth.liberty import read_library

SHORT_S, LONG_S = 45.0, 540.0
CLOSING_SHARE, MIN_CLOSING_S, MAX_CLOSING_S = 0.2, 2.0, 90.0
"""Share of the budget kept for the two proofs of the whole at the end, which run at the same time."""
OVERTIME_S = 10.0
"""The second proof may take that much longer (but not twice its share): better a little late than not told."""
_LONG_FROM_S = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """How to optimize.

    Attributes:
        goal: objective and constraints.
        budget_s: seconds for search and closing proofs (the second one may end up to `OVERTIME_S` later); None for the
            default: 45 s, or 540 s where one synthesis takes over 1 s.
        liberty: library to measure with, None for the shipped one.
        clock_ns: target period, None for none.
        rules: rewrites to use by name, empty for all.
        workers: evaluations at a time.
        seed: for every random choice.
        out: folder for results, None to write none.
        model: language model that proposes rewrites too, as `PROVIDER:NAME`, None for none.
        general: refuse changes of a module with parameters that hold for the present values only; otherwise such a
            change brings a guard that refuses all others.
    """

    goal: Goal = field(default_factory=Goal)
    budget_s: float | None = None
    liberty: Path | None = None
    clock_ns: float | None = None
    rules: tuple[str, ...] = ()
    workers: int = 2
    seed: int = 0
    out: Path | None = None
    model: str | None = None
    general: bool = False


@dataclass(frozen=True, slots=True)
class Optimized:
    """Result of `optimize`: the final sources by path as given, the report, and both versions."""

    before: Target
    after: Target
    report: OptimizationReport
    outcome: Outcome


def optimize(
    design: Design, options: Options, *, bus: EventBus | None = None, token: StopToken | None = None
) -> Optimized:
    """Return a version of the design that is proved equivalent and no worse on the objective.

    The result is in `options.out` after every accepted change, so that a kill loses only what is being tried.

    Raises:
        InputError: a file can't be read, or the output folder can't be written.
        ElaborationError: the design has errors.
        LibraryError: the library can't be used.
        ConfigError: an unknown rewrite or model provider.
        ModelProviderError: the model lacks a package, key, address or file.
        RtlgenError: the design can't be synthesized.
    """
    started = time.monotonic()
    _check_model(options)
    bus, token = bus or EventBus(), token or StopToken()
    target, _ = Target.read(design)
    if options.out is not None:
        _check_folder(options.out)
    for rule in options.rules:
        REWRITES.load(rule)
    library = read_library(options.liberty)
    with Evaluator(library, clock_ns=options.clock_ns, workers=options.workers) as evaluator:
        refuse_loops(target, evaluator.pool)
        prover = Prover(evaluator.pool)
        save = _saver(options)
        search = Search(
            target,
            options.goal,
            options.rules,
            evaluator,
            prover,
            bus=bus,
            token=token,
            on_accept=save,
            seed=options.seed,
            model=options.model,
            general=options.general,
        )
        budget = options.budget_s if options.budget_s is not None else default_budget(search.outcome)
        closing_s = min(MAX_CLOSING_S, max(MIN_CLOSING_S, CLOSING_SHARE * budget))
        outcome = search.run(max(1.0, started + budget - closing_s - time.monotonic()))
        closing_s = max(closing_s, min(started + budget - time.monotonic(), MAX_CLOSING_S))  # what the search left
        final, second = _closing_proofs(outcome, prover, bus, closing_s)
        _add_power(outcome, evaluator)
    report = make_report(outcome, options.goal, final, second, seed=options.seed)
    if options.out is not None:
        write_results(options.out, outcome, report)
    return Optimized(outcome.baseline, outcome.current, report, outcome)


def _check_model(options: Options) -> None:
    """Fail now where the model can't be asked later."""
    if options.model is not None:
        if options.rules and "model" not in options.rules:
            raise ConfigError("--model is given, but --rule leaves it out; add --rule model or leave --rule out")
        open_model(options.model)
    elif "model" in options.rules:
        raise ConfigError("--rule model needs a language model; give one with --model PROVIDER:NAME")


def _add_power(outcome: Outcome, evaluator: Evaluator) -> None:
    """Measure the power of the last version where the search did not."""
    if outcome.current_evaluation.power_mw is None:
        outcome.current_evaluation = Meter(evaluator, "power").measure(outcome.current)


def default_budget(outcome: Outcome) -> float:
    """Return the seconds a search gets when the user gives none."""
    return LONG_S if outcome.baseline_evaluation.wall_s > _LONG_FROM_S else SHORT_S


def _saver(options: Options) -> Callable[[Outcome], None]:
    def save(outcome: Outcome) -> None:
        if options.out is not None:
            write_results(options.out, outcome, make_report(outcome, options.goal, None, None, seed=options.seed))

    return save


def _closing_proofs(
    outcome: Outcome, prover: Prover, bus: EventBus, budget_s: float
) -> tuple[Proof | None, Second | None]:
    """Prove the whole result by both engines at the same time."""
    if not outcome.accepted:
        return None, None
    accepted = len(outcome.accepted)
    with ThreadPoolExecutor(1) as beside:
        second = beside.submit(_second_proof, outcome, tuple(outcome.accepted), budget_s + min(budget_s, OVERTIME_S))
        final = _final_proof(outcome, prover, bus, budget_s)
        if len(outcome.accepted) == accepted:
            return final, second.result()
    return final, _second_proof(outcome, outcome.accepted, budget_s) if outcome.accepted else None


def _final_proof(outcome: Outcome, prover: Prover, bus: EventBus, budget_s: float) -> Proof | None:
    """Prove the whole result against the input once more; take back what does not stand."""
    while outcome.accepted:
        proof = prover.whole(outcome.baseline, outcome.current, budget_s=budget_s)
        if proof.result.status != "refuted":
            return proof
        last = outcome.accepted.pop()
        outcome.current, outcome.current_evaluation = last.before, last.evaluation_before
        bus.emit(Notice(text=f"took back {last.changes[0].title!r}: refuted by the second proof", level="error"))
    return None


def _second_proof(outcome: Outcome, accepted: Sequence[Accepted], budget_s: float) -> Second:
    steps = [(a.before, a.after) for a in accepted]
    return second_proof(outcome.baseline, accepted[-1].after, steps=steps, budget_s=budget_s)


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".rtlgen-probe"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise InputError(f"{folder}: the output folder can't be written: {error.strerror or error}") from error


def write_results(folder: Path, outcome: Outcome, report: OptimizationReport) -> None:
    """Write sources, patch and both reports into `folder`.

    Raises:
        InputError: the folder can't be written.
    """
    patch.write_tree(folder / "src", outcome.current)
    text = patch.series(outcome.accepted)
    patch.write_atomic(folder / "optimized.patch", text.encode("utf-8", errors="surrogateescape"))
    patch.write_atomic(folder / "report.json", report.model_dump_json(indent=1).encode("utf-8", errors="replace"))
    patch.write_atomic(folder / "report.html", html(report).encode("utf-8", errors="replace"))
