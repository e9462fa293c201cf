"""`rtlgen optimize --model` against a real HTTP server that answers well, wrongly and with malice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import util
from pathlib import Path
from typing import Any

import pytest

REPLIES = Path(__file__).parents[1] / "fixtures" / "replies"
KEY = "sk-secret-0123456789abcdef"
BLEND = """\
`timescale 1ns / 1ps
// Registered choice between two sums.
module blend(
    input  wire        clk,
    input  wire        rst,   // synchronous
    input  wire        sel,
    input  wire [15:0] a, b, c, d,
    output reg  [15:0] y
);
    // the two sums
    wire [15:0] sum_ab = a + b;
    wire [15:0] sum_cd = c + d;

    always @(posedge clk) begin
        if (rst)
            y <= 16'd0;
        else
            y <= sel ? sum_ab : sum_cd; // registered
    end
endmodule
"""

needs_openai = pytest.mark.skipif(
    util.find_spec("openai") is None, reason="needs the openai package: pip install 'rtlgen[agents]'"
)


@dataclass
class Endpoint:
    """A server that speaks OpenAI's chat completions; `answer` gets a request and returns status and text."""

    answer: Callable[[dict[str, Any]], tuple[int, str]]
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(answer: Callable[[dict[str, Any]], tuple[int, str]]) -> Iterator[Endpoint]:
    endpoint = Endpoint(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            endpoint.requests.append(request)
            endpoint.headers.append(dict(self.headers))
            status, text = answer(request)
            body = {"error": {"message": text}} if status != 200 else completion(request, text)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(request: dict[str, Any], text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "c1",
        "object": "chat.completion",
        "model": request["model"] + "-0001",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 700, "completion_tokens": 200, "total_tokens": 900},
    }


def by_candidate(*names: str) -> Callable[[dict[str, Any]], tuple[int, str]]:
    """Answer the n-th candidate of a piece (its seed is n) with the n-th reply, the last one again and again."""

    def answer(request: dict[str, Any]) -> tuple[int, str]:
        name = names[min(int(request["seed"]), len(names) - 1)]
        return 200, (REPLIES / f"{name}.md").read_text()

    return answer


def rtlgen(*arguments: str | Path, cwd: Path, url: str = "", timeout: float = 110) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import sys; from rtlgen.cli import main; sys.exit(main())", "--display", "plain"]
    hidden = ("RTLGEN_MODEL_URL", "RTLGEN_MODEL_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL")
    env = {n: v for n, v in os.environ.items() if n not in hidden}
    if url:
        env |= {"RTLGEN_MODEL_URL": url, "RTLGEN_MODEL_KEY": KEY}
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=env,
    )


def optimize(folder: Path, url: str, *more: str, model: str = "openai:tiny", budget: int = 60) -> dict[str, Any]:
    (folder / "blend.v").write_text(BLEND)
    arguments = ["optimize", "blend.v", "--rule", "model", "--model", model, "--out", "out", "--budget", str(budget)]
    done = rtlgen(*arguments, *more, cwd=folder, url=url)
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    report: dict[str, Any] = json.loads((folder / "out" / "report.json").read_text())
    return report | {"stderr": done.stderr}


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {r["outcome"]: r["reason"] for r in report["rejected"]}


def no_key_in(folder: Path, but: Sequence[Path] = ()) -> bool:
    return not any(KEY.encode() in f.read_bytes() for f in folder.rglob("*") if f.is_file() and f not in but)


@needs_openai
def test_a_good_rewrite_is_proved_and_a_wrong_one_refuted(tmp_path: Path) -> None:
    with serving(by_candidate("wrong", "good", "broken", "prose")) as endpoint:
        report = optimize(tmp_path, endpoint.url)
    assert report["after"]["area_um2"] < report["before"]["area_um2"]
    assert report["final_proof_status"] == "proved"
    (change,) = report["changes"]
    assert change["rules"] == ["model-rewrite"] and change["proof_method"] not in ("", "none")
    assert change["why"] == [
        "tiny-0001: Sure! I shared one adder by choosing its operands first, because only one of the two sums is ever "
        "used. Hope this helps! Let me know if you also want a testbench."
    ]
    found = outcomes(report)
    assert {"refuted", "does not parse", "no code"} <= found.keys()
    assert found["no code"].startswith("expected code in a fenced block, got \"I'm sorry, but this module")
    assert report["model"]["calls"] >= 4 and report["model"]["prompt_tokens"] == 700 * report["model"]["calls"]
    text = (tmp_path / "out" / "src" / "blend.v").read_text()
    assert "wire [15:0] total = left + right;" in text
    for kept in ("`timescale 1ns / 1ps", "// Registered choice", "// synchronous", "// the two sums", "// registered"):
        assert kept in text
    assert all(h["authorization"] == f"Bearer {KEY}" for h in lowered(endpoint.headers))
    assert no_key_in(tmp_path)


