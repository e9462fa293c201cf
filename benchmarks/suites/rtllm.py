"""RTLLM (Y. Lu et al., ASP-DAC 2024; v2.0: S. Liu et al., OpenLLM-RTL, ICCAD 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rtlgen.benchmarks.data import find_file, problems
from rtlgen.benchmarks.suite import Home, Kind, SuiteData
from rtlgen.scorers.problem import Problem

_REVISION: Final = "41b26896e33b536940116a975626455eed3de65e"
_HOME: Final = Home(
    f"https://codeload.github.com/hkust-zhiyao/RTLLM/zip/{_REVISION}", _REVISION, "MIT",
    "https://github.com/hkust-zhiyao/RTLLM",
)  # fmt: skip
_VERDICT: Final = r"^=+\s*Your Design Passed\s*=+\s*$"


@dataclass(frozen=True)
class _Rtllm:
    name: str
    title: str
    only: frozenset[str] = frozenset()
    file: str = "rtllm/v2.jsonl"
    kind: Kind = "simulation"
    home: Home | None = _HOME

    def load(self, folder: Path | None) -> SuiteData:
        """Return the problems; see `Suite`."""
        found = problems(find_file(self.file, folder, self.name), _problem)
        return SuiteData(self.name, tuple(p for p in found if not self.only or p.id in self.only))


def _problem(row: Mapping[str, Any]) -> Problem:
    extra = row["extra"]
    return Problem(
        id=str(row["task_id"]).rpartition("/")[2],
        top=row["top"],
        testbench=row["testbench"],
        tb_top=row["tb_top"],
        reference=row["reference"],
        reference_top=row["reference_top"],
        verdict=_VERDICT,
        data_files=tuple(sorted(extra["data_files"].items())),
        timescale=extra["timescale"],
        category=row["category"],
        prompt=row["prompt"],
        known_issues=tuple(str(i) for i in extra["known_issues"]),
    )


_V1_1: Final = """
    accu adder_8bit adder_16bit adder_32bit adder_pipe_64bit asyn_fifo calendar counter_12 div_16bit edge_detect
    freq_div fsm JC_counter multi_16bit multi_booth_8bit multi_pipe_4bit multi_pipe_8bit parallel2serial pe
    pulse_detect radix2_div RAM right_shifter serial2parallel signal_generator synchronizer alu traffic_light
    width_8to16
"""
V2: Final = _Rtllm("rtllm-v2", "RTLLM 2.0, 50 designs in natural language")
V1_1: Final = _Rtllm("rtllm-v1.1", "RTLLM 1.1, the 29 designs of it that RTLLM 2.0 keeps", frozenset(_V1_1.split()))
