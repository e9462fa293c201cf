"""The wave pictures of a run: where the first failing answer to each problem differs from the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtlgen.benchmarks.parallel import each
from rtlgen.benchmarks.runlog import Recorded
from rtlgen.core.events import EventBus, StopToken
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.task import Task
from rtlgen.scorers.verdict import Verdict
from rtlgen.scorers.wave import DIFFERING, Wave, Waves

Key = tuple[str, int]


def first_differences(
    run: Recorded, problems: Sequence[Task], waves: Waves, *, jobs: int, bus: EventBus, token: StopToken
) -> Mapping[Key, Wave]:
    """Return the waves of the first answer to each problem that failed, by problem and number of the answer.

    Raises:
        SandboxError: the sandbox itself failed.
    """
    known = {p.id: p for p in problems if isinstance(p, Problem)}
    first: dict[str, tuple[Key, Verdict]] = {}
    for key, result in sorted(run.results.items()):
        verdict = result.verdict
        if key[0] in known and key in run.samples and verdict is not None and verdict.status in DIFFERING:
            first.setdefault(key[0], (key, verdict))
    if not first:
        return {}

    def find(item: tuple[Key, Verdict]) -> Wave | None:
        key, verdict = item
        problem = known[key[0]]
        return waves.of(problem, run.samples[key].source(problem), verdict)

    found = each("waves", list(first.values()), find, jobs=jobs, bus=bus, token=token)
    return {key: wave for (key, _), wave in found if wave is not None}
