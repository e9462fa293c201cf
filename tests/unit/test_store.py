"""The store: addressed by content, computed once, and never in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rtlgen.core.store import Store, record_codec
from rtlgen.core.types import PPA

KEYS = [Store.key(schema="test/1", commands=[str(number)]) for number in range(6)]
JSON_VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True)
class _Limits:
    wall_s: float


def test_key_depends_on_every_part_and_on_nothing_else() -> None:
    parts = {
        "schema": "a/1",
        "tool": "yosys 0.70",
        "commands": ("x", "y"),
        "inputs": {"top.v": "1", "lib": "2"},
        "limits": _Limits(1.0),
    }
    key = Store.key(**parts)
    assert key == Store.key(**parts | {"inputs": {"lib": "2", "top.v": "1"}})
    others = {
        "schema": "a/2",
        "tool": "yosys 0.71",
        "commands": ("y", "x"),
        "inputs": {"top.v": "1", "lib": "3"},
        "limits": _Limits(2.0),
    }
    changed = [Store.key(**parts | {name: value}) for name, value in others.items()]
    assert len({key, *changed}) == 6


@given(st.lists(st.text()), st.lists(st.text()))
def test_different_commands_have_different_keys(one: list[str], other: list[str]) -> None:
    assert (one == other) == (Store.key(schema="t", commands=one) == Store.key(schema="t", commands=other))


def test_key_that_is_no_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^expected a store key of 64 hex digits, got '\.\./x'$"):
        Store(tmp_path).get("../x")


@settings(max_examples=50)
@given(value=JSON_VALUES)
def test_what_goes_in_comes_out(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    assert store.put(KEYS[0], value)
    assert store.get(KEYS[0]) == value
    assert Store(store.root).get(KEYS[0]) == value


def test_records_keep_their_type(tmp_path: Path) -> None:
    codec = record_codec(PPA)
    ppa = PPA(area_um2=1.5, delay_ns=None, power_mw=None, basis="b")
    store = Store(tmp_path)
    assert store.get_or_compute(KEYS[0], lambda: ppa, codec=codec) == ppa
    found = store.get(KEYS[0], codec=codec)
    assert isinstance(found, PPA)
    assert found == ppa
    # an entry of another form counts as damaged, and is computed anew
    assert store.get(KEYS[0], codec=record_codec(_Limits)) is None


def test_computes_once_and_not_what_may_not_be_kept(tmp_path: Path) -> None:
    store, calls = Store(tmp_path), []

    def work() -> dict[str, str]:
        calls.append(1)
        return {"status": "timeout" if len(calls) == 1 else "ok"}

    def keep(value: dict[str, str]) -> bool:
        return value["status"] != "timeout"

    assert store.get_or_compute(KEYS[0], work, cacheable=keep) == {"status": "timeout"}
    assert store.get_or_compute(KEYS[0], work, cacheable=keep) == {"status": "ok"}
    assert store.get_or_compute(KEYS[0], work, cacheable=keep) == {"status": "ok"}
    assert len(calls) == 2


def test_exception_passes_through_and_frees_the_key(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail() -> int:
        raise RuntimeError("no tool")

    with pytest.raises(RuntimeError, match=r"^no tool$"):
        store.get_or_compute(KEYS[0], fail)
    assert store.get_or_compute(KEYS[0], lambda: 7) == 7


def test_threads_compute_once(tmp_path: Path) -> None:
    store, calls, found = Store(tmp_path), [], []

    def work() -> int:
        calls.append(1)
        time.sleep(0.1)
        return 42

    threads = [threading.Thread(target=lambda: found.append(store.get_or_compute(KEYS[0], work))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, len(calls)) == ([42] * 8, 1)


def test_one_computation_may_ask_for_another(tmp_path: Path) -> None:
    store = Store(tmp_path)
    outer = store.get_or_compute(KEYS[0], lambda: store.get_or_compute(KEYS[1], lambda: 1) + 1)
    assert (outer, store.get(KEYS[1])) == (2, 1)


CHILD = """
import sys, time
from pathlib import Path
from rtlgen.core.store import Store
root, key, log = sys.argv[1:4]
def work():
    with open(log, "a") as file:
        file.write("x")
    time.sleep(float(sys.argv[4]))
    return "value"
