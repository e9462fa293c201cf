"""`openai:NAME` against a real HTTP server: what is sent, what is understood, what is said when it fails."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rtlgen.core.errors import ModelProviderError
from rtlgen.models import Message, Reply, open_model

pytest.importorskip("openai", reason="needs the openai package: pip install 'rtlgen[agents]'")

KEY = "sk-secret-0123456789abcdef"
TURN = [Message("system", "be brief"), Message("user", "hello")]
Answer = Callable[[dict[str, Any]], tuple[int, bytes, dict[str, str]]]


class Server(ThreadingHTTPServer):
    answer: Answer
    seen: list[tuple[dict[str, Any], dict[str, str]]]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.seen.append((request, {n.lower(): v for n, v in self.headers.items()}))
        status, body, headers = server.answer(request)
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        for start in range(0, len(body), 1 << 16):
            try:
                self.wfile.write(body[start : start + (1 << 16)])
            except OSError:
                return

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    found = Server(("127.0.0.1", 0), Handler)
    found.seen = []
    found.answer = lambda request: (200, completion("hi"), {})
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RTLGEN_MODEL_URL", f"http://127.0.0.1:{found.server_address[1]}/v1")
    monkeypatch.setenv("RTLGEN_MODEL_KEY", KEY)
    monkeypatch.setattr("rtlgen.models.retry.FIRST_PAUSE_S", 0.01)
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


def completion(text: object, **more: object) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"} | more
    usage = {"prompt_tokens": 12, "completion_tokens": 3}
    return json.dumps({"model": "tiny-1", "choices": [choice], "usage": usage}).encode()


def ask(timeout_s: float = 20.0, temperature: float = 0.5) -> Reply:
    model = open_model("openai:tiny")
    return model.complete(TURN, temperature=temperature, max_tokens=99, seed=7, timeout_s=timeout_s)


def failure(**options: float) -> str:
    with pytest.raises(ModelProviderError) as caught:
        ask(**options)
    assert KEY not in str(caught.value) and caught.value.__cause__ is None
    return str(caught.value)


def where(server: Server) -> str:
    return f"model 'openai:tiny' at http://127.0.0.1:{server.server_address[1]}/v1"


def test_a_request_says_what_was_asked_and_the_reply_what_came(server: Server) -> None:
    reply = ask()
    assert (reply.text, reply.model, reply.prompt_tokens, reply.completion_tokens) == ("hi", "tiny-1", 12, 3)
    assert reply.ended_by == "stop" and 0 < reply.wall_s < 20
    request, headers = server.seen[0]
    assert request == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "temperature": 0.5,
        "max_tokens": 99,
        "seed": 7,
    }
    assert headers["authorization"] == f"Bearer {KEY}"


def test_parts_a_cut_and_missing_counts_are_understood(server: Server) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    server.answer = lambda request: (200, completion(parts, finish_reason="length"), {})
    assert (ask().text, ask().ended_by) == ("ab", "length")
    assert ask().cached_tokens is None
    body = json.loads(completion("hi")) | {
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}
    }
    server.answer = lambda request: (200, json.dumps(body).encode(), {})
    assert ask().cached_tokens == 8
    server.answer = lambda request: (200, b'{"choices": [{"message": {"content": null}}]}', {})
    reply = ask()
    assert (reply.text, reply.model, reply.prompt_tokens, reply.completion_tokens) == ("", "tiny", None, None)


def test_half_a_surrogate_does_no_harm(server: Server) -> None:
    server.answer = lambda request: (200, b'{"choices": [{"message": {"content": "a\\ud800b"}}]}', {})
    assert ask().text == "a?b"


def test_trouble_that_passes_is_waited_out(server: Server) -> None:
    troubles = [(429, {"Retry-After": "0.05"}), (503, {}), (500, {})]

    def answer(request: dict[str, Any]) -> tuple[int, bytes, dict[str, str]]:
        if troubles:
            status, headers = troubles.pop()
            return status, b'{"error": {"message": "busy"}}', headers
        return 200, completion("at last"), {}

    server.answer = answer
    assert ask().text == "at last" and len(server.seen) == 4


def test_trouble_that_stays_ends_with_what_the_server_said(server: Server) -> None:
    server.answer = lambda request: (429, json.dumps({"error": {"message": f"quota of {KEY}"}}).encode(), {})
    assert failure() == f"{where(server)}: HTTP 429: quota of ***; try again later (gave up after 5 attempts)"
    server.seen.clear()
    server.answer = lambda request: (503, b"<html>down</html>", {"Retry-After": "50"})
    assert failure(timeout_s=3) == (
        f"{where(server)}: HTTP 503: <html>down</html>; try again later (gave up after 1 attempt)"
    )


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_not_shown(server: Server, status: int) -> None:
    server.answer = lambda request: (status, json.dumps({"error": {"message": f"bad key {KEY}"}}).encode(), {})
    assert failure() == (
        f"{where(server)}: the key was refused (HTTP {status}); check RTLGEN_MODEL_KEY or OPENAI_API_KEY"
    )
    assert len(server.seen) == 1


def test_a_missing_model_and_a_bad_request(server: Server) -> None:
    server.answer = lambda request: (404, b'{"error": {"message": "no tiny here"}}', {})
    assert failure() == (
        f"{where(server)}: no such model or address (HTTP 404: no tiny here); check the name and RTLGEN_MODEL_URL"
    )
    server.answer = lambda request: (400, b'{"error": {"message": "the context is too long"}}', {})
    assert failure() == f"{where(server)}: the request was refused (HTTP 400): the context is too long"


def test_what_an_endpoint_does_not_know_is_left_out(server: Server) -> None:
    def answer(request: dict[str, Any]) -> tuple[int, bytes, dict[str, str]]:
        for name in ("max_tokens", "temperature", "seed"):
            if name in request:
                text = f"Unsupported parameter: {name!r} is not supported with this model."
                return 400, json.dumps({"error": {"message": text, "param": name}}).encode(), {}
        return 200, completion("fine"), {}

    server.answer = answer
    model = open_model("openai:tiny")
    for _ in range(2):
        assert model.complete(TURN, temperature=1.0, max_tokens=5, seed=1, timeout_s=20).text == "fine"
    assert len(server.seen) == 5
    assert server.seen[-1][0].keys() == {"model", "messages", "max_completion_tokens"}


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b'{"choices": []}', b'{"choices": [{}]}', b"null"])
def test_an_answer_out_of_contract_is_shown(server: Server, body: bytes) -> None:
    server.answer = lambda request: (200, body, {})
    assert failure() == (
        f"{where(server)}: expected an OpenAI chat completion in JSON, got {body.decode()!r}; check that the address "
        "ends where the API begins, usually in /v1"
    )


def test_an_endless_answer_is_cut_off(server: Server) -> None:
    server.answer = lambda request: (200, b"x" * (17 << 20), {})
    assert failure() == f"{where(server)}: expected a reply of at most 16 MiB, got a longer one"


def test_a_slow_answer_is_given_up_in_time(server: Server) -> None:
    ended = threading.Event()

    def answer(request: dict[str, Any]) -> tuple[int, bytes, dict[str, str]]:
        ended.wait(20)
        return 200, completion("late"), {}

    server.answer = answer
    start = time.monotonic()
    assert failure(timeout_s=1.0) == (
        f"{where(server)}: no reply within 1 s; use a faster model or give it more time (gave up after 1 attempt)"
    )
    assert time.monotonic() - start < 10
    ended.set()


def test_nobody_there(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTLGEN_MODEL_URL", "http://user:pa55@127.0.0.1:9/v1?token=pa55")
    text = failure()
    assert text.startswith("model 'openai:tiny' at http://127.0.0.1:9/v1: can't be reached: ")
    assert text.endswith("; start the server, or set RTLGEN_MODEL_URL (gave up after 5 attempts)")
    assert "pa55" not in text


def test_the_key_for_openai_is_not_sent_elsewhere(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RTLGEN_MODEL_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    ask()
    assert KEY not in str(server.seen[0][1])
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_address[1]}/v1")
    monkeypatch.delenv("RTLGEN_MODEL_URL")
    ask()
    assert server.seen[1][1]["authorization"] == f"Bearer {KEY}"


def test_no_key_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ModelProviderError) as caught:
        open_model("openai:tiny")
    assert str(caught.value) == (
        "model 'openai:tiny': no key; set OPENAI_API_KEY (or RTLGEN_MODEL_KEY), or set RTLGEN_MODEL_URL to another "
        "endpoint, such as http://localhost:8000/v1"
    )
    monkeypatch.setenv("RTLGEN_MODEL_URL", "localhost:8000")
    with pytest.raises(ModelProviderError) as caught:
        open_model("openai:tiny")
    assert str(caught.value).startswith("expected an address such as http://localhost:8000/v1 in RTLGEN_MODEL_URL")


def test_neither_logs_nor_the_object_tell_the_key(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.answer = lambda request: (200, completion(f"your key is {KEY}"), {})
    assert ask().text == "your key is ***"
    assert KEY not in caplog.text and KEY not in repr(open_model("openai:tiny"))


def test_a_missing_package_comes_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtlgen.models.providers.util.find_spec", lambda name: None)
    with pytest.raises(ModelProviderError) as caught:
        open_model("openai:tiny")
    assert str(caught.value) == (
        "model 'openai:tiny' needs the Python package 'openai', which is not installed; "
        "run: pip install 'rtlgen[agents]'"
    )
