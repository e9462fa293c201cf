"""What the user wants smaller, and what must not be exceeded."""

from __future__ import annotations

from dataclasses import dataclass

from rtlgen.optimizer.rewrite import Objective
from rtlgen.synth.flow import Evaluation

EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class Goal:
    """Objective and constraints.

    Attributes:
        objective: what is minimised.
        max_delay_ns: longest allowed critical path, None for no limit.
        max_area_um2: largest allowed area, None for no limit.
    """

    objective: Objective = "area"
    max_delay_ns: float | None = None
    max_area_um2: float | None = None

    def cost(self, e: Evaluation) -> float:
        """Return the number to minimise: um², ns, mW or um²·ns.

        Raises:
            ValueError: the evaluation failed or lacks the metric.
        """
        value = {
            "area": e.area_um2,
            "delay": e.delay_ns,
            "power": e.power_mw,
            "area-delay": None if e.area_um2 is None or e.delay_ns is None else e.area_um2 * e.delay_ns,
        }[self.objective]
        if value is None:
            raise ValueError(f"expected an evaluation with {self.objective}, got {e.error or 'none'}")
        return value

    def ratio(self, new: Evaluation, old: Evaluation) -> float:
        """Return `new` / `old` on the objective; 1 where `old` costs nothing."""
        before = self.cost(old)
        return self.cost(new) / before if before else 1.0

    def tie(self, e: Evaluation) -> float:
        """Return the second number, which decides where costs are equal: delay for area, area otherwise."""
        return (e.delay_ns if self.objective == "area" else e.area_um2) or 0.0

    def better(self, new: Evaluation, old: Evaluation) -> bool:
        """Return whether `new` is lower on the objective, or equal there and lower on the second number."""
        a, b = self.cost(new), self.cost(old)
        if abs(a - b) > EPSILON * max(abs(a), abs(b), 1.0):
            return a < b
        return self.tie(new) < self.tie(old) * (1 - 1e-3)

    def violations(self, e: Evaluation) -> list[str]:
        """Return the constraints that `e` breaks, in words."""
        found = []
        if self.max_delay_ns is not None and (e.delay_ns or 0.0) > self.max_delay_ns:
            found.append(f"delay {e.delay_ns:.3f} ns over the limit of {self.max_delay_ns:g} ns")
        if self.max_area_um2 is not None and (e.area_um2 or 0.0) > self.max_area_um2:
            found.append(f"area {e.area_um2:.1f} um² over the limit of {self.max_area_um2:g} um²")
        return found

    def admits(self, new: Evaluation, old: Evaluation) -> bool:
        """Return whether `new` keeps the constraints, or, where `old` broke them already, breaks none further."""
        limits = ((self.max_delay_ns, new.delay_ns, old.delay_ns), (self.max_area_um2, new.area_um2, old.area_um2))
        return all(
            limit is None or value is None or value <= max(limit, before or 0.0) for limit, value, before in limits
        )
