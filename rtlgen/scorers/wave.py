"""Where a candidate first differs from the reference: the values of all ports around that moment.

Both are run in the same testbench with their ports recorded. Values of one time step count as they are at its end.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rtlgen.core.errors import InputError
from rtlgen.core.store import Store, record_codec
from rtlgen.core.types import Record
from rtlgen.scorers.ports import ports_of
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.stage import Stage
from rtlgen.scorers.verdict import Verdict
from rtlgen.synth.ppa.vcd import Dump, Variable, read_vcd

SCHEMA: Final = "wave/1"
BEFORE: Final = 16
"""Moments of change that are shown before the difference."""
AFTER: Final = 5


DIFFERING: Final = frozenset({"failed", "no_verdict"})
"""How answers end that may differ from the reference at some moment."""


class Lane(Record):
    """One port over the moments shown."""

    name: str
    width: int
    values: tuple[str, ...]
    """The candidate's value at each moment: 0 1 x z, most significant bit first."""
    expected: tuple[str, ...] = ()
    """The reference's, for an output."""


class Wave(Record):
    """All ports around the first difference."""

    times: tuple[int, ...]
    """Moments at which something changes, in units of the simulation's precision."""
    at: int
    """Which of them is the first difference."""
    lanes: tuple[Lane, ...]


class Waves:
    """Finds where candidates differ; threads may share it.

    Args:
        stage: runs them.
        store: where findings are kept, None for nowhere.
    """

    def __init__(self, stage: Stage, *, store: Store | None = None) -> None:
        self._stage, self._store = stage, store

    def of(self, problem: Problem, source: str, verdict: Verdict) -> Wave | None:
        """Return the ports around the first difference of a candidate that failed, None where none is seen.

        Args:
            problem: what it answers.
            source: its Verilog.
            verdict: what the testbench said.

        Raises:
            SandboxError: the sandbox itself failed.
        """
        if verdict.status not in DIFFERING:
            return None
        if self._store is None:
            return self._find(problem, source, verdict.first_mismatch)
        inputs = {"problem": problem.digest, "candidate": source, "told": str(verdict.first_mismatch)}
        key = Store.key(schema=SCHEMA, tool=str(self._stage.simulator), inputs=inputs)
        kept = self._store.get(key, codec=record_codec(_Kept))
        if kept is None:
            kept = _Kept(wave=self._find(problem, source, verdict.first_mismatch))
            self._store.put(key, kept, codec=record_codec(_Kept))
        return kept.wave

    def _find(self, problem: Problem, source: str, told: int | None) -> Wave | None:
        try:
            ports = [p for p in ports_of(problem.reference, problem.reference_top) if p.is_plain]
            dumps = [_read(self._stage.run(problem, text, waves=True).waves) for text in (problem.solution, source)]
        except InputError:
            return None
        names = [p.name for p in ports]
        found = [_scope(dump, names) if dump else None for dump in dumps]
        gold, gate = found
        if gold is None or gate is None:
            return None
        outputs = [p.name for p in ports if p.direction != "input" and p.name in gold and p.name in gate]
        return picture(gold, gate, [n for n in names if n in gate], outputs, told)


class _Kept(Record):
    wave: Wave | None


def _read(waves: bytes) -> Dump | None:
    """Return a dump, of which a simulation that was ended may have left half a line."""
    whole = waves[: waves.rfind(b"\n") + 1]
    if not whole:
        return None
    with tempfile.NamedTemporaryFile(suffix=".vcd") as file:
        file.write(whole)
        file.flush()
        try:
            return read_vcd(Path(file.name))
        except InputError:
            return None


def _scope(dump: Dump, names: Sequence[str]) -> Mapping[str, Variable] | None:
    """Return the first scope that has some of the ports."""
    return next((scope for scope in dump.scopes.values() if any(n in scope for n in names)), None)


def picture(
    gold: Mapping[str, Variable],
    gate: Mapping[str, Variable],
    names: Sequence[str],
    outputs: Sequence[str],
    told: int | None,
) -> Wave | None:
    """Return the ports around the first moment at which an output differs in a bit that the reference defines.

    Args:
        gold: the reference's ports.
        gate: the candidate's.
        names: ports to show.
        outputs: those that are compared.
        told: time of the first mismatch as the testbench has it; taken where the ports differ then, or just before.
    """
    times = sorted({t for n in outputs for side in (gold, gate) for t, _ in side[n].changes})
    near = [t for t in times if told is not None and t <= told][-2:]
    order = (*reversed(near), *times)
    first = next((t for t in order if any(_differs(_at(gold[n], t), _at(gate[n], t)) for n in outputs)), None)
    if first is None:
        return None
    moments = sorted({t for n in names for t, _ in gate[n].changes} | {first})
    place = moments.index(first)
    start = max(0, place - BEFORE)
    shown = tuple(moments[start : place + AFTER + 1])
    lanes = tuple(
        Lane(
            name=n,
            width=_width(gate[n]),
            values=tuple(_at(gate[n], t) for t in shown),
            expected=tuple(_at(gold[n], t) for t in shown) if n in outputs else (),
        )
        for n in names
    )
    return Wave(times=shown, at=place - start, lanes=lanes)


def _width(variable: Variable) -> int:
    return len(variable.indices) or 1


def _at(variable: Variable, time: int) -> str:
    """Return the value at the end of a time step, x where there is none yet, in full width."""
    index = bisect_right(variable.changes, time, key=lambda change: change[0])
    value = variable.changes[index - 1][1] if index else "x"
    left = value[0] if value[0] in "xz" else "0"
    return value.rjust(_width(variable), left)


def _differs(expected: str, actual: str) -> bool:
    pairs = zip(expected.rjust(len(actual), "0"), actual.rjust(len(expected), "0"), strict=True)
    return any(e in "01" and e != a for e, a in pairs)
