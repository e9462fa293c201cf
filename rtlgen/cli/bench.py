"""`rtlgen bench`: benchmarks of models that write RTL."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rtlgen.cli._bench_options import (
    CSV,
    DATA,
    JOBS,
    JSON,
    LIMIT,
    PROBLEM,
    SECOND,
    K,
    Place,
    judging,
    prices,
    recipe,
    run_folder,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rtlgen.benchmarks.runlog import Price, Recorded, RunConfig, RunFolder
    from rtlgen.benchmarks.suite import Messages, SuiteData
    from rtlgen.scorers.task import Task
    from rtlgen.scorers.wave import Wave


@click.group("bench")
def command() -> None:
    """Run models on benchmarks of RTL, with verdicts that a candidate can't write."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@DATA
def list_suites(as_json: bool, data: Path | None) -> None:
    """Show the suites, and whether their data is here."""
    import json

    from rtlgen.benchmarks.suite import SUITES
    from rtlgen.core.errors import InputError

    found = []
    for name in SUITES.in_order():
        suite = SUITES.load(name)
        try:
            count: int | None = len(suite.load(data).problems)
        except InputError:
            count = None
        page = suite.home.page if suite.home else None
        found.append({"name": name, "title": suite.title, "problems": count, "home": page})
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for row in found:
        state = f"{row['problems']} problems" if row["problems"] is not None else "no data here"
        click.echo(f"{row['name']:<35} {state:<14} {row['title']}")


@command.command("fetch")
@click.argument("suite")
@click.option("--url", help="Another address of the published archive.")
@DATA
def fetch(suite: str, url: str | None, data: Path | None) -> None:
    """Download a suite from its public home into the user's cache, or into --data."""
    from rtlgen.benchmarks.fetch import fetch as fetched
    from rtlgen.benchmarks.suite import SUITES
    from rtlgen.core.config import load_settings
    from rtlgen.core.events import EventBus
    from rtlgen.display import show

    settings, bus = load_settings(), EventBus()
    folder = data or settings.cache_dir / "benchmarks"
    chosen: Any = SUITES.load(suite)
    with show(bus, settings.display):
        file = fetched(chosen, folder, bus, url=url)
    count = len(chosen.load(folder).problems)
    click.echo(
        f"{suite}: {count} problems, {chosen.home.licence}, {chosen.home.page} at {chosen.home.revision}: {file}"
    )


@command.command("run")
@click.argument("suite")
@click.option(
    "--model", required=True, metavar="PROVIDER:NAME", help="openai:NAME, hf:FOLDER, replay:FILE, record:FILE."
)
@click.option("-n", "n", type=click.IntRange(1, 1000), default=1, show_default=True, help="Answers per problem.")
@K
@click.option("--temperature", type=click.FloatRange(0, 2), help="The default is 0 for one answer, 0.8 for more.")
@click.option("--max-tokens", type=click.IntRange(min=1), default=4096, show_default=True, help="Of one answer.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="For one answer, further attempts included.",
)
@click.option(
    "--examples", type=click.IntRange(0, 4), metavar="N",
    help="Ask by the published prompt with N examples (VerilogEval v2); the default is a prompt of our own.",
)  # fmt: skip
@click.option("--rules", is_flag=True, help="Ask by the published prompt with its rules (VerilogEval v2 spec-to-RTL).")
@prices
@judging
@run_folder
def run(
    suite: str, model: str, n: int, ks: tuple[int, ...], temperature: float | None, max_tokens: int, seed: int,
    timeout: float, examples: int | None, rules: bool, price: Price | None, place: Place, resume: bool,
    limit: int | None, wanted: tuple[str, ...],
    out: Path | None, data: Path | None, as_json: bool, as_csv: bool,
) -> int:  # fmt: skip
    """Ask a model, judge its answers, and report.

    Exit code 0 where every problem was judged, 1 where some could not be, 2 for bad input.
    """
    from rtlgen.benchmarks.runner import Asking
    from rtlgen.models import open_model

    loaded = _load(suite, data)
    chosen = _chosen(loaded, wanted, limit)
    messages = _messages(suite, data, examples, rules)
    asked = open_model(model)
    heat = temperature if temperature is not None else (0.0 if n == 1 else 0.8)
    config = _config(loaded, chosen, place, model=model, n=n, temperature=heat, max_tokens=max_tokens)
    config = config.model_copy(update={"examples": 0 if rules and examples is None else examples, "rules": rules})
    folder = _folder(out, suite, model, config, resume=resume)
    if price:
        folder.set_price(price)
    asking = Asking(
        asked, n=n, temperature=heat, max_tokens=max_tokens, seed=seed, timeout_s=timeout, messages=messages
    )
    stopped = _work(folder, place, chosen, lambda runner: runner.ask(chosen, asking))
    return _finish(folder, chosen, ks, stopped, as_json=as_json, as_csv=as_csv)


