"""Prove that a changed design does what the old one did, at the smallest scope that suffices."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from rtlgen.core.errors import RtlgenError
from rtlgen.core.types import EquivalenceResult
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.guard import is_guarded
from rtlgen.optimizer.parameters import parameter_variants
from rtlgen.optimizer.target import Target
from rtlgen.synth.equiv import check_equivalence
from rtlgen.synth.yosys import YosysPool

VARIANT_S = 6.0
"""For each further set of parameter values."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Outcome of proving one change.

    Attributes:
        result: verdict; of several obligations the first that is not proved, else the last.
        scope: what was compared, as `module alu, WIDTH=8`.
        wall_s: seconds over all obligations.
        variants: further parameter values at which the module was proved as well.
        special: why the change is not known to hold at other parameter values; empty where it is, or there are none.
    """

    result: EquivalenceResult
    scope: str
    wall_s: float
    variants: tuple[str, ...] = field(default=())
    special: str = ""

    @property
    def proved(self) -> bool:
        """True only where every obligation is proved."""
        return self.result.status == "proved"


class Prover:
    """Proves changes; one instance per run, sharing the run's Yosys workers."""

    def __init__(self, pool: YosysPool) -> None:
        self._pool = pool

    def prove(
        self, old: Target, new: Target, modules: Iterable[str], views: Iterable[ModuleIR], *, budget_s: float
    ) -> Proof:
        """Return whether `new` is equivalent to `old`, of which only the text of `modules` differs.

        Each changed module is compared on its own for every set of parameter values it has in the design, which
        implies equality of the whole; where that is not provable, the top modules are compared.
        """
        start = time.monotonic()
        changed = set(modules)
        bodies = [v for v in views if v.name in changed]
        last: Proof | None = None
        special = ""
        for body in bodies:
            last = self._body(old, new, body, budget_s)
            special = special or last.special
            if not last.proved:
                break
        if last is None or (not last.proved and not all(b.name == old.top for b in bodies)):
            result = self._check(old, new, old.top, dict(old.parameters), budget_s)
            last = Proof(result, f"whole design {old.top}", 0.0)
        return Proof(last.result, last.scope, time.monotonic() - start, last.variants, special)

    def _body(self, old: Target, new: Target, body: ModuleIR, budget_s: float) -> Proof:
        values = {n: body.parameters[n] for n in body.overridable if n in body.parameters}
        result = self._check(old, new, body.name, values, budget_s)
        scope = f"module {body.name}" + "".join(f", {n}={v}" for n, v in values.items())
        if result.status != "proved" or is_guarded(old.sources, body):
            return Proof(result, scope, 0.0)
        return self._general(old, new, body, Proof(result, scope, 0.0), min(budget_s, VARIANT_S))

    def _general(self, old: Target, new: Target, body: ModuleIR, proof: Proof, budget_s: float) -> Proof:
        """Prove the change at other parameter values too, so that it does not hold for one configuration only."""
        shown = []
        for variant in parameter_variants(old, body):
            result = self._check(old, new, body.name, variant, budget_s)
            text = ", ".join(f"{n}={v}" for n, v in variant.items())
            if result.status != "proved":
                return replace(proof, special=f"{result.status} at {text}")
            shown.append(text)
        return replace(proof, variants=tuple(shown))

    def whole(self, old: Target, new: Target, *, budget_s: float) -> Proof:
        """Return whether the two whole designs are equivalent."""
        start = time.monotonic()
        result = self._check(old, new, old.top, dict(old.parameters), budget_s)
        return Proof(result, f"whole design {old.top}", time.monotonic() - start)

    def _check(
        self, old: Target, new: Target, top: str, parameters: Mapping[str, str], budget_s: float
    ) -> EquivalenceResult:
        try:
            return check_equivalence(
                old.tool_sources(),
                new.tool_sources(),
                top=top,
                parameters=parameters,
                include_dirs=tuple(map(str, old.include_dirs)),
                defines=old.defines,
                budget_s=budget_s,
                pool=self._pool,
                confirm=False,  # a refuted candidate is dropped, nobody is shown its counterexample
            )
        except RtlgenError as error:
            return EquivalenceResult(status="unknown", method="none", reason=str(error))