def lowered(headers: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{n.lower(): v for n, v in h.items()} for h in headers]


@needs_openai
def test_what_only_harms_never_reaches_a_tool_or_the_output(tmp_path: Path) -> None:
    with serving(by_candidate("system", "include", "second_module", "wrong")) as endpoint:
        report = optimize(tmp_path, endpoint.url)
    assert report["changes"] == []
    assert (tmp_path / "out" / "src" / "blend.v").read_text() == BLEND
    reasons = {r["reason"] for r in report["rejected"] if r["outcome"] == "unsafe"}
    assert reasons == {
        "the model's text adds the system task or function $system",
        "the model's text has the compiler directive `include",
        "the model's text expected 'endmodule' 1 times as before, got it 2 times",
    }
    assert "refuted" in outcomes(report)
    assert not list(tmp_path.rglob("owned")) and no_key_in(tmp_path)


@needs_openai
def test_a_recording_replays_without_the_endpoint(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    tape = tmp_path / "tape.jsonl"
    with serving(by_candidate("good", "wrong")) as endpoint:
        recorded = optimize(first, endpoint.url, model=f"record:{tape}=openai:tiny")
    replayed = optimize(second, "", model=f"replay:{tape}")
    assert len(recorded["changes"]) == 1
    assert [c["diff"] for c in replayed["changes"]] == [c["diff"] for c in recorded["changes"]]
    assert replayed["model"]["completion_tokens"] == recorded["model"]["completion_tokens"] > 0
    assert no_key_in(tmp_path)


@needs_openai
def test_an_endpoint_in_trouble_is_asked_again(tmp_path: Path) -> None:
    lock, refused = threading.Lock(), [429, 503, 500]
    good = by_candidate("good")

    def answer(request: dict[str, Any]) -> tuple[int, str]:
        with lock:
            return (refused.pop(), "come back later") if refused else good(request)

    with serving(answer) as endpoint:
        report = optimize(tmp_path, endpoint.url)
    assert len(report["changes"]) == 1 and refused == []


@needs_openai
def test_an_endpoint_that_tells_the_key_is_not_quoted(tmp_path: Path) -> None:
    with serving(lambda request: (400, f"Incorrect API key provided: {KEY}")) as endpoint:
        report = optimize(tmp_path, endpoint.url)
    assert (
        f"rewrite model failed and was skipped: ModelProviderError: model 'openai:tiny' at {endpoint.url}: the request "
        "was refused (HTTP 400): Incorrect API key provided: ***"
    ) in report["stderr"]
    assert report["changes"] == [] and no_key_in(tmp_path)


@needs_openai
def test_a_model_that_never_answers_keeps_to_the_budget(tmp_path: Path) -> None:
    ended = threading.Event()

    def answer(request: dict[str, Any]) -> tuple[int, str]:
        ended.wait(60)
        return 200, "too late"

    with serving(answer) as endpoint:
        try:
            report = optimize(tmp_path, endpoint.url, budget=15)
        finally:
            ended.set()
    assert report["ended_by"] == "budget" and report["wall_s"] < 30
    assert "rewrite model failed and was skipped: no reply within the budget" in report["stderr"]


TWO = (
    BLEND
    + """
module tick(input wire clk, input wire rst, output wire out);
    reg [15:0] count;
    always @(posedge clk)
        if (rst) count <= 16'd0;
        else count <= (count == 16'd9) ? 16'd0 : count + 16'd1;
    assign out = count == 16'd9;
endmodule

module both(
    input wire clk, input wire rst, input wire sel, input wire [15:0] a, b, c, d, output wire [15:0] y, output wire out
);
    tick t(.clk(clk), .rst(rst), .out(out));
    blend l(.clk(clk), .rst(rst), .sel(sel), .a(a), .b(b), .c(c), .d(d), .y(y));
endmodule
"""
)


@needs_openai
def test_a_late_answer_is_carried_over_to_the_changed_source(tmp_path: Path) -> None:
    # `tick` stands before `blend`, so that its change moves every line that the model speaks of.
    text = TWO.replace(BLEND, "") + BLEND.removeprefix("`timescale 1ns / 1ps\n")
    (tmp_path / "both.v").write_text(text)
    narrowed = threading.Event()

    def answer(request: dict[str, Any]) -> tuple[int, str]:
        if "whole module blend" not in request["messages"][-1]["content"]:
            return 200, "Nothing to do."
        limit = time.monotonic() + 60
        while not (tmp_path / "out" / "report.json").exists() and time.monotonic() < limit:
            time.sleep(0.1)
        narrowed.set()
        return by_candidate("good")(request)

    arguments = ["optimize", "both.v", "--top", "both", "--rule", "narrow", "--rule", "model"]
    with serving(answer) as endpoint:
        done = rtlgen(
            *arguments, "--model", "openai:x", "--out", "out", "--budget", "80", cwd=tmp_path, url=endpoint.url
        )
    assert done.returncode == 0 and narrowed.is_set(), done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [c["modules"] for c in report["changes"]] == [["tick"], ["blend"]]
    assert report["final_proof_status"] == "proved"
    result = (tmp_path / "out" / "src" / "both.v").read_text()
    assert "reg [3:0] count;" in result and "total = left + right;" in result


@needs_openai
def test_ctrl_c_does_not_wait_for_the_model(tmp_path: Path) -> None:
    (tmp_path / "blend.v").write_text(BLEND)
    asked, ended = threading.Event(), threading.Event()

    def answer(request: dict[str, Any]) -> tuple[int, str]:
        asked.set()
        ended.wait(60)
        return 200, "too late"

    command = [sys.executable, "-c", "import sys; from rtlgen.cli import main; sys.exit(main())", "--display", "plain"]
    more = ["optimize", "blend.v", "--model", "openai:x", "--rule", "model", "--budget", "100", "--out", "out"]
    with serving(answer) as endpoint:
        process = subprocess.Popen(
            [*command, *more],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"RTLGEN_MODEL_URL": endpoint.url, "RTLGEN_MODEL_KEY": KEY},
        )
        try:
            assert asked.wait(80)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=25)
        finally:
            process.kill()
            ended.set()
    assert process.returncode == 0 and "Traceback" not in err and "failed" not in err
    assert json.loads((tmp_path / "out" / "report.json").read_text())["ended_by"] == "interrupt"


