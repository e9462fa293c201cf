"""Simulators: Icarus Verilog first, Verilator second."""

from rtlgen.synth.sim.icarus import Icarus as Icarus
from rtlgen.synth.sim.icarus import find_icarus as find_icarus
from rtlgen.synth.sim.simulator import Simulator as Simulator
from rtlgen.synth.sim.verilator import Verilator as Verilator
from rtlgen.synth.sim.verilator import find_verilator as find_verilator
