"""Measures the equivalence checker: time and deciding engine, by pair and in total.

    python benchmarks/perf/bench_equiv.py                      # the pairs among the test fixtures
    python benchmarks/perf/bench_equiv.py --random 300         # random circuits of the property test
    python benchmarks/perf/bench_equiv.py --edit FILE --top T  # one local edit in a real design
    python benchmarks/perf/bench_equiv.py --edits 8 uart_rx8   # small edits of a fixture, right and wrong ones

Prints one line a pair and a table of engines in the form of docs/equiv.md.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import random
import re
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from rtlgen.core.errors import ElaborationError
from rtlgen.core.types import EquivalenceResult
from rtlgen.synth.equiv import check_equivalence

ROOT = Path(__file__).resolve().parents[2]


def fixture_pairs(names: list[str]) -> Iterator[tuple[str, str, str, str | None]]:
    """Yield name, gold, gate and top of every pair among the fixtures."""
    for folder in sorted((ROOT / "tests" / "fixtures" / "pairs").iterdir()):
        if (folder / "poor.v").exists() and (not names or folder.name in names):
            yield folder.name, (folder / "poor.v").read_text(), (folder / "expert.v").read_text(), folder.name


def _random_module() -> ModuleType:
    path = ROOT / "tests" / "equivalence" / "test_equiv_random.py"
    spec = importlib.util.spec_from_file_location("equiv_random", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["equiv_random"] = module
    spec.loader.exec_module(module)
    return module


def random_pairs(count: int) -> Iterator[tuple[str, str, str, str | None]]:
    """Yield pairs of the property test, half by tables and half by expressions."""
    module = _random_module()
    for seed in range(count):
        for make in (module.table_case, module.circuit_case):
            gold, gate, different = make(seed)
            yield f"{make.__name__}-{seed}-{'different' if different else 'equal'}", gold, gate, "m"


def edited(file: Path, top: str, old: str, new: str) -> Iterator[tuple[str, str, str, str | None]]:
    """Yield a design against itself and against itself with one text replaced."""
    text = file.read_text()
    yield f"{top}-same", text, text + "\n", top
    if old:
        yield f"{top}-edit", text, text.replace(old, new), top


WRONG = (
    (r" \+ ", " - "), (r" - ", " + "), (r" == ", " != "), (r" & ", " | "), (r" \| ", " & "), (r" && ", " || "),
    (r"'d1\b", "'d2"), (r" < ", " <= "), (r" > ", " >= "), (r"\b1'b1", "1'b0"), (r"\b1'b0", "1'b1"),
)  # fmt: skip
RIGHT = (
    (r"(\w+) == (\w+)", r"\2 == \1"), (r"(\w+) \+ (\w+)", r"\2 + \1"), (r"(\w+) & (\w+)", r"~(~\1 | ~\2)"),
    (r"(\w+) <= (\w+ [+-] [^;]*);", r"\1 <= ~~(\2);"), (r"(\w+) - (\w+)", r"\1 + ~\2 + 1"),
)  # fmt: skip


def small_edits(names: list[str], count: int) -> Iterator[tuple[str, str, str, str | None]]:
    """Yield each fixture against itself with one text replaced, by rules that mostly keep or mostly change it."""
    for name, text, _, top in fixture_pairs(names):
        rng = random.Random(5)
        for kind, rules in (("wrong", WRONG), ("right", RIGHT)):
            changed = [
                text[: m.start()] + m.expand(new) + text[m.end() :]
                for old, new in rules
                for m in re.finditer(old, text)
            ]
            rng.shuffle(changed)
            yield from ((f"{name}-{kind}-{i}", text, other, top) for i, other in enumerate(changed[:count]))


def engine_of(result: EquivalenceResult) -> str:
    """Return the engine that settled a check, without its parameters."""
    return result.method.rsplit("-", 1)[0] if result.method.startswith("induction") else result.method


def table(rows: list[tuple[str, EquivalenceResult, float]]) -> str:
    """Return the counts and times by deciding engine, as Markdown."""
    groups: dict[tuple[str, str], list[float]] = collections.defaultdict(list)
    for _, result, seconds in rows:
        groups[result.status, engine_of(result)].append(seconds)
    lines = ["| verdict | engine | pairs | median s | longest s |", "|---|---|---|---|---|"]
    for (status, engine), times in sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1]))):
        lines.append(f"| {status} | {engine} | {len(times)} | {statistics.median(times):.2f} | {max(times):.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Run the pairs that the arguments name and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", help="fixture pairs; all where none is named")
    parser.add_argument("--random", type=int, default=0, metavar="N")
    parser.add_argument("--edit", type=Path, metavar="FILE")
    parser.add_argument("--edits", type=int, default=0, metavar="N")
    parser.add_argument("--discard", action="store_true", help="leave out the replay of differences in Icarus")
    parser.add_argument("--top")
    parser.add_argument("--old", default="")
    parser.add_argument("--new", default="")
    parser.add_argument("--budget", type=float, default=60.0)
    options = parser.parse_args()
    if options.edits:
        pairs = small_edits(options.names, options.edits)
    elif options.edit:
        pairs = edited(options.edit, options.top, options.old, options.new)
    else:
        pairs = random_pairs(options.random) if options.random else fixture_pairs(options.names)
    warm = "module w(input a, output y); assign y = a; endmodule"
    check_equivalence({"w.v": warm}, {"w.v": warm})
    rows = []
    for name, gold, gate, top in pairs:
        started = time.perf_counter()
        try:
            result = check_equivalence(
                {"gold.v": gold}, {"gate.v": gate}, top=top, budget_s=options.budget, confirm=not options.discard
            )
        except ElaborationError:  # a text that was replaced need not be a design
            continue
        rows.append((name, result, time.perf_counter() - started))
        if not options.random:
            print(f"{name:20} {result.status:8} {result.method:28} {rows[-1][2]:7.3f} s  {result.reason}", flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
