"""`report.json` and `report.html` of an optimization run."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rtlgen._version import __version__
from rtlgen.core.types import Record
from rtlgen.optimizer import patch
from rtlgen.optimizer.goal import Goal
from rtlgen.optimizer.outcome import Accepted, Outcome
from rtlgen.optimizer.plot import pareto_svg
from rtlgen.optimizer.prover import Proof
from rtlgen.optimizer.second import METHOD, Second
from rtlgen.synth.flow import Evaluation

if TYPE_CHECKING:
    import jinja2

MAX_REJECTED = 500


class Metrics(Record):
    """Measurements of one version of the design."""

    area_um2: float
    seq_area_um2: float
    delay_ns: float
    power_mw: float | None = None
    cells: int
    flops: int
    latches: int


class ChangeRecord(Record):
    """One accepted change."""

    number: int
    rules: tuple[str, ...]
    modules: tuple[str, ...]
    titles: tuple[str, ...]
    why: tuple[str, ...]
    before: Metrics
    after: Metrics
    gain_percent: float
    """Gain on the objective against the step before, in percent."""
    proof_method: str
    proof_scope: str
    proof_wall_s: float
    also_proved_at: tuple[str, ...]
    """Further parameter values at which the change is proved."""
    guarded: str
    """Why the module now refuses other parameter values than the design's; empty where it does not."""
    at_s: float
    diff: str


class RejectedRecord(Record):
    """One proposal that was tried and is not in the output."""

    rule: str
    module: str
    title: str
    outcome: str
    reason: str
    area_um2: float | None = None
    delay_ns: float | None = None


class ModelUse(Record):
    """What a language model was asked for."""

    name: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    wall_s: float
    """Seconds over all replies; several may have been under way at once."""


class OptimizationReport(Record):
    """Everything about one run, as written to `report.json`."""

    rtlgen_version: str
    top: str
    files: tuple[str, ...]
    objective: str
    basis: str
    """Tool, library, flow and clock behind every figure."""
    before: Metrics
    after: Metrics
    changes: tuple[ChangeRecord, ...]
    rejected: tuple[RejectedRecord, ...]
    rejected_counts: dict[str, int]
    trials: dict[str, int]
    """Candidates measured, by rule."""
    final_proof_status: str
    """Proof of the whole result against the input: `proved`, or why not; `none` without changes."""
    final_proof_method: str
    final_proof_wall_s: float
    second_engine_status: str = "none"
    """Verdict of an engine that shares no code or tool with the first: `proved`, `unknown`, `none` without changes."""
    second_engine_method: str = METHOD
    second_engine_reason: str = ""
    second_engine_wall_s: float = 0.0
    ended_by: str
    wall_s: float
    messages: tuple[str, ...] = ()
    """Constraints not met and the like."""
    seed: int = 0
    model: ModelUse | None = None


def metrics(e: Evaluation) -> Metrics:
    """Return what an evaluation measured.

    Raises:
        ValueError: the evaluation failed.
    """
    if e.area_um2 is None or e.delay_ns is None:
        raise ValueError(f"expected a successful evaluation, got {e.error!r}")
    return Metrics(
        area_um2=e.area_um2,
        seq_area_um2=e.seq_area_um2 or 0.0,
        delay_ns=e.delay_ns,
        power_mw=e.power_mw,
        cells=sum(e.cells.values()),
        flops=e.flops,
        latches=e.latches,
    )


