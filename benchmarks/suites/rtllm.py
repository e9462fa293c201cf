"""RTLLM (Y. Lu et al., ASP-DAC 2024; v2.0: S. Liu et al., OpenLLM-RTL, ICCAD 2024)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
_TEXTS: Final = frozenset({"design_description.txt"})
_ISSUES: Final[Mapping[str, str]] = {
    "radix2_div": "the testbench changes inputs at the clock edge at which the design reads them",
    "clkgenerator": "the testbench reads the clock at the very time at which it changes",
    "ring_counter": "the testbench prints the passing line whatever it has seen; it fills an array by a concatenation",
    "asyn_fifo": "two processes of the testbench drive the same inputs; it uses break",
    "multi_pipe_4bit": "the testbench fails a product that is right a cycle early, as random inputs may make it",
    "alu": "the reference assigns z to a variable, which Verilator takes for a net with many drivers",
}
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

    def convert(self, archive: Mapping[str, Callable[[], str]]) -> Iterator[dict[str, Any]]:
        """Yield the designs of the published archive; see `Fetchable`."""
        for path in sorted(archive):
            folder, _, name = path.rpartition("/")
            if name == "design_description.txt" and f"{folder}/testbench.v" in archive:
                yield _published(archive, folder)


def _published(archive: Mapping[str, Callable[[], str]], folder: str) -> dict[str, Any]:
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
        "task_id": f"RTLLM-v2/{folder.rpartition('/')[2]}",
        "prompt": inside["design_description.txt"](),
        "top": top,
        "reference": reference,
        "reference_top": top if top in own else (verified or own)[-1],
        "testbench": testbench,
        "tb_top": benches[-1],
        "category": category,
        "extra": {
            "data_files": {n: read() for n, read in inside.items() if n.endswith((".txt", ".dat")) and n not in _TEXTS},
            "timescale": "1ns/1ns",
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


def _problem(row: Mapping[str, Any]) -> Problem:
    extra = row["extra"]
    name = str(row["task_id"]).rpartition("/")[2]
    issue = _ISSUES.get(name)
    return Problem(
        id=name,
        verdict=_VERDICT,
        data_files=tuple(sorted(extra["data_files"].items())),
        timescale=extra["timescale"],
        known_issues=(*(str(i) for i in extra["known_issues"]), *((issue,) if issue else ())),
        **published_fields(row),
    )


_V1_1: Final = """
    accu adder_8bit adder_16bit adder_32bit adder_pipe_64bit asyn_fifo calendar counter_12 div_16bit edge_detect
    freq_div fsm JC_counter multi_16bit multi_booth_8bit multi_pipe_4bit multi_pipe_8bit parallel2serial pe
    pulse_detect radix2_div RAM right_shifter serial2parallel signal_generator synchronizer alu traffic_light
    width_8to16
"""
V2: Final = _Rtllm("rtllm-v2", "RTLLM 2.0, 50 designs in natural language")
V1_1: Final = _Rtllm("rtllm-v1.1", "RTLLM 1.1, the 29 designs of it that RTLLM 2.0 keeps", frozenset(_V1_1.split()))
