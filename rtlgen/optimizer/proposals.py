"""Hand out the proposals of all rewrite families, which think in a process of their own, in a fair order."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from rtlgen.core.errors import SandboxError
from rtlgen.optimizer.proposer import change_of, job_text
from rtlgen.optimizer.rewrite import Change
from rtlgen.optimizer.target import Target

_AHEAD = 400
"""Proposals that may wait; then the process waits too."""
_EXPLORE = 0.35
"""Weight of a family that was tried little, against its rate of success."""


_MANY = 4
"""Proposals without any gain after which a family is asked last on the next version."""
_LARGE_GAIN = 0.05
"""Share of the objective that counts as a full success."""


class Thinker:
    """A process with the families loaded; does one job at a time."""

    def __init__(self, rules: Sequence[str]) -> None:
        """Start it; loading takes some tenths of a second, so keep one ahead.

        Raises:
            SandboxError: no process can be started.
        """
        command = [sys.executable, "-m", "rtlgen.optimizer.proposer", *rules]
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except OSError as error:
            raise SandboxError(f"the rewrite process can't be started: {error.strerror or error}") from error

    def close(self) -> None:
        """Kill it; a second call does nothing."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


class ProposalStream:
    """The proposals on one version of the design, until the families are done or the stream is closed.

    The next one is taken from the family with the best record (what its proposals gained, and at first what it says of
    its next one) plus a bonus for being tried little (upper confidence bound), so that a fruitless family does not eat
    the budget.
    """

    def __init__(
        self, thinker: Thinker, job: str, records: dict[str, tuple[int, float]], failed: Callable[[str, str], None]
    ) -> None:
        """Give `thinker` its job.

        Args:
            thinker: an idle one; `idle` says after the close whether it can be used again.
            job: see `rtlgen.optimizer.proposer.job_text`.
            records: family → (trials, sum of gains, each 0 to 1), shared over rounds.
            failed: called with family and message when a family ends by an error.
        """
        self._thinker = thinker
        self._records = records
        self._failed = failed
        self._queues: dict[str, deque[Change]] = {}
        self._lock = threading.Condition()
        self._closed = False
        self._ended = False
        self.idle = False
        """True once the thinker has finished this job by itself."""
        assert thinker.process.stdin is not None
        with suppress(BrokenPipeError):
            thinker.process.stdin.write(job + "\n")
            thinker.process.stdin.flush()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._thinker.process.stdout is not None
        with suppress(ValueError, OSError):
            for line in self._thinker.process.stdout:
                values = json.loads(line)
                if "done" in values:
                    self.idle = True
                    break
                if "change" in values:
                    self._put(values["family"], change_of(values["change"]))
                elif "failed" in values:
                    self._failed(values["failed"], values["error"])
                if self._closed:
                    break
        with self._lock:
            self._ended = True

    def _put(self, family: str, change: Change) -> None:
        with self._lock:
            self._queues.setdefault(family, deque()).append(change)
            while sum(map(len, self._queues.values())) > _AHEAD and not self._closed:
                self._lock.wait(0.2)

    def record(self, family: str, gain: float) -> None:
        """Note that a proposal of `family` was tried and made the objective smaller by the share `gain`."""
        trials, wins = self._records.get(family, (0, 0.0))
        self._records[family] = (trials + 1, wins + min(1.0, max(0.0, gain) / _LARGE_GAIN))

    def _score(self, family: str) -> float:
        trials, wins = self._records.get(family, (0, 0.0))
        return (wins + 2 * self._queues[family][0].rank) / (trials + 2) + _EXPLORE / math.sqrt(1 + trials)

    @property
    def alive(self) -> bool:
        """True while a proposal may still come."""
        with self._lock:
            return not self._ended or any(self._queues.values())

    def take(self, deadline_s: float) -> tuple[str, Change] | None:
        """Return the next proposal with its family's name; None when there is none by `deadline_s` (monotonic)."""
        while True:
            with self._lock:
                waiting = [f for f, queue in self._queues.items() if queue]
                if waiting:
                    family = max(waiting, key=self._score)
                    self._lock.notify_all()
                    return family, self._queues[family].popleft()
                if self._ended:
                    return None
            if time.monotonic() >= deadline_s:
                return None
            time.sleep(0.005)

    def close(self) -> None:
        """End the families at once; a thinker that is done with the job is left alone."""
        self._closed = True
        if not self.idle:
            self._thinker.close()
        self._reader.join(timeout=2)


class Proposers:
    """Starts proposal streams, one warm process ahead."""

    def __init__(self, rules: Sequence[str] = ()) -> None:
        """Use the rewrites called `rules`, all of them for none."""
        self._rules = tuple(rules)
        self._records: dict[str, tuple[int, float]] = {}
        self._spare: Thinker | None = Thinker(self._rules)
        self._last: tuple[Thinker, ProposalStream] | None = None

    def stream(
        self, target: Target, objective: str, seed: int, budget_s: float, failed: Callable[[str, str], None]
    ) -> ProposalStream:
        """Return the proposals on `target`; families stop by themselves after about `budget_s` seconds."""
        if self._last is not None and self._last[1].idle and self._last[0].process.poll() is None:
            thinker = self._last[0]
        else:
            thinker, self._spare = self._spare or Thinker(self._rules), Thinker(self._rules)
        fruitless = [f for f, (trials, wins) in self._records.items() if trials >= _MANY and not wins]
        job = job_text(target, objective, seed, budget_s, last=fruitless)
        stream = ProposalStream(thinker, job, self._records, failed)
        self._last = thinker, stream
        return stream

    def close(self) -> None:
        """End the waiting processes."""
        if self._last is not None:
            self._last[0].close()
            self._last = None
        if self._spare is not None:
            self._spare.close()
            self._spare = None