@command.command("score")
@click.argument("suite")
@click.option(
    "--samples", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="JSON lines with a problem and an answer each (.gz accepted).",
)  # fmt: skip
@click.option(
    "--form",
    type=click.Choice(["auto", "reply", "raw"]),
    default="auto",
    show_default=True,
    help="Whether code has to be found in the answers (reply), or they are code as they stand (raw).",
)
@K
@judging
@run_folder
def score(
    suite: str, samples: Path, form: Any, ks: tuple[int, ...], place: Place, resume: bool, limit: int | None,
    wanted: tuple[str, ...], out: Path | None, data: Path | None, as_json: bool, as_csv: bool,
) -> int:  # fmt: skip
    """Judge answers that are recorded in a file."""
    from rtlgen.benchmarks.samples import read_samples
    from rtlgen.benchmarks.suite import SUITES
    from rtlgen.core.errors import InputError

    if suite in SUITES and SUITES.load(suite).kind == "text":
        return _score_text(suite, samples, as_json=as_json)
    loaded = _load(suite, data)
    chosen = _chosen(loaded, wanted, limit)
    names = {p.id for p in chosen}
    found = [s for s in read_samples(samples, loaded.by_id(), form) if s.problem in names]
    if not found:
        raise InputError(f"{samples}: expected a sample of the problems that are asked for, got none")
    label = f"file:{hashlib.sha256(''.join(s.digest for s in found).encode()).hexdigest()[:16]}"
    config = _config(loaded, chosen, place, model=label, n=0, temperature=None, max_tokens=None)
    folder = _folder(out, suite, samples.name, config, resume=resume)
    stopped = _work(folder, place, chosen, lambda runner: runner.score(chosen, found))
    return _finish(folder, chosen, ks, stopped, as_json=as_json, as_csv=as_csv)


def _score_text(suite: str, samples: Path, *, as_json: bool) -> int:
    from rtlgen.benchmarks.suites.rtl_repo import pair
    from rtlgen.benchmarks.textscore import score_file

    found = score_file(suite, samples, pair)
    if as_json:
        click.echo(found.model_dump_json(indent=1))
        return 0
    (em_low, em_high), (es_low, es_high) = found.exact_match_interval, found.edit_similarity_interval
    click.echo(f"{suite}: {found.samples} predictions")
    click.echo(f"exact match      {found.exact_match:.3f} % ({em_low:.1f}-{em_high:.1f})")
    click.echo(f"edit similarity  {found.edit_similarity:.5f} ({es_low:.1f}-{es_high:.1f})")
    return 0


@command.command("report")
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path, file_okay=False, exists=True))
@K
@prices
@DATA
@JSON
@CSV
def report(
    run_folder: Path, ks: tuple[int, ...], price: Price | None, data: Path | None, as_json: bool, as_csv: bool
) -> int:
    """Show a run again."""
    from rtlgen.benchmarks.runlog import RunFolder

    folder = RunFolder(run_folder)
    if price:
        folder.config()
        folder.set_price(price)
    return _finish(folder, _load(folder.config().suite, data).problems, ks, False, as_json=as_json, as_csv=as_csv)


