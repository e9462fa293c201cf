"""Refuse what no tool can optimize, before any work: combinational loops, with signals and source lines."""

from __future__ import annotations

from rtlgen.optimizer.target import Target
from rtlgen.synth.flow.script import FlowOptions, read_commands, reader_order, with_latches
from rtlgen.synth.ppa.inputs import Sources
from rtlgen.synth.ppa.jobs import raise_on_loop
from rtlgen.synth.yosys import YosysPool

_CHECK = "check.txt"


def refuse_loops(target: Target, pool: YosysPool, *, timeout_s: float = 120) -> None:
    """Check that no signal depends on itself without a register in between.

    Raises:
        ElaborationError: there is a loop; the message names its signals and lines.
    """
    texts = {name: with_latches(text) for name, text in target.tool_sources().items()}
    names = dict(zip(texts, target.sources, strict=True))
    options = FlowOptions(target.top, dict(target.parameters), target.include_dirs, target.defines)
    for frontend in reader_order(texts.values()):
        commands = [*read_commands(list(texts), options, frontend), "proc", "flatten", "opt_clean"]
        run = pool.run([*commands, f"tee -q -o {_CHECK} check"], files=texts, fetch=(_CHECK,), timeout_s=timeout_s)
        if run.ok:
            raise_on_loop(run.files.get(_CHECK, ""), Sources(texts, tuple(texts), names))
            return
