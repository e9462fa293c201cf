"""Published suites with their flawed problems put right, under names of their own beside the originals.

A fix is a few small edits of the published text as it is read: each names by a pattern what it replaces and how often
that has to be there, so that a text that was changed since is an error and never half a fix. Where the published
testbench can't tell right from wrong, one that compares with the reference takes its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from rtlgen.benchmarks.suite import Home, Kind, SuiteData
from rtlgen.benchmarks.suites import rtllm, verilog_eval
from rtlgen.core.errors import InputError
from rtlgen.scorers import testbench
from rtlgen.scorers.disguise import renamed
from rtlgen.scorers.problem import Problem


@dataclass(frozen=True, slots=True)
class Edit:
    r"""One replacement in a text of a problem.

    Attributes:
        field: which text.
        pattern: regular expression of what is replaced.
        to: what stands there afterwards; `\1` for a group.
        times: how often the pattern has to be there.
    """

    field: Literal["prompt", "testbench", "reference"]
    pattern: str
    to: str
    times: int = 1

    def of(self, problem: Problem) -> Problem:
        """Return the problem with the replacement made.

        Raises:
            InputError: the pattern is there more or less often.
        """
        text, count = re.subn(self.pattern, self.to, getattr(problem, self.field))
        if count != self.times:
            raise InputError(
                f"{problem.id}: expected {self.pattern!r} {self.times} times in the {self.field}, got {count}: "
                "the published text is not the one that the fix was made for"
            )
        return problem.model_copy(update={self.field: text})


@dataclass(frozen=True, slots=True)
class Compared:
    """Puts a testbench that compares with the reference in the place of the published one.

    Attributes:
        text: the testbench with `REFERENCE` for the reference's module; None generates one.
        compare_in_reset: see `testbench.generate`.
    """

    text: str | None = None
    compare_in_reset: bool = True

    def of(self, problem: Problem) -> Problem:
        """Return the problem with the new testbench.

        Raises:
            InputError: the reference can't be elaborated.
        """
        hidden = f"{problem.reference_top}_reference"
        reference = renamed(problem.reference, {problem.reference_top: hidden})
        bench = (
            testbench.generate(reference, hidden, problem.top, compare_in_reset=self.compare_in_reset)
            if self.text is None
            else self.text.replace("REFERENCE", hidden)
        )
        changed = {
            "testbench": bench, "tb_top": testbench.TB_TOP, "verdict": testbench.VERDICT, "reference": reference,
            "reference_top": hidden, "reference_in_testbench": True, "data_files": (),
        }  # fmt: skip
        return problem.model_copy(update=changed)


Steps = tuple[Edit | Compared, ...]


@dataclass(frozen=True)
class FixedSuite:
    """A suite that is another one with some problems put right; it is fetched and asked as that one is."""

    name: str
    title: str
    original: Any
    fixes: Mapping[str, Steps]
    kind: Kind = "simulation"

    @property
    def file(self) -> str | None:
        """Path of the original's file in a folder of benchmark data."""
        found: str | None = self.original.file
        return found

    @property
    def home(self) -> Home | None:
        """Where the original is published."""
        found: Home | None = self.original.home
        return found

    def load(self, folder: Path | None) -> SuiteData:
        """Return the problems; see `Suite`."""
        problems = self.original.load(folder).problems
        missing = sorted(self.fixes.keys() - {p.id for p in problems})
        if missing:
            raise InputError(
                f"suite {self.name!r}: expected problems {', '.join(missing)} in the published data, got none"
            )
        return SuiteData(self.name, tuple(fixed(p, self.fixes[p.id]) if p.id in self.fixes else p for p in problems))

    def convert(self, archive: Mapping[str, Callable[[], str]]) -> Iterator[dict[str, Any]]:
        """Yield the original's problems; see `Fetchable`."""
        found: Iterator[dict[str, Any]] = self.original.convert(archive)
        return found

    def __getattr__(self, name: str) -> Any:
        """Return what only some originals have: the published prompts and their file."""
        if name in ("messages", "side_files"):
            return getattr(self.original, name)
        raise AttributeError(name)


def fixed(problem: Problem, steps: Steps) -> Problem:
    """Return a problem put right, without the flaws that it was known for.

    Raises:
        InputError: the published text is not the one that the fix was made for.
    """
    for step in steps:
        problem = step.of(problem)
    return problem.model_copy(update={"known_issues": ()})


# VerilogEval v2 ---------------------------------------------------------------------------------------------------

