"""Large designs: candidates judged by a local estimate wait here, and are measured on the whole design in groups.

One synthesis of such a design takes seconds, an estimate tenths of a second. So everything is estimated, and what
looks good is measured together: the best changes that do not overlap, and where that does not help, halves of them
(group testing, Dorfman 1943).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from rtlgen.optimizer.edits import Edit, EditConflictError, apply_edits
from rtlgen.optimizer.rewrite import Change
from rtlgen.optimizer.target import Target

GROUP = 8
SEQUENTIAL_DISCOUNT = 0.5
"""Changes of registers are guesses more often, and a guess that is refuted takes a whole proof."""
UNPROVED_DISCOUNT = 0.6
"""For each change of the same family that was not proved."""


@dataclass(frozen=True, slots=True)
class Estimated:
    """A change that parses, is lint-clean and looks good.

    Attributes:
        family: who proposed it.
        change: what it changes.
        gain: cost that it saves by the estimate, in units of the objective; 0 where no estimate was possible.
    """

    family: str
    change: Change
    gain: float

    @property
    def alone(self) -> bool:
        """True for a change that is not measured together with others."""
        return self.change.obligation != "combinational" or self.gain <= 0

    def promise(self, failures: Mapping[str, int]) -> float:
        """What orders the changes, given how many of each family were not proved of late."""
        return (
            self.gain * (SEQUENTIAL_DISCOUNT if self.alone else 1.0) * UNPROVED_DISCOUNT ** failures.get(self.family, 0)
        )


class Waiting:
    """Estimated changes on one version of the text; threads may share it."""

    def __init__(self, base: Target) -> None:
        """Take changes of `base`."""
        self._base = base
        self._lock = Lock()
        self._waiting: list[tuple[Estimated, int]] = []
        """With the size of the largest group that each may still be in."""

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, estimated: Estimated) -> None:
        """Take one more."""
        with self._lock:
            self._waiting.append((estimated, GROUP))

    def take(self, accepted: Sequence[Edit], failures: Mapping[str, int]) -> list[Estimated]:
        """Remove and return what to measure next on top of `accepted`; empty where nothing fits there any more.

        Args:
            accepted: edits that stay.
            failures: family to how many of its changes in a row were not proved; 0 for a family not in it.
        """
        with self._lock:
            fitting = [w for w in self._waiting if self._fit([*accepted, *w[0].change.edits])]
            self._waiting = sorted(fitting, key=lambda w: -w[0].promise(failures))
            if not fitting:
                return []
            first, size = self._waiting[0]
            group, edits = [first], [*accepted, *first.change.edits]
            for other, limit in () if first.alone else self._waiting[1:]:
                if len(group) < min(size, limit) and not other.alone and self._fit([*edits, *other.change.edits]):
                    group.append(other)
                    edits += other.change.edits
            self._waiting = [w for w in self._waiting if not any(w[0] is e for e in group)]
            return group

    def split(self, group: Sequence[Estimated]) -> None:
        """Take back a group that did not help or was not proved, for smaller ones."""
        if len(group) > 1:
            with self._lock:
                self._waiting += [(e, len(group) // 2) for e in group]

    def _fit(self, edits: Sequence[Edit]) -> bool:
        try:
            apply_edits(self._base.sources, edits)
        except EditConflictError:
            return False
        return True
