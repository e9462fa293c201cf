"""Equivalence of two designs: `proved`, `refuted` with a counterexample, `bounded`, or `unknown` with a reason."""

from __future__ import annotations

from rtlgen.synth.equiv.check import check_equivalence

__all__ = ["check_equivalence"]
