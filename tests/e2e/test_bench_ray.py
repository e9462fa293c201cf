"""`--executor ray` on two real nodes of this machine: the verdicts of a local run, whatever dies midway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from rtlgen.benchmarks.ray_executor import RayScorer, cluster
from rtlgen.benchmarks.runlog import Result
from rtlgen.benchmarks.samples import Sample
from rtlgen.benchmarks.scoring import LocalRecipe
from rtlgen.benchmarks.suites.starter import STARTER
from rtlgen.cli import main
from rtlgen.core.errors import ConfigError, SandboxError, ToolVersionError
from rtlgen.core.events import EventBus, Notice
from rtlgen.scorers.problem import Problem

pytest.importorskip("ray", reason="needs ray: pip install 'rtlgen[ray]'")

pytestmark = [pytest.mark.eda, pytest.mark.timeout(300), pytest.mark.filterwarnings("default")]
PROBLEM = STARTER.load(None).problems[0]
RIGHT = Sample(problem=PROBLEM.id, attempt=0, text=PROBLEM.reference.replace(PROBLEM.reference_top, PROBLEM.top))


class Nodes:
    """Two nodes of one CPU each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        self.second: Any = self.cluster.add_node(num_cpus=1)
        self.address: str = self.cluster.address


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        found = Nodes()
        yield found
        found.cluster.shutdown()


def answers(path: Path, copies: int) -> Path:
    lines = []
    for copy in range(copies):
        for index, problem in enumerate(STARTER.load(None).problems):
            code = problem.reference.replace(problem.reference_top, problem.top)
            code = code.replace("endmodule", "endmodul") if index < 2 else f"{code}// {copy}\n"
            lines.append(json.dumps({"problem": problem.id, "reply": f"```verilog\n{code}```"}))
    path.write_text("\n".join(lines) + "\n")
    return path


def verdicts(run: Path) -> dict[tuple[str, int], tuple[str, int | None, str]]:
    """Return what does not depend on the machine's load, by problem and attempt; each may be there only once."""
    rows = [json.loads(line) for line in (run / "results.jsonl").read_text().splitlines()]
    found = {(r["problem"], r["attempt"]): _told(r["verdict"]) for r in rows}
    assert len(found) == len(rows)
    return found


def _told(verdict: dict[str, Any]) -> tuple[str, int | None, str]:
    return verdict["status"], verdict["samples"], verdict["reason"]


def test_a_node_that_is_killed_midway_changes_no_verdict(nodes: Nodes, tmp_path: Path) -> None:
    file = answers(tmp_path / "s.jsonl", copies=2)
    here, there = tmp_path / "here", tmp_path / "there"
    command = [sys.executable, "-m", "rtlgen", "--display", "plain", "bench", "score", "starter", "--samples", file]
    caches = [os.environ | {"RTLGEN_CACHE_DIR": str(tmp_path / name)} for name in ("cache-1", "cache-2")]
    subprocess.run([*command, "--out", here], check=True, capture_output=True, env=caches[0])
    ray = ["--executor", "ray", "--ray-address", nodes.address]
    process = subprocess.Popen(
        [*command, "--out", there, *ray], env=caches[1], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not (there / "results.jsonl").exists() or (there / "results.jsonl").read_bytes().count(b"\n") < 10:
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.02)
    nodes.cluster.remove_node(nodes.second, allow_graceful=False)
    done = (there / "results.jsonl").read_bytes().count(b"\n")
    _, said = process.communicate(timeout=200)
    assert process.returncode == 0 and done < 54
    assert "a Ray worker died, another one takes over: " in said
    assert verdicts(there) == verdicts(here) and len(verdicts(here)) == 54
    nodes.second = nodes.cluster.add_node(num_cpus=1)


