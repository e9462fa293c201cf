"""VerilogEval v2's published prompts: fetched from an archive of the published layout, and asked as published.

The texts of the archive are our own.
"""

from __future__ import annotations

import functools
import http.server
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtlgen.benchmarks.suite import SUITES
from rtlgen.cli import main

TASKS = {"spec-to-rtl": "verilogeval-v2-spec-to-rtl", "code-complete-iccad2023": "verilogeval-v2-code-complete"}
SCRIPT = '''
import sys
from nowhere import Nothing
prompts = {}
prompts['code-complete-iccad2023'] = {
  'system_msg' : """
Finish it.
""",
  'prompt_prefix' : """
// Finish this:
"""
}
prompts['spec-to-rtl'] = { 'system_msg' : "\\nDesign it.\\n", 'prompt_prefix' : "" }
prompt_rules_suffix="""
No latches.
"""
prompt_no_explain_suffix="""
Mark it.
"""
sys.exit(Nothing())
'''
REFERENCE = "module RefModule(input a, output y);\n  assign y = ~a;\nendmodule\n"
TESTBENCH = """
module tb;
  reg a = 0; wire y, want; integer bad = 0;
  RefModule good(.a(a), .y(want));
  TopModule tried(.a(a), .y(y));
  initial begin
    repeat (4) begin #1 if (y !== want) bad = bad + 1; a = ~a; end
    $display("Mismatches: %0d in %0d samples", bad, 4);
  end
endmodule
"""
HEADER = "module TopModule(input a, output y);\n"


def archive(script: str | None = SCRIPT) -> dict[str, str]:
    files = {}
    for task, style in (("spec-to-rtl", ""), ("code-complete-iccad2023", HEADER)):
        stem = f"x/dataset_{task}/Prob001_not"
        files |= {f"{stem}_prompt.txt": f"\nInvert a,\nas y.\n{style}\n", f"{stem}_ref.sv": REFERENCE}
        files |= {f"{stem}_test.sv": TESTBENCH} | ({f"{stem}_ifc.txt": style} if style else {})
        for n in range(1, 5):
            files[f"x/scripts/verilog-example-prefix_{task}_{n}-shot.txt"] = f"{n} of {task}\n\n"
    if script is not None:
        files["x/scripts/sv-generate"] = script
    return files


