"""The parts of a run's report on the terminal beside pass@k: stages by category, advisory findings, times."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from rtlgen.benchmarks.quality import QualitySummary
    from rtlgen.benchmarks.report import Report

_SHOWN = 12


def print_stages(console: Console, made: Report) -> None:
    """Print how answers ended in each category, where there are several."""
    from rich.table import Table

    if not made.categories:
        return
    stages = sorted({s for g in made.categories for s in g.stages}, key=lambda s: -made.stages.get(s, 0))
    table = Table()
    table.add_column("ended")
    for stage in stages:
        table.add_column(stage.replace("_", " "), justify="right")
    for group in made.categories:
        table.add_row(group.name, *(str(group.stages.get(s, 0) or "") for s in stages))
    console.print(table)


def print_quality(console: Console, made: Report) -> None:
    """Print what the checks found; nothing where none was asked for."""
    found = made.quality
    if found is None:
        return
    if found.equivalence:
        counts = ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in sorted(found.equivalence.items()))
        _say(console, f"equivalence of {sum(found.equivalence.values())} passing answers to the reference: {counts}")
        for r in found.refuted[:_SHOWN]:
            _say(console, f"  refuted: {r.problem}, answer {r.attempt}: {r.reason}")
        if len(found.refuted) > _SHOWN:
            _say(console, f"  and {len(found.refuted) - _SHOWN} more, see report.html")
    _print_ppa(console, found)
    if found.lint:
        lint = found.lint
        often = ", ".join(f"{rule} in {n}" for rule, n in list(lint.rules.items())[:6])
        each = lint.warnings / lint.answers
        said = f"{lint.clean} of {lint.answers} answers are clean, {lint.with_errors} have errors"
        _say(console, f"lint: {said}, {each:.1f} warnings an answer{': ' if often else ''}{often}")


def _print_ppa(console: Console, found: QualitySummary) -> None:
    from rich.table import Table

    if found.ppa:
        whole = Table(title="PPA of answers that pass (and are not refuted) / reference", title_justify="left")
        for name in ("", "mean over problems", "95 %", "median", "best"):
            whole.add_column(name, justify="right" if name else "left")
        for r in found.ppa[0].ratios:
            best = f"{r.best:.3f} ({r.best_problem})"
            whole.add_row(r.metric, f"{r.mean:.3f}", f"{r.low:.3f}-{r.high:.3f}", f"{r.median:.3f}", best)
        console.print(whole)
    if len(found.ppa) > 1:
        metrics = [r.metric for r in found.ppa[0].ratios]
        table = Table()
        for name in ("", *metrics, "answers"):
            table.add_column(name, justify="right" if name else "left")
        for group in found.ppa:
            by_name = {r.metric: f"{r.mean:.3f}" for r in group.ratios}
            table.add_row(group.name, *(by_name.get(m, "-") for m in metrics), str(group.ratios[0].answers))
        console.print(table)
    for reason, count in list(found.unmeasured.items())[:4]:
        _say(console, f"no ratio for {count}: {reason}")


def print_times(console: Console, made: Report) -> None:
    """Print what the run took: seconds, and what the store saved."""
    parts = []
    if made.model_s is not None:
        parts.append(f"model {made.model_s:.1f} s")
    parts.append(f"simulations {made.judge_s:.1f} s")
    if made.quality:
        parts.append(f"checks {made.quality.checks_s:.1f} s")
    if made.from_store:
        parts.append(f"{made.from_store} verdicts from the store")
    _say(console, "took: " + ", ".join(parts))


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
