"""CVDP's data: what is read of it, and what is said of broken files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from rtlgen.benchmarks.suites.cvdp import AGENTIC, COMMERCIAL, COMPREHENSION, NONAGENTIC
from rtlgen.core.errors import InputError
from rtlgen.scorers.compose import services
from rtlgen.scorers.harness import Harness
from rtlgen.scorers.question import Question, bleu, rouge, text_scores
from rtlgen.scorers.rater import opinion

ENV = "SIM = icarus\nVERILOG_SOURCES = /code/rtl/a.sv\nTOPLEVEL = a\n"


def row(name: str = "cvdp_copilot_a_0001", category: str = "cid003", **changes: Any) -> dict[str, Any]:
    files = {"src/.env": ENV, "src/test_runner.py": "def test_a(): pass\n"}
    return {
        "id": name,
        "categories": [category, "easy"],
        "input": {"prompt": "Write a.", "context": {}},
        "output": {"response": "", "context": {"rtl/a.sv": ""}},
        "harness": {"files": files},
    } | changes


def given(context: Any) -> dict[str, Any]:
    return {"prompt": "p", "context": context}


def question(name: str = "cvdp_copilot_q_0001", category: str = "cid009", reference: str = "a b c d") -> dict[str, Any]:
    given = {"prompt": "Why?", "context": {"rtl/a.sv": "module a; endmodule"}}
    return row(name, category, input=given, output={"response": reference, "context": {}}, harness={})


def agentic(name: str = "cvdp_agentic_a_0001", category: str = "cid004", **changes: Any) -> dict[str, Any]:
    files = {"src/.env": ENV, "src/test_runner.py": "def test_a(): pass\n"}
    return {
        "id": name, "categories": [category, "hard"], "system_message": "s", "prompt": "Change a.",
        "context": {"rtl/a.sv": "one\n", "docs/none.md": None}, "patch": {"rtl/a.sv": ""}, "harness": files,
    } | changes  # fmt: skip


def written(folder: Path, name: str, *lines: Any) -> Path:
    file = folder / "cvdp" / name
    file.parent.mkdir(exist_ok=True)
    text = "".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines)
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return folder


def test_each_task_is_in_its_suite_whatever_file_it_comes_in(tmp_path: Path) -> None:
    written(tmp_path, "a.jsonl", row(), question(), agentic())
    written(tmp_path, "b.jsonl.gz", row("cvdp_copilot_b_0002", "cid016"), agentic("cvdp_agentic_q_0002", "cid010"))
    assert [p.id for p in NONAGENTIC.load(tmp_path).problems] == ["cvdp_copilot_a_0001", "cvdp_copilot_b_0002"]
    assert [p.id for p in AGENTIC.load(tmp_path).problems] == ["cvdp_agentic_a_0001"]
    assert [p.id for p in COMPREHENSION.load(tmp_path).problems] == ["cvdp_copilot_q_0001", "cvdp_agentic_q_0002"]
    task = AGENTIC.load(tmp_path).problems[0]
    assert isinstance(task, Harness) and (task.targets, task.top) == (("rtl/a.sv",), "a")
    assert "The file rtl/a.sv:\n```\none\n" in task.prompt and "unified diff" in task.prompt
    assert (
        NONAGENTIC.load(tmp_path)
        .problems[0]
        .prompt.endswith("Reply with the content of rtl/a.sv in one fenced code block, without anything else.")
    )


def test_fields_that_are_json_in_a_text_are_read(tmp_path: Path) -> None:
    held = {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in row().items()}
    written(tmp_path, "a.jsonl", row())
    plain = NONAGENTIC.load(tmp_path)
    assert NONAGENTIC.load(written(tmp_path, "a.jsonl", held)).digest == plain.digest


def test_solutions_give_the_reference_and_change_nothing_else(tmp_path: Path) -> None:
    written(tmp_path, "x.jsonl", row(), agentic())
    before = NONAGENTIC.load(tmp_path).digest
    solved = row(output={"response": "", "context": {"rtl/a.sv": "module a; endmodule"}})
    written(tmp_path, "x_with_solutions.jsonl", solved, agentic(patch={"rtl/a.sv": "@@ -1 +1 @@\n-one\n+two\n"}))
    assert NONAGENTIC.load(tmp_path).digest == before
    (task,), (other,) = NONAGENTIC.load(tmp_path).problems, AGENTIC.load(tmp_path).problems
    assert isinstance(task, Harness) and task.reference == (("rtl/a.sv", "module a; endmodule"),)
    assert isinstance(other, Harness) and other.patch == "--- a/rtl/a.sv\n+++ b/rtl/a.sv\n@@ -1 +1 @@\n-one\n+two\n"
    written(tmp_path, "x_with_solutions.jsonl", row(input={"prompt": "Another.", "context": {}}))
    with pytest.raises(
        InputError, match=r"expected the solution of 'cvdp_copilot_a_0001' in .*x\.jsonl:1, got another"
    ):
        NONAGENTIC.load(tmp_path)


@pytest.mark.parametrize(
    ("changed", "needs"),
    [
        (row(), ""),
        *((row(category=f"cid{n:03d}"), COMMERCIAL) for n in (5, 12, 13, 14)),
        (row(harness={"files": {"docker-compose.yml": "image: __VERIF_EDA_IMAGE__", "src/t.py": ""}}), COMMERCIAL),
        (row(harness={"files": {"src/.env": "SIM = xcelium", "src/t.py": ""}}), COMMERCIAL),
        (row(category="cid099"), "a way to judge the unknown category cid099"),
        (row(harness=None), "a harness, which its data does not have"),
    ],
)
def test_what_open_tools_cannot_judge_is_loaded_and_says_so(tmp_path: Path, changed: Any, needs: str) -> None:
    (task,) = NONAGENTIC.load(written(tmp_path, "a.jsonl", changed)).problems
    assert task.needs == needs


def test_a_task_in_a_repository_elsewhere_says_what_it_needs(tmp_path: Path) -> None:
    heavy = agentic(context={"repo": "https://example.org/x", "commit": "abc"}, patch={})
    (task,) = AGENTIC.load(written(tmp_path, "a.jsonl", heavy)).problems
    assert task.needs == "https://example.org/x at commit abc"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((json.dumps(row())[:-9],), r":1: expected a line of JSON, got b'\{"),
        ((row(), row()), r":2: expected one task 'cvdp_copilot_a_0001', got another one in .*a\.jsonl:1$"),
        ((row(output={}),), r":1: expected a field 'context', got categories, harness, id, input, output$"),
        (({"id": "x", "categories": ["cid003"]},), r":1: expected a field 'input' or 'prompt', got categories, id$"),
        ((row(categories=["easy"]),), r":1: expected a category such as 'cid003' in 'categories', got \['easy'\]$"),
        ((row(id=3),), r":1: field 'id': Input should be a valid string$"),
        ((row(input=given({"../x": "y"})),), r":1: expected a path inside the task, got '\.\./x'$"),
        ((row(input=given([1])),), r":1: expected a mapping of paths to texts in 'input\.context', got list$"),
        ((question(),), r"suite 'cvdp-nonagentic' needs a file with such tasks "),
    ],
)  # fmt: skip
def test_broken_data_is_named(tmp_path: Path, lines: tuple[Any, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        NONAGENTIC.load(written(tmp_path, "a.jsonl", *lines))


def test_the_commands_of_a_harness_are_those_of_its_compose_file() -> None:
    compose = """services:
  sanity:
    image: x
    env_file: ./src/.env
    command: pytest -s -o cache_dir=/rundir/harness/.cache /src/test_runner.py -v
  synth:
    env_file: [src/.env]
    environment: {SIM: verilator}
    command: ["sh", "-c", "python3.11 /src/synth.py"]
