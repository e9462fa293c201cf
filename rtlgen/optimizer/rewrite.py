"""What a family of rewrites is: something that looks at a design and proposes changes to its source.

A proposal need not be right and need not help: each one is parsed, proved equivalent and measured before it is
accepted. A rewrite should propose what is likely right, because proofs and measurements cost time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from rtlgen.core.registry import Registry
from rtlgen.graphs.frontend.slang import Elaborated
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.edits import Edit

Objective = Literal["area", "delay", "power", "area-delay"]


@dataclass(frozen=True, slots=True)
class Change:
    """One proposed change of the source.

    Attributes:
        rule: name of the rewrite that proposes it, such as `share-operators`.
        module: definition name of the module it changes.
        title: one line for the report, in words of the design ("share the adders of lines 12 and 15").
        why: one or two sentences: why it should help.
        edits: what to change; disjoint.
        rank: guess of the relative gain, larger is tried first (0 to 1).
        obligation: what has to be proved: `combinational` where every register keeps its meaning (same name, same
            width, same reset value), `sequential` otherwise. A hint for the prover, not a claim.
        guess: True where it rests on what random runs did not show; such a change is proved later than a sure one.
    """

    rule: str
    module: str
    title: str
    why: str
    edits: tuple[Edit, ...]
    rank: float = 0.5
    obligation: Literal["combinational", "sequential"] = "combinational"
    guess: bool = False


@dataclass(frozen=True, slots=True)
class RewriteContext:
    """What a rewrite may look at.

    Attributes:
        modules: word-level view of every elaborated module body, top first (one per parameterisation).
        sources: the current text of every file.
        objective: what the user asked for.
        top: name of the top module.
        seed: for any random choice, so that a run can be repeated.
        deadline_s: `time.monotonic()` value after which proposing must stop.
        tried: digests of edits already evaluated, for rewrites that enumerate.
        elaborated: the design `modules` were built from, for rewrites that need the syntax tree.
        model: language model to ask, as `PROVIDER:NAME`; None for none.
        measured: figures of the design as it is, in words.
    """

    modules: tuple[ModuleIR, ...]
    sources: Mapping[str, bytes]
    objective: Objective
    top: str
    seed: int = 0
    deadline_s: float = float("inf")
    tried: frozenset[str] = field(default_factory=frozenset)
    elaborated: Elaborated | None = None
    model: str | None = None
    measured: str = ""

    def text(self, file: str, start: int, end: int) -> str:
        """Return the source text of a byte range."""
        return self.sources[file][start:end].decode(errors="replace")


class Rewrite(Protocol):
    """A family of rewrites.

    Example:
        >>> class SwapNothing:
        ...     name = "swap-nothing"
        ...     def propose(self, context):
        ...         yield from ()
    """

    name: str

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield changes, best first."""
        ...


REWRITES: Registry[Rewrite] = Registry("rewrite")
"""Name to loader of every rewrite; third parties add theirs by the entry-point group `rtlgen.plugins`."""
# In the order in which they are asked: those that are quick first.
REWRITES.add("fsm-minimize", "rtlgen.optimizer.fsm.rewrites:FsmMinimize")
REWRITES.add("compare-merge", "rtlgen.optimizer.sharing.compare:CompareMerge")
REWRITES.add("share-decoded", "rtlgen.optimizer.datapath.share:ShareDecoded")
REWRITES.add("constant-multiply", "rtlgen.optimizer.arith.rewrite:ConstantMultiply")
REWRITES.add("counter-digits", "rtlgen.optimizer.state.digits:CounterDigits")
REWRITES.add("running-sum", "rtlgen.optimizer.state.sums:RunningSums")
REWRITES.add("constant-divide", "rtlgen.optimizer.arith.divide:ConstantDivide")
REWRITES.add("decide", "rtlgen.optimizer.muxes.rewrite:Decide")
REWRITES.add("mux-restructure", "rtlgen.optimizer.datapath.muxes:MuxRestructure")
REWRITES.add("resynthesis", "rtlgen.optimizer.resynth.rewrite:Resynthesis")
REWRITES.add("share-operators", "rtlgen.optimizer.sharing.rewrite:ShareOperators")
REWRITES.add("share-shifters", "rtlgen.optimizer.datapath.shifters:ShareShifters")
REWRITES.add("narrow", "rtlgen.optimizer.narrow.rewrite:Narrow")
REWRITES.add("simplify-expression", "rtlgen.optimizer.datapath.simplify:SimplifyExpression")
REWRITES.add("registers", "rtlgen.optimizer.registers.rewrite:RegisterRemoval")
REWRITES.add("share-registers", "rtlgen.optimizer.fsm.share:ShareRegisters")
REWRITES.add("share-lifetimes", "rtlgen.optimizer.state.lifetime:ShareLifetimes")
REWRITES.add("restructure-logic", "rtlgen.optimizer.datapath.restructure:RestructureLogic")
REWRITES.add("fsm-index", "rtlgen.optimizer.fsm.rewrites:FsmIndex")
REWRITES.add("fsm-encode", "rtlgen.optimizer.fsm.rewrites:FsmEncode")
REWRITES.add("fsm-imply", "rtlgen.optimizer.fsm.imply:FsmImply")
REWRITES.add("model", "rtlgen.optimizer.modelled.rewrite:ModelRewrite")
