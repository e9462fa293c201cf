"""Prove that a changed design does what the old one did, at the smallest scope that suffices."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rtlgen.core.errors import RtlgenError
from rtlgen.core.types import EquivalenceResult
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.parameters import parameter_variants
from rtlgen.optimizer.target import Target
from rtlgen.synth.equiv import check_equivalence
from rtlgen.synth.yosys import YosysPool


@dataclass(frozen=True, slots=True)
class Proof:
    """Outcome of proving one change.

    Attributes:
        result: verdict; of several obligations the first that is not proved, else the last.
        scope: what was compared, as `module alu, WIDTH=8`.
        wall_s: seconds over all obligations.
        variants: further parameter values at which the module was proved as well.
    """

    result: EquivalenceResult
    scope: str
    wall_s: float
    variants: tuple[str, ...] = field(default=())

    @property
    def proved(self) -> bool:
        """True only where every obligation is proved."""
        return self.result.status == "proved"


class Prover:
    """Proves changes; one instance per run, sharing the run's Yosys workers."""

    def __init__(self, pool: YosysPool, *, budget_s: float = 20.0) -> None:
        self._pool = pool
        self._budget_s = budget_s

    def prove(self, old: Target, new: Target, modules: Iterable[str], views: Iterable[ModuleIR]) -> Proof:
        """Return whether `new` is equivalent to `old`, of which only the text of `modules` differs.

        Each changed module is compared on its own for every set of parameter values it has in the design, which
        implies equality of the whole; where that is not provable, the top modules are compared.
        """
        start = time.monotonic()
        changed = set(modules)
        bodies = [v for v in views if v.name in changed]
        last: Proof | None = None
        for body in bodies:
            last = self._body(old, new, body)
            if not last.proved:
                break
        if last is None or (not last.proved and not all(b.name == old.top for b in bodies)):
            last = self._whole(old, new)
        return Proof(last.result, last.scope, time.monotonic() - start, last.variants)

    def _body(self, old: Target, new: Target, body: ModuleIR) -> Proof:
        values = {n: body.parameters[n] for n in body.overridable if n in body.parameters}
        result = self._check(old, new, body.name, values)
        scope = f"module {body.name}" + "".join(f", {n}={v}" for n, v in values.items())
        if result.status != "proved":
            return Proof(result, scope, 0.0)
        return self._general(old, new, body, Proof(result, scope, 0.0))

    def _general(self, old: Target, new: Target, body: ModuleIR, proof: Proof) -> Proof:
        """Prove the change at other parameter values too, so that it does not hold for one configuration only."""
        shown = []
        for variant in parameter_variants(old, body):
            result = self._check(old, new, body.name, variant)
            text = ", ".join(f"{n}={v}" for n, v in variant.items())
            if result.status == "refuted":
                return Proof(result, f"module {body.name}, {text}", 0.0)
            if result.status == "proved":
                shown.append(text)
        return Proof(proof.result, proof.scope, proof.wall_s, tuple(shown))

    def _whole(self, old: Target, new: Target) -> Proof:
        return Proof(self._check(old, new, old.top, dict(old.parameters)), f"whole design {old.top}", 0.0)

    def whole(self, old: Target, new: Target, *, budget_s: float) -> Proof:
        """Return whether the two whole designs are equivalent."""
        start = time.monotonic()
        result = self._check(old, new, old.top, dict(old.parameters), budget_s)
        return Proof(result, f"whole design {old.top}", time.monotonic() - start)

    def _check(
        self, old: Target, new: Target, top: str, parameters: Mapping[str, str], budget_s: float | None = None
    ) -> EquivalenceResult:
        try:
            return check_equivalence(
                old.tool_sources(),
                new.tool_sources(),
                top=top,
                parameters=parameters,
                include_dirs=tuple(map(str, old.include_dirs)),
                defines=old.defines,
                budget_s=budget_s or self._budget_s,
                pool=self._pool,
            )
        except RtlgenError as error:
            return EquivalenceResult(status="unknown", method="none", reason=str(error))
