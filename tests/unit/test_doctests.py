"""Every example in a docstring runs and gives what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import sys

import pytest

import rtlgen

PROGRAMS = {
    "rtlgen.__main__": "runs the command line",
    "rtlgen.synth.yosys.zygote": "is started by path, and finds its neighbours there",
}
"""Modules that are started and not imported, and why."""


def modules() -> list[str]:
    """Return every module of the package; what is reached through a link has its installed name."""
    sys.dont_write_bytecode = True
    found = [item.name for item in pkgutil.walk_packages(rtlgen.__path__, "rtlgen.")]
    return [name for name in found if name not in PROGRAMS]


@pytest.mark.parametrize("name", modules())
def test_examples_of(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_every_part_is_reached() -> None:
    parts = {name.split(".")[1] for name in modules()}
    assert parts >= {"benchmarks", "cli", "core", "display", "graphs", "optimizer", "rag", "sandbox", "synth"}
