"""`rtlgen bench`: benchmarks of models that write RTL."""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtlgen.benchmarks.doctor import Finding
    from rtlgen.benchmarks.report import Figure, Report
    from rtlgen.benchmarks.runlog import Price, RunConfig, RunFolder
    from rtlgen.benchmarks.scoring import LocalRecipe, LocalScorer
    from rtlgen.benchmarks.suite import SuiteData
    from rtlgen.scorers.problem import Problem
    from rtlgen.scorers.simulation import Judge

_DATA = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of benchmark data; the default is the user's cache.",
)
_JOBS = click.option("--jobs", type=click.IntRange(1, 256), help="Simulations at once; the default is the cores.")
_LIMIT = click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N problems.")
_PROBLEM = click.option(
    "--problem", "wanted", multiple=True, metavar="ID", help="Only this problem, or those beginning so (repeatable)."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
_CSV = click.option("--csv", "as_csv", is_flag=True, help="Print one line per problem as CSV.")
_OUT = click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Folder of the run.")
_RESUME = click.option("--resume", is_flag=True, help="Go on with the run in --out.")
_EXECUTOR = click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Judge in this process, or by Ray on this machine or a cluster.",
)
_RAY = click.option(
    "--ray-address", envvar="RAY_ADDRESS", metavar="HOST:PORT", help="Ray cluster to use (auto: the one here)."
)
_PRICES = [
    click.option("--price-in", type=click.FloatRange(min=0), metavar="USD", help="Price of a million tokens read."),
    click.option("--price-out", type=click.FloatRange(min=0), metavar="USD", help="Price of a million tokens written."),
    click.option(
        "--price-cached", type=click.FloatRange(min=0), metavar="USD",
        help="Price of a million tokens read from the endpoint's cache; the default is --price-in.",
    ),
]  # fmt: skip
_K = click.option("-k", "ks", type=click.IntRange(min=1), multiple=True, help="k of pass@k (repeatable).")


