"""`rtlgen bench fetch` from a server with archives laid out as the publishers', made of the data at hand."""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtlgen.benchmarks.suite import SUITES
from rtlgen.cli import main

DATA = os.environ.get("RTLGEN_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="RTLGEN_DATA is not set, so there is nothing to make archives of")


def lines(name: str) -> list[dict[str, Any]]:
    with gzip.open(Path(DATA or "") / "benchmarks" / name, "rt") as source:
        return [json.loads(x) for x in source]


def v2(folder: str, name: str) -> dict[str, str]:
    files: dict[str, str] = {}
    for row in lines(name):
        stem = f"verilog-eval-x/{folder}/{row['extra']['problem']}"
        files |= {f"{stem}_prompt.txt": row["prompt"], f"{stem}_ref.sv": row["reference"]}
        files |= {f"{stem}_test.sv": row["testbench"]}
        files |= {f"{stem}_ifc.txt": row["interface"]} if row["interface"] else {}
    return files


def v1() -> dict[str, str]:
    data, texts = [], []
    for row in lines("verilog-eval/v1_human.jsonl.gz"):
        name = row["task_id"].rpartition("/")[2]
        body = row["reference"].removeprefix(row["interface"])
        data.append({"task_id": name, "prompt": row["interface"], "canonical_solution": body, "test": row["testbench"]})
        texts.append({"task_id": name, "detail_description": row["prompt"]})
    return {
        "verilog-eval-x/data/VerilogEval_Human.jsonl": "\n".join(map(json.dumps, data)),
        "verilog-eval-x/descriptions/VerilogDescription_Human.jsonl": "\n".join(map(json.dumps, texts)),
    }


def rtllm() -> dict[str, str]:
    files: dict[str, str] = {}
    for row in lines("rtllm/v2.jsonl.gz"):
        folder = f"RTLLM-x/{row['source'].rpartition(':')[2]}"
        files |= {f"{folder}/design_description.txt": row["prompt"], f"{folder}/testbench.v": row["testbench"]}
        files |= {f"{folder}/verified_{row['top']}.v": row["reference"], f"{folder}/makefile": row["extra"]["makefile"]}
        files |= {f"{folder}/{n}": text for n, text in row["extra"]["data_files"].items()}
    return files


def rtllm_1_1() -> dict[str, str]:
    """Return the designs of 1.1 in its layout: a folder each at the top, with what a simulation left behind."""
    wanted = {p.id for p in SUITES.load("rtllm-v1.1").load(Path(DATA or "") / "benchmarks").problems}
    files = {"RTLLM-1.1/README.md": "about", "RTLLM-1.1/_chatgpt35/t1/accu.v": "module accu; endmodule"}
    for path, text in rtllm().items():
        *_, folder, name = path.split("/")
        if folder in wanted:
            files |= {f"RTLLM-1.1/{folder}/{name}": text, f"RTLLM-1.1/{folder}/output.txt": "left behind"}
    return files


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    root = tmp_path / "www"
    root.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", root
        running.shutdown()
        thread.join()


@needs_data
@pytest.mark.parametrize(
    ("suite", "files"),
    [
        ("verilogeval-v2-spec-to-rtl", lambda: v2("dataset_spec-to-rtl", "verilog-eval/v2_spec-to-rtl.jsonl.gz")),
        (
            "verilogeval-v2-code-complete",
            lambda: v2("dataset_code-complete-iccad2023", "verilog-eval/v2_code-complete.jsonl.gz"),
        ),
        ("verilogeval-v1-human", v1),
        ("rtllm-v2", rtllm),
    ],
)
def test_what_is_fetched_is_what_is_known(
    suite: str, files: Any, server: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, root = server
    with zipfile.ZipFile(root / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files().items():
            archive.writestr(name, text)
    folder = tmp_path / "data"
    assert main(["bench", "fetch", suite, "--url", f"{url}/a.zip", "--data", str(folder)]) == 0
    here = SUITES.load(suite).load(Path(DATA or "") / "benchmarks")
    assert f"{suite}: {len(here.problems)} problems, MIT, https://github.com/" in capsys.readouterr().out
    there = SUITES.load(suite).load(folder).by_id()
    differing = [p.id for p in here.problems if there[p.id].digest != p.digest]
    assert differing == []


def test_what_is_no_archive_is_said(
    server: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, root = server
    (root / "a.zip").write_text("<html>not here</html>")
    for address, said in (
        (f"{url}/a.zip", "a.zip: expected a zip archive: "),
        (f"{url}/none.zip", "none.zip: can't be downloaded: "),
        ("http://127.0.0.1:9/a.zip", "can't be downloaded: "),
    ):
        assert main(["bench", "fetch", "rtllm-v2", "--url", address, "--data", str(tmp_path / "d")]) == 2
        assert said in capsys.readouterr().err
    assert main(["bench", "fetch", "starter"]) == 2
    assert "suite 'starter' has nothing to fetch" in capsys.readouterr().err


@needs_data
def test_rtllm_1_1_is_fetched_as_released(
    server: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, root = server
    with zipfile.ZipFile(root / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in rtllm_1_1().items():
            archive.writestr(name, text)
    folder = tmp_path / "data"
    assert main(["bench", "fetch", "rtllm-v1.1-release", "--url", f"{url}/a.zip", "--data", str(folder)]) == 0
    assert "rtllm-v1.1-release: 29 problems, MIT, https://github.com/" in capsys.readouterr().out
    there = SUITES.load("rtllm-v1.1-release").load(folder)
    here = SUITES.load("rtllm-v1.1").load(Path(DATA or "") / "benchmarks").by_id()
    assert [p.id for p in there.problems if p.digest != here[p.id].digest] == []
    assert not any(name == "output.txt" for p in there.problems for name, _ in p.data_files)
