"""VerilogEval: v1 (M. Liu et al., ICCAD 2023), v2 (N. Pinckney et al., ACM TODAES 2025).

The testbench of v1 holds its own copy of the reference and comes before the candidate, which inherits its time scale;
in v2 the reference is a file of its own and the candidate comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rtlgen.benchmarks.data import find_file, problems
from rtlgen.benchmarks.suite import Home, Kind, SuiteData
from rtlgen.scorers.problem import Problem

_PAGE: Final = "https://github.com/NVlabs/verilog-eval"
_V2: Final = "c498220d0a52248f8e3fdffe279075215bde2da6"
_VERDICT: Final = r"^Mismatches: (\d+) in (\d+) samples$"
_ISSUES: Final[Mapping[str, str]] = {
    "Prob099_m2014_q6c": "prompt and testbench disagree on the interface, so that no answer to the prompt passes",
    "Prob082_lfsr32": "correct designs run into the testbench's own timeout, which prints TIMEOUT",
    "Prob141_count_clock": "correct designs run into the testbench's own timeout, which prints TIMEOUT",
    "Prob156_review2015_fancytimer": "correct designs run into the testbench's own timeout, which prints TIMEOUT",
    "Prob034_dff8": "flip-flops of the reference start at a value that the prompt does not give",
    "Prob053_m2014_q4d": "flip-flops of the reference start at a value that the prompt does not give",
    "Prob104_mt2015_muxdff": "flip-flops of the reference start at a value that the prompt does not give",
}


@dataclass(frozen=True)
class _VerilogEval:
    name: str
    title: str
    file: str
    version: int
    home: Home | None
    kind: Kind = "simulation"

    def load(self, folder: Path | None) -> SuiteData:
        """Return the problems; see `Suite`."""
        file = find_file(self.file, folder, self.name)
        return SuiteData(self.name, problems(file, _v1 if self.version == 1 else _v2))


def _v2(row: Mapping[str, Any]) -> Problem:
    extra = row["extra"]
    name = str(extra["problem"])
    issue = _ISSUES.get(name)
    return Problem(
        id=name,
        top=row["top"],
        testbench=row["testbench"],
        tb_top=row["tb_top"],
        reference=row["reference"],
        reference_top=row["reference_top"],
        reference_in_testbench=True,
        verdict=_VERDICT,
        category=row["category"],
        prompt=row["prompt"],
        interface=row["interface"] or "",
        style="body" if extra["completion_style"] == "body" else "full_module",
        known_issues=(issue,) if issue else (),
    )


def _v1(row: Mapping[str, Any]) -> Problem:
    return Problem(
        id=str(row["task_id"]).rpartition("/")[2],
        top=row["top"],
        testbench=row["testbench"],
        tb_top=row["tb_top"],
        reference=row["reference"],
        reference_top=row["reference_top"],
        verdict=_VERDICT,
        timescale="1 ps/1 ps",
        category=row["category"],
        prompt=row["prompt"],
        interface=row["interface"] or "",
        style="body",
    )


_HOME_V2: Final = Home(f"https://codeload.github.com/NVlabs/verilog-eval/zip/{_V2}", _V2, "MIT", _PAGE)
V1_HUMAN: Final = _VerilogEval(
    "verilogeval-v1-human", "VerilogEval v1, 156 problems described by people",
    "verilog-eval/v1_human.jsonl", 1, None,
)  # fmt: skip
V1_MACHINE: Final = _VerilogEval(
    "verilogeval-v1-machine", "VerilogEval v1, 143 problems described by a model",
    "verilog-eval/v1_machine.jsonl", 1, None,
)  # fmt: skip
V2_SPEC: Final = _VerilogEval(
    "verilogeval-v2-spec-to-rtl", "VerilogEval v2, 156 problems, whole module from a specification",
    "verilog-eval/v2_spec-to-rtl.jsonl", 2, _HOME_V2,
)  # fmt: skip
V2_COMPLETE: Final = _VerilogEval(
    "verilogeval-v2-code-complete", "VerilogEval v2, 156 problems, body of a module with given ports",
    "verilog-eval/v2_code-complete.jsonl", 2, _HOME_V2,
)  # fmt: skip
