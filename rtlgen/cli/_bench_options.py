"""Options that several commands of `rtlgen bench` share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from rtlgen.benchmarks.scoring import LocalRecipe, LocalScorer
    from rtlgen.scorers.examine import Check

DATA = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of benchmark data; the default is the user's cache.",
)
JOBS = click.option("--jobs", type=click.IntRange(1, 256), help="Simulations at once; the default is the cores.")
LIMIT = click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N problems.")
PROBLEM = click.option(
    "--problem", "wanted", multiple=True, metavar="ID", help="Only this problem, or those beginning so (repeatable)."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
CSV = click.option("--csv", "as_csv", is_flag=True, help="Print one line per problem as CSV.")
OUT = click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Folder of the run.")
RESUME = click.option("--resume", is_flag=True, help="Go on with the run in --out.")
K = click.option("-k", "ks", type=click.IntRange(min=1), multiple=True, help="k of pass@k (repeatable).")
SECOND = click.option(
    "--second",
    type=click.Choice(["verilator"]),
    help="Ask this simulator too; what it says is reported beside the verdict and never changes it.",
)
_RATER = click.option(
    "--judge", "rater", metavar="PROVIDER:NAME", help="Model that rates answers to questions, beside the scores."
)
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
_CHECK = click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="WHAT",
    help="Look further: lint, equivalence (to the reference), ppa (beside it), or all (repeatable, or with commas).",
)
_LIBERTY = click.option(
    "--liberty",
    "--pdk",
    metavar="LIB",
    help="With --check ppa: Liberty file, or a name of `rtlgen pdk list`; the default is the setting, else our own.",
)
_CLOCK = click.option(
    "--clock-ns", type=click.FloatRange(min=0, min_open=True), metavar="N", help="With --check ppa: clock period."
)
_PRICES = [
    click.option("--price-in", type=click.FloatRange(min=0), metavar="USD", help="Price of a million tokens read."),
    click.option("--price-out", type=click.FloatRange(min=0), metavar="USD", help="Price of a million tokens written."),
    click.option(
        "--price-cached", type=click.FloatRange(min=0), metavar="USD",
        help="Price of a million tokens read from the endpoint's cache; the default is --price-in.",
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where and by what answers are judged, as the options say."""

    recipe: LocalRecipe
    executor: Literal["local", "ray"] = "local"
    address: str | None = None
    jobs: int | None = None

    @functools.cached_property
    def local(self) -> LocalScorer:
        """The scorer of this process."""
        return self.recipe.open()


def recipe(
    *,
    second: str | None = None,
    rater: str | None = None,
    checks: Sequence[str] = (),
    liberty: str | None = None,
    clock_ns: float | None = None,
) -> LocalRecipe:
    """Return what scorers are opened from, with the user's store.

    Raises:
        UsageError: an unknown check, or a library without the check that uses it.
        LibraryError: the library can't be used.
    """
    from rtlgen.benchmarks.scoring import LocalRecipe
    from rtlgen.core.config import load_settings
    from rtlgen.scorers.quality import Library
    from rtlgen.synth.pdk import resolve_library

    settings = load_settings()
    chosen = _checks(checks)
    if not chosen and (liberty or clock_ns):
        raise click.UsageError("expected --check ppa with --liberty and --clock-ns")
    named = (liberty or settings.liberty) if chosen else None
    library = Library(resolve_library(named) if named else None, clock_ns or settings.clock_ns)
    return LocalRecipe(
        store=settings.cache_dir / "store", store_mb=settings.cache_max_mb, second=second, rater=rater, checks=chosen,
        library=library,
    )  # fmt: skip


def _checks(texts: Sequence[str]) -> tuple[Check, ...]:
    from rtlgen.scorers.examine import CHECKS

    wanted = [w.strip() for text in texts for w in text.split(",")]
    unknown = [w for w in wanted if w not in (*CHECKS, "all")]
    if unknown:
        raise click.UsageError(f"expected --check as {', '.join(CHECKS)} or all, got {unknown[0]!r}")
    return tuple(c for c in CHECKS if c in wanted or "all" in wanted)


def judging(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of judging to a command, which gets them as one `place`."""

    @functools.wraps(function)
    def with_place(*arguments: Any, executor: Any, ray_address: str | None, jobs: int | None, **options: Any) -> Any:
        chosen = {name: options.pop(name) for name in ("second", "rater", "checks", "liberty", "clock_ns")}
        return function(*arguments, place=Place(recipe(**chosen), executor, ray_address, jobs), **options)

    return _with([SECOND, _RATER, _CHECK, _LIBERTY, _CLOCK, JOBS, _EXECUTOR, _RAY], with_place)


def prices(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of prices to a command, which gets them as one `price`."""

    @functools.wraps(function)
    def with_price(
        *arguments: Any, price_in: float | None, price_out: float | None, price_cached: float | None, **options: Any
    ) -> Any:
        from rtlgen.benchmarks.runlog import Price

        if (price_in is None) != (price_out is None) or (price_cached is not None and price_in is None):
            raise click.UsageError("expected both --price-in and --price-out, or neither")
        price = None
        if price_in is not None and price_out is not None:
            price = Price(input_usd=price_in, output_usd=price_out, cached_usd=price_cached)
        return function(*arguments, price=price, **options)

    return _with(_PRICES, with_price)


def run_folder(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of which problems, which folder and which output to a command."""
    return _with([RESUME, LIMIT, PROBLEM, OUT, DATA, JSON, CSV], function)


def _with(options: list[Callable[[Any], Any]], function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        function = option(function)
    return function
