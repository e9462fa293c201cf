"""Judges answers by Ray: one actor a slot, and an answer whose actor or node dies is judged by another one.

An actor takes nothing but texts and gives back texts. It opens its own scorer from a recipe, and none is used whose
tools differ from the driver's.
"""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import util
from threading import Condition
from typing import Any, Final

from pydantic import TypeAdapter

from rtlgen.benchmarks.executors import Recipe, VersionedScorer
from rtlgen.benchmarks.runlog import Result
from rtlgen.benchmarks.samples import Sample
from rtlgen.core.errors import ConfigError, SandboxError, ToolNotFoundError, ToolVersionError
from rtlgen.core.events import EventBus, Notice
from rtlgen.scorers.harness import Harness
from rtlgen.scorers.line import NextLine
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.question import Question
from rtlgen.scorers.task import Task

TASK: Final = TypeAdapter[Task](Problem | Harness | Question | NextLine)
"""Every kind of task, as text."""
TRIES: Final = 5
"""Actors that may die over one answer, or one after the other before one of them starts."""
PATIENCE_S: Final = 120.0
"""Seconds without any actor at work after which the cluster counts as having no room."""
_STORE_BYTES: Final = 80 << 20
"""Ray's own object store, which is hardly used; it takes no less."""
_CONNECT_S: Final = 10.0
_LONGEST_PATH: Final = 24
"""Characters of the folder for temporary files; names of sockets in it have to fit in 107 bytes."""


def _ray() -> Any:
    """Return the package; untyped, so that type checkers need none of it installed."""
    if util.find_spec("ray") is None:
        raise ToolNotFoundError(
            "--executor ray needs the Python package 'ray', which is not installed; run: pip install 'rtlgen[ray]'"
        )
    # Nothing is reported to anyone, unless the user wants it so.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    return importlib.import_module("ray")


@contextmanager
def cluster(address: str | None, slots: int) -> Iterator[int]:
    """Connect to a cluster, or start one of `slots` workers on this machine; give the number of its CPUs.

    Args:
        address: `HOST:PORT`, or `auto`; None starts one, which ends with the block; Ray guards it by a token in ~/.ray.
        slots: CPUs of one that is started.

    Raises:
        ToolNotFoundError: Ray is not installed.
        ToolVersionError: the cluster has another version of Ray or Python.
        ConfigError: there is no cluster at the address.
    """
    if address:
        with _joined(address) as ray:
            yield max(1, int(ray.cluster_resources().get("CPU", 0)))
        return
    usual = tempfile.gettempdir()
    folder = tempfile.mkdtemp(prefix="rtlgen-ray-", dir=usual if len(usual) <= _LONGEST_PATH else "/tmp")
    try:
        with _connected(
            "local", num_cpus=slots, num_gpus=0, include_dashboard=False, object_store_memory=_STORE_BYTES,
            _temp_dir=folder, _node_ip_address="127.0.0.1",
        ):  # fmt: skip
            yield slots
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _joined(address: str) -> Iterator[Any]:
    host, colon, port = address.rpartition(":")
    if address != "auto" and not (colon and host and port.isdigit()):
        raise ConfigError(f"expected the address of a Ray cluster as HOST:PORT, or auto, got {address!r}")
    if address != "auto":
        # Ray itself tries for minutes and then ends the process.
        try:
            socket.create_connection((host, int(port)), _CONNECT_S).close()
        except (OSError, OverflowError) as error:
            raise ConfigError(f"no Ray cluster at {address}: {error}; start one with: ray start --head") from error
    with _connected(address) as ray:
        yield ray