print(Store(Path(root)).get_or_compute(key, work))
"""


def child(root: Path, log: Path, pause_s: float) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", CHILD, str(root), KEYS[0], str(log), str(pause_s)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def test_processes_compute_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    children = [child(tmp_path / "store", log, 0.3) for _ in range(3)]
    assert [process.communicate()[0] for process in children] == ["value\n"] * 3
    assert log.read_text() == "x"


def test_kill_while_computing_leaves_the_key_free(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = child(tmp_path / "store", log, 60)
    while not log.exists():
        time.sleep(0.01)
    second = child(tmp_path / "store", log, 0)
    first.kill()
    first.communicate()
    assert second.communicate()[0] == "value\n"
    assert log.read_text() == "xx"


def test_damage_is_noticed_and_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(KEYS[0], {"a": 1})
    (entry,) = tmp_path.glob("??/*")
    whole = entry.read_bytes()
    for damaged in (b"", whole[:-1], whole + b"x", b"x" * len(whole), whole.replace(b'"a"', b'"b"'), b"\xff" * 500):
        entry.write_bytes(damaged)
        assert store.get(KEYS[0]) is None, damaged
        assert not entry.exists()
        assert store.get_or_compute(KEYS[0], lambda: {"a": 1}) == {"a": 1}
        assert entry.read_bytes() == whole


def test_leftover_of_a_killed_writer_is_swept_after_a_day(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(KEYS[0], 1)
    old, young = tmp_path / "tmp" / "old", tmp_path / "tmp" / "young"
    old.write_bytes(b"part of a")
    young.write_bytes(b"part of a")
    os.utime(old, (time.time() - 90_000,) * 2)
    store.evict()
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == ["young"]
    assert store.get(KEYS[0]) == 1


def test_disk_that_is_full_costs_only_the_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    # the kernel refuses the write as it does on a full disk, with another error number
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        assert store.get_or_compute(KEYS[0], lambda: "x" * 5000) == "x" * 5000
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert store.get(KEYS[0]) is None
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_root_that_is_no_folder_turns_the_store_off(tmp_path: Path) -> None:
    store = Store(Path("/dev/full/rtlgen"))
    assert store.get_or_compute(KEYS[0], lambda: 5) == 5
    file = tmp_path / "file"
    file.write_text("")
    assert Store(file).get_or_compute(KEYS[0], lambda: 6) == 6


def test_size_zero_turns_the_store_off(tmp_path: Path) -> None:
    store = Store(tmp_path / "none", max_mb=0)
    assert [store.get_or_compute(KEYS[0], lambda: 1) for _ in range(2)] == [1, 1]
    assert not (tmp_path / "none").exists()


def test_entries_used_longest_ago_go_first(tmp_path: Path) -> None:
    store = Store(tmp_path, max_mb=0.01)
    for number, key in enumerate(KEYS[:3]):
        store.put(key, "x" * 2500)
        os.utime(next(tmp_path.glob(f"??/{key}")), (1000 + number,) * 2)
    assert store.get(KEYS[0]) is not None  # used just now
    for key in KEYS[3:]:
        store.put(key, "y" * 2500)
    assert store.get(KEYS[0]) is not None
    assert store.get(KEYS[1]) is None
    assert store.get(KEYS[5]) is not None
    assert store.size_bytes() <= store.max_bytes


def test_value_over_the_limit_is_not_kept(tmp_path: Path) -> None:
    store = Store(tmp_path, max_mb=0.001)
    assert store.get_or_compute(KEYS[0], lambda: "x" * 5000) == "x" * 5000
    assert store.size_bytes() == 0


class StoreMachine(RuleBasedStateMachine):
    """Any order of writes, reads, damage and eviction: what is read is what was last written, or nothing."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name), max_mb=0.005)
        self.model: dict[str, object] = {}

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @rule(key=st.sampled_from(KEYS), value=st.text(max_size=1500))
    def put(self, key: str, value: str) -> None:
        if self.store.put(key, value):
            self.model[key] = value

    @rule(key=st.sampled_from(KEYS))
    def get(self, key: str) -> None:
        assert self.store.get(key) in (None, self.model.get(key))

    @rule(key=st.sampled_from(KEYS), value=st.text(max_size=1500))
    def compute(self, key: str, value: str) -> None:
        got = self.store.get_or_compute(key, lambda: value)
        assert got in (value, self.model.get(key))
        self.model[key] = got

    @rule(key=st.sampled_from(KEYS), cut=st.integers(0, 200), junk=st.binary(max_size=20))
    def damage(self, key: str, cut: int, junk: bytes) -> None:
        path = self.store.root / key[:2] / key
        if path.exists():
            path.write_bytes(path.read_bytes()[:cut] + junk)

    @rule()
    def reopen(self) -> None:
        self.store = Store(self.store.root, max_mb=0.005)

    @rule()
    def clear(self) -> None:
        self.store.clear()
        assert self.store.size_bytes() == 0

    @invariant()
    def bounded(self) -> None:
        if hasattr(self, "store"):
            # one write over the limit may stand until the next scan is due
            assert self.store.size_bytes() <= self.store.max_bytes * 1.5


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=40, stateful_step_count=20)


def test_entry_is_readable_by_hand(tmp_path: Path) -> None:
    Store(tmp_path).put(KEYS[0], {"area": 1.5})
    (entry,) = tmp_path.glob("??/*")
    header, payload = entry.read_bytes().split(b"\n", 1)
    assert header.startswith(b"rtlgen-store 1 ")
    assert json.loads(payload) == {"area": 1.5}
