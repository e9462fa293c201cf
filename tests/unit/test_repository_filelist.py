import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.core.errors import InputError
from rtlgen.graphs.repository.filelist import FileList, read_filelists, tokens


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")


def read(root: Path, text: str, name: str = "t.f", **environ: str) -> FileList:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    paths = [p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()]
    return read_filelists([name], root, environ=environ, paths=paths)


def messages(found: FileList) -> list[str]:
    return [f"{place}:{row.line} {row.message}" for place, row in zip(found.places, found.notes, strict=True)]


def test_everything_a_list_can_hold(tmp_path: Path) -> None:
    make(tmp_path, "a.sv", "b.sv", "sp ace.sv", "inc/x.svh", "inc2/y.svh", "lib/cell.v", "e#f.sv")
    found = read(
        tmp_path,
        '// comment\na.sv # tail\n/* several\n gone.sv */ b.sv "sp ace.sv" e#f.sv a.sv\n'
        "+incdir+inc+inc2 -I lib -Ilib -sv\n"
        '+define+A=1+B+TEXT="x y" -D C -DD=2 -D E=3\n'
        "-v lib/cell.v -y lib +libext+.v+.sv\n"
        "-top work.a -GW=8 -pvalue+N=2 -timescale 1ns/1ps\n",
    )
    assert found.files == ("a.sv", "b.sv", "sp ace.sv", "e#f.sv")
    assert found.include_dirs == ("inc", "inc2", "lib")
    assert found.defines == {"A": "1", "B": "", "TEXT": "x y", "C": "", "D": "2", "E": "3"}
    assert (found.library_files, found.library_dirs) == (("lib/cell.v",), ("lib",))
    assert found.library_extensions == (".v", ".sv")
    assert (found.tops, found.parameters) == (("a",), {"W": "8", "N": "2"})
    assert found.notes == ()


def test_nested_lists(tmp_path: Path) -> None:
    make(tmp_path, "a.sv", "sub/b.sv", "sub/c.sv")
    (tmp_path / "sub/own.f").write_text("b.sv\n")
    (tmp_path / "sub/root.f").write_text("sub/c.sv\n")
    found = read(tmp_path, "-F sub/own.f\n-f sub/root.f\na.sv\n")
    assert found.files == ("sub/b.sv", "sub/c.sv", "a.sv")
    assert found.lists == ("t.f", "sub/own.f", "sub/root.f")


def test_names_relative_to_the_list_are_understood(tmp_path: Path) -> None:
    make(tmp_path, "rtl/a.sv", "rtl/b.sv", "rtl/inc/x.svh")
    assert read(tmp_path, "a.sv\nb.sv\n", "rtl/files.f").files == ("rtl/a.sv", "rtl/b.sv")
    found = read(tmp_path, "../rtl/a.sv +incdir+../rtl/inc", "sim/files.f")
    assert (found.files, found.include_dirs) == (("rtl/a.sv",), ("rtl/inc",))


def test_patterns_name_several_files(tmp_path: Path) -> None:
    make(tmp_path, "rtl/b.sv", "rtl/a.sv", "rtl/c.v")
    assert read(tmp_path, "rtl/*.sv").files == ("rtl/a.sv", "rtl/b.sv")


def test_variables_in_all_three_forms(tmp_path: Path) -> None:
    make(tmp_path, "x/a.sv", "x/b.sv", "x/c.sv", "y/d.sv")
    found = read(tmp_path, "$X/a.sv ${X}/b.sv $(X)/c.sv\n$ROOT/y/d.sv", X="x", ROOT=str(tmp_path))
    assert found.files == ("x/a.sv", "x/b.sv", "x/c.sv", "y/d.sv")
    assert found.notes == ()


def test_a_variable_that_is_not_set_is_guessed_where_the_files_are(tmp_path: Path) -> None:
    make(tmp_path, "core/a.sv", "core/inc/h.svh", "core/b.sv", "old/a.sv", "deep/ip/prim/p.sv")
    found = read(tmp_path, "+incdir+${REPO}/core/inc\n${REPO}/core/a.sv\n${REPO}/core/b.sv\n$IP/prim/p.sv\n")
    assert found.files == ("core/a.sv", "core/b.sv", "deep/ip/prim/p.sv")
    assert found.include_dirs == ("core/inc",)
    assert messages(found) == [
        "t.f:0 variable IP is not set; deep/ip was taken, where 1 of the 1 names after it exist; "
        "set IP=FOLDER to change that",
        "t.f:0 variable REPO is not set; the root was taken, where 3 of the 3 names after it exist; "
        "set REPO=FOLDER to change that",
    ]