def make_report(
    outcome: Outcome, goal: Goal, final: Proof | None, second: Second | None, *, seed: int = 0
) -> OptimizationReport:
    """Return the report of a run (also of one that is still going on, with `final` None)."""
    return OptimizationReport(
        rtlgen_version=__version__,
        top=outcome.baseline.top,
        files=tuple(outcome.baseline.sources),
        objective=goal.objective,
        basis=outcome.baseline_evaluation.basis,
        before=metrics(outcome.baseline_evaluation),
        after=metrics(outcome.current_evaluation),
        changes=tuple(_change(n, a, goal) for n, a in enumerate(outcome.accepted, 1)),
        rejected=tuple(
            RejectedRecord(
                rule=r.rule,
                module=r.module,
                title=r.title,
                outcome=r.outcome,
                reason=r.reason,
                area_um2=r.area_um2,
                delay_ns=r.delay_ns,
            )
            for r in outcome.rejected[-MAX_REJECTED:]
        ),
        rejected_counts=dict(Counter(r.outcome for r in outcome.rejected)),
        trials=dict(outcome.trials),
        final_proof_status=final.result.status if final else "none",
        final_proof_method=final.result.method if final else "none",
        final_proof_wall_s=final.wall_s if final else 0.0,
        second_engine_status=second.status if second else "none",
        second_engine_method=second.method if second else METHOD,
        second_engine_reason=second.reason if second else "",
        second_engine_wall_s=second.wall_s if second else 0.0,
        ended_by=outcome.ended_by,
        wall_s=outcome.wall_s,
        messages=tuple(goal.violations(outcome.current_evaluation)),
        seed=seed,
        model=_model_use(outcome),
    )


def _model_use(outcome: Outcome) -> ModelUse | None:
    if outcome.model is None or outcome.model_usage is None:
        return None
    use = outcome.model_usage
    return ModelUse(
        name=outcome.model,
        calls=use.calls,
        prompt_tokens=use.prompt_tokens,
        completion_tokens=use.completion_tokens,
        wall_s=use.wall_s,
    )


def _change(number: int, item: Accepted, goal: Goal) -> ChangeRecord:
    before, after = goal.cost(item.evaluation_before), goal.cost(item.evaluation_after)
    return ChangeRecord(
        number=number,
        rules=tuple(c.rule for c in item.changes),
        modules=tuple(dict.fromkeys(c.module for c in item.changes)),
        titles=tuple(c.title for c in item.changes),
        why=tuple(c.why for c in item.changes),
        before=metrics(item.evaluation_before),
        after=metrics(item.evaluation_after),
        gain_percent=(1 - after / before) * 100 if before else 0.0,
        proof_method=item.proof.result.method,
        proof_scope=item.proof.scope,
        proof_wall_s=item.proof.wall_s,
        also_proved_at=item.proof.variants,
        guarded=item.proof.special,
        at_s=item.at_s,
        diff=patch.diff(item.before, item.after),
    )


def html(report: OptimizationReport) -> str:
    """Return one self-contained page."""
    return _template().render(report=report, plot=pareto_svg(report), rows=_rows(report))


@cache
def _template() -> jinja2.Template:
    import jinja2

    text = files("rtlgen.optimizer").joinpath("report.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(text)


def _rows(report: OptimizationReport) -> list[dict[str, Any]]:
    fields = (
        ("area", "area_um2", "um²", 2),
        ("of it sequential", "seq_area_um2", "um²", 2),
        ("delay", "delay_ns", "ns", 3),
        ("power", "power_mw", "mW", 4),
        ("cells", "cells", "", 0),
        ("flip-flops", "flops", "", 0),
        ("latches", "latches", "", 0),
    )
    rows = []
    for label, name, unit, digits in fields:
        before, after = getattr(report.before, name), getattr(report.after, name)
        if before is None or after is None or (name == "latches" and not before and not after):
            continue
        change = f"{(after / before - 1) * 100:+.2f} %" if before else "–"
        rows.append(
            {
                "label": label,
                "unit": unit,
                "before": f"{before:.{digits}f}",
                "after": f"{after:.{digits}f}",
                "change": change,
            }
        )
    return rows


def table_rows(report: OptimizationReport) -> list[tuple[str, str, str, str]]:
    """Return (metric with unit, before, after, change) for the terminal table."""
    return [
        (f"{r['label']} [{r['unit']}]" if r["unit"] else r["label"], r["before"], r["after"], r["change"])
        for r in _rows(report)
    ]
