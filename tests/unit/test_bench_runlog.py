"""A run's folder: nothing is lost or repeated, whatever a killed process left behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.benchmarks.runlog import Result, RunConfig, RunFolder
from rtlgen.benchmarks.samples import Sample
from rtlgen.core.errors import ConfigError, InputError
from rtlgen.scorers.verdict import Verdict

CONFIG = RunConfig(
    suite="s", dataset="d", model="m", n=1, temperature=0.0, max_tokens=8, problems=("p",), simulator="icarus 11.0",
    version="0",
)  # fmt: skip


def result(problem: str, attempt: int) -> Result:
    return Result(problem=problem, attempt=attempt, sample="0" * 64, verdict=Verdict(status="passed"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=12, unique=True), st.data())
def test_a_torn_line_is_dropped_and_the_rest_kept(attempts: list[int], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name) / "run")
        folder.create(CONFIG, resume=False)
        for attempt in attempts:
            folder.add_result(result("p", attempt))
        file = folder.path / "results.jsonl"
        whole = file.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        file.write_bytes(whole[:cut])
        kept = whole[:cut].count(b"\n")
        assert [r.attempt for r in folder.results().values()] == attempts[:kept]
        folder.add_result(result("q", 0))
        assert [r.problem for r in folder.results().values()] == ["p"] * kept + ["q"]


def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create(CONFIG, resume=False)
    with pytest.raises(ConfigError, match=r"holds a run already; go on with it by --resume, or name another --out$"):
        folder.create(CONFIG, resume=False)
    folder.create(CONFIG, resume=True)
    with pytest.raises(ConfigError, match=r"holds another run, which can't be resumed: model was 'm', is 'other'$"):
        folder.create(CONFIG.model_copy(update={"model": "other"}), resume=True)


def test_two_processes_are_not_at_work_on_one_run(tmp_path: Path) -> None:
    folder, other = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "run")
    folder.create(CONFIG, resume=False)
    with folder.alone(), pytest.raises(ConfigError, match=r"another process is at work on this run"), other.alone():
        pass
    with other.alone():
        assert other.results() == {}


def test_what_is_no_run_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a run \(a folder with run\.json\)"):
        RunFolder(tmp_path).config()
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match=r"run\.json: not of a run of this version: Field required$"):
        RunFolder(tmp_path).config()


def test_a_failed_answer_is_a_record_with_its_reason(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create(CONFIG, resume=False)
    folder.add_sample(Sample(problem="p", attempt=0, error="no answer within 3 s"))
    assert folder.samples()["p", 0].error == "no answer within 3 s"
    assert folder.results() == {}
