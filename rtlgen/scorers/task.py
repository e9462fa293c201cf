"""What every task of a benchmark has, however its answers are judged."""

from __future__ import annotations

import hashlib
import json
from typing import ClassVar

from rtlgen.core.types import Record


class Task(Record):
    """One task: what is asked; the kinds (`Problem`, `Harness`, `Question`) say how answers are judged."""

    BESIDE: ClassVar[frozenset[str]] = frozenset({"id", "prompt", "system", "category", "known_issues", "needs"})
    """Fields that no verdict depends on."""

    id: str
    """Unique in its suite, such as `Prob031_dff`."""
    category: str = ""
    prompt: str = ""
    """What a model is asked."""
    system: str = ""
    """What a model is told before; empty is the usual."""
    known_issues: tuple[str, ...] = ()
    """Published flaws of the task, in words."""
    needs: str = ""
    """What judging it needs that is not here, such as `commercial tools`; empty where it can be judged."""

    @property
    def digest(self) -> str:
        """sha256 of everything that a verdict depends on."""
        parts = self.model_dump(mode="json", exclude=set(self.BESIDE))
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