@contextmanager
def _connected(address: str, **options: Any) -> Iterator[Any]:
    ray = _ray()
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False, **options)
    except (RuntimeError, ConnectionError, ValueError, ray.exceptions.RayError) as error:
        if "ersion mismatch" in str(error):
            raise ToolVersionError(f"the Ray cluster at {address} can't be used: {_one_line(error)}") from error
        raise ConfigError(f"Ray can't be started or reached at {address}: {_one_line(error)}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


class _Slot:
    """An actor: judges one answer at a time, with tools that are those of the driver."""

    def __init__(self, recipe: Recipe, tools: str) -> None:
        self._recipe, self._tools = recipe, tools
        self._opened: VersionedScorer | None = None

    def start(self) -> None:
        scorer = self._recipe.open()
        if scorer.tools != self._tools:
            raise ToolVersionError(
                f"Ray node {socket.gethostname()}: expected {self._tools}, as on this machine, got {scorer.tools}; "
                "install the same versions on every node"
            )
        self._opened = scorer

    def score(self, problem: str, sample: str) -> str:
        assert self._opened is not None
        found = self._opened.score(TASK.validate_json(problem), Sample.model_validate_json(sample))
        return found.model_dump_json()

    def expected_s(self, problem: str) -> float:
        assert self._opened is not None
        return self._opened.expected_s(TASK.validate_json(problem))


class RayScorer:
    """Scores by actors of the cluster that this process is connected to; threads may share it.

    Args:
        recipe: opens a scorer on a node.
        tools: what it has to say of its tools.
        slots: actors; each takes one CPU of the cluster. Those for which there is no room wait until there is.
        bus: is told of actors that die.
        patience_s: seconds without any actor at work after which there is no room.
    """

    def __init__(
        self, recipe: Recipe, tools: str, *, slots: int, bus: EventBus, patience_s: float = PATIENCE_S
    ) -> None:
        self._ray = _ray()
        self.slots = slots
        self._recipe, self._tools = recipe, tools
        self._bus, self._patience_s = bus, patience_s
        self._kind = self._ray.remote(num_cpus=1, max_restarts=0)(_Slot)
        errors = self._ray.exceptions
        self._gone = (
            errors.RayActorError, errors.NodeDiedError, errors.WorkerCrashedError, errors.ObjectLostError,
            errors.OutOfMemoryError, errors.RaySystemError,
        )  # fmt: skip
        self._changed = Condition()
        self._free: list[Any] = []
        self._busy = 0
        self._starting: dict[Any, Any] = {}
        self._failed_starts = 0
        for _ in range(slots):
            self._start()

    def close(self) -> None:
        """End every actor."""
        with self._changed:
            for actor in (*self._free, *self._starting.values()):
                self._end(actor)
            self._free.clear()
            self._starting.clear()

    def score(self, problem: Task, sample: Sample) -> Result:
        """Return the result of one answer; see `Scorer`.

        Raises:
            SandboxError: actor after actor died over it, or the cluster has no room.
            ToolVersionError: a node has other tools.
        """
        found = self._call("score", problem.model_dump_json(), sample.model_dump_json())
        return Result.model_validate_json(found)

    def expected_s(self, problem: Task) -> float:
        """Return how long the simulation of the reference takes; see `Scorer`.

        Raises:
            SandboxError: actor after actor died over it, or the cluster has no room.
            ToolVersionError: a node has other tools.
        """
        return float(self._call("expected_s", problem.model_dump_json()))

    def _call(self, method: str, *arguments: str) -> Any:
        reason = ""
        for _ in range(TRIES):
            actor = self._take()
            try:
                found = self._ray.get(getattr(actor, method).remote(*arguments))
            except self._gone as error:
                reason = _one_line(error)
                self._bus.emit(Notice(text=f"a Ray worker died, another one takes over: {reason}", level="warning"))
                self._replace(actor)
                continue
            except self._ray.exceptions.RayTaskError as error:
                self._give(actor)
                raise error.cause from None
            except BaseException:
                self._give(actor)
                raise
            self._give(actor)
            return found
        raise SandboxError(f"{TRIES} Ray workers died one after the other over one answer: {reason}")

    # Actors ------------------------------------------------------------------------------------------------------

    def _take(self) -> Any:
        """Return an actor that is free, as soon as there is one."""
        deadline = time.monotonic() + self._patience_s
        with self._changed:
            while True:
                self._admit()
                if self._free:
                    self._busy += 1
                    return self._free.pop()
                if self._busy:
                    deadline = time.monotonic() + self._patience_s
                if time.monotonic() > deadline:
                    raise SandboxError(
                        f"no Ray worker started within {self._patience_s:.0f} s; expected a cluster with a free CPU"
                    )
                self._changed.wait(0.1)

    def _give(self, actor: Any) -> None:
        with self._changed:
            self._busy -= 1
            self._free.append(actor)
            self._changed.notify()

    def _replace(self, actor: Any) -> None:
        with self._changed:
            self._busy -= 1
            self._end(actor)
            self._start()

    def _start(self) -> None:
        actor = self._kind.options(scheduling_strategy="SPREAD").remote(self._recipe, self._tools)
        self._starting[actor.start.remote()] = actor

    def _admit(self) -> None:
        """Take in the actors that have started."""
        if not self._starting:
            return
        started, _ = self._ray.wait(list(self._starting), num_returns=len(self._starting), timeout=0)
        for promise in started:
            actor = self._starting.pop(promise)
            try:
                self._ray.get(promise)
            except self._gone as error:
                self._failed_starts += 1
                if self._failed_starts >= TRIES:
                    raise SandboxError(f"{TRIES} Ray workers could not be started: {_one_line(error)}") from None
                self._end(actor)
                self._start()
            except self._ray.exceptions.RayTaskError as error:
                self._end(actor)
                raise error.cause from None
            else:
                self._failed_starts = 0
                self._free.append(actor)

    def _end(self, actor: Any) -> None:
        with suppress(Exception):  # it may be gone, with its node or the whole cluster
            self._ray.kill(actor, no_restart=True)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
