"""The model's proposals as the search sees them: one conversation that goes on while the design changes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from rtlgen.core.errors import SandboxError
from rtlgen.models import Usage
from rtlgen.optimizer.modelled.rebase import rebase
from rtlgen.optimizer.modelled.rewrite import Refused
from rtlgen.optimizer.proposals import ProposalStream
from rtlgen.optimizer.proposer import change_of, job_text
from rtlgen.optimizer.rewrite import Change
from rtlgen.optimizer.target import Target

MAX_CALLS: Final = 64
"""Most requests of one run."""


class ModelProposals:
    """Asks the model about a design, again about what changed since, and hands out its proposals.

    Proposals on an older version are carried over to the current one, or dropped where that is not possible.
    """

    def __init__(
        self,
        model: str,
        objective: str,
        seed: int,
        *,
        failed: Callable[[str, str], None],
        refused: Callable[[Refused], None],
    ) -> None:
        """Use `model` (`PROVIDER:NAME`); nothing is asked before `ask`.

        Args:
            model: whom to ask.
            objective: what is made smaller.
            seed: for the model.
            failed: called with `model` and a message where the model fails; it is not asked again then.
            refused: called with each answer of which nothing is proposed.
        """
        self._model = model
        self._objective = objective
        self._seed = seed
        self._failed = failed
        self._refused = refused
        self._lock = threading.Condition()
        self._waiting: deque[tuple[Change, Mapping[str, bytes]]] = deque()
        self._asked: set[str] = set()
        self._past = Usage()
        self._now = Usage()
        self._gone = False
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._last: Mapping[str, bytes] | None = None
        self._given: list[tuple[Change, Mapping[str, bytes]]] = []
        self._offered: Mapping[str, bytes] | None = None

    @property
    def usage(self) -> Usage:
        """Return what the model was asked for so far."""
        with self._lock:
            return self._past + self._now

    @property
    def thinking(self) -> bool:
        """True while an answer may still come."""
        return self._reader is not None and self._reader.is_alive()

    @property
    def waiting(self) -> bool:
        """True where a proposal is there."""
        with self._lock:
            return bool(self._waiting)

    def ask(self, target: Target, measured: str, budget_s: float) -> None:
        """Start to ask about `target`, unless an earlier question is still open or nothing is new.

        What was proposed on an earlier version is offered again on a new one: it may have stood in the way of another
        change then.

        Args:
            target: the design as it is now.
            measured: its figures, in words.
            budget_s: seconds after which no new question is asked.

        Raises:
            SandboxError: no process can be started.
        """
        self._offer_again(target)
        calls = MAX_CALLS - self.usage.calls
        if self._gone or self.thinking or calls <= 0 or target.sources == self._last:
            return
        self._end_process()
        with self._lock:
            self._past, self._now = self._past + self._now, Usage()
        self._last = target.sources
        job = job_text(
            target,
            self._objective,
            self._seed,
            budget_s,
            model=self._model,
            measured=measured,
            tried=sorted(self._asked),
            max_calls=calls,
        )
        self._process = _started()
        self._reader = threading.Thread(target=self._read, args=(self._process, job, target.sources), daemon=True)
        self._reader.start()

    def _offer_again(self, target: Target) -> None:
        with self._lock:
            if self._offered is not None and target.sources != self._offered:
                self._waiting.extend(self._given)
                self._given.clear()
            self._offered = target.sources

    def take(self, target: Target) -> Change | None:
        """Return the next proposal as a change of `target`, None where none is there."""
        while True:
            with self._lock:
                if not self._waiting:
                    return None
                change, origin = self._waiting.popleft()
            moved = rebase(change, origin, target.sources)
            if moved is not None:
                with self._lock:
                    self._given.append((change, origin))
                return moved
            # Accepted before, or its lines are gone; not worth a line in the report.

    def wait(self, deadline_s: float) -> bool:
        """Return whether a proposal is there, once one is or none can come any more, or at `deadline_s`."""
        while time.monotonic() < deadline_s:
            thinking = self.thinking
            if self.waiting:
                return True
            if not thinking:
                return False
            time.sleep(0.02)
        return self.waiting

    def close(self, *, interrupted: bool = False) -> None:
        """End the conversation at once; a second call does nothing.

        A model that has not said a word until then failed, unless the user `interrupted` it.
        """
        silent = self._last is not None and not self._gone and not self.usage.calls and not interrupted
        self._gone = True
        self._end_process()
        if silent:
            self._failed("model", "no reply within the budget; use a faster model or a longer --budget")

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if self._reader is not None:
            self._reader.join(timeout=2)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _read(self, process: subprocess.Popen[str], job: str, sources: Mapping[str, bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None
        with suppress(ValueError, OSError):
            process.stdin.write(job + "\n")
            process.stdin.flush()
            for line in process.stdout:
                self._note(json.loads(line), sources)
            if process.wait() and process is self._process:
                self._note({"failed": "model", "error": f"its process ended with code {process.returncode}"}, sources)

    def _note(self, values: dict[str, object], sources: Mapping[str, bytes]) -> None:
        match values:
            case {"change": dict(change)}:
                with self._lock:
                    self._waiting.append((change_of(change), sources))
            case {"usage": dict(usage)}:
                with self._lock:
                    self._now = Usage(**usage)
            case {"asked": str(digest)}:
                self._asked.add(digest)
            case {"refused": dict(refused)}:
                self._refused(Refused(**refused))
            case {"failed": str(family), "error": str(error)}:
                self._gone = True
                self._failed(family, error)
            case _:
                raise ValueError(f"expected a line of the model's process, got {values!r}")


class JoinedStream:
    """The proposals of the families and of the model on one version of the design, the model's first."""

    def __init__(self, families: ProposalStream | None, model: ModelProposals | None, target: Target) -> None:
        """Join them; without `families` only what the model has said by now is handed out."""
        self._families = families
        self._model = model
        self._target = target

    @property
    def alive(self) -> bool:
        """True while a proposal may still come; the model is not waited for."""
        return (self._model is not None and self._model.waiting) or (
            self._families is not None and self._families.alive
        )

    def take(self, deadline_s: float) -> tuple[str, Change] | None:
        """Return the next proposal with its family's name; None when there is none by `deadline_s` (monotonic)."""
        change = self._model.take(self._target) if self._model is not None else None
        if change is not None:
            return "model", change
        return self._families.take(deadline_s) if self._families is not None else None

    def record(self, family: str, gain: float) -> None:
        """Note that a proposal of `family` was tried."""
        if self._families is not None:
            self._families.record(family, gain)

    def close(self) -> None:
        """End the families at once; the model goes on."""
        if self._families is not None:
            self._families.close()


def _started() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rtlgen.optimizer.modelled.process"]
    try:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError as error:
        raise SandboxError(f"the model's process can't be started: {error.strerror or error}") from error
