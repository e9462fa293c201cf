"""Ask, judge, keep: every answer of a run, over threads, with what is there already left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from rtlgen.benchmarks.runlog import RunFolder
from rtlgen.benchmarks.samples import Sample
from rtlgen.benchmarks.scoring import Scorer
from rtlgen.benchmarks.suite import Messages
from rtlgen.core.errors import ModelProviderError
from rtlgen.core.events import EventBus, JobAdvanced, JobFinished, JobStarted, Notice, StopToken
from rtlgen.models.types import ChatModel, Message
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.task import Task

SYSTEM = (
    "You are an expert Verilog designer. Answer with one complete, synthesizable Verilog-2005 or SystemVerilog module "
    "in a fenced code block, with no testbench."
)
CLOCKED = "Registers work at the rising edge of the clock unless the description says otherwise."
"""Added where the header is given: the published prompts of that kind (VerilogEval v1) state it with every problem."""


def plain_messages(problem: Task) -> Sequence[Message]:
    """Return our own way to ask, without examples."""
    told = problem.system or (f"{SYSTEM} {CLOCKED}" if _is_body(problem) else SYSTEM)
    return Message("system", told), Message("user", question(problem))


def question(problem: Task) -> str:
    """Return what a model is asked."""
    asked = problem.prompt.strip()
    if isinstance(problem, Problem) and _is_body(problem) and problem.interface.strip() not in asked:
        return f"{asked}\n\n{problem.interface.strip()}\n"
    return f"{asked}\n"


def _is_body(problem: Task) -> bool:
    return isinstance(problem, Problem) and problem.style == "body"


@dataclass(frozen=True, slots=True)
class Asking:
    """How a model is asked.

    Attributes:
        model: the model.
        n: answers per problem.
        temperature: 0 for the likeliest answer.
        max_tokens: of an answer.
        seed: the k-th answer is asked with seed + k.
        timeout_s: seconds for one answer.
        messages: makes what the model is told and asked of a problem.
    """

    model: ChatModel
    n: int = 1
    temperature: float = 0.0
    max_tokens: int = 4096
    seed: int = 0
    timeout_s: float = 300.0
    messages: Messages = plain_messages


class Runner:
    """One run.

    Args:
        folder: where answers and verdicts are kept.
        scorer: says what an answer is worth.
        jobs: threads.
        bus: gets progress.
        token: asks to stop: what has begun ends, nothing new begins.
    """

    def __init__(self, folder: RunFolder, scorer: Scorer, *, jobs: int, bus: EventBus, token: StopToken) -> None:
        self._folder, self._scorer, self._jobs, self._bus, self._token = folder, scorer, jobs, bus, token

    def score(self, problems: Sequence[Task], samples: Iterable[Sample]) -> None:
        """Judge answers that are there; those with a verdict in the folder are left out."""
        known = {p.id: p for p in problems}
        done = self._folder.results()
        kept = self._folder.samples()
        todo = [s for s in samples if (s.problem, s.attempt) not in done and not known[s.problem].needs]
        lengths = self._lengths([known[name] for name in dict.fromkeys(s.problem for s in todo)])
        todo.sort(key=lambda s: -lengths[s.problem])  # the longest first, so that none is left alone at the end
        jobs = [self._scored(known[s.problem], s, keep=(s.problem, s.attempt) not in kept) for s in todo]
        self._work("score", jobs, len(done))

    def ask(self, problems: Sequence[Task], asking: Asking) -> None:
        """Ask for the answers that are missing, and judge those without a verdict; what can't be judged is left out."""
        answers, done = self._folder.samples(), self._folder.results()
        todo: list[Callable[[], None]] = []
        for attempt in range(asking.n):
            for problem in (p for p in problems if not p.needs):
                if (problem.id, attempt) in done:
                    continue
                known = answers.get((problem.id, attempt))
                usable = known is not None and not known.error
                todo.append(self._scored(problem, known) if usable and known else self._asked(problem, attempt, asking))
        self._work("bench", todo, len(done))

    def _lengths(self, problems: Sequence[Task]) -> dict[str, float]:
        """Return how long judging an answer to each problem takes about."""

        def length(problem: Task) -> float:
            return 0.0 if self._token.draining else self._scorer.expected_s(problem)

        with ThreadPoolExecutor(self._jobs) as threads:
            return dict(zip((p.id for p in problems), threads.map(length, problems), strict=True))

    def _scored(self, problem: Task, sample: Sample, *, keep: bool = False) -> Callable[[], None]:
        def job() -> None:
            if keep:
                self._folder.add_sample(sample)
            self._folder.add_result(self._scorer.score(problem, sample))

        return job

    def _asked(self, problem: Task, attempt: int, asking: Asking) -> Callable[[], None]:
        def job() -> None:
            sample = answer(problem, attempt, asking)
            self._folder.add_sample(sample)
            if not sample.error:
                self._folder.add_result(self._scorer.score(problem, sample))
            else:
                self._bus.emit(Notice(text=f"{problem.id}, answer {attempt}: {sample.error}", level="warning"))

        return job

    def _work(self, name: str, jobs: Sequence[Callable[[], None]], before: int) -> None:
        total = before + len(jobs)
        self._bus.emit(JobStarted(job=name, total=total, unit="samples"))
        finished = before
        waiting = iter(jobs)
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(self._jobs) as threads:
            try:
                while True:
                    while len(running) < 2 * self._jobs and not self._token.draining:
                        job = next(waiting, None)
                        if job is None:
                            break
                        running.add(threads.submit(job))
                    if not running:
                        break
                    done, running = wait(running, 0.5, FIRST_COMPLETED)
                    for future in done:
                        future.result()
                        finished += 1
                    if done:
                        self._bus.emit(JobAdvanced(job=name, done=finished))
            except BaseException:
                for future in running:
                    future.cancel()
                raise
        self._bus.emit(JobFinished(job=name, ok=finished == total))


def answer(problem: Task, attempt: int, asking: Asking) -> Sample:
    """Return what a model answers; a failure of the endpoint is a sample with its reason."""
    try:
        reply = asking.model.complete(
            asking.messages(problem), temperature=asking.temperature, max_tokens=asking.max_tokens,
            seed=asking.seed + attempt, timeout_s=asking.timeout_s,
        )  # fmt: skip
    except ModelProviderError as error:
        return Sample(problem=problem.id, attempt=attempt, model=asking.model.name, error=str(error) or "no answer")
    return Sample(
        problem=problem.id, attempt=attempt, text=reply.text, model=asking.model.name,
        prompt_tokens=reply.prompt_tokens, completion_tokens=reply.completion_tokens,
        cached_tokens=reply.cached_tokens, wall_s=reply.wall_s,
    )  # fmt: skip
