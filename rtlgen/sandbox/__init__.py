"""Runs external commands confined: bubblewrap where it works, resource limits in an own process group elsewhere."""

from rtlgen.sandbox.cell import Cell as Cell
from rtlgen.sandbox.cell import cell as cell
from rtlgen.sandbox.cell import close_idle as close_idle
from rtlgen.sandbox.confine import Confinement as Confinement
from rtlgen.sandbox.confine import confinement as confinement
from rtlgen.sandbox.confine import installation as installation
from rtlgen.sandbox.confine import wrap as wrap
from rtlgen.sandbox.limits import Limits as Limits
from rtlgen.sandbox.runner import run as run
