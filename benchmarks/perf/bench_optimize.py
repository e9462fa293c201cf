"""What `rtlgen optimize` gains on sets of real designs, measured by the one baseline flow before and after.

    python benchmarks/perf/bench_optimize.py pairs --budget 20
    python benchmarks/perf/bench_optimize.py rtllm verilogeval --objective delay --liberty sky130hd_tt.lib.gz

Sets: `pairs` (poor and expert versions of this project), `examples`, `rtllm` and `verilogeval` (references of the
shared data, RTLGEN_DATA), `cores` (picorv32 and serv from their unpacked PyPI wheels: --cores FOLDER). Prints one line
per design (area and delay ratio after / before, and for pairs the ratio to the expert's), then the geometric means with
their distribution. Exits with 1 where any result is worse than its input or fails its second proof.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rtlgen.core.errors import RtlgenError
from rtlgen.core.types import Design
from rtlgen.optimizer.goal import Goal
from rtlgen.optimizer.run import Options, optimize
from rtlgen.synth.flow import Evaluator
from rtlgen.synth.liberty import read_library

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Case:
    """One design; `expert` is the text to beat, None where there is none."""

    name: str
    files: tuple[Path, ...]
    top: str | None
    expert: Path | None = None


@dataclass
class Row:
    """Figures of one design; ratios are after / before, `to_expert` is the objective after / the expert's."""

    name: str
    area: float
    delay: float
    power: float | None
    objective: float
    to_expert: float | None
    changes: int
    proof: str
    second: str
    wall_s: float
    before_area_um2: float
    rules: tuple[str, ...]


def pairs() -> Iterator[Case]:
    """Yield the poor versions, each with its expert version."""
    for folder in sorted((ROOT / "tests" / "fixtures" / "pairs").iterdir()):
        poor = next(iter(folder.glob("poor.*v")), None) if folder.is_dir() else None
        if poor is not None:
            yield Case(folder.name, (poor,), folder.name, next(folder.glob("expert.*v")))


def examples() -> Iterator[Case]:
    """Yield the shipped designs."""
    for folder in sorted(p for p in (ROOT / "examples").iterdir() if p.is_dir()):
        files = tuple(f for f in sorted(folder.glob("*.*v")) if not f.name.startswith("tb_"))
        if files:
            yield Case(folder.name, files, folder.name)


def references(suite: str, scratch: Path) -> Iterator[Case]:
    """Yield the reference designs of a benchmark in the shared data."""
    data = os.environ.get("RTLGEN_DATA")
    if not data:
        raise SystemExit(f"set RTLGEN_DATA to the folder of the shared data to run {suite}")
    path = {"rtllm": "rtllm/v2.jsonl.gz", "verilogeval": "verilog-eval/v2_spec-to-rtl.jsonl.gz"}[suite]
    with gzip.open(Path(data) / "benchmarks" / path, "rt") as lines:
        for item in map(json.loads, lines):
            file = scratch / (item["task_id"].replace("/", "_") + ".sv")
            file.write_text(item["reference"])
            yield Case(item["task_id"].rsplit("/", 1)[-1], (file,), item["reference_top"])


def cores(folder: Path) -> Iterator[Case]:
    """Yield picorv32 and serv from unpacked wheels below `folder`."""
    for pico in folder.rglob("picorv32.v"):
        yield Case("picorv32", (pico,), "picorv32")
    for serv in folder.rglob("rtl/serv_top.v"):
        yield Case("serv_top", tuple(sorted(serv.parent.glob("serv_*.v"))), "serv_top")


def run(case: Case, args: argparse.Namespace, evaluator: Evaluator) -> Row:
    """Return the figures of one design."""
    options = Options(
        goal=Goal(args.objective), budget_s=args.budget, liberty=args.liberty, rules=tuple(args.rule), seed=args.seed
    )
    start = time.monotonic()
    result = optimize(Design(files=case.files, top=case.top), options)
    report, goal = result.report, Goal(args.objective)
    before, after = result.outcome.baseline_evaluation, result.outcome.current_evaluation
    expert = None
    if case.expert is not None:
        other = evaluator.evaluate({"expert.sv": case.expert.read_text()}, case.top or "")
        expert = _ratio(goal.cost(after), goal.cost(other))
    power = None
    if report.before.power_mw and report.after.power_mw is not None:
        power = report.after.power_mw / report.before.power_mw
    return Row(
        name=case.name,
        area=_ratio(report.after.area_um2, report.before.area_um2),
        delay=_ratio(report.after.delay_ns, report.before.delay_ns),
        power=power,
        objective=_ratio(goal.cost(after), goal.cost(before)),
        to_expert=expert,
        changes=len(report.changes),
        proof=report.final_proof_status,
        second=report.second_engine_status,
        wall_s=time.monotonic() - start,
        before_area_um2=report.before.area_um2,
        rules=tuple(r for c in report.changes for r in c.rules),
    )


