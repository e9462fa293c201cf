"""The one baseline flow from RTL to mapped cells, used alike by reports and by the optimizer: `Evaluator`."""

from __future__ import annotations

from rtlgen.synth.flow.evaluator import Evaluation, Evaluator, Job
from rtlgen.synth.flow.script import DEFAULT_ABC_SCRIPT, FlowOptions

__all__ = ["DEFAULT_ABC_SCRIPT", "Evaluation", "Evaluator", "FlowOptions", "Job"]
