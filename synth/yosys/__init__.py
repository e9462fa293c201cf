"""Yosys in worker processes that may die: `YosysPool` runs lists of Yosys commands, each job in a fresh process."""

from __future__ import annotations

from rtlgen.synth.yosys.pool import YosysPool, YosysRun

__all__ = ["YosysPool", "YosysRun"]
