"""What the place of a file and the name of a module say about their part in a repository.

Only words of paths and names are looked at: they decide between candidates, never whether a file is read.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from typing import Final


class Role(IntEnum):
    """The part that a file or module plays; a smaller one is preferred where several could be meant."""

    DESIGN = 0
    LIBRARY = 1
    """Somebody else's: vendored, a submodule, a package of cells."""
    EXAMPLE = 2
    """A use of the design: boards, demonstrations, scripts of tools."""
    TEST = 3


_TEST_TEXT: Final = """
    assertions bench benches bhv checkers cosim dv formal fpv harness regress regression sim sims simulation sva
    test testbench testbenches testharness testing tests tb tbs torture uvm verif verification verify
"""
_TEST: Final = frozenset(_TEST_TEXT.split())
_EXAMPLE_TEXT: Final = """
    board boards contrib demo demos doc docs example examples fpga lint misc pd sample samples script scripts
    syn synth tool tools tutorial tutorials
"""
_EXAMPLE: Final = frozenset(_EXAMPLE_TEXT.split())
_LIBRARY_TEXT: Final = """
    3rdparty deps dependencies ext extern external externals lib libs import imported submodules third
    thirdparty vendor vendored vendors
"""
_LIBRARY: Final = frozenset(_LIBRARY_TEXT.split())
_WORDS: Final = re.compile(r"[^A-Za-z0-9]+")


@lru_cache(maxsize=1 << 16)
def role_of_folder(folder: str) -> Role:
    """Return the role that the names of the folders of a path give to what lies in the last one."""
    role = Role.DESIGN
    for part in folder.split("/"):
        words = _WORDS.split(part.lower())
        if not _TEST.isdisjoint(words):
            return Role.TEST
        if words[0] in _EXAMPLE or words[-1] in _EXAMPLE:
            role = Role.EXAMPLE
        elif role is Role.DESIGN and (words[0] in _LIBRARY or words[-1] in _LIBRARY):
            role = Role.LIBRARY
    return role


@lru_cache(maxsize=1 << 16)
def is_test_name(name: str) -> bool:
    """Return whether a module or file of this name tests something: `tb_x`, `x_tb_top`, `testbench`, `x_test`."""
    words = _WORDS.split(name.lower())
    whole = "".join(words)
    return (
        "tb" in words
        or words[0] == "test"
        or words[-1] in ("test", "sim", "harness", "bench", "tracer", "tracing")
        or "nonsynth" in words
        or "testbench" in whole
        or "testharness" in whole
    )


@lru_cache(maxsize=1 << 16)
def role_of(path: str) -> Role:
    """Return the role of a file of the repository."""
    folder, _, name = path.rpartition("/")
    if is_test_name(name.split(".", 1)[0]):
        return Role.TEST
    return role_of_folder(folder) if folder else Role.DESIGN


def distance(one: str, other: str) -> int:
    """Return the number of steps between the folders of two files: 0 in the same folder, 1 to the folder above."""
    a, b = one.split("/")[:-1], other.split("/")[:-1]
    common = 0
    for left, right in zip(a, b, strict=False):
        if left != right:
            break
        common += 1
    return len(a) + len(b) - 2 * common
