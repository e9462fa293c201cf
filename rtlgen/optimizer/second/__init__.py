"""A second proof that shares nothing with the first but the question: slang, word-level terms, an SMT solver.

The first proof reads with Yosys, works on bits and lets ABC decide. This one elaborates with slang, keeps words, and
shows by induction with Bitwuzla that two versions of a design agree, or simulates every reachable pair of states. It
only ever says `proved` or `unknown`.
"""

from rtlgen.optimizer.second.proof import METHOD, Second, second_proof

__all__ = ["METHOD", "Second", "second_proof"]
