"""Generator of the synthetic library that ships with rtlgen, from a logical-effort model of transistor networks."""

from __future__ import annotations

from rtlgen.synth.liberty.generate.build import library_group, library_text, write_library
from rtlgen.synth.liberty.generate.process import GENERIC_45, Process

__all__ = ["GENERIC_45", "Process", "library_group", "library_text", "write_library"]
