"""CVDP from the command line: its example points, golden and broken, and answers that cheat."""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from rtlgen.benchmarks.suite import SUITES
from rtlgen.cli import main
from rtlgen.scorers.harness import Harness, HarnessJudge, run_harness

pytest.importorskip("cocotb", reason="cocotb is not installed; pip install 'rtlgen[bench]'")
pytestmark = pytest.mark.eda
DATA = os.environ.get("RTLGEN_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="RTLGEN_DATA is not set, so CVDP's example points are not here")
FOLDER = Path(DATA or "") / "benchmarks"


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RTLGEN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("RTLGEN_DISPLAY", "none")


def example(name: str) -> dict[str, Any]:
    file = FOLDER / "cvdp" / f"cvdp_v1.1.0_example_{name}.jsonl"
    row: dict[str, Any] = json.loads(file.read_text().splitlines()[0])
    return row


def broken(text: str) -> str:
    return text.replace("1'b1", "1'b0").replace("^", "&")


def scored(
    suite: str, answers: list[dict[str, str]], tmp_path: Path, *options: str
) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code and the results of `rtlgen bench score`, by attempt."""
    file, out = tmp_path / "s.jsonl", tmp_path / "run"
    file.write_text("".join(json.dumps(a) + "\n" for a in answers))
    code = main(["bench", "score", suite, "--samples", str(file), "--out", str(out), *options])
    lines = (out / "results.jsonl").read_text().splitlines() if (out / "results.jsonl").exists() else []
    return code, sorted((json.loads(x) for x in lines), key=lambda r: r["attempt"])


@needs_data
def test_the_nonagentic_point_golden_and_broken(tmp_path: Path) -> None:
    row = example("nonagentic_code_generation_no_commercial_with_solutions")
    ((path, golden),) = row["output"]["context"].items()
    finish = golden.replace("endmodule", 'initial begin $display("TESTS=3 PASS=3 FAIL=0"); $finish; end endmodule')
    cheat = "module lfsr_8bit; initial begin $display(); $finish(0); end endmodule"
    opened = golden.replace("endmodule", 'integer f; initial f = $fopen("results.xml", "w"); endmodule')
    texts = [
        f"Here:\n```systemverilog\n{golden}\n```",
        f"```verilog\n{broken(golden)}```",
        finish,
        cheat,
        opened,
        json.dumps({"code": [{path: broken(golden)}, {"src/test_runner.py": "def test(): pass"}]}),
        json.dumps({"code": [{path: golden}, {"../conftest.py": ""}]}),
        "I can't do that.",
    ]
    code, results = scored("cvdp-nonagentic", [{"id": row["id"], "reply": t} for t in texts], tmp_path)
    statuses = [r["verdict"]["status"] for r in results]
    assert code == 0 and statuses[:2] == ["passed", "failed"]
    assert set(statuses[2:4]) == {"failed"} and statuses[4:7] == ["refused"] * 3 and statuses[7] == "syntax_error"
    assert "8-bit LFSR sequences are not matching" in results[1]["verdict"]["reason"]


@needs_data
def test_the_agentic_point_as_a_diff_and_as_files(tmp_path: Path) -> None:
    row = example("agentic_code_generation_no_commercial_with_solutions")
    ((path, hunks),) = row["patch"].items()
    golden = "\n".join(line[1:] for line in hunks.splitlines() if line.startswith("+"))
    diff = f"--- /dev/null\n+++ b/{path}\n{hunks}\n"
    texts = [
        f"Done.\n```diff\n{diff}```",
        json.dumps({"code": [{path: golden}, {"verif/fixed_priority_arbiter_tb.sv": "// mine"}, {"rtl/x.vh": "// x"}]}),
        f"```diff\n{broken(diff)}```",
        f"```diff\n--- a/{path}\n+++ b/{path}\n@@ -1,2 +1,2 @@\n-module other;\n+module x;\n```",
        f"```diff\n--- /dev/null\n+++ b/src/conftest.py\n@@ -0,0 +1 @@\n+x\n{diff}```",
        f"```diff\n{diff.replace(f'b/{path}', '../../../evil.sv')}```",
    ]
    _, results = scored("cvdp-agentic", [{"id": row["id"], "reply": t} for t in texts], tmp_path)
    statuses = [r["verdict"]["status"] for r in results]
    assert statuses == ["passed", "passed", "failed", "syntax_error", "refused", "refused"]
    assert results[3]["verdict"]["reason"].startswith("the diff can't be applied: error: ")
    assert results[4]["verdict"]["reason"] == "writes src/conftest.py, which belongs to the harness"


@needs_data
def test_the_comprehension_point_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sacrebleu", reason="sacrebleu is not installed; pip install 'rtlgen[bench]'")
    row = example("nonagentic_code_comprehension")
    answers = [json.dumps({"response": row["output"]["response"]}), "It matters for edge cases."]
    _, results = scored("cvdp-comprehension", [{"id": row["id"], "reply": t} for t in answers], tmp_path)
    assert [r["verdict"]["status"] for r in results] == ["passed", "failed"]
    assert [[s["name"], s["value"]] for s in results[0]["scores"]] == [["bleu", 1.0], ["rouge", 1.0]]
    out = capsys.readouterr().out
    assert "bleu: 0.5000 (0.500-0.500) over 2 answers, 1 good" in out
    assert "<td>rouge</td>" in (tmp_path / "run" / "report.html").read_text()


@needs_data
@pytest.mark.parametrize("suite", ["cvdp-nonagentic", "cvdp-agentic", "cvdp-comprehension"])
def test_the_published_answers_pass(suite: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "doctor", suite, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["reference"]["status"], found["reason"], found["needs"]) == ("passed", "", "")


def test_what_needs_commercial_tools_is_counted_and_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [point("cvdp_copilot_inv_0001", "cid003"), point("cvdp_copilot_inv_0002", "cid012")]
    data = tmp_path / "data" / "cvdp"
    data.mkdir(parents=True)
    (data / "x.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    options = ["--data", str(data.parent)]
    answers = [{"id": r["id"], "reply": f"```verilog\n{GOOD}\n```"} for r in rows]
    code, results = scored("cvdp-nonagentic", answers, tmp_path, *options)
    assert code == 0 and [(r["problem"], r["verdict"]["status"]) for r in results] == [(rows[0]["id"], "passed")]
    assert "not run: 1 problems need commercial tools" in capsys.readouterr().out
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert (report["not_run"], report["judged"], len(report["problems"])) == ({"commercial tools": 1}, 1, 2)
    assert "1 problems need commercial tools" in (tmp_path / "run" / "report.html").read_text()
    assert main(["bench", "report", str(tmp_path / "run"), "--csv", *options]) == 0
    assert "cvdp_copilot_inv_0002,cid012,0,0,needs commercial tools" in capsys.readouterr().out
    assert main(["bench", "doctor", "cvdp-nonagentic", *options]) == 0
    assert "not run       needs commercial tools" in capsys.readouterr().out


ENV = "SIM = icarus\nTOPLEVEL_LANG = verilog\nVERILOG_SOURCES = /code/rtl/inv.sv\nTOPLEVEL = inv\nMODULE = test_inv\n"
RUNNER = """import os
from cocotb_tools.runner import get_runner

def test_runner():
    runner = get_runner(os.environ["SIM"])
    runner.build(sources=os.environ["VERILOG_SOURCES"].split(), hdl_toplevel=os.environ["TOPLEVEL"], always=True,
                 includes=["/code/rtl"], timescale=("1ns", "1ns"))
    runner.test(hdl_toplevel=os.environ["TOPLEVEL"], test_module=os.environ["MODULE"])
"""
TEST = (Path(__file__).parents[1] / "fixtures/harness/test_inv.txt").read_text()
GOOD = "module inv(input a, output y); assign y = ~a; endmodule"
WAVE = GOOD.replace("assign", 'initial begin $dumpfile("w.vcd"); $dumpvars; end assign')
OWN = {"src/.env": f"{ENV}PYTHONPATH = /src\n", "src/test_runner.py": RUNNER, "src/test_inv.py": TEST}
TWO = """services:
  sim: {env_file: ./src/.env, command: pytest -s /src/test_runner.py}
  synth: {env_file: ./src/.env, command: pytest /src/synth.py}
"""
SYNTH = """import subprocess

def test_small():
    script = "read_verilog /code/rtl/inv.sv; synth; select -assert-max 1 t:*"
    subprocess.run(["yosys", "-q", "-p", script], check=True)
"""


def point(name: str, category: str) -> dict[str, Any]:
    return {
        "id": name, "categories": [category, "easy"], "input": {"prompt": "Write an inverter.", "context": {}},
        "output": {"response": "", "context": {"rtl/inv.sv": ""}}, "harness": {"files": OWN},
    }  # fmt: skip


def own(**files: str) -> Harness:
    held = OWN | {k.replace("__", "/").replace("_py", ".py"): v for k, v in files.items()}
    return Harness(id="inv", files=tuple(held.items()), targets=("rtl/inv.sv",))


def test_every_command_of_a_harness_has_to_pass() -> None:
    both = Harness(
        id="inv",
        files=tuple({**OWN, "docker-compose.yml": TWO, "src/synth.py": SYNTH}.items()),
        targets=("rtl/inv.sv",),
    )
    large = "module inv(input a, output y); wire m; n u(a, m), v(m, w), x(w, y); endmodule\n"
    large += "module n(input a, output y); assign y = ~a; endmodule"
    assert run_harness(both, {"rtl/inv.sv": GOOD}).passed
    verdict = run_harness(both, {"rtl/inv.sv": large})
    assert verdict.status == "failed" and verdict.reason.startswith("synth: 1 of 1 tests fail")


def test_a_tool_or_package_that_is_missing_is_said_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    started = own(src__synth_py='import subprocess; subprocess.run(["verible-verilog-lint"])')
    verdict = run_harness(started, {"rtl/inv.sv": GOOD})
    assert (verdict.status, verdict.reason) == (
        "tool_limit", "the harness starts verible-verilog-lint, not in PATH; install it and judge again"
    )  # fmt: skip
    verdict = run_harness(own(src__test_runner_py="import no_such_package\n" + RUNNER), {"rtl/inv.sv": GOOD})
    assert (
        verdict.status == "tool_limit"
        and "the Python package no_such_package, which is not installed" in verdict.reason
    )
    verdict = run_harness(own(src__test_runner_py="from cocotb.runner import get_runner\n"), {"rtl/inv.sv": GOOD})
    assert verdict.status == "tool_limit" and "data from 1.1.0 on is for 2" in verdict.reason


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"rtl/inv.sv": '`include "inv.svh"\n', "rtl/inv.svh": GOOD}, "passed"),
        ({"rtl/inv.sv": '`include "/etc/passwd"\n'}, "refused"),
        ({"rtl/inv.sv": '`include "../../src/test_inv.py"\n'}, "refused"),
        ({"rtl/inv.sv": WAVE}, "passed"),
        ({"rtl/inv.sv": WAVE.replace("w.vcd", "results.xml").replace("~a", "a")}, "failed"),
        ({"rtl/inv.sv": "module inv(input a, output y); assign y = ; endmodule"}, "syntax_error"),
        ({"rtl/inv.sv": GOOD, "pytest.ini": "[pytest]\n"}, "refused"),
        ({"rtl/inv.sv": GOOD, "rundir/x.sv": ""}, "refused"),
        ({"rtl/inv.sv": GOOD, "rtl/conftest.py": ""}, "refused"),
        ({"rtl/inv.sv": GOOD, "../x.sv": ""}, "refused"),
        ({"rtl/other.sv": GOOD}, "syntax_error"),
        ({}, "syntax_error"),
    ],
)  # fmt: skip
def test_what_an_answer_may_write(answer: dict[str, str], status: str) -> None:
    verdict = run_harness(own(), answer)
    assert verdict.status == status, verdict


def test_a_verdict_is_kept(tmp_path: Path) -> None:
    from rtlgen.core.store import Store

    judge = HarnessJudge(store=Store(tmp_path))
    first = judge.judge(own(), {"rtl/inv.sv": GOOD})
    assert first.passed and judge.judge(own(), {"rtl/inv.sv": GOOD}) == first
    assert not judge.judge(own(), {"rtl/inv.sv": GOOD.replace("~", "")}).passed


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Speaks the OpenAI protocol: rates what repeats the reference, and rambles otherwise."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = json.loads(body["messages"][-1]["content"])
        same = asked["answer"] == asked["reference"].strip()
        text = '{"score": 0.75, "reasoning": "the same"}' if same else "I would say 0.9."
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        held = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
        data = json.dumps(held).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@needs_data
def test_a_model_as_judge_is_asked_and_changes_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for package in ("openai", "sacrebleu"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    row = example("nonagentic_code_comprehension")
    answers = [row["output"]["response"].strip(), "Nothing."]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("RTLGEN_MODEL_URL", f"http://127.0.0.1:{server.server_address[1]}/v1")
        samples = [{"id": row["id"], "reply": t} for t in answers]
        _, results = scored("cvdp-comprehension", samples, tmp_path, "--judge", "openai:m")
        server.shutdown()
    judged = [next(s for s in r["scores"] if s["name"] == "judge") for r in results]
    assert (judged[0]["value"], judged[0]["good"], judged[0]["reason"]) == (0.75, True, "the same")
    assert judged[1]["value"] is None and judged[1]["reason"].endswith("got 'I would say 0.9.'")
    assert [r["verdict"]["status"] for r in results] == ["passed", "failed"]
    assert "judge: 0.7500 (0.750-0.750) over 1 answers, 1 good, 1 without" in capsys.readouterr().out


@needs_data
def test_the_files_are_fetched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a server with the example points under the names of the published files."""
    served = tmp_path / "served"
    served.mkdir()
    home = SUITES.load("cvdp-agentic").home
    assert home is not None and home.revision in home.url
    row = example("agentic_code_generation_no_commercial")
    other = {**row, "id": "cvdp_agentic_other_0002", "categories": ["cid012", "easy"]}
    for name, held in zip(home.files, (row, other), strict=True):
        (served / name).write_text(json.dumps(held) + "\n")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        data = tmp_path / "data"
        assert main(["bench", "fetch", "cvdp-agentic", "--url", url, "--data", str(data)]) == 0
        (served / home.files[1]).write_text("{")
        assert main(["bench", "fetch", "cvdp-agentic", "--url", url, "--data", str(tmp_path / "no")]) == 2
        server.shutdown()
    assert "cvdp-agentic: 2 problems, Apache-2.0" in capsys.readouterr().out
    assert json.loads(gzip.decompress((data / "cvdp" / f"{home.files[0]}.gz").read_bytes()))["id"] == row["id"]
