"""Numbers of the synthetic process: a generic 45 nm-class node, chosen by us, measured on no silicon.

The delay model is the method of logical effort (Sutherland, Sproull, Harris, "Logical Effort", 1999): a stage has the
delay `tau * (p + g * h)`. Here `tau`, `g` and `p` follow from transistor widths, so that the effort of a gate is not a
number we typed in but comes out of its transistor network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Process:
    """A process corner; units are um, fF, kOhm, ps, V, nW unless the name says more."""

    vdd_v: float = 1.0
    temperature_c: float = 25.0
    n_width: float = 0.30
    """NMOS width of the X1 inverter."""
    p_width: float = 0.60
    """PMOS width of the X1 inverter; twice the NMOS, the ratio of the mobilities, so rise and fall are alike."""
    n_finger: float = 0.60
    """Widest NMOS finger that fits the cell height; also bounds the upsizing of X1 stacks."""
    p_finger: float = 0.90
    """Widest PMOS finger that fits the cell height."""
    n_resistance: float = 1.0
    """kOhm of an NMOS of 1 um."""
    p_resistance: float = 2.0
    """kOhm of a PMOS of 1 um."""
    gate_cap: float = 1.0
    """fF of gate per um of width."""
    diffusion_cap: float = 1.0
    """fF of drain per um of width; equal to the gate's, which makes the inverter's parasitic delay p = 1."""
    slew_gain: float = 1.5
    """20-80 % output transition over R*C of a stage driven by a step."""
    slew_carry: float = 0.25
    """Part of the input transition that is seen in the output transition (added in squares)."""
    slew_delay: float = 0.2
    """Part of the input transition that is added to the delay (after Hedenstierna and Jeppson, 1987)."""
    n_leakage: float = 12.0
    """nW an off NMOS of 1 um leaks at `vdd_v`."""
    p_leakage: float = 8.0
    """nW an off PMOS of 1 um leaks at `vdd_v`."""
    stack_leakage: float = 0.18
    """Factor on the leakage for every further off transistor in series (stack effect)."""
    short_circuit: float = 0.01
    """Short-circuit energy in fJ per ps of input transition and um of switching width, at no load."""
    column_um: float = 0.20
    """Pitch of the gate columns."""
    height_um: float = 1.50
    """Height of a cell row."""
    max_slew_ps: float = 300.0
    """Largest transition at which the library may be used."""

    @property
    def inverter_cap(self) -> float:
        """Input capacitance of the X1 inverter in fF."""
        return (self.n_width + self.p_width) * self.gate_cap

    @property
    def tau_ps(self) -> float:
        """Delay unit of logical effort: resistance times input capacitance of the inverter."""
        return self.n_resistance / self.n_width * self.inverter_cap

    @property
    def step_delay(self) -> float:
        """Delay over R*C for a step input.

        Chosen so that in a chain of equal stages, where every input transition equals the output transition, the
        delay of a stage is R*C, as logical effort has it.
        """
        steady = self.slew_gain / math.sqrt(1.0 - self.slew_carry**2)
        return 1.0 - self.slew_delay * steady

    def fo4_ps(self) -> float:
        """Return the delay of an inverter that drives four like itself: tau * (1 + 4)."""
        parasitic = (self.n_width + self.p_width) * self.diffusion_cap / self.inverter_cap
        return self.tau_ps * (parasitic + 4.0)


GENERIC_45 = Process()
"""The corner of the shipped library: typical, 1.0 V, 25 degrees Celsius."""
