"""VerilogEval: v1 (M. Liu et al., ICCAD 2023), v2 (N. Pinckney et al., ACM TODAES 2025).

The testbench of v1 holds its own copy of the reference and comes before the candidate, which inherits its time scale;
in v2 the reference is a file of its own and the candidate comes first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rtlgen.benchmarks.data import find_file, problems, published_fields
from rtlgen.benchmarks.suite import Home, Kind, Messages, SuiteData
from rtlgen.benchmarks.suites.verilog_eval_prompts import FILE, as_file, parts, published_messages
from rtlgen.core.errors import ConfigError, InputError
from rtlgen.scorers.problem import Problem

Archive = Mapping[str, Callable[[], str]]

_PAGE: Final = "https://github.com/NVlabs/verilog-eval"
_V2: Final = "c498220d0a52248f8e3fdffe279075215bde2da6"
_VERDICT: Final = r"^Mismatches: (\d+) in (\d+) samples$"
_TIMEOUT: Final = (
    "the testbench ends itself before its stimulus does and prints TIMEOUT, also for correct designs, which the "
    "published harness therefore never passes"
)
_START: Final = "the reference's flip-flops start at 0, which the prompt doesn't ask for: an answer without that fails"
_ISSUES: Final[Mapping[str, str]] = {
    "Prob053_m2014_q4d": _START,
    "Prob082_lfsr32": _TIMEOUT,
    "Prob104_mt2015_muxdff": _START,
    "Prob141_count_clock": _TIMEOUT,
    "Prob156_review2015_fancytimer": _TIMEOUT,
}
_SPEC_ISSUES: Final[Mapping[str, str]] = {
    "Prob034_dff8": _START,
    "Prob099_m2014_q6c": "the prompt and the reference have outputs Y1 and Y3, the testbench connects Y2 and Y4, so "
    "that no answer to the prompt compiles; the prompt's last sentences are garbled",
}
_V1_ISSUES: Final[Mapping[str, str]] = {
    "human/dff8": _START,
    "human/m2014_q4d": _START,
    "human/mt2015_muxdff": _START,
    "machine/fsm_ps2": "the testbench's reset never comes at a rising edge, so that the reference stays undefined and "
    "everything passes",
}


@dataclass(frozen=True)
class _VerilogEval:
    name: str
    title: str
    file: str
    version: int
    home: Home | None
    published: str
    """In the archive: the folder of v2's files, or the file of v1's descriptions."""
    kind: Kind = "simulation"

    def load(self, folder: Path | None) -> SuiteData:
        """Return the problems; see `Suite`."""
        file = find_file(self.file, folder, self.name)
        return SuiteData(self.name, problems(file, _v1 if self.version == 1 else _v2))

    def convert(self, archive: Archive) -> Iterator[dict[str, Any]]:
        """Yield the problems of the published archive; see `Fetchable`."""
        return _published_v1(archive, self.published) if self.version == 1 else _published_v2(archive, self.published)

    def side_files(self, archive: Archive) -> Mapping[str, str]:
        """Return the texts that v2 asks with; see `WithSideFiles`."""
        found = parts(archive, _V2) if self.version == 2 else None
        return {FILE: as_file(found)} if found else {}

    def messages(self, folder: Path | None, examples: int, rules: bool) -> Messages:
        """Return what makes the published messages of a problem; see `Prompted`."""
        if self.version == 1:
            raise ConfigError(f"suite {self.name!r} has no published examples or rules; VerilogEval v2 has")
        return published_messages(self.published.removeprefix("dataset_"), self.name, folder, examples, rules)


def _published_v2(archive: Archive, folder: str) -> Iterator[dict[str, Any]]:
    for path in sorted(archive):
        found = re.fullmatch(rf"{re.escape(folder)}/(Prob\w+)_prompt\.txt", path)
        if not found:
            continue
        stem = f"{folder}/{found[1]}"
        reference, interface = _text(archive, f"{stem}_ref.sv"), archive.get(f"{stem}_ifc.txt")
        yield {
            "task_id": f"VerilogEval-v2/{folder.removeprefix('dataset_')}/{found[1]}",
            "prompt": archive[path](),
            "top": "TopModule",
            "interface": interface() if interface else None,
            "reference": reference,
            "reference_top": "RefModule",
            "testbench": _text(archive, f"{stem}_test.sv"),
            "tb_top": "tb",
            "category": "sequential" if re.search(r"\b(pos|neg)edge\b", reference) else "combinational",
            "extra": {"problem": found[1], "completion_style": "body" if interface else "full_module"},
        }


def _published_v1(archive: Archive, descriptions: str) -> Iterator[dict[str, Any]]:
    texts = {r["task_id"]: r["detail_description"] for r in _lines(archive, descriptions)}
    kind = descriptions.rpartition("_")[2].removesuffix(".jsonl")
    for row in _lines(archive, f"data/VerilogEval_{kind}.jsonl"):
        yield {
            "task_id": f"VerilogEval-v1/{kind.lower()}/{row['task_id']}",
            "prompt": texts[row["task_id"]],
            "top": "top_module",
            "interface": row["prompt"],
            "reference": row["prompt"] + row["canonical_solution"],
            "reference_top": "top_module",
            "testbench": row["test"],
            "tb_top": "tb",
            "category": kind.lower(),
        }


def _text(archive: Archive, path: str) -> str:
    if path not in archive:
        raise InputError(f"expected {path} in the archive, got none")
    return archive[path]()


def _lines(archive: Archive, path: str) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in _text(archive, path).splitlines() if line.strip()]
    except ValueError as error:
        raise InputError(f"{path}: expected JSON lines: {error}") from error


def _v2(row: Mapping[str, Any]) -> Problem:
    extra = row["extra"]
    name = str(extra["problem"])
    issue = _ISSUES.get(name) or (None if extra["completion_style"] == "body" else _SPEC_ISSUES.get(name))
    return Problem(
        id=name,
        reference_in_testbench=True,
        verdict=_VERDICT,
        interface=row["interface"] or "",
        style="body" if extra["completion_style"] == "body" else "full_module",
        known_issues=(issue,) if issue else (),
        **published_fields(row),
    )


def _v1(row: Mapping[str, Any]) -> Problem:
    issue = _V1_ISSUES.get(str(row["task_id"]).partition("/")[2])
    return Problem(
        id=str(row["task_id"]).rpartition("/")[2],
        verdict=_VERDICT,
        timescale="1 ps/1 ps",
        interface=row["interface"] or "",
        style="body",
        known_issues=(issue,) if issue else (),
        **published_fields(row),
    )


_HOME_V1: Final = Home(
    "https://codeload.github.com/NVlabs/verilog-eval/zip/refs/heads/release/1.0.0", "release/1.0.0", "MIT", _PAGE
)
_HOME_V2: Final = Home(f"https://codeload.github.com/NVlabs/verilog-eval/zip/{_V2}", _V2, "MIT", _PAGE)
V1_HUMAN: Final = _VerilogEval(
    "verilogeval-v1-human", "VerilogEval v1, 156 problems described by people",
    "verilog-eval/v1_human.jsonl", 1, _HOME_V1, "descriptions/VerilogDescription_Human.jsonl",
)  # fmt: skip
V1_MACHINE: Final = _VerilogEval(
    "verilogeval-v1-machine", "VerilogEval v1, 143 problems described by a model",
    "verilog-eval/v1_machine.jsonl", 1, _HOME_V1, "descriptions/VerilogDescription_Machine.jsonl",
)  # fmt: skip
V2_SPEC: Final = _VerilogEval(
    "verilogeval-v2-spec-to-rtl", "VerilogEval v2, 156 problems, whole module from a specification",
    "verilog-eval/v2_spec-to-rtl.jsonl", 2, _HOME_V2, "dataset_spec-to-rtl",
)  # fmt: skip
V2_COMPLETE: Final = _VerilogEval(
    "verilogeval-v2-code-complete", "VerilogEval v2, 156 problems, body of a module with given ports",
    "verilog-eval/v2_code-complete.jsonl", 2, _HOME_V2, "dataset_code-complete-iccad2023",
)  # fmt: skip
