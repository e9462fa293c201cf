"""Power, performance and area of a design: `measure` and the records it returns."""

from __future__ import annotations

from rtlgen.synth.ppa.collect import ASSUMED_CLOCK_NS, measure
from rtlgen.synth.ppa.records import (
    CellUse,
    LatchSite,
    MemoryUse,
    ModuleArea,
    PathGroup,
    PathStage,
    PowerReport,
    SynthesisReport,
    TimingReport,
)

__all__ = [
    "ASSUMED_CLOCK_NS",
    "CellUse",
    "LatchSite",
    "MemoryUse",
    "ModuleArea",
    "PathGroup",
    "PathStage",
    "PowerReport",
    "SynthesisReport",
    "TimingReport",
    "measure",
]