@command.command("compare")
@click.argument("runs", nargs=2, metavar="RUN RUN", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("-k", "k", type=click.IntRange(min=1), default=1, show_default=True, help="k of pass@k.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a page of it.")
@DATA
@JSON
def compare(runs: tuple[Path, Path], k: int, html: Path | None, data: Path | None, as_json: bool) -> None:
    """Compare two runs of one suite: the difference, its interval, and on which problems they differ."""
    from rtlgen.benchmarks.compare import compare as compared
    from rtlgen.benchmarks.compare_page import compare_page
    from rtlgen.benchmarks.report import make_report
    from rtlgen.benchmarks.runlog import RunFolder, write_text
    from rtlgen.cli._bench_print import print_comparison

    kept = (RunFolder(runs[0]).recorded(), RunFolder(runs[1]).recorded())
    made = [make_report(run, _load(run.config.suite, data).problems, (k,)) for run in kept]
    found = compared(made[0], made[1], k)
    if html:
        write_text(html, compare_page(found, (made[0], made[1]), kept))
    if as_json:
        click.echo(found.model_dump_json(indent=1))
    else:
        print_comparison(found)


@command.command("doctor")
@click.argument("suite")
@JOBS
@SECOND
@LIMIT
@PROBLEM
@DATA
@JSON
def doctor(
    suite: str, jobs: int | None, second: str | None, limit: int | None, wanted: tuple[str, ...], data: Path | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Run every reference, and say which problems are broken with this simulator, and why."""
    import json

    from rtlgen.benchmarks.doctor import examine
    from rtlgen.cli._bench_print import advise, print_findings
    from rtlgen.core.config import load_settings
    from rtlgen.core.events import EventBus, StopToken
    from rtlgen.display import interruptible, show

    chosen = _chosen(_load(suite, data), wanted, limit)
    settings, bus = load_settings(), EventBus()
    token, scorer = StopToken(bus), recipe(second=second).open()
    with show(bus, settings.display), interruptible(token):
        found = examine(chosen, scorer, jobs=jobs or settings.jobs, bus=bus, token=token)
    if as_json:
        click.echo(json.dumps([f.model_dump(mode="json") for f in found], indent=1))
    else:
        print_findings(found, str(scorer.judge.simulator), str(scorer.second.simulator) if scorer.second else None)
    if _simulated(chosen):
        advise(str(scorer.judge.simulator))
    return 130 if token.stopped else 0


def _load(suite: str, data: Path | None) -> SuiteData:
    from rtlgen.benchmarks.suite import SUITES
    from rtlgen.benchmarks.suites.folder import open_folder

    if "/" in suite or suite in (".", ".."):
        return open_folder(Path(suite)).load(data)
    return SUITES.load(suite).load(data)


def _messages(suite: str, data: Path | None, examples: int | None, rules: bool) -> Messages:
    """Return how problems are asked: as published where examples or rules are wanted."""
    from rtlgen.benchmarks.runner import plain_messages
    from rtlgen.benchmarks.suite import SUITES
    from rtlgen.core.errors import ConfigError

    if examples is None and not rules:
        return plain_messages
    published: Any = SUITES.load(suite) if suite in SUITES else None
    if not hasattr(published, "messages"):
        raise ConfigError(f"suite {suite!r} has no published examples or rules; VerilogEval v2 has")
    made: Messages = published.messages(data, examples or 0, rules)
    return made


def _chosen(loaded: SuiteData, wanted: Sequence[str], limit: int | None) -> tuple[Task, ...]:
    from rtlgen.benchmarks.data import chosen

    return chosen(loaded.problems, wanted, limit)


def _config(
    loaded: SuiteData, chosen: Sequence[Task], place: Place, *, model: str, n: int, temperature: float | None,
    max_tokens: int | None,
) -> RunConfig:  # fmt: skip
    from rtlgen._version import __version__
    from rtlgen.benchmarks.runlog import RunConfig

    scorer = place.local
    return RunConfig(
        suite=loaded.name, dataset=loaded.digest, model=model, n=n, temperature=temperature, max_tokens=max_tokens,
        problems=tuple(p.id for p in chosen), simulator=str(scorer.judge.simulator), version=__version__,
        judge=place.recipe.rater or "", second=str(scorer.second.simulator) if scorer.second else "",
        checks=scorer.quality.basis if scorer.quality else "",
    )  # fmt: skip


def _folder(out: Path | None, suite: str, label: str, config: RunConfig, *, resume: bool) -> RunFolder:
    import re
    import time

    from rtlgen.benchmarks.runlog import RunFolder

    if out is None:
        if resume:
            raise click.UsageError("expected --out with --resume: the folder of the run to go on with")
        name = re.sub(r"[^\w.-]+", "-", label).strip("-")[-40:]
        out = Path("rtlgen-out") / f"{suite}-{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder = RunFolder(out)
    folder.create(config, resume=resume)
    return folder


def _work(folder: RunFolder, place: Place, chosen: Sequence[Task], job: Any) -> bool:
    """Do the work with progress shown; return whether the user stopped it."""
    from rtlgen.benchmarks.doctor import flaws
    from rtlgen.benchmarks.executors import opened
    from rtlgen.benchmarks.runner import Runner
    from rtlgen.core.config import load_settings
    from rtlgen.core.events import EventBus, StopToken
    from rtlgen.display import interruptible, show

    settings, bus = load_settings(), EventBus()
    token = StopToken(bus)
    where = opened(
        place.executor, place.recipe, place.local, jobs=place.jobs, cores=settings.jobs, address=place.address, bus=bus
    )
    with folder.alone(), show(bus, settings.display), interruptible(token), where as (scorer, slots):
        job(Runner(folder, scorer, jobs=slots, bus=bus, token=token))
        if not token.draining:
            folder.set_flaws(flaws(chosen, place.local, jobs=place.jobs or settings.jobs, bus=bus, token=token))
    return token.draining


def _finish(
    folder: RunFolder, problems: Sequence[Task], ks: tuple[int, ...], stopped: bool, *, as_json: bool, as_csv: bool
) -> int:
    from rtlgen.benchmarks import report as reports
    from rtlgen.benchmarks.page import page
    from rtlgen.benchmarks.runlog import write_json, write_text
    from rtlgen.cli._bench_print import advise, print_report

    kept = folder.recorded()
    made = reports.make_report(kept, problems, ks)
    write_json(folder.path / "report.json", made.model_dump(mode="json"))
    waves = {} if stopped else _waves(kept, problems)
    write_text(folder.path / "report.html", page(made, kept, problems, waves))
    if as_json:
        click.echo(made.model_dump_json(indent=1))
    elif as_csv:
        click.echo(reports.as_csv(made), nl=False)
    else:
        print_report(made, folder.path)
    if _simulated(problems):
        advise(made.config.simulator)
    if stopped:
        click.echo(f"stopped; go on with --resume --out {folder.path}", err=True)
        return 130
    return 0 if made.judged == made.samples else 1


def _simulated(problems: Sequence[Task]) -> bool:
    from rtlgen.scorers.problem import Problem

    return any(isinstance(p, Problem) for p in problems)


def _waves(kept: Recorded, problems: Sequence[Task]) -> Mapping[tuple[str, int], Wave]:
    """Return where failing answers first differ from the reference, with progress shown."""
    from rtlgen.benchmarks.pictures import first_differences
    from rtlgen.core.config import load_settings
    from rtlgen.core.events import EventBus, StopToken
    from rtlgen.core.store import Store
    from rtlgen.display import interruptible, show
    from rtlgen.scorers.stage import Stage
    from rtlgen.scorers.wave import Waves
    from rtlgen.synth.sim import find_icarus

    settings, bus = load_settings(), EventBus()
    token = StopToken(bus)
    store = Store(settings.cache_dir / "store", max_mb=settings.cache_max_mb)
    with show(bus, settings.display), interruptible(token):
        waves = Waves(Stage(find_icarus()), store=store)
        return first_differences(kept, problems, waves, jobs=settings.jobs, bus=bus, token=token)
