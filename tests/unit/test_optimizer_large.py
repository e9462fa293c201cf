"""Candidates for large designs: which are measured together, and what comes of a group that fails."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.large import GROUP, Estimated, Waiting
from rtlgen.optimizer.rewrite import Change
from rtlgen.optimizer.target import Target

TEXT = b"module m; " + b"x" * 200 + b" endmodule"


def estimated(start: int, gain: float, *, family: str = "f", sequential: bool = False, size: int = 2) -> Estimated:
    change = Change(
        "rule",
        "m",
        f"at {start}",
        "why",
        (Edit("m.v", start, start + size, "y"),),
        0.5,
        "sequential" if sequential else "combinational",
    )
    return Estimated(family, change, gain)


def waiting(*items: Estimated) -> Waiting:
    found = Waiting(Target({"m.v": TEXT}, "m"))
    for item in items:
        found.add(item)
    return found


def gains(group: list[Estimated]) -> list[float]:
    return [e.gain for e in group]


def test_the_best_that_do_not_overlap_go_together() -> None:
    w = waiting(estimated(10, 1.0), estimated(20, 3.0), estimated(21, 2.0), estimated(30, 0.5))
    assert gains(w.take((), {})) == [3.0, 1.0, 0.5]
    assert gains(w.take((), {})) == [2.0]
    assert w.take((), {}) == [] and not w


def test_changes_of_registers_and_changes_without_an_estimate_go_alone() -> None:
    w = waiting(estimated(10, 5.0, sequential=True), estimated(20, 4.0), estimated(30, 1.0), estimated(40, 0.0))
    assert [gains(w.take((), {})) for _ in range(3)] == [[4.0, 1.0], [5.0], [0.0]]


def test_a_family_that_is_not_proved_comes_later() -> None:
    w = waiting(estimated(10, 5.0, family="guess"), estimated(10, 4.0, family="sure"))
    assert gains(w.take((), {"guess": 1})) == [4.0]


def test_what_overlaps_the_accepted_edits_is_dropped() -> None:
    w = waiting(estimated(10, 5.0), estimated(20, 4.0))
    assert gains(w.take((Edit("m.v", 11, 12, "z"),), {})) == [4.0]
    assert not w


def test_a_group_that_fails_comes_back_in_halves_and_a_single_one_does_not() -> None:
    w = waiting(*(estimated(10 * n, float(n)) for n in range(1, 5)))
    group = w.take((), {})
    w.split(group)
    first, second = w.take((), {}), w.take((), {})
    assert (gains(first), gains(second)) == ([4.0, 3.0], [2.0, 1.0])
    w.split(first)
    single = w.take((), {})
    assert gains(single) == [4.0]
    w.split(single)
    assert gains(w.take((), {})) == [3.0] and not w


@given(st.lists(st.tuples(st.integers(10, 190), st.floats(0.1, 9.0)), max_size=30))
def test_groups_that_all_fail_end_with_every_change_tried_alone(items: list[tuple[int, float]]) -> None:
    w = waiting(*(estimated(start, gain) for start, gain in items))
    alone = []
    for _ in range(20 * len(items) + 1):
        group = w.take((), {})
        if not group:
            break
        assert len(group) <= GROUP
        w.split(group)
        alone += group if len(group) == 1 else []
    assert sorted(gains(alone)) == sorted(gain for _, gain in items)
