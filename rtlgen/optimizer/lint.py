"""Keep the output lint-clean: no warning that the input did not have."""

from __future__ import annotations

from collections import Counter

from rtlgen.graphs.frontend.slang import slang_warnings
from rtlgen.optimizer.target import Target
from rtlgen.synth import lint
from rtlgen.synth.lint import counted

__all__ = ["counted", "new_warnings", "slang_warnings", "verilator_report", "verilator_warnings"]


def verilator_warnings(target: Target) -> Counter[str] | None:
    """Return how often `verilator --lint-only -Wall` gives each kind of warning; None where there is no Verilator."""
    return counted(verilator_report(target))


def verilator_report(target: Target) -> str | None:
    """Return what `verilator --lint-only -Wall` says; None where there is no Verilator."""
    return lint.verilator_report(
        target.tool_sources(), target.top, include_dirs=target.include_dirs, defines=target.defines,
        parameters=target.parameters,
    )  # fmt: skip


def new_warnings(before: Counter[str] | None, after: Counter[str] | None) -> list[str]:
    """Return the kinds of warning that `after` has more of than `before`, in words."""
    if before is None or after is None:
        return []
    return [f"{code} ({before[code]} → {count})" for code, count in sorted(after.items()) if count > before[code]]
