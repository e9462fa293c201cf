"""The registry: lazy, strict about names, open to plug-ins."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rtlgen.core.errors import ConfigError
from rtlgen.core.registry import Registry


def test_loads_on_first_use_and_once() -> None:
    calls = []
    registry: Registry[str] = Registry("suite")
    registry.add("one", lambda: calls.append(1) or "thing")
    assert registry.names() == ("one",)
    assert calls == []
    assert [registry.load("one"), registry.load("one")] == ["thing", "thing"]
    assert calls == [1]


def test_target_is_imported_only_when_asked_for() -> None:
    registry: Registry[object] = Registry("codec")
    registry.add("colour", "colorsys:rgb_to_hsv")
    sys.modules.pop("colorsys", None)
    assert "colour" in registry
    assert "colorsys" not in sys.modules
    assert registry.load("colour").__name__ == "rgb_to_hsv"  # type: ignore[attr-defined]


def test_decorator_gives_back_what_it_registers() -> None:
    registry: Registry[type] = Registry("rewrite")

    @registry.register("mine")
    class Mine:
        pass

    assert registry.load("mine") is Mine


def test_name_taken_twice_is_an_error() -> None:
    registry: Registry[str] = Registry("rewrite")
    registry.add("one", lambda: "a")
    with pytest.raises(ConfigError, match=r"^rewrite 'one' is registered twice; rename one of the two$"):
        registry.add("one", lambda: "b")


def test_unknown_name_lists_what_is_known() -> None:
    registry: Registry[str] = Registry("rewrite")
    with pytest.raises(ConfigError, match=r"^unknown rewrite 'x'; known: none$"):
        registry.load("x")
    registry.add("share-adders", lambda: "a")
    registry.add("fsm", lambda: "b")
    with pytest.raises(ConfigError) as caught:
        registry.load("share-adder")
    assert str(caught.value) == ("unknown rewrite 'share-adder'; did you mean 'share-adders'? known: fsm, share-adders")


def test_module_that_is_missing_says_which() -> None:
    registry: Registry[object] = Registry("front end")
    registry.add("gone", "no_such_module_here:x")
    registry.add("part", "json:no_such_part")
    with pytest.raises(ConfigError, match=r"^front end 'gone' can't be loaded: No module named 'no_such_module_here'$"):
        registry.load("gone")
    with pytest.raises(ConfigError, match=r"^front end 'part' can't be loaded: module 'json' has no attribute"):
        registry.load("part")


def test_installed_plug_in_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_rules.py").write_text("RULE = 'the rule'\n")
    info = tmp_path / "my_rules-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-rules\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[rtlgen.plugins]\nrewrite.my-rule = my_rules:RULE\nsuite.other = my_rules:RULE\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry: Registry[str] = Registry("rewrite")
    assert registry.names() == ("my-rule",)
    assert registry.load("my-rule") == "the rule"
