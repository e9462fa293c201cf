"""`rtlgen bench run` against real models: an HTTP server that speaks OpenAI's protocol and misbehaves, a recording,
a tiny model in a folder."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rtlgen.benchmarks.runner import question
from rtlgen.benchmarks.suites.starter import STARTER
from rtlgen.cli import main

pytestmark = pytest.mark.eda
PROBLEMS = STARTER.load(None).problems
PROMPTS = {question(p): p for p in PROBLEMS}
KEY = "sk-secret-0123456789abcdef"
BUSY = b'{"error": {"message": "busy"}}'


def right(problem_id: str) -> str:
    problem = next(p for p in PROBLEMS if p.id == problem_id)
    code = problem.reference.replace(problem.reference_top, problem.top)
    return f"Here it is:\n\n```verilog\n{code}\n```\nDone."


def completion(text: str | None, **usage: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    counts = {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 64}} | usage
    return json.dumps({"id": "c", "object": "chat.completion", "choices": [choice], "usage": counts}).encode()


class Server(ThreadingHTTPServer):
    """Answers every problem rightly, but for the faults that are planned for it, one a request.

    Attributes:
        faults: faults of a problem, first one first; `...` as the last one repeats the one before for ever.
        asked: requests by problem.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.faults: dict[str, list[Any]] = {}
        self.asked: Counter[str] = Counter()
        self.released = threading.Event()
        self.lock = threading.Lock()

    def next_fault(self, problem: str) -> str:
        with self.lock:
            self.asked[problem] += 1
            waiting = self.faults.get(problem, [])
            if not waiting:
                return ""
            return str(waiting[0] if waiting[1:] == [...] else waiting.pop(0))


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/v1/chat/completions" and self.headers["Authorization"] == f"Bearer {KEY}"
        problem = PROMPTS[request["messages"][-1]["content"]].id
        fault = self.server.next_fault(problem)
        with suppress(OSError):  # the client may be gone
            if request.get("stream") and not fault:
                self._stream(right(problem))
            else:
                FAULTS[fault](self, problem)

    def reply(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def stall(self) -> None:
        self.server.released.wait(30)

    def _stream(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for start in range(0, len(text), 16):
            delta = {"choices": [{"index": 0, "delta": {"content": text[start : start + 16]}}]}
            self.wfile.write(f"data: {json.dumps(delta)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def drip(self) -> None:
        """Send a body byte by byte, and never the end."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        while not self.server.released.wait(0.05):
            self.wfile.write(b" ")

    def log_message(self, *args: object) -> None:
        pass


def _cut(h: Handler, problem: str) -> None:
    body = completion(right(problem))
    h.reply(200, body[: len(body) // 2], len(body))
    h.hang_up()


FAULTS: dict[str, Callable[[Handler, str], None]] = {
    "": lambda h, p: h.reply(200, completion(right(p))),
    "rate limit": lambda h, p: h.reply(429, BUSY, Retry_After="0.05"),
    "server error": lambda h, p: h.reply(500, BUSY),
    "garbage": lambda h, p: h.reply(200, bytes(range(256)) * 8),
    "truncated": lambda h, p: h.reply(200, completion(right(p))[:40]),
    "no choices": lambda h, p: h.reply(200, b'{"choices": []}'),
    "events": lambda h, p: h._stream(right(p)),
    "null": lambda h, p: h.reply(200, completion(None)),
    "huge": lambda h, p: h.reply(200, completion(right(p) + "so " * (10 << 20 >> 1))),
    # they end a line for `str.splitlines`, but not in JSON
    "separators": lambda h, p: h.reply(200, completion(right(p) + "\u2028\x85\x1c")),
    "endless": lambda h, p: h.reply(200, b"x" * (17 << 20)),
    "closed": lambda h, p: h.hang_up(),
    "cut": _cut,
    "silent": lambda h, p: h.stall(),
    "dripping": lambda h, p: h.drip(),
    "too long": lambda h, p: h.reply(400, b'{"error": {"message": "the context is too long"}}'),
}  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    pytest.importorskip("openai", reason="needs the openai package: pip install 'rtlgen[agents]'")
    found = Server()
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RTLGEN_MODEL_URL", f"http://127.0.0.1:{found.server_address[1]}/v1")
    monkeypatch.setenv("RTLGEN_MODEL_KEY", KEY)
    monkeypatch.setenv("RTLGEN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("RTLGEN_DISPLAY", "none")
    monkeypatch.setattr("rtlgen.models.retry.FIRST_PAUSE_S", 0.01)
    thread = serving(found)
    yield found
    end(found)
    thread.join()


def serving(server: Server) -> threading.Thread:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    return thread


def end(server: Server) -> None:
    server.released.set()
    server.shutdown()
    server.server_close()


def bench(out: Path, *more: str, model: str = "openai:tiny") -> int:
    return main(["bench", "run", "starter", "--model", model, "--out", str(out), "--json", *more])


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(x) for x in file.read_text().split("\n") if x]


def outcomes(out: Path) -> dict[tuple[str, int], tuple[str, int | None]]:
    found = lines(out / "results.jsonl")
    assert len({(r["problem"], r["attempt"]) for r in found}) == len(found)
    return {(r["problem"], r["attempt"]): (r["verdict"]["status"], r["verdict"]["samples"]) for r in found}


def test_right_answers_pass_and_their_tokens_are_counted(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert bench(out, "-n", "2", "--price-in", "2", "--price-out", "10", "--price-cached", "0.5", "--limit", "9") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["judged"], report["passed"], sum(server.asked.values())) == (18, 18, 18)
    assert (report["prompt_tokens"], report["completion_tokens"], report["cached_tokens"]) == (1800, 360, 1152)
    assert report["cost_usd"] == pytest.approx(18 * (36 * 2 + 64 * 0.5 + 20 * 10) / 1e6)
    assert KEY not in (out / "samples.jsonl").read_text()
    assert main(["bench", "report", str(out)]) == 0
    assert "tokens: 1,800 read (1,152 of them cached), 360 written; cost: 0.0055 USD" in capsys.readouterr().out
    assert "1800 read (1152 of them cached), 360 written; cost 0.0055 USD" in (out / "report.html").read_text()


def test_what_an_endpoint_does_not_tell_has_no_price(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(tmp_path / "run", "--limit", "2") == 0
    assert json.loads(capsys.readouterr().out)["cost_usd"] is None
    assert main(["bench", "report", str(tmp_path / "run")]) == 0
    assert "cost: -" in capsys.readouterr().out
    assert main(["bench", "report", str(tmp_path / "run"), "--price-in", "1", "--price-out", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cost_usd"] == pytest.approx(240e-6)
    assert main(["bench", "report", str(tmp_path / "run"), "--price-in", "1"]) == 2
    assert "expected both --price-in and --price-out, or neither" in capsys.readouterr().err


PLAN: dict[str, tuple[list[Any], int, str]] = {
    # fault → what the server does with a problem, how often it is asked, how the answer ends
    "rate limit": (["rate limit", "rate limit"], 3, "passed"),
    "server error": (["server error"], 2, "passed"),
    "closed": (["closed"], 2, "passed"),
    "cut": (["cut", "cut"], 3, "passed"),
    "huge": (["huge"], 1, "passed"),
    "null": (["null"], 1, "syntax_error"),
    "server error for ever": (["server error", ...], 5, "HTTP 500: busy; try again later (gave up after 5 attempts)"),
    "cut for ever": (["cut", ...], 5, "the connection broke while the reply was read: "),
    "closed for ever": (["closed", ...], 5, "can't be reached: "),
    "garbage": (["garbage"], 1, "expected an OpenAI chat completion in JSON, got "),
    "truncated": (["truncated"], 1, "expected an OpenAI chat completion in JSON, got "),
    "no choices": (["no choices"], 1, "expected an OpenAI chat completion in JSON, got '{\"choices\": []}'"),
    "events": (["events"], 1, "expected an OpenAI chat completion in JSON, got 'data: "),
    "endless": (["endless"], 1, "expected a reply of at most 16 MiB, got a longer one"),
    "too long": (["too long"], 1, "the request was refused (HTTP 400): the context is too long"),
    "silent": (["silent", ...], 1, "no reply within 4 s; use a faster model or give it more time"),
    "dripping": (["dripping", ...], 1, "the reply was not whole in time; give it more time"),
}


def test_every_fault_ends_as_a_record_or_is_waited_out_and_only_failures_are_asked_again(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    names = dict(zip(PLAN, (p.id for p in PROBLEMS), strict=False))
    server.faults = {names[fault]: list(steps) for fault, (steps, _, _) in PLAN.items()}
    options = ("--limit", str(len(PLAN) + 2), "--jobs", "4", "--timeout", "4")
    assert bench(out, *options) == 1
    report = json.loads(capsys.readouterr().out)
    ended = {k[0]: v[0] for k, v in outcomes(out).items()}
    samples = {s["problem"]: s for s in lines(out / "samples.jsonl")}
    failed = set()
    for fault, (_, times, said) in PLAN.items():
        name = names[fault]
        assert server.asked[name] == times, fault
        if said in ("passed", "syntax_error"):
            assert (ended[name], samples[name]["error"]) == (said, ""), fault
        else:
            assert name not in ended and said in samples[name]["error"] and samples[name]["text"] == "", fault
            failed.add(name)
    assert report["stages"] == {"passed": 7, "syntax_error": 1, "no_answer": len(failed)} and len(failed) == 11
    server.faults.clear()
    server.asked.clear()
    assert bench(out, *options, "--resume") == 0
    assert dict(server.asked) == dict.fromkeys(failed, 1)
    assert json.loads(capsys.readouterr().out)["stages"] == {"passed": 18, "syntax_error": 1}
    assert bench(out, *options, "--resume") == 0
    assert dict(server.asked) == dict.fromkeys(failed, 1)


def test_an_endpoint_that_dies_midway_is_asked_for_the_rest_when_it_is_back(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    port = server.server_address[1]

    def kill() -> None:
        while sum(server.asked.values()) < 6:
            time.sleep(0.005)
        server.shutdown()
        server.server_close()

    killer = threading.Thread(target=kill)
    killer.start()
    assert bench(out, "--timeout", "3") == 1
    killer.join()
    answered = [s["problem"] for s in lines(out / "samples.jsonl") if not s["error"]]
    failed = [s["problem"] for s in lines(out / "samples.jsonl") if s["error"]]
    assert len(answered) + len(failed) == 27 and 5 <= len(answered) < 20
    assert json.loads(capsys.readouterr().out)["stages"] == {"passed": len(answered), "no_answer": len(failed)}
    again = Server(port)
    thread = serving(again)
    try:
        assert bench(out, "--timeout", "3", "--resume") == 0
    finally:
        end(again)
        thread.join()
    assert json.loads(capsys.readouterr().out)["stages"] == {"passed": 27}
    assert dict(again.asked) == dict.fromkeys(failed, 1)


def test_a_recording_gives_the_same_run_without_a_server(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, limit = tmp_path / "recorded.jsonl", ("--limit", "6", "-n", "2")
    server.faults = {PROBLEMS[0].id: ["null"], PROBLEMS[1].id: ["separators"]}
    assert bench(tmp_path / "first", *limit, model=f"record:{file}=openai:tiny") == 0
    first = json.loads(capsys.readouterr().out)
    asked = sum(server.asked.values())
    assert asked == 12 == len(lines(file))
    assert bench(tmp_path / "second", *limit, model=f"replay:{file}") == 0
    second = json.loads(capsys.readouterr().out)
    assert sum(server.asked.values()) == asked
    assert outcomes(tmp_path / "first") == outcomes(tmp_path / "second")
    for name in ("stages", "figures", "prompt_tokens", "completion_tokens", "cached_tokens"):
        assert first[name] == second[name]
    assert first["stages"] == {"passed": 11, "syntax_error": 1}


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("default")
def test_a_model_in_a_folder_is_asked_here(
    tiny_model: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("RTLGEN_DISPLAY", "none")
    model = f"hf:{tiny_model(4096)}"
    for name in ("first", "second"):
        assert bench(tmp_path / name, "--limit", "2", "--max-tokens", "16", model=model) == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["judged"], report["passed"]) == (2, 0)
        assert report["prompt_tokens"] > 400 and 0 < report["completion_tokens"] <= 32
    first, second = (
        [(s["problem"], s["text"]) for s in sorted(lines(tmp_path / n / "samples.jsonl"), key=lambda s: s["problem"])]
        for n in ("first", "second")
    )
    assert first == second
    assert bench(tmp_path / "short", "--limit", "2", model=f"hf:{tiny_model(64)}") == 1
    assert all("the model reads at most 64" in s["error"] for s in lines(tmp_path / "short" / "samples.jsonl"))
