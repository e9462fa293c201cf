"""Where answers are judged: in threads of this process, or by Ray on this machine or a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

from rtlgen.benchmarks.scoring import Scorer
from rtlgen.core.events import EventBus

Executor = Literal["local", "ray"]


class Recipe(Protocol):
    """What a scorer is opened from, on whatever machine; small, and it can be pickled.

    Example:
        >>> class Empty:
        ...     def open(self):
        ...         return None
        >>> recipe: Recipe = Empty()
    """

    def open(self) -> VersionedScorer:
        """Return a scorer that works in this process.

        Raises:
            ToolNotFoundError: a tool is missing on this machine.
            ToolVersionError: a tool is too old or too new.
        """
        ...


class VersionedScorer(Scorer, Protocol):
    """A scorer that says which tools its verdicts depend on."""

    @property
    def tools(self) -> str:
        """Versions of everything that a verdict depends on; scorers agree only where these do."""
        ...


@contextmanager
def opened(
    executor: Executor,
    recipe: Recipe,
    local: VersionedScorer,
    *,
    jobs: int | None,
    cores: int,
    address: str | None,
    bus: EventBus,
) -> Iterator[tuple[Scorer, int]]:
    """Give a scorer and how many answers it takes at once.

    Args:
        executor: where answers are judged.
        recipe: opens a scorer on another machine.
        local: the scorer of this process.
        jobs: answers at once; None is the cores of this machine, or of the cluster.
        cores: of this machine.
        address: `HOST:PORT` of the head of a Ray cluster, or `auto` for the one of this machine; None starts one.
        bus: is told of workers that die.

    Raises:
        ToolNotFoundError: Ray is not installed.
        ToolVersionError: Ray, Python or a tool has another version there.
        ConfigError: there is no cluster at the address.
    """
    if executor == "local":
        yield local, jobs or cores
        return
    from rtlgen.benchmarks.ray_executor import RayScorer, cluster

    with cluster(address, jobs or cores) as cpus:
        scorer = RayScorer(recipe, local.tools, slots=jobs or cpus, bus=bus)
        try:
            yield scorer, scorer.slots
        finally:
            scorer.close()
