"""Runs external commands confined: bubblewrap where it works, resource limits in an own process group elsewhere."""

from rtlgen.sandbox.limits import Limits as Limits
from rtlgen.sandbox.run import run as run
from rtlgen.sandbox.wrap import Confinement as Confinement
from rtlgen.sandbox.wrap import confinement as confinement
from rtlgen.sandbox.wrap import wrap as wrap