def _prices(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options of prices to a command, which gets them as one `price`."""

    @functools.wraps(function)
    def with_price(
        *arguments: Any, price_in: float | None, price_out: float | None, price_cached: float | None, **options: Any
    ) -> int:
        from rtlgen.benchmarks.runlog import Price

        if (price_in is None) != (price_out is None) or (price_cached is not None and price_in is None):
            raise click.UsageError("expected both --price-in and --price-out, or neither")
        price = None
        if price_in is not None and price_out is not None:
            price = Price(input_usd=price_in, output_usd=price_out, cached_usd=price_cached)
        return function(*arguments, price=price, **options)

    for option in reversed(_PRICES):
        with_price = option(with_price)
    return with_price


@click.group("bench")
def command() -> None:
    """Run models on benchmarks of RTL, with verdicts that a candidate can't write."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@_DATA
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
        click.echo(f"{row['name']:<30} {state:<14} {row['title']}")


@command.command("fetch")
@click.argument("suite")
@click.option("--url", help="Another address of the published archive.")
@_DATA
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
@_K
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
@_prices
@_JOBS
@_EXECUTOR
@_RAY
@_RESUME
@_LIMIT
@_PROBLEM
@_OUT
@_DATA
@_JSON
@_CSV
def run(
    suite: str, model: str, n: int, ks: tuple[int, ...], temperature: float | None, max_tokens: int, seed: int,
    timeout: float, price: Price | None, jobs: int | None, executor: Any, ray_address: str | None, resume: bool,
    limit: int | None, wanted: tuple[str, ...], out: Path | None, data: Path | None, as_json: bool, as_csv: bool,
) -> int:  # fmt: skip
    """Ask a model, judge its answers, and report.

    Exit code 0 where every problem was judged, 1 where some could not be, 2 for bad input.
    """
    from rtlgen.benchmarks.runner import Asking
    from rtlgen.models import open_model

    loaded = _load(suite, data)
    chosen = _chosen(loaded, wanted, limit)
    asked = open_model(model)
    heat = temperature if temperature is not None else (0.0 if n == 1 else 0.8)
    place = _Place(executor, ray_address, jobs)
    config = _config(loaded, chosen, place.local.judge, model=model, n=n, temperature=heat, max_tokens=max_tokens)
    folder = _folder(out, suite, model, config, resume=resume)
    if price:
        folder.set_price(price)
    asking = Asking(asked, n=n, temperature=heat, max_tokens=max_tokens, seed=seed, timeout_s=timeout)
    stopped = _work(folder, place, lambda runner: runner.ask(chosen, asking))
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
@_K
@_JOBS
@_EXECUTOR
@_RAY
@_RESUME
@_LIMIT
@_PROBLEM
@_OUT
@_DATA
@_JSON
@_CSV
def score(
    suite: str, samples: Path, form: Any, ks: tuple[int, ...], jobs: int | None, executor: Any, ray_address: str | None,
    resume: bool, limit: int | None, wanted: tuple[str, ...], out: Path | None, data: Path | None, as_json: bool,
    as_csv: bool,
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
    place = _Place(executor, ray_address, jobs)
    label = f"file:{hashlib.sha256(''.join(s.digest for s in found).encode()).hexdigest()[:16]}"
    config = _config(loaded, chosen, place.local.judge, model=label, n=0, temperature=None, max_tokens=None)
    folder = _folder(out, suite, samples.name, config, resume=resume)
    stopped = _work(folder, place, lambda runner: runner.score(chosen, found))
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
@_K
@_prices
@_DATA
@_JSON
@_CSV
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
@_DATA
@_JSON
def compare(runs: tuple[Path, Path], k: int, data: Path | None, as_json: bool) -> None:
    """Compare two runs of one suite: the difference, its interval, and on which problems they differ."""
    from rtlgen.benchmarks.compare import compare as compared
    from rtlgen.benchmarks.report import make_report
    from rtlgen.benchmarks.runlog import RunFolder

    folders = [RunFolder(path) for path in runs]
    made = [make_report(f, _load(f.config().suite, data).problems, (k,)) for f in folders]
    found = compared(made[0], made[1], k)
    if as_json:
        click.echo(found.model_dump_json(indent=1))
        return
    click.echo(f"pass@{k} over {found.problems} problems: {found.before * 100:.2f} % -> {found.after * 100:.2f} %")
    click.echo(f"difference {found.difference * 100:+.2f} points ({found.low * 100:+.1f} to {found.high * 100:+.1f})")
    click.echo(f"better on {found.won}, worse on {found.lost}; sign test p = {found.p_value:.3g}")
    for d in found.differences:
        click.echo(f"  {d.problem:<34} {d.before * 100:6.1f} % -> {d.after * 100:6.1f} %")


@command.command("doctor")
@click.argument("suite")
@_JOBS
@_LIMIT
@_PROBLEM
@_DATA
@_JSON
def doctor(
    suite: str, jobs: int | None, limit: int | None, wanted: tuple[str, ...], data: Path | None, as_json: bool
) -> int:
    """Run every reference, and say which problems are broken with this simulator, and why."""
    import json

    from rtlgen.benchmarks.doctor import examine
    from rtlgen.core.config import load_settings
    from rtlgen.core.events import EventBus, StopToken
    from rtlgen.display import interruptible, show

    chosen = _chosen(_load(suite, data), wanted, limit)
    settings, bus = load_settings(), EventBus()
    token, judge = StopToken(bus), _recipe().open().judge
    with show(bus, settings.display), interruptible(token):
        found = examine(chosen, judge, jobs=jobs or settings.jobs, bus=bus, token=token)
    if as_json:
        click.echo(json.dumps([f.model_dump(mode="json") for f in found], indent=1))
    else:
        _print_findings(found, str(judge.simulator))
    return 130 if token.stopped else 0


def _print_findings(found: Sequence[Finding], simulator: str) -> None:
    good = sum(f.reference is not None and f.reference.passed for f in found)
    click.echo(f"{good} of {len(found)} references pass with {simulator}")
    for f in found:
        status = f.reference.status if f.reference else "broken"
        if not f.sound or f.known_issues:
            why = "; ".join(x for x in (f.reason, *f.known_issues) if x)
            click.echo(f"  {f.problem:<34} {status:<13} {why}")


def _load(suite: str, data: Path | None) -> SuiteData:
    from rtlgen.benchmarks.suite import SUITES
    from rtlgen.benchmarks.suites.folder import open_folder

    if "/" in suite or suite in (".", ".."):
        return open_folder(Path(suite)).load(data)
    return SUITES.load(suite).load(data)


def _chosen(loaded: SuiteData, wanted: Sequence[str], limit: int | None) -> tuple[Problem, ...]:
    from rtlgen.benchmarks.data import chosen

    return chosen(loaded.problems, wanted, limit)


def _recipe() -> LocalRecipe:
    from rtlgen.benchmarks.scoring import LocalRecipe
    from rtlgen.core.config import load_settings

    settings = load_settings()
    return LocalRecipe(store=settings.cache_dir / "store", store_mb=settings.cache_max_mb)


class _Place:
    """Where answers are judged, as the options say."""

    def __init__(self, executor: Any, address: str | None, jobs: int | None) -> None:
        self.executor, self.address, self.jobs = executor, address, jobs
        self.recipe = _recipe()
        self.local: LocalScorer = self.recipe.open()


def _config(
    loaded: SuiteData, chosen: Sequence[Problem], judge: Judge, *, model: str, n: int, temperature: float | None,
    max_tokens: int | None,
) -> RunConfig:  # fmt: skip
    from rtlgen._version import __version__
    from rtlgen.benchmarks.runlog import RunConfig

    return RunConfig(
        suite=loaded.name, dataset=loaded.digest, model=model, n=n, temperature=temperature, max_tokens=max_tokens,
        problems=tuple(p.id for p in chosen), simulator=str(judge.simulator), version=__version__,
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


def _work(folder: RunFolder, place: _Place, job: Any) -> bool:
    """Do the work with progress shown; return whether the user stopped it."""
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
    return token.draining


def _finish(
    folder: RunFolder, problems: Sequence[Problem], ks: tuple[int, ...], stopped: bool, *, as_json: bool, as_csv: bool
) -> int:
    from rtlgen.benchmarks import report as reports
    from rtlgen.benchmarks.page import page
    from rtlgen.benchmarks.runlog import write_json, write_text

    made = reports.make_report(folder, problems, ks)
    write_json(folder.path / "report.json", made.model_dump(mode="json"))
    write_text(folder.path / "report.html", page(made, folder, problems))
    if as_json:
        click.echo(made.model_dump_json(indent=1))
    elif as_csv:
        click.echo(reports.as_csv(made), nl=False)
    else:
        _print(made, folder.path)
    if stopped:
        click.echo(f"stopped; go on with --resume --out {folder.path}", err=True)
        return 130
    return 0 if made.judged == made.samples else 1


def _print(made: Report, path: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(file=sys.stdout)
    title = f"{made.config.suite}: {made.passed} of {made.judged} samples pass ({made.config.simulator})"
    console.print(title, highlight=False, markup=False, soft_wrap=True)
    table = Table()
    table.add_column("")
    for figure in made.figures:
        table.add_column(f"pass@{figure.k}", justify="right")
    table.add_column("samples", justify="right")
    table.add_row("all", *map(_text, made.figures), str(made.judged))
    for group in made.categories:
        table.add_row(group.name, *map(_text, group.figures), str(group.samples))
    console.print(table)
    stages = ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in sorted(made.stages.items(), key=lambda x: -x[1]))
    console.print(f"ended: {stages}", highlight=False, markup=False)
    if made.unreadable:
        bounds = ", ".join(
            f"pass@{a.k} up to {_percent(b)}" for a, b in zip(made.figures, made.if_readable, strict=True)
        )
        said = f"{made.unreadable} answers can't be read by this simulator and count as not passed; if right: {bounds}"
        console.print(said, highlight=False, markup=False)
    if (spent := _spent(made)) is not None:
        console.print(spent, highlight=False, markup=False, soft_wrap=True)
    flagged = [x.problem for x in made.problems if x.flags]
    if flagged:
        console.print(f"known to be flawed: {', '.join(flagged)}", highlight=False, markup=False)
    console.print(
        f"results: {path}/report.html, report.json, samples.jsonl, results.jsonl",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _spent(made: Report) -> str | None:
    """Return what the answers took in tokens and money, None where no answer tells."""
    if made.prompt_tokens is None and made.completion_tokens is None:
        return None
    cached = f" ({made.cached_tokens:,} of them cached)" if made.cached_tokens is not None else ""
    cost = "-" if made.cost_usd is None else f"{made.cost_usd:,.4f} USD"
    return f"tokens: {made.prompt_tokens or 0:,} read{cached}, {made.completion_tokens or 0:,} written; cost: {cost}"


def _percent(figure: Figure) -> str:
    return "-" if figure.value is None else f"{figure.value * 100:.2f} %"


def _text(figure: Figure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "-"
    return f"{figure.value * 100:.2f} % ({figure.low * 100:.1f}-{figure.high * 100:.1f})"
