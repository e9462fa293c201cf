"""The same cheats and honest answers before the second simulator: none may pass, all may but what it can't read."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from rtlgen.sandbox import Limits
from rtlgen.scorers.extract import extract
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.simulation import Judge, Verdict
from rtlgen.synth.sim import find_verilator

pytestmark = [pytest.mark.eda, pytest.mark.slow]


def neighbour(name: str) -> ModuleType:
    """Return a module beside this one."""
    spec = importlib.util.spec_from_file_location(f"second_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cheats, honest, problems = neighbour("test_cheats"), neighbour("test_honest"), neighbour("problems")


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RTLGEN_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        verilator = find_verilator()
    return Judge(
        verilator,
        compile_limits=Limits(cpu_s=20, wall_s=300, memory_mb=1024, output_mb=1, disk_mb=64, processes=8),
        run_limits=Limits(cpu_s=2, wall_s=60, memory_mb=512, output_mb=1, disk_mb=64, processes=8),
    )


def judged(judge: Judge, todo: dict[str, tuple[Problem, str]]) -> dict[str, Verdict]:
    with ThreadPoolExecutor(2) as threads:
        found = threads.map(lambda name: judge.judge(*todo[name]), todo)
        return dict(zip(todo, found, strict=True))


def test_no_cheat_passes(judge: Judge) -> None:
    counted = {f"{kind}: {name}": text for kind, row in cheats.COUNTED.items() for name, text in row.items()}
    todo = {name: (problems.COUNTED, text) for name, text in counted.items()}
    todo |= {f"printed: {name}": (problems.PRINTED, text) for name, text in cheats.PRINTED.items()}
    assert judge.reference(problems.COUNTED).passed
    assert judge.reference(problems.PRINTED).passed
    verdicts = judged(judge, todo)
    assert len(verdicts) >= 80
    assert {name: v for name, v in verdicts.items() if v.passed} == {}


def test_honest_answers_pass(judge: Judge) -> None:
    todo = {name: (problems.COUNTED, extract(reply, problems.COUNTED)) for name, reply in honest.REPLIES.items()}
    verdicts = judged(judge, todo)
    assert {name: (v.status, v.reason) for name, v in verdicts.items() if not v.passed} == {}