def _ratio(after: float, before: float) -> float:
    return after / before if before else (1.0 if not after else math.inf)


def summary(name: str, values: list[float]) -> str:
    """Return geometric mean and distribution of ratios (zeros, where everything went away, count as 0.01)."""
    ordered = sorted(max(v, 0.01) for v in values)
    mean = math.exp(sum(map(math.log, ordered)) / len(ordered))
    quartiles = " ".join(f"{ordered[round(q * (len(ordered) - 1))]:.3f}" for q in (0, 0.25, 0.5, 0.75, 1))
    smaller = sum(v < 1 - 1e-9 for v in ordered)
    return f"{name}: n={len(ordered)} geomean={mean:.4f} quartiles={quartiles} below_1={smaller}"


def main() -> int:
    """Run the sets named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=["pairs", "examples", "rtllm", "verilogeval", "cores"])
    parser.add_argument("--objective", default="area", choices=["area", "delay", "power", "area-delay"])
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--liberty", type=Path)
    parser.add_argument("--rule", action="append", default=[])
    parser.add_argument("--only", action="append", default=[], help="names of designs")
    parser.add_argument("--part", default="1/1", help="K/N: only every N-th design, from the K-th")
    parser.add_argument("--cores", type=Path, default=Path("cores"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write all rows to this file")
    args = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch, Evaluator(read_library(args.liberty)) as evaluator:
        for name in args.sets:
            rows += run_set(name, args, Path(scratch), evaluator)
    if args.json:
        args.json.write_text(json.dumps([asdict(r) for r in rows], indent=1))
    return 1 if any(r.objective > 1 + 1e-9 or r.proof not in ("proved", "none") for r in rows) else 0


def run_set(name: str, args: argparse.Namespace, scratch: Path, evaluator: Evaluator) -> list[Row]:
    """Return the rows of one set, printed as they come."""
    sets: dict[str, Callable[[], Iterator[Case]]] = {
        "pairs": pairs,
        "examples": examples,
        "cores": lambda: cores(args.cores),
    }
    cases = list(sets[name]() if name in sets else references(name, scratch))
    part, parts = map(int, args.part.split("/"))
    cases = [c for i, c in enumerate(cases) if (not args.only or c.name in args.only) and i % parts == part - 1]
    rows = []
    for case in cases:
        try:
            row = run(case, args, evaluator)
        except RtlgenError as error:
            print(f"{name} {case.name}: skipped: {str(error).splitlines()[0]}", flush=True)
            continue
        rows.append(row)
        expert = f" to_expert={row.to_expert:.3f}" if row.to_expert is not None else ""
        print(
            f"{name} {row.name}: area={row.area:.3f} delay={row.delay:.3f}{expert} changes={row.changes} "
            f"proof={row.proof} second={row.second} {row.wall_s:.1f}s {','.join(sorted(set(row.rules)))}",
            flush=True,
        )
    if rows:
        print(summary(f"{name} {args.objective}", [r.objective for r in rows]))
        changed = [r for r in rows if r.changes]
        proved = sum(r.proof == "proved" for r in changed), sum(r.second == "proved" for r in changed)
        print(f"changed {len(changed)}, proved as a whole {proved[0]}, also by the second engine {proved[1]}")
        against = [r.to_expert for r in rows if r.to_expert is not None]
        if against:
            print(summary(f"{name} {args.objective} against expert", against))
            print(f"at or below the expert's: {sum(v <= 1 + 1e-9 for v in against)} of {len(against)}")
    return rows


if __name__ == "__main__":
    sys.exit(main())
