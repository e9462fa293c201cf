"""Liberty (.lib) libraries: reader, typed cells, trimmed texts for the tools, and the shipped synthetic library."""

from __future__ import annotations

from rtlgen.synth.liberty.library import CellKind, LibCell, LibPin, Library, Sequential, Units
from rtlgen.synth.liberty.parser import parse_liberty
from rtlgen.synth.liberty.read import DEFAULT_LIBRARY, default_library_path, read_library, read_text
from rtlgen.synth.liberty.tree import Attribute, Group, to_text
from rtlgen.synth.liberty.trim import mapping_liberty, sequential_liberty

__all__ = [
    "DEFAULT_LIBRARY",
    "Attribute",
    "CellKind",
    "Group",
    "LibCell",
    "LibPin",
    "Library",
    "Sequential",
    "Units",
    "default_library_path",
    "mapping_liberty",
    "parse_liberty",
    "read_library",
    "read_text",
    "sequential_liberty",
    "to_text",
]
