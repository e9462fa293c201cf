"""The wave pictures of a run: where the first failing answer to each problem differs from the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from rtlgen.benchmarks.runlog import RunFolder
from rtlgen.core.events import EventBus, JobAdvanced, JobFinished, JobStarted, StopToken
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.task import Task
from rtlgen.scorers.wave import Wave, Waves


def first_differences(
    folder: RunFolder, problems: Sequence[Task], waves: Waves, *, jobs: int, bus: EventBus, token: StopToken
) -> Mapping[tuple[str, int], Wave]:
    """Return the waves of the first answer to each problem that failed, by problem and number of the answer.

    Raises:
        InputError: the run's files are damaged.
        SandboxError: the sandbox itself failed.
    """
    results, samples = folder.results(), folder.samples()
    known = {p.id: p for p in problems if isinstance(p, Problem)}
    first: dict[str, tuple[str, int]] = {}
    for key in sorted(results):
        verdict = results[key].verdict
        if key[0] in known and key in samples and verdict is not None and verdict.status in ("failed", "no_verdict"):
            first.setdefault(key[0], key)
    if not first:
        return {}

    def find(key: tuple[str, int]) -> Wave | None:
        verdict, problem = results[key].verdict, known[key[0]]
        if verdict is None or token.draining:
            return None
        return waves.of(problem, samples[key].source(problem), verdict)

    found: dict[tuple[str, int], Wave] = {}
    bus.emit(JobStarted(job="waves", total=len(first), unit="problems"))
    with ThreadPoolExecutor(jobs) as threads:
        for done, (key, wave) in enumerate(zip(first.values(), threads.map(find, first.values()), strict=True), 1):
            found |= {key: wave} if wave is not None else {}
            bus.emit(JobAdvanced(job="waves", done=done))
    bus.emit(JobFinished(job="waves"))
    return found
