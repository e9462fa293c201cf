"""Propose other structures for selections and conditions."""

from __future__ import annotations

from collections.abc import Iterator

from rtlgen.optimizer.muxes.branches import merged_branches
from rtlgen.optimizer.muxes.conditions import cheaper_conditions
from rtlgen.optimizer.muxes.decide import decisions
from rtlgen.optimizer.muxes.distribute import distributed
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import module_graphs


class Decide:
    """Merges branches, rebuilds selections over their selector's bits, and simplifies conditions."""

    name = "decide"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield changes, merged branches first."""
        for graph in module_graphs(context):
            yield from merged_branches(context, graph)
            yield from decisions(context, graph)
            yield from distributed(context, graph)
            yield from cheaper_conditions(context, graph)
