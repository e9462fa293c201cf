"""What the oldest supported Python gets wrong is not used: Debian 12 has 3.11.2."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("rtlgen", "graphs", "rag", "synth", "benchmarks", "training")


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of every string constant, parts of f-strings included."""
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_no_possessive_quantifier_on_a_group(repository: Path) -> None:
    """Python before 3.11.5 mismatches `(...)*+` (gh-106052); an atomic group `(?>(...)*)` says the same."""
    group = re.compile(r"(?<!\\)\)(?:[*+?]|\{\d*,?\d*\})\+")
    found = []
    for folder in FOLDERS:
        for file in sorted((repository / folder).rglob("*.py")):
            if not any(parent.is_symlink() for parent in file.parents):
                found += [f"{file}:{line}" for line, text in texts(file) if "\\" in text and group.search(text)]
    assert found == []