def test_a_variable_is_not_guessed_where_little_fits(tmp_path: Path) -> None:
    make(tmp_path, "a.sv")
    found = read(tmp_path, "$UVM/a.sv\n$UVM/b.sv\n$UVM/c.sv\n")
    assert found.files == ()
    assert found.missing == ("$UVM/a.sv", "$UVM/b.sv", "$UVM/c.sv")
    assert messages(found)[:2] == [
        "t.f:1 variable UVM is not set and nothing in the repository fits it; set UVM=FOLDER",
        "t.f:1 file $UVM/a.sv does not exist and is left out; set its variable",
    ]


def test_what_is_missing_or_unknown_is_noted_and_the_rest_taken(tmp_path: Path) -> None:
    make(tmp_path, "a.sv", "dpi.c")
    found = read(tmp_path, "gone.sv\n-f gone.f\n+incdir+nowhere\n-access=rwc\n+bus_conflict\ndpi.c\na.sv\n-y\n")
    assert found.files == ("a.sv",)
    assert found.missing == ("gone.sv",)
    assert messages(found) == [
        "t.f:4 option '-access=rwc' is not known and has no effect",
        "t.f:5 option '+bus_conflict' is not known and has no effect",
        "t.f:8 option '-y' has nothing after it",
        "t.f:1 file gone.sv does not exist and is left out",
        "t.f:2 file list gone.f does not exist and is left out",
        "t.f:3 folder nowhere does not exist and is left out",
        "t.f:6 dpi.c is not Verilog and is left out",
    ]


def test_lists_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "b.f").write_text("-f c.f\n")
    (tmp_path / "c.f").write_text("-f b.f\n")
    expected = r"^file lists read each other in a circle: b\.f → c\.f → b\.f; take one of these lines out$"
    with pytest.raises(InputError, match=expected):
        read(tmp_path, "-f b.f\n")


def test_lists_nested_without_end(tmp_path: Path) -> None:
    for n in range(60):
        (tmp_path / f"l{n}.f").write_text(f"-f l{n + 1}.f\n")
    (tmp_path / "l60.f").write_text("")
    with pytest.raises(InputError, match=r"^l49\.f: file lists are nested deeper than 50$"):
        read(tmp_path, "-f l0.f\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.f", "can't be read: No such file"),
        ("folder", "expected a file list, got the folder"),
        ("b.f", "NUL byte"),
    ],
)
def test_a_list_that_can_not_be_read(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "b.f").write_bytes(b"a.v\0")
    with pytest.raises(InputError, match=message):
        read_filelists([name], tmp_path, environ={})


def test_marks_of_other_systems_do_no_harm(tmp_path: Path) -> None:
    long = b"x" * 5000
    (tmp_path / "t.f").write_bytes(b"\xef\xbb\xbfa.v\r\n// x\r\nb.v\r\n" + long + b".v\r\n+incdir+" + long)
    make(tmp_path, "a.v", "b.v")
    found = read_filelists(["t.f"], tmp_path, environ={})
    assert found.files == ("a.v", "b.v")
    assert [row.code for row in found.notes] == ["MissingFile", "MissingFile"]


def test_bytes_that_are_no_utf8_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "t.f").write_bytes(b"// caf\xe9\na.v\n")
    make(tmp_path, "a.v")
    assert read_filelists(["t.f"], tmp_path, environ={}).files == ("a.v",)


@given(st.text(alphabet="ab.+-/*#\\\"' \n$", max_size=60))
def test_any_text_gives_words_in_order_of_lines(text: str) -> None:
    found = list(tokens(text))
    assert [line for line, _ in found] == sorted(line for line, _ in found)
    assert all(1 <= line <= text.count("\n") + 1 for line, _ in found)


def test_the_same_files_and_defines_as_slang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyslang import driver

    make(tmp_path, "a.sv", "b.sv", "sp ace.sv", "sub/c.sv", "sub/d.sv", "q.sv", "lib/cell.v")
    (tmp_path / "sub/own.f").write_text("c.sv // of this folder\n-f more.f\n")
    (tmp_path / "sub/more.f").write_text("/* none */ d.sv\n")
    (tmp_path / "t.f").write_text(
        '// comment\na.sv # tail\n/* block\n gone.sv */ b.sv\n"sp ace.sv"\n+incdir+sub+lib\n'
        '+define+A=1+B+C="x y" -DE=2 -D F\n-F sub/own.f\n${HERE}/q.sv sub/../a.sv\n-v lib/cell.v\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HERE", str(tmp_path))
    slang = driver.Driver()
    slang.addStandardArgs()
    assert slang.parseCommandLine("slang -f t.f", driver.CommandLineOptions())
    assert slang.processOptions()
    manager = slang.sourceManager
    loaded = [os.path.relpath(manager.getFullPath(b.id), tmp_path) for b in slang.sourceLoader.loadSources()]
    predefined = slang.createOptionBag().preprocessorOptions.predefines

    ours = read_filelists(["t.f"], tmp_path)
    assert [*ours.files, *ours.library_files] == loaded
    assert [f"{name}={text}" if text else name for name, text in ours.defines.items()] == predefined
    assert ours.notes == ()
