"""Measure one version of the design by the baseline flow, with power where the objective needs it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from rtlgen.optimizer.rewrite import Objective
from rtlgen.optimizer.target import Target
from rtlgen.synth.flow import Evaluation, Evaluator
from rtlgen.synth.ppa import ASSUMED_CLOCK_NS
from rtlgen.synth.ppa.netlist import read_netlist
from rtlgen.synth.ppa.power import own_power

TIMEOUT_S, MIN_TIMEOUT_S = 300.0, 1.0


class Meter:
    """Measures versions of one design; threads may share it.

    Args:
        evaluator: the flow.
        objective: power is measured for `power` only (or where `with_power` is set); it is the own estimate of
            `rtlgen ppa` at the default activity, which is repeatable and takes milliseconds.
    """

    def __init__(self, evaluator: Evaluator, objective: Objective) -> None:
        self.evaluator = evaluator
        self.with_power = objective == "power"
        self.deadline_s = float("inf")
        """`time.monotonic()` value after which a measurement that still runs is given up."""

    def measure(
        self, target: Target, frontends: Sequence[str] | None = None, *, power: bool | None = None
    ) -> Evaluation:
        """Return the measurement; a design that can't be mapped gives one with `ok` False.

        Args:
            target: the version.
            frontends: readers to try, None for the flow's own order.
            power: whether to measure power, None for what the objective needs.
        """
        wanted = self.with_power if power is None else power
        evaluation = self.evaluator.evaluate(
            target.tool_sources(),
            target.top,
            parameters=dict(target.parameters),
            include_dirs=target.include_dirs,
            defines=target.defines,
            timeout_s=min(TIMEOUT_S, max(MIN_TIMEOUT_S, self.deadline_s - time.monotonic())),
            frontends=frontends,
            mapped_json=wanted,
        )
        return self._with_power(evaluation, target.top) if wanted and evaluation.ok else evaluation

    def _with_power(self, evaluation: Evaluation, top: str) -> Evaluation:
        assert evaluation.mapped_json is not None
        clock_ns = self.evaluator.clock_ns
        report = own_power(
            read_netlist(evaluation.mapped_json, top),
            self.evaluator.library,
            self.evaluator.files.liberty,
            clock_ns=clock_ns or ASSUMED_CLOCK_NS,
            assumed=clock_ns is None,
            activity=None,
        )
        return replace(evaluation, power_mw=report.total_mw, mapped_json=None)
