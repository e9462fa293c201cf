"""The second proof of a result: as a whole, and where that fails, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rtlgen.core.errors import RtlgenError
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.second.guess import Guesses, guess
from rtlgen.optimizer.second.induct import Induction
from rtlgen.optimizer.second.machine import NotHandledError
from rtlgen.optimizer.second.product import Product, build_product
from rtlgen.optimizer.second.reset import Reset
from rtlgen.optimizer.second.runs import Runs
from rtlgen.optimizer.second.walk import walk, walk_is_possible
from rtlgen.optimizer.target import Target

METHOD = "slang + Bitwuzla"
_GLANCE_S, _SIMULATE_S = 0.3, 1.5
_FIRST = 200
"""Guesses of a smaller attempt, where all of them take too long."""
_WHOLE_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Second:
    """Outcome.

    Attributes:
        status: `proved` or `unknown`.
        reason: why not proved.
        wall_s: seconds it took.
        method: what proved it.
    """

    status: str
    reason: str
    wall_s: float
    method: str = METHOD


def second_proof(
    old: Target, new: Target, *, steps: Sequence[tuple[Target, Target]] = (), budget_s: float = 30.0
) -> Second:
    """Return whether `new` is proved to do what `old` does, by engines that share nothing with the first.

    Args:
        old: before all changes.
        new: after them.
        steps: version before and after each change, from `old` to `new`. Where the whole is not proved at once, each
            step is, which is the same: the relation is transitive, and the reset has to be the same in all steps.
        budget_s: seconds for all of it.
    """
    start = time.monotonic()
    linked = len(steps) > 1 and _is_chain(old, new, steps)
    share = budget_s * (_WHOLE_SHARE if linked else 1.0)
    whole = _one(old, new, start + share)
    if whole.status == "unknown" and linked:
        whole = _chain(whole, steps, start + budget_s)
    return Second(whole.status, whole.reason, time.monotonic() - start, whole.method)


def _is_chain(old: Target, new: Target, steps: Sequence[tuple[Target, Target]]) -> bool:
    ends = [old.sources, *(after.sources for _, after in steps)]
    starts = [*(before.sources for before, _ in steps), new.sources]
    return ends == starts


def _chain(whole: Second, steps: Sequence[tuple[Target, Target]], deadline: float) -> Second:
    """Return the proof of all steps: each gets a little time first, what that leaves open gets the rest."""
    methods: dict[int, str] = {}
    resets: set[tuple[tuple[str, int], ...]] = set()
    for patient in (False, True):
        for number, (before, after) in enumerate(steps, 1):
            left = deadline - time.monotonic()
            slice_s = left / (len(steps) - len(methods) + 1) if patient else left / 2 / len(steps)
            if number in methods:
                continue
            try:
                reset, methods[number] = _prove(before, after, time.monotonic() + slice_s)
            except (NotHandledError, RtlgenError) as error:
                if patient:
                    return Second("unknown", f"whole: {whole.reason}; step {number}: {error}", 0.0)
            else:
                resets.add(reset.levels)
    if len(resets) > 1:
        return Second("unknown", f"whole: {whole.reason}; the steps have different resets", 0.0)
    return Second("proved", "", 0.0, f"{'; '.join(dict.fromkeys(methods.values()))}, step by step")


def _one(old: Target, new: Target, deadline: float) -> Second:
    try:
        return Second("proved", "", 0.0, _prove(old, new, deadline)[1])
    except (NotHandledError, RtlgenError) as error:
        return Second("unknown", str(error), 0.0)


def _prove(old: Target, new: Target, deadline: float) -> tuple[Reset, str]:
    """Return the reset and the method of a proof.

    Raises:
        NotHandledError: there is none.
        RtlgenError: a text can't be elaborated.
    """
    try:
        product = build_product(old, new)
        return product.reset, _by_engines(product, deadline)
    except (ValueError, KeyError, TypeError, AssertionError, RecursionError) as error:
        # A view that is not what this code expects must cost the second proof, not the whole result.
        raise NotHandledError(f"the word-level view can't be used: {error!r}") from error


def _by_engines(product: Product, deadline: float) -> str:
    """Return the method that proved the product's claims.

    Raises:
        NotHandledError: none did.
    """
    left = deadline - time.monotonic()
    few = guess(product, Runs(product, min(_GLANCE_S, left / 10)), briefly=True)
    try:
        return _induction(product, few, [], 1, time.monotonic() + 0.1 * left)
    except NotHandledError:
        return _by_more(product, deadline)


def _by_more(product: Product, deadline: float) -> str:
    """Return the method that proved what equal registers and codes alone do not prove.

    Raises:
        NotHandledError: none did.
    """
    try:
        return _walk(product, time.monotonic() + min(_GLANCE_S * 4, (deadline - time.monotonic()) / 4))
    except NotHandledError:
        guesses = guess(product, Runs(product, min(_SIMULATE_S, (deadline - time.monotonic()) / 5)))
    few, near = guesses.near[:_FIRST], guesses.near
    everything = [*near, *guesses.far]
    attempts: list[tuple[float, Callable[[float], str]]] = [
        (0.1, partial(_induction, product, guesses, [], 1)),
        (0.3, partial(_induction, product, guesses, near, 1)),
        *([(0.4, partial(_induction, product, guesses, few, 1))] if len(few) < len(near) else []),
        (0.25, partial(_induction, product, guesses, near, 2)),
        (0.5, partial(_walk, product)),
        *([(0.4, partial(_induction, product, guesses, everything, 1))] if guesses.far else []),
        (0.5, partial(_induction, product, guesses, everything, 2)),
        (1.0, partial(_induction, product, guesses, near, 3)),
    ]
    reasons: dict[str, None] = {}
    for share, attempt in attempts:
        now = time.monotonic()
        try:
            return attempt(now + (deadline - now) * share)
        except NotHandledError as error:
            reasons[str(error)] = None
    raise NotHandledError("; ".join(reasons))


def _induction(product: Product, guesses: Guesses, claims: Sequence[Term], depth: int, deadline: float) -> str:
    attempt = Induction(product, guesses, claims, depth, deadline)
    attempt.prove()
    return f"{METHOD} and polynomials" if attempt.used_polynomials else METHOD


def _walk(product: Product, deadline: float) -> str:
    if not walk_is_possible(product):
        raise NotHandledError("too many inputs to try them all")
    done = walk(product, deadline)
    return f"exhaustive simulation ({done.states} states x {done.inputs} inputs)"


__all__ = ["METHOD", "Second", "second_proof"]