@pytest.mark.slow
def test_ray_is_started_where_there_is_no_cluster(tmp_path: Path) -> None:
    file = answers(tmp_path / "s.jsonl", copies=1)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")} | {"HOME": str(tmp_path)}
    command = [sys.executable, "-m", "rtlgen", "--display", "none", "bench", "score", "starter", "--samples", file]
    command += ["--limit", "4", "--out", tmp_path / "run", "--json", "--executor", "ray", "--jobs", "2"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["stages"] == {"passed": 2, "syntax_error": 2}
    assert done.stderr == ""


def test_an_answer_that_kills_its_worker_is_judged_elsewhere_and_not_for_ever(nodes: Nodes, tmp_path: Path) -> None:
    class Deadly:
        """Dies over the answer `die`, and once over `die once`."""

        tools = "t"

        def open(self) -> Deadly:
            return self

        def score(self, problem: Problem, sample: Sample) -> Result:
            mark = tmp_path / "died"
            if sample.text == "die" or (sample.text == "die once" and not mark.exists()):
                mark.touch()
                os._exit(1)
            if sample.text == "raise":
                raise SandboxError("disk full")
            return Result(problem=problem.id, attempt=sample.attempt, sample=sample.digest, verdict=None)

        def expected_s(self, problem: Problem) -> float:
            return 2.5

    bus, said = EventBus(), []
    bus.subscribe(lambda event: said.append(event.text) if isinstance(event, Notice) else None)
    with cluster(nodes.address, 1) as cpus:
        assert cpus >= 2  # a node that was killed counts for some seconds more
        scorer = RayScorer(Deadly(), "t", slots=2, bus=bus)
        assert scorer.expected_s(PROBLEM) == 2.5
        once = RIGHT.model_copy(update={"text": "die once"})
        assert scorer.score(PROBLEM, once).sample == once.digest and len(said) == 1
        with pytest.raises(SandboxError, match=r"^disk full$"):
            scorer.score(PROBLEM, RIGHT.model_copy(update={"text": "raise"}))
        with pytest.raises(SandboxError, match=r"^5 Ray workers died one after the other over one answer: "):
            scorer.score(PROBLEM, RIGHT.model_copy(update={"text": "die"}))
        assert scorer.score(PROBLEM, RIGHT).sample == RIGHT.digest
        scorer.close()


def test_a_node_with_other_tools_is_refused(nodes: Nodes) -> None:
    recipe = LocalRecipe()
    with cluster(nodes.address, 1):
        scorer = RayScorer(recipe, "rtlgen 0, icarus 10.3", slots=1, bus=EventBus())
        expected = rf"^Ray node \S+: expected rtlgen 0, icarus 10\.3, as on this machine, got {recipe.open().tools}; "
        with pytest.raises(ToolVersionError, match=expected):
            scorer.score(PROBLEM, RIGHT)
        scorer.close()


@pytest.mark.slow
def test_a_cluster_without_room_is_said_to_be_so(nodes: Nodes) -> None:
    with cluster(nodes.address, 1):
        taken = [RayScorer(LocalRecipe(), LocalRecipe().open().tools, slots=2, bus=EventBus())]
        taken[0].score(PROBLEM, RIGHT)
        while taken[0]._starting:
            taken[0].score(PROBLEM, RIGHT)
        late = RayScorer(LocalRecipe(), LocalRecipe().open().tools, slots=1, bus=EventBus(), patience_s=0.5)
        with pytest.raises(SandboxError, match=r"^no Ray worker started within 0 s; expected a cluster with a free"):
            late.score(PROBLEM, RIGHT)
        late.close()
        taken[0].close()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nonsense", r"^expected the address of a Ray cluster as HOST:PORT, or auto, got 'nonsense'$"),
        ("127.0.0.1:9", r"^no Ray cluster at 127\.0\.0\.1:9: .*; start one with: ray start --head$"),
    ],
)
def test_no_cluster_at_an_address(address: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said), cluster(address, 1):
        pass


def test_a_missing_package_comes_with_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = util.find_spec
    monkeypatch.setattr(
        "rtlgen.benchmarks.ray_executor.util.find_spec", lambda name: None if name == "ray" else find(name)
    )
    file = answers(tmp_path / "s.jsonl", copies=1)
    run = ["bench", "score", "starter", "--samples", str(file), "--out", str(tmp_path / "run"), "--executor", "ray"]
    assert main(run) == 2
    assert "--executor ray needs the Python package 'ray', which is not installed; run: pip install 'rtlgen[ray]'" in (
        capsys.readouterr().err
    )