_LONGER: Final = Edit("testbench", r"#1000000\b", "#4000000")
_NO_START: Final = Edit("reference", r"\binitial\s+[qQ]\s*=[^;]*;", "")
_NO_CAST: Final = (
    Edit("reference", r"\bStates'\(", "(", 7),
    Edit("reference", r"\bStates (state, next;)", r"logic [3:0] \1"),
)
_BOTH_TASKS: Final[Mapping[str, Steps]] = {
    "Prob053_m2014_q4d": (Edit("prompt", r"\bno\s+reset\.", r"\g<0> At the start 'out' is 0."),),
    "Prob082_lfsr32": (_LONGER,),
    "Prob104_mt2015_muxdff": (_NO_START,),
    "Prob141_count_clock": (_LONGER,),
    "Prob151_review2015_fsm": _NO_CAST,
    "Prob156_review2015_fancytimer": (_LONGER, *_NO_CAST),
}
_SPEC_ONLY: Final[Mapping[str, Steps]] = {
    "Prob034_dff8": (_NO_START,),
    "Prob099_m2014_q6c": (
        Edit("testbench", r"\.Y2\(", ".Y1(", 2),
        Edit("testbench", r"\.Y4\(", ".Y3(", 2),
        Edit("prompt", r"\bY2 and Y4\b", "Y1 and Y3"),
        Edit("prompt", r"\bshou module ment\b", "should implement"),
        Edit("prompt", r"\n implement the next-state signals  and\b[\s\S]*\Z", "\n"),
    ),
}
V2_SPEC: Final = FixedSuite(
    "verilogeval-v2-spec-to-rtl-fixed", "VerilogEval v2 spec-to-rtl with 8 problems put right",
    verilog_eval.V2_SPEC, {**_BOTH_TASKS, **_SPEC_ONLY},
)  # fmt: skip
V2_COMPLETE: Final = FixedSuite(
    "verilogeval-v2-code-complete-fixed", "VerilogEval v2 code-complete with 6 problems put right",
    verilog_eval.V2_COMPLETE, _BOTH_TASKS,
)  # fmt: skip

# RTLLM 2.0 --------------------------------------------------------------------------------------------------------

_WAVES: Final = (1, 2, 4, 7, 100)
_SQUARE_WAVE: Final = "\n".join(
    (
        "`timescale 1ns/1ps",
        f"module {testbench.TB_TOP};",
        "  reg clk; integer tb_errors, tb_samples;",
        f"  wire [{len(_WAVES) - 1}:0] wanted, seen;",
        *(
            f"  {module} {name}{i} (.clk(clk), .freq(8'd{freq}), .wave_out({wire}[{i}]));"
            for i, freq in enumerate(_WAVES)
            for module, name, wire in (("REFERENCE", "good", "wanted"), ("square_wave", "tried", "seen"))
        ),
        "  initial begin",
        "    clk = 0; tb_errors = 0; tb_samples = 0;",
        "    repeat (1000) begin",
        "      #4 tb_samples = tb_samples + 1;",
        "      if (seen !== wanted) begin",
        '        if (tb_errors == 0) $display("First mismatch occurred at time %0d.", $time);',
        "        tb_errors = tb_errors + 1;",
        "      end",
        "      #1 clk = ~clk;",
        "    end",
        '    $display("Mismatches: %0d in %0d samples", tb_errors, tb_samples);',
        "    $finish;",
        "  end",
        "endmodule",
        "",
    )
)
_RTLLM: Final[Mapping[str, Steps]] = {
    "comparator_3bit": (Compared(),),
    "comparator_4bit": (Compared(),),
    "radix2_div": (
        Edit("prompt", r"(\n *)(opn_valid:[^\n]*)", r"\1\2\1res_ready: 1-bit, high where the result is taken."),
        Edit("testbench", r"\bwait\(res_valid\);", r"\g<0> @(negedge clk);"),
        Edit("testbench", r"\binteger i;", r"\g<0> initial #5000 $finish;"),
    ),
    "multi_pipe_4bit": (Compared(compare_in_reset=False),),
    "ring_counter": (Compared(compare_in_reset=False),),
    "sequence_detector": (
        Edit("prompt", r"\breset_n\b", "rst_n"),
        Edit("prompt", r"\bWhen reset is high\b", "When rst_n is low"),
        Edit("testbench", r"\bif \(!sequence_detected\)", "if (sequence_detected !== 1'b1)", 2),
        Edit("testbench", r"\bif \(sequence_detected\)", "if (sequence_detected !== 1'b0)"),
    ),
    "asyn_fifo": (
        Edit("testbench", r"\brepeat \(17\) begin\b", r"begin : filling \g<0>"),
        Edit("testbench", r"\bbreak;", "disable filling;"),
        Edit("testbench", r"\bend(\s*endmodule)\b", r"end end\1"),
        Edit("testbench", r"(#10;\s*)winc = 1;([^;]*\bwdata = 8'hAA;)", r"\1\2"),
        Edit("testbench", r"#550;", "#549;"),
    ),
    "freq_divbyeven": (
        Edit("prompt", r"\bfreq_diveven\b", "freq_divbyeven"),
        Edit("testbench", r"# 10 (rst_n)\b", r"# 8 \1"),
        Edit("testbench", r"#5;(\s*for)\b", r"#4;\1"),
    ),
    "clkgenerator": (
        Edit("testbench", r"#5;", "#4;"),
        Edit("testbench", r"\bres = res \+ 1;", r"\g<0> #1;"),
    ),
    "square_wave": (
        Edit("prompt", r"\nSquare Wave Generation:", r"\n    At the start count and wave_out are 0.\g<0>"),
        Compared(_SQUARE_WAVE),
    ),
}  # fmt: skip
RTLLM_V2: Final = FixedSuite("rtllm-v2-fixed", "RTLLM 2.0 with 10 designs put right", rtllm.V2, _RTLLM)
