"""RTLLM (Y. Lu et al., ASP-DAC 2024; v2.0: S. Liu et al., OpenLLM-RTL, ICCAD 2024)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rtlgen.benchmarks.data import find_file, problems, published_fields
from rtlgen.benchmarks.suite import Home, Kind, SuiteData
from rtlgen.core.errors import InputError
from rtlgen.graphs.frontend.words import KEYWORDS, words
from rtlgen.scorers.extract import modules
from rtlgen.scorers.problem import Problem

_REVISION: Final = "41b26896e33b536940116a975626455eed3de65e"
_HOME: Final = Home(
    f"https://codeload.github.com/hkust-zhiyao/RTLLM/zip/{_REVISION}", _REVISION, "MIT",
    "https://github.com/hkust-zhiyao/RTLLM",
)  # fmt: skip
_TIMESCALE: Final = "1ns/1ns"
"""Of every file that names none, by the published makefiles."""
_VERDICT: Final = r"^=+\s*Your Design Passed\s*=+\s*$"
_UNDRIVEN: Final = (
    "the testbench counts only outputs that are 0 and should be 1: undriven outputs, and all of them at 1, pass"
)
_ISSUES: Final[Mapping[str, str]] = {
    "comparator_3bit": _UNDRIVEN,
    "comparator_4bit": _UNDRIVEN,
    "radix2_div": "the testbench changes its inputs at the edge at which the design reads them, so that the reference "
    "fails, and connects an input res_ready that the prompt doesn't name, so that no answer to the prompt compiles",
    "ring_counter": "the testbench passes whatever the counter shows, and fills an array in a way that Icarus can't "
    "read",
    "sequence_detector": "the prompt calls the reset reset_n, the testbench rst_n, so that no answer to the prompt "
    "compiles; undriven outputs pass",
    "asyn_fifo": "the testbench uses break, which Icarus can't read, and two of its processes drive one input at one "
    "moment",
    "freq_divbyeven": "the prompt calls the module freq_diveven, the testbench freq_divbyeven, so that no answer to "
    "the prompt compiles; reset is released at a clock edge",
    "clkgenerator": "the testbench reads the clock at the very moment at which it changes",
    "square_wave": "the testbench refuses only a wave that is high for too long: one that never is passes, as does one "
    "without the start value that the prompt doesn't ask for",
    "multi_pipe_4bit": "the testbench fails a product that is right a cycle early, as random inputs may make it",
}


@dataclass(frozen=True)
class _Rtllm:
    name: str
    title: str
    only: frozenset[str] = frozenset()
    file: str = "rtllm/v2.jsonl"
    issues: Mapping[str, str] = field(default_factory=lambda: _ISSUES)
    kind: Kind = "simulation"
    home: Home | None = _HOME

    def load(self, folder: Path | None) -> SuiteData:
        """Return the problems; see `Suite`."""
        found = problems(find_file(self.file, folder, self.name), lambda row: _problem(row, self.issues))
        return SuiteData(self.name, tuple(p for p in found if not self.only or p.id in self.only))

    def convert(self, archive: Mapping[str, Callable[[], str]]) -> Iterator[dict[str, Any]]:
        """Yield the designs of the published archive; see `Fetchable`."""
        for path in sorted(archive):
            folder, _, name = path.rpartition("/")
            if name == "design_description.txt" and f"{folder}/testbench.v" in archive:
                yield _published(archive, folder, self.file)


def _published(archive: Mapping[str, Callable[[], str]], folder: str, file: str) -> dict[str, Any]:
    inside = {p.removeprefix(f"{folder}/"): read for p, read in archive.items() if p.startswith(f"{folder}/")}
    design = next((n for n in sorted(inside) if n.startswith("verified_") and n.endswith(".v")), None)
    if design is None:
        raise InputError(f"expected verified_*.v in {folder} of the archive, got {', '.join(sorted(inside))}")
    testbench, reference = inside["testbench.v"](), inside[design]()
    own, benches = modules(reference), modules(testbench)
    top = _instantiated(testbench, set(benches))
    verified = [m for m in own if m.startswith("verified_")]
    category = "/".join(folder.split("/")[:-1])
    return {
        "task_id": f"RTLLM-{Path(file).stem}/{folder.rpartition('/')[2]}",
        "prompt": inside["design_description.txt"](),
        "top": top,
        "reference": reference,
        "reference_top": top if top in own else (verified or own)[-1],
        "testbench": testbench,
        "tb_top": benches[-1],
        "category": category,
        "extra": {
            "data_files": {n: read() for n, read in inside.items() if f'"{n}"' in testbench},
            "timescale": _TIMESCALE,
            "known_issues": [],
        },
    }


def _instantiated(testbench: str, defined: set[str]) -> str:
    """Return the module that a testbench instantiates and does not define."""
    row = [w for w in words(testbench) if w.kind != "comment"]
    for before, word, after, then in zip(row, row[1:], row[2:], row[3:], strict=False):
        if word.kind != "name" or word.text in KEYWORDS or word.text in defined or before.text not in (";", "end", ")"):
            continue
        if after.text == "#" or (after.kind == "name" and after.text not in KEYWORDS and then.text == "("):
            return word.text
    raise InputError("expected a testbench that instantiates a design, got one that does not")


def _problem(row: Mapping[str, Any], issues: Mapping[str, str]) -> Problem:
    extra = row["extra"]
    name = str(row["task_id"]).rpartition("/")[2]
    return Problem(
        id=name,
        verdict=_VERDICT,
        data_files=tuple(sorted(extra["data_files"].items())),
        timescale=extra["timescale"],
        known_issues=(issues[name],) if name in issues else tuple(str(i) for i in extra["known_issues"]),
        **published_fields(row),
    )


_V1_1: Final = """
    accu adder_8bit adder_16bit adder_32bit adder_pipe_64bit asyn_fifo calendar counter_12 div_16bit edge_detect
    freq_div fsm JC_counter multi_16bit multi_booth_8bit multi_pipe_4bit multi_pipe_8bit parallel2serial pe
    pulse_detect radix2_div RAM right_shifter serial2parallel signal_generator synchronizer alu traffic_light
    width_8to16
"""
_HOME_V1_1: Final = Home(
    "https://codeload.github.com/hkust-zhiyao/RTLLM/zip/v1.1", "v1.1", "MIT", "https://github.com/hkust-zhiyao/RTLLM"
)
V2: Final = _Rtllm("rtllm-v2", "RTLLM 2.0, 50 designs in natural language")
V1_1: Final = _Rtllm(
    "rtllm-v1.1", "RTLLM 1.1's 29 designs, with the testbenches of RTLLM 2.0", frozenset(_V1_1.split())
)
V1_1_RELEASE: Final = _Rtllm(
    "rtllm-v1.1-release", "RTLLM 1.1 as released, 29 designs with their own testbenches",
    file="rtllm/v1.1.jsonl", issues={}, home=_HOME_V1_1,
)  # fmt: skip