"""
    sanity, synth = services({"docker-compose.yml": compose, "src/.env": "# c\nSIM = 'icarus'\nA=b=c\n"})
    assert sanity.argv[:2] == ("pytest", "-s") and dict(sanity.env) == {"SIM": "icarus", "A": "b=c"}
    assert synth.argv == ("python3", "/src/synth.py") and dict(synth.env)["SIM"] == "verilator"
    for broken in ("services: {}", "a: [", "services:\n  x: 3", "services: {x: {command: 'a \"b'}}"):
        with pytest.raises(InputError, match=r"^docker-compose\.yml: "):
            services({"docker-compose.yml": broken})
    with pytest.raises(InputError, match=r"^expected src/\.env in the harness, got src/t\.py$"):
        services({"src/t.py": ""})


def test_answers_to_questions_are_scored_as_published() -> None:
    pytest.importorskip("sacrebleu", reason="sacrebleu is not installed; pip install 'rtlgen[bench]'")
    # by hand: 3 of 4 words, 2 of 3 pairs, answer as long as the reference: (3/4 * 2/3) ** 0.5
    assert bleu("a b c x", "a b c d") == pytest.approx(0.5**0.5)
    # 2 of 2 words, 1 of 1 pairs, half as long: exp(1 - 4/2)
    assert bleu("a b", "a b c d") == pytest.approx(2.718281828**-1, rel=1e-6)
    assert (bleu("", "a b"), bleu("x y", "a b"), bleu("A B", "a b")) == (0.0, 0.0, 0.0)
    assert rouge("A, b! c", "a b c d") == pytest.approx(2 / 3)
    assert (rouge("a b", "a b a b"), rouge("a", "a")) == (pytest.approx(1 / 3), 0.0)
    task = Question(id="q", question="?", reference="a b c d")
    verdict, (first, second) = text_scores(task, "a b c x")
    assert verdict.passed and (first.name, first.good, second.name, second.good) == ("bleu", True, "rouge", True)
    verdict, _ = text_scores(task, "a b x y")
    assert (verdict.status, verdict.reason) == ("failed", "rouge 0.333, expected more than 0.4")


def test_the_answer_in_a_reply_to_a_question() -> None:
    task = Question(id="q", question="?", reference="r")
    assert task.answer('```json\n{"response": "It\nwraps."}\n```') == "It\nwraps."
    assert task.answer("<think>hm</think> Because:\n```\nx\n```\nso") == "Because:\n```\nx\n```\nso"
    quotation = task.model_copy(update={"verbatim": True})
    assert quotation.answer("Here:\n```verilog\nassign y = a;\n```\n") == "assign y = a;"


@pytest.mark.parametrize(
    "text", ["0.9", '{"score": 1.5}', '{"score": true}', '{"score": "0.5"}', '{"score": NaN}', '{"score": 0.5, "x": 1}',
             'Good.\n{"score": 1.0}', '{"score": 1.0} {"score": 0.1}', ""],
)  # fmt: skip
def test_a_judge_that_does_not_keep_to_the_form_gives_no_score(text: str) -> None:
    assert opinion(text).value is None and opinion(text).reason.startswith("expected a JSON object with a score from 0")


def test_a_judge_that_does_gives_one() -> None:
    found = opinion('```json\n{"score": 0.7, "reasoning": "nearly"}\n```')
    assert (found.value, found.good, found.reason) == (0.7, True, "nearly")
    assert opinion('{"score": 0}').good is False