class Web(http.server.SimpleHTTPRequestHandler):
    """Serves files, and answers as a model that inverts."""

    asked: list[list[dict[str, str]]]

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(request["messages"])
        reply = f"```\nmodule m; endmodule\n```\n[BEGIN]\n{HEADER}  assign y = !a;\nendmodule\n[DONE]\n"
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply}}
        body = json.dumps(
            {"id": "1", "object": "chat.completion", "created": 1, "model": "inverter", "choices": [choice]}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    root = tmp_path / "www"
    root.mkdir()
    Web.asked = []
    handler = functools.partial(Web, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setenv("RTLGEN_MODEL_URL", f"{url}/v1")
        monkeypatch.setenv("RTLGEN_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setenv("RTLGEN_DISPLAY", "none")
        yield url, root
        running.shutdown()
        thread.join()


def packed(root: Path, files: dict[str, str]) -> None:
    with zipfile.ZipFile(root / "a.zip", "w") as target:
        for name, text in files.items():
            target.writestr(name, text)


def fetched(web: tuple[str, Path], data: Path, files: dict[str, str] | None = None) -> None:
    url, root = web
    packed(root, files or archive())
    for suite in TASKS.values():
        assert main(["bench", "fetch", suite, "--url", f"{url}/a.zip", "--data", str(data)]) == 0


def texts(suite: str, data: Path, examples: int, rules: bool) -> tuple[str, str]:
    found: Any = SUITES.load(suite)
    told, asked = found.messages(data, examples, rules)(found.load(data).problems[0])
    assert (told.role, asked.role) == ("system", "user")
    return told.content, asked.content


def test_messages_are_put_together_as_published(web: tuple[str, Path], tmp_path: Path) -> None:
    fetched(web, tmp_path)
    spec, complete = TASKS.values()
    question = "\nQuestion:\nInvert a,\nas y.\n"
    assert texts(spec, tmp_path, 0, False) == ("\nDesign it.\n", f"{question}\nMark it.\n\nAnswer:\n")
    asked = f"2 of spec-to-rtl\n\n{question}\nNo latches.\n\nMark it.\n\nAnswer:\n"
    assert texts(spec, tmp_path, 2, True)[1] == asked
    commented = "\n// Finish this:\n// \n// Invert a,\n// as y.\n\nmodule TopModule(input a, output y);\n"
    assert texts(complete, tmp_path, 0, False) == ("\nFinish it.\n", commented)
    assert texts(complete, tmp_path, 4, False)[1] == f"4 of code-complete-iccad2023\n\n{commented}"


def test_a_run_asks_so_and_resumes_only_what_it_was(
    web: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openai", reason="needs the openai package: pip install 'rtlgen[agents]'")
    fetched(web, tmp_path)
    out = str(tmp_path / "run")
    command = [
        "bench",
        "run",
        TASKS["spec-to-rtl"],
        "--model",
        "openai:inverter",
        "--data",
        str(tmp_path),
        "--out",
        out,
    ]
    assert main([*command, "--examples", "1", "--rules"]) == 0
    assert "1 of 1 samples pass" in capsys.readouterr().out
    assert [m["content"] for m in Web.asked[0]] == list(texts(TASKS["spec-to-rtl"], tmp_path, 1, True))
    assert main([*command, "--examples", "1", "--resume"]) == 2
    assert "can't be resumed: rules was True, is False" in capsys.readouterr().err
    assert main([*command, "--examples", "2", "--rules", "--resume"]) == 2
    assert "can't be resumed: examples was 1, is 2" in capsys.readouterr().err
    assert main([*command, "--examples", "1", "--rules", "--resume"]) == 0


def test_without_the_texts_only_the_plain_prompt_is_asked(
    web: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openai", reason="needs the openai package: pip install 'rtlgen[agents]'")
    fetched(web, tmp_path, archive(script=None))
    command = ["bench", "run", TASKS["spec-to-rtl"], "--model", "openai:inverter", "--data", str(tmp_path)]
    for option in (["--examples", "0"], ["--rules"]):
        assert main([*command, *option, "--out", str(tmp_path / "none")]) == 2
        said = capsys.readouterr().err
        assert "needs verilog-eval/v2_prompts.json, which is not in " in said
        assert "get it with `rtlgen bench fetch verilogeval-v2-spec-to-rtl`" in said
    assert Web.asked == []
    assert main([*command, "--out", str(tmp_path / "plain")]) == 0
    assert Web.asked[0][1]["content"] == "Invert a,\nas y.\n"


@pytest.mark.parametrize(
    ("suite", "option", "said"),
    [
        ("starter", ["--examples", "1"], "suite 'starter' has no published examples or rules; VerilogEval v2 has"),
        ("verilogeval-v2-code-complete", ["--rules"], "has no rules; they are published for spec-to-rtl only"),
        ("verilogeval-v2-spec-to-rtl", ["--examples", "5"], "5 is not in the range 0<=x<=4"),
    ],
)
def test_what_is_not_published_is_refused(
    suite: str, option: list[str], said: str, web: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetched(web, tmp_path)
    capsys.readouterr()
    assert main(["bench", "run", suite, "--model", "openai:inverter", "--data", str(tmp_path), *option]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x/scripts/sv-generate": "prompts = {\n"}, "scripts/sv-generate: expected a Python script: "),
        ({"x/scripts/sv-generate": "x = 1\n"}, "scripts/sv-generate: expected the texts of both tasks, the rules and "),
        (
            {"x/scripts/verilog-example-prefix_spec-to-rtl_3-shot.txt": None},
            "expected scripts/verilog-example-prefix_spec-to-rtl_3-shot.txt in the archive, got none",
        ),
    ],
)
def test_an_archive_with_other_texts_is_refused(
    change: dict[str, str | None], said: str, web: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, root = web
    packed(root, {n: t for n, t in (archive() | change).items() if t is not None})
    data = tmp_path / "data"
    assert main(["bench", "fetch", TASKS["spec-to-rtl"], "--url", f"{url}/a.zip", "--data", str(data)]) == 2
    assert said in capsys.readouterr().err
    assert not data.exists()


def test_a_damaged_file_of_texts_is_said(
    web: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetched(web, tmp_path)
    file = tmp_path / "verilog-eval" / "v2_prompts.json"
    file.write_text(file.read_text()[:200])
    capsys.readouterr()
    run = ["bench", "run", TASKS["spec-to-rtl"], "--model", "openai:inverter", "--data", str(tmp_path)]
    assert main([*run, "--examples", "1"]) == 2
    assert "get it again with `rtlgen bench fetch`" in capsys.readouterr().err
