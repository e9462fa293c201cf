"""Edits of published problems: what they replace, and what is said where the text is not the one they were made for."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.benchmarks.suite import SUITES, SuiteData
from rtlgen.benchmarks.suites.fixed import Compared, Edit, FixedSuite, fixed
from rtlgen.core.errors import InputError
from rtlgen.scorers.problem import Problem

GATE = Problem(
    id="gate", top="gate", testbench="module tb; initial #5 $finish; endmodule", tb_top="tb",
    reference="module good(input a, b, output y); assign y = a & b; endmodule", reference_top="good",
    verdict="^fine$", prompt="An or of a and b.", known_issues=("the prompt says or",), data_files=(("x.txt", "1"),),
)  # fmt: skip


class Published:
    name, title, kind, file, home = "gates", "two gates", "simulation", "gates.jsonl", None

    def load(self, folder: Path | None) -> SuiteData:
        return SuiteData(self.name, (GATE, GATE.model_copy(update={"id": "other"})))


def test_an_edit_replaces_what_is_there_once() -> None:
    done = fixed(GATE, (Edit("prompt", r"\bor\b", "and"), Edit("testbench", r"#(\d)", r"#\g<1>0")))
    assert (done.prompt, done.known_issues) == ("An and of a and b.", ())
    assert done.testbench == "module tb; initial #50 $finish; endmodule"
    assert done.digest != GATE.digest


@pytest.mark.parametrize(("pattern", "count"), [(r"\bxor\b", 0), (r"\ba", 2)])
def test_a_text_that_has_changed_is_said(pattern: str, count: int) -> None:
    prompt = GATE.model_copy(update={"prompt": "A gate of a and a."}) if count else GATE
    pattern = r"\ba\b" if count else pattern
    with pytest.raises(InputError) as error:
        Edit("prompt", pattern, "").of(prompt)
    assert str(error.value) == (
        f"gate: expected {pattern!r} 1 times in the prompt, got {count}: "
        "the published text is not the one that the fix was made for"
    )


def test_a_testbench_that_compares_takes_the_place_of_one_that_reads_files() -> None:
    done = fixed(GATE, (Compared(),))
    assert done.reference_top == "good_reference" and "module good_reference(" in done.reference
    assert "good_reference tb_reference (" in done.testbench and "gate tb_candidate (" in done.testbench
    assert done.reference_in_testbench and done.data_files == ()


def test_only_what_is_flawed_is_changed() -> None:
    suite = FixedSuite("gates-fixed", "gates put right", Published(), {"gate": (Edit("prompt", r"\bor\b", "and"),)})
    found = suite.load(None)
    assert (found.name, [p.prompt for p in found.problems]) == ("gates-fixed", ["An and of a and b.", GATE.prompt])
    assert found.problems[1].known_issues == GATE.known_issues
    assert suite.file == "gates.jsonl" and suite.home is None and not hasattr(suite, "messages")


def test_a_problem_that_is_gone_is_said() -> None:
    suite = FixedSuite("gates-fixed", "gates put right", Published(), {"nand": ()})
    expected = r"^suite 'gates-fixed': expected problems nand in the published data, got none$"
    with pytest.raises(InputError, match=expected):
        suite.load(None)


@pytest.mark.parametrize("name", [n for n in SUITES.in_order() if n.endswith("-fixed")])
def test_a_fixed_suite_is_fetched_and_asked_as_its_original(name: str) -> None:
    suite, original = SUITES.load(name), SUITES.load(name.removesuffix("-fixed"))
    assert (suite.file, suite.home, suite.kind) == (original.file, original.home, original.kind)
    assert hasattr(suite, "messages") == hasattr(original, "messages")
