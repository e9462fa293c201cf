"""The process in which the rewrite families think: jobs on standard input, one after another, proposals as JSON lines.

A process of its own because a family may think longer than it should (it is killed then), and because Python threads
beside the search would take its time. Run as `python -m rtlgen.optimizer.proposer NAME…`; not for users.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import Queue
from typing import IO, Any

from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.rewrite import REWRITES, Change, Rewrite, RewriteContext
from rtlgen.optimizer.target import Target

logger = logging.getLogger(__name__)
_AT_A_TIME = 3
"""Families that think at once. They share one core: more would all be late, fewer let a slow one hold up the rest."""


def job_text(target: Target, objective: str, seed: int, budget_s: float, **more: object) -> str:
    """Return the job as one line of JSON; `more` are further fields, see `context_of`."""
    return json.dumps(
        {
            "sources": {path: content.decode("latin-1") for path, content in target.sources.items()},
            "top": target.top,
            "include_dirs": [str(d) for d in target.include_dirs],
            "defines": target.defines,
            "parameters": target.parameters,
            "objective": objective,
            "seed": seed,
            "budget_s": budget_s,
            **more,
        }
    )


def change_of(values: dict[str, Any]) -> Change:
    """Return the change that a line of a proposer holds.

    Raises:
        TypeError: fields are missing or unknown.
    """
    edits = tuple(Edit(**e) for e in values.pop("edits"))
    return Change(edits=edits, **values)


def load_rewrites(names: list[str]) -> list[Rewrite]:
    """Return the rewrites of these names, all of them for none.

    Raises:
        ConfigError: an unknown name.
    """
    loaded = [REWRITES.load(n) for n in (names or REWRITES.in_order())]
    return [r() if isinstance(r, type) else r for r in loaded]


def context_of(job: dict[str, Any]) -> RewriteContext:
    """Return what the families look at.

    Raises:
        ElaborationError: the sources have errors.
    """
    target = Target(
        {path: text.encode("latin-1") for path, text in job["sources"].items()},
        job["top"],
        tuple(Path(d) for d in job["include_dirs"]),
        tuple((n, v) for n, v in job["defines"]),
        tuple((n, v) for n, v in job["parameters"]),
    )
    elaborated = target.elaborate()
    return RewriteContext(
        modules=word_level(elaborated),
        sources=target.sources,
        objective=job["objective"],
        top=target.top,
        seed=job["seed"],
        deadline_s=time.monotonic() + job["budget_s"],
        elaborated=elaborated,
        tried=frozenset(job.get("tried", ())),
        model=job.get("model"),
        measured=job.get("measured", ""),
    )


class Speaker:
    """Writes lines of JSON that a parent process reads; several threads may speak."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def say(self, **values: object) -> None:
        """Write one line."""
        line = json.dumps(values)
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()


def _think(rewrite: Rewrite, context: RewriteContext, speaker: Speaker) -> None:
    try:
        for change in rewrite.propose(context):
            speaker.say(family=rewrite.name, change=asdict(change))
    except Exception as error:
        logger.exception("rewrite %s failed", rewrite.name)
        speaker.say(failed=rewrite.name, error=f"{type(error).__name__}: {error}")
    speaker.say(finished=rewrite.name)


def speaker_of_this_process() -> Speaker:
    """Return a speaker on what was standard output; what else is printed goes to standard error from then on."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return Speaker(stream)


def main(names: list[str]) -> None:
    """Do one job after another; end with the parent, in the middle of a job too."""
    speaker = speaker_of_this_process()
    rewrites = load_rewrites(names)
    jobs: Queue[str] = Queue()
    threading.Thread(target=_prepare, args=(rewrites,), daemon=True).start()
    threading.Thread(target=_work, args=(rewrites, jobs, speaker), daemon=True).start()
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)


def _prepare(rewrites: list[Rewrite]) -> None:
    """Let the families load what takes long, while the first job is still being written."""
    for rewrite in rewrites:
        prepare = getattr(rewrite, "prepare", None)
        if prepare is not None:
            prepare()


def _work(rewrites: list[Rewrite], jobs: Queue[str], speaker: Speaker) -> None:
    try:
        while True:
            job = json.loads(jobs.get())
            context = context_of(job)
            with ThreadPoolExecutor(_AT_A_TIME) as threads:
                for rewrite in sorted(rewrites, key=lambda r: r.name in job.get("last", ())):
                    threads.submit(_think, rewrite, context, speaker)
            speaker.say(done=True)
    finally:
        os._exit(1)


def end_with_parent() -> None:
    """End this process when the parent closes its end of standard input, as it does when it is killed."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
