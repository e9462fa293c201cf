"""The front ends of single files on real repositories."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from rtlgen.graphs.frontend.files import parse_file
from rtlgen.graphs.frontend.lexical import macros_of
from rtlgen.graphs.frontend.protocol import FRONT_ENDS, Context

NAMES = ["picorv32", "serv", "mor1kx", "ibex", "cva6", "cv32e40p"]


def folder_of(name: str) -> Path:
    spec = importlib.util.find_spec(f"pythondata_cpu_{name}")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"the package pythondata-cpu-{name} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def texts_of(folder: Path) -> dict[str, bytes]:
    files = (p for p in sorted(folder.rglob("*")) if p.suffix in (".v", ".sv", ".vh", ".svh") and p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def decoded(raw: bytes, whole: bytes) -> str:
    try:
        whole.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
    return raw.decode()


@pytest.mark.eda
@pytest.mark.parametrize("name", NAMES)
def test_nearly_every_file_has_a_clean_tree(name: str) -> None:
    folder = folder_of(name)
    texts = texts_of(folder)
    macros = {n: t for c in reversed(texts.values()) for n, t in macros_of(c).items()}
    context = Context(root=str(folder), prelude="".join(f"`define {t}\n" for t in macros.values()))
    failed: dict[str, str] = {}
    for path, content in texts.items():
        rows = parse_file(path, content, context).rows
        if rows.errors or rows.tier == "none":
            failed[path] = rows.problem
        for chunk in rows.chunks:
            assert chunk.text == decoded(content[chunk.start : chunk.end], content)
        lines = content.splitlines()
        for definition in rows.definitions:
            text = b"\n".join(lines[definition.first_line - 1 : definition.last_line])
            assert definition.name.encode() in text or text.lstrip().startswith(b"`")
    assert len(failed) <= 0.005 * len(texts), failed
    assert all(failed.values())


@pytest.mark.eda
@pytest.mark.parametrize("name", ["picorv32", "serv"])
def test_both_tiers_agree_on_definitions_where_both_are_clean(name: str) -> None:
    folder = folder_of(name)
    context = Context(root=str(folder))
    compared = 0
    for path, content in texts_of(folder).items():
        exact = parse_file(path, content, context).rows
        tolerant = FRONT_ENDS.load("text").parse(path, content, context).rows
        if exact.errors or tolerant.errors or b"`if" in content:
            continue
        compared += 1
        assert {(d.kind, d.name) for d in tolerant.definitions} == {(d.kind, d.name) for d in exact.definitions}
        assert {(i.target, i.name) for i in tolerant.instantiates} == {(i.target, i.name) for i in exact.instantiates}
    assert compared > 10