UNUSABLE = {
    "gpt": "expected a model as PROVIDER:NAME, such as openai:NAME, got 'gpt'; providers: hf, openai, record, replay",
    "opnai:x": "unknown model-provider 'opnai'; did you mean 'openai'? known: hf, openai, record, replay",
    "replay:gone.jsonl": "gone.jsonl: the recording can't be read: No such file or directory",
    "record:x.jsonl": "expected record:FILE=PROVIDER:NAME, got 'record:x.jsonl'",
    "hf:gone": "model 'hf:gone': expected a folder with a Hugging Face model, found no gone/config.json; give the path "
    "of a downloaded or trained model",
}


@pytest.mark.parametrize("model", UNUSABLE)
def test_an_unusable_model_is_one_message_before_any_work(model: str, tmp_path: Path) -> None:
    (tmp_path / "blend.v").write_text(BLEND)
    done = rtlgen("optimize", "blend.v", "--model", model, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"rtlgen: error: {UNUSABLE[model]}\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blend.v"]


@needs_openai
def test_openai_without_a_key(tmp_path: Path) -> None:
    (tmp_path / "blend.v").write_text(BLEND)
    done = rtlgen("optimize", "blend.v", "--model", "openai:x", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "rtlgen: error: model 'openai:x': no key; set OPENAI_API_KEY (or RTLGEN_MODEL_KEY), or set RTLGEN_MODEL_URL "
        "to another endpoint, such as http://localhost:8000/v1\n",
    )


def test_the_family_and_the_model_go_together(tmp_path: Path) -> None:
    (tmp_path / "blend.v").write_text(BLEND)
    done = rtlgen("optimize", "blend.v", "--rule", "model", cwd=tmp_path)
    message = "--rule model needs a language model; give one with --model PROVIDER:NAME"
    assert (done.returncode, done.stderr) == (2, f"rtlgen: error: {message}\n")
    done = rtlgen("optimize", "blend.v", "--rule", "narrow", "--model", "openai:x", cwd=tmp_path)
    message = "--model is given, but --rule leaves it out; add --rule model or leave --rule out"
    assert (done.returncode, done.stderr) == (2, f"rtlgen: error: {message}\n")
