"""Run all rewrite families side by side and hand out their proposals in a fair order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue

from rtlgen.optimizer.rewrite import Change, Rewrite, RewriteContext

logger = logging.getLogger(__name__)

_AHEAD = 48
"""Proposals that a family may be ahead of the trials."""
_EXPLORE = 0.35
"""Score that a family gets for having been tried little, against its rate of success."""


class ProposalStream:
    """Iterates over the proposals of all families; the families think in threads of their own.

    The next proposal is taken from the family with the best record (share of its proposals that helped) plus a bonus
    for being tried little (upper confidence bound), so that a fruitless family does not eat the budget.
    """

    def __init__(
        self,
        rewrites: list[Rewrite],
        context: RewriteContext,
        records: dict[str, tuple[int, int]],
        failed: Callable[[str, Exception], None],
    ) -> None:
        """Start the families.

        Args:
            rewrites: the families.
            context: what they look at.
            records: family → (trials, successes), shared over rounds and updated by `record`.
            failed: called with family and error when one ends by an exception.
        """
        self._records = records
        self._failed = failed
        self._stop = threading.Event()
        self._queues: dict[str, Queue[Change]] = {r.name: Queue(_AHEAD) for r in rewrites}
        self._alive = {r.name for r in rewrites}
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._think, args=(r, context), daemon=True) for r in rewrites]
        for thread in self._threads:
            thread.start()

    def _think(self, rewrite: Rewrite, context: RewriteContext) -> None:
        try:
            for change in rewrite.propose(context):
                if not self._put(self._queues[rewrite.name], change):
                    return
        except Exception as error:
            logger.exception("rewrite %s failed", rewrite.name)
            self._failed(rewrite.name, error)
        finally:
            with self._lock:
                self._alive.discard(rewrite.name)

    def _put(self, queue: Queue[Change], change: Change) -> bool:
        while not self._stop.is_set():
            with suppress(Full):
                queue.put(change, timeout=0.2)
                return True
        return False

    def record(self, family: str, success: bool) -> None:
        """Note that a proposal of `family` was tried."""
        trials, wins = self._records.get(family, (0, 0))
        self._records[family] = (trials + 1, wins + int(success))

    def _score(self, family: str) -> float:
        trials, wins = self._records.get(family, (0, 0))
        return (wins + 1) / (trials + 2) + _EXPLORE / (1 + trials) ** 0.5

    def close(self) -> None:
        """Let the families end."""
        self._stop.set()

    def take(self, deadline_s: float) -> tuple[str, Change] | None:
        """Return the next proposal with its family's name; None when all are done or the deadline has passed."""
        while time.monotonic() < deadline_s:
            with self._lock:
                thinking = bool(self._alive)
            for family in sorted(self._queues, key=self._score, reverse=True):
                with suppress(Empty):
                    return family, self._queues[family].get_nowait()
            if not thinking and all(q.empty() for q in self._queues.values()):
                return None
            time.sleep(0.005)
        return None

    @property
    def alive(self) -> bool:
        """True while a proposal may still come."""
        with self._lock:
            return bool(self._alive) or any(not q.empty() for q in self._queues.values())

    def __iter__(self) -> Iterator[tuple[str, Change]]:
        while (item := self.take(float("inf"))) is not None:
            yield item
