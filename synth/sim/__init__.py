"""Simulators: Icarus Verilog first."""

from rtlgen.synth.sim.icarus import Icarus as Icarus
from rtlgen.synth.sim.icarus import find_icarus as find_icarus
from rtlgen.synth.sim.simulator import Simulator as Simulator
