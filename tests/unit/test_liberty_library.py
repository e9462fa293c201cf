from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.core.errors import LibraryError
from rtlgen.synth.liberty import Library, mapping_liberty, parse_liberty, read_library, read_text
from rtlgen.synth.liberty.library import LibPin, Sequential
from rtlgen.synth.liberty.read import _parse

HEADER = """library (small) {
  time_unit : "10ps";
  voltage_unit : "1V";
  leakage_power_unit : "1uW";
  capacitive_load_unit (2, ff);
  nom_voltage : 0.9;
  nom_temperature : 85;
  default_input_pin_cap : 0.5;
"""
INV = 'cell (INV) { area : 1; pin (A) { direction : input; } pin (Y) { direction : output; function : "A\'"; } }\n'
NOR = 'cell (NOR) { area : 2; pin (A) { direction : input; rise_capacitance : 1; fall_capacitance : 2; } pin (B) { \
direction : input; capacitance : 3; } pin (Y) { direction : output; function : "(!A)(!B)"; max_capacitance : 40; } }\n'
BUF = 'cell (BUF) { area : 1.5; pin (A) { direction : input; } pin (Y) { direction : output; function : "A"; } }\n'
DFF = """cell (DFF) { area : 5; cell_footprint : "dff"; cell_leakage_power : 0.004;
  ff (IQ, IQN) { next_state : "D"; clocked_on : "CK"; clear : "!RN"; }
  pin (CK) { direction : input; clock : true; }
  pin (D) { direction : input; timing () { related_pin : "CK"; } }
  pin (RN) { direction : input; }
  pin (Q) { direction : output; function : "IQ"; internal_power () { } }
}
"""


def _write(folder: Path, text: str | bytes, name: str = "small.lib") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _read(folder: Path, *cells: str) -> Library:
    return read_library(_write(folder, HEADER + "".join(cells) + "}\n"))


def test_numbers_come_in_the_units_of_their_names(tmp_path: Path) -> None:
    library = _read(tmp_path, INV, BUF, NOR, DFF)
    assert (library.name, library.voltage_v, library.temperature_c) == ("small", 0.9, 85.0)
    assert (library.units.time_ns, library.units.capacitance_pf, library.units.leakage_nw) == (0.01, 0.002, 1000.0)
    assert library.cells["DFF"].leakage_nw == pytest.approx(4.0)
    assert library.cells["INV"].leakage_nw is None
    assert library.cells["INV"].pins["A"].capacitance_pf == pytest.approx(0.001)  # the library's default
    nor = library.cells["NOR"]
    assert nor.pins["A"].capacitance_pf == pytest.approx(0.003)  # mean of rise and fall
    assert nor.pins["B"].capacitance_pf == pytest.approx(0.006)
    assert nor.pins["Y"] == LibPin("Y", "output", 0.0, "(!A)(!B)", max_capacitance_pf=0.08)
    assert (nor.inputs, nor.outputs, nor.area_um2) == (("A", "B"), ("Y",), 2.0)


def test_a_flip_flop_keeps_what_it_does(tmp_path: Path) -> None:
    cell = _read(tmp_path, INV, BUF, NOR, DFF).cells["DFF"]
    assert cell.kind == "ff"
    assert cell.sequential == Sequential(("IQ", "IQN"), next_state="D", clocked_on="CK", clear="!RN")
    assert [pin.name for pin in cell.pins.values() if pin.clock] == ["CK"]
    assert (cell.footprint, cell.line) == ("dff", 12)


def _out(function: str, extra: str = "") -> str:
    return f'pin (A) {{ direction : input; }} pin (Y) {{ direction : output; function : "{function}"; {extra} }}'


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (_out("!A"), "inverter"),
        (_out("A"), "buffer"),
        (_out("1"), "tie"),
        (_out("A B") + "pin (B) { direction : input; }", "comb"),
        (_out("A", 'three_state : "B";') + "pin (B) { direction : input; }", "tristate"),
        ('latch (I, N) { data_in : "A"; enable : "B"; }' + _out("I"), "latch"),
        ('ff (I, N) { next_state : "A"; clocked_on : "B"; } test_cell () { }' + _out("I"), "scan_ff"),
        (
            'ff (I, N) { next_state : "A"; clocked_on : "B"; } pin (S) { nextstate_type : scan_in; }' + _out("I"),
            "scan_ff",
        ),
        ('clock_gating_integrated_cell : "latch_posedge"; ' + _out("A"), "clock_gate"),
        ('statetable ("A", "I") { table : "L : - : N"; }' + _out("I"), "other"),
        ("pin (A) { direction : input; }", "physical"),
        ("pin (A) { direction : input; } pin (Y) { direction : output; }", "other"),
    ],
)
def test_kinds(tmp_path: Path, body: str, kind: str) -> None:
    assert _read(tmp_path, INV, BUF, NOR, DFF, f"cell (X) {{ area : 1; {body} }}\n").cells["X"].kind == kind


def test_dont_use_is_kept_and_left_out_of_choices(tmp_path: Path) -> None:
    library = _read(tmp_path, INV, BUF, NOR, DFF, INV.replace("(INV) {", "(INV0) { dont_use : true;"))
    assert library.cells["INV0"].dont_use
    assert [cell.name for cell in library.of_kind("inverter")] == ["INV"]


def test_mean_leakage_where_only_states_are_given(tmp_path: Path) -> None:
    states = "leakage_power () { value : 1; when : A; } leakage_power () { value : 3; }"
    library = _read(tmp_path, INV.replace("area", f"{states} area"), BUF, NOR, DFF)
    assert library.cells["INV"].leakage_nw == pytest.approx(2000.0)


def test_compression_changes_nothing_but_the_path(tmp_path: Path) -> None:
    text = HEADER + INV + BUF + NOR + DFF + "}\n"
    plain = read_library(_write(tmp_path, text))
    # compression is told by content: the name need not end in .gz
    packed = read_library(_write(tmp_path, gzip.compress(text.encode()), "packed.lib"))
    assert packed.digest == plain.digest
    assert packed.cells == plain.cells


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    before = _read(tmp_path, INV, BUF, NOR, DFF)
    after = _read(tmp_path, INV.replace("area : 1", "area : 1.25"), BUF, NOR, DFF)
    assert (before.cells["INV"].area_um2, after.cells["INV"].area_um2) == (1.0, 1.25)
    assert before.digest != after.digest


def test_the_reading_kept_on_disk_is_the_same(tmp_path: Path) -> None:
    from rtlgen.synth.liberty import read

    first = _read(tmp_path, INV, BUF, NOR, DFF)
    read._read_cached.cache_clear()
    assert read_library(first.path) == first


def test_old_comments_in_latin_1_are_no_obstacle(tmp_path: Path) -> None:
    text = HEADER.encode() + b"/* \xa9 1999, 0.35 \xb5m */" + (INV + BUF + NOR + DFF).encode() + b"}\n"
    assert set(read_library(_write(tmp_path, text)).cells) == {"INV", "BUF", "NOR", "DFF"}


def test_cell_lookup_names_the_library(tmp_path: Path) -> None:
    with pytest.raises(LibraryError) as raised:
        _read(tmp_path, INV, BUF, NOR, DFF).cell("AOI")
    assert str(raised.value) == (
        "expected a cell of library 'small' (4 cells), got 'AOI'; map the netlist to this library first"
    )


WHOLE = "choose a library of complete standard cells"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ((), f"expected at least one 'cell (NAME) {{...}}' group in library 'small', got none; {WHOLE}"),
        (
            (INV, NOR),
            (
                "expected a flip-flop (a cell with an 'ff' group that is not a scan cell or dont_use) in library "
                f"'small', got only 2 usable cells of the kinds comb, inverter; {WHOLE}"
            ),
        ),
        (
            (NOR, DFF),
            (
                "expected an inverter (one output with a function such as '!A') in library 'small', "
                f"got only 2 usable cells of the kinds comb, ff; {WHOLE}"
            ),
        ),
        (
            (INV, NOR, DFF),
            (
                "expected a buffer (one output with a function such as 'A') in library 'small', "
                f"got only 3 usable cells of the kinds comb, ff, inverter; {WHOLE}"
            ),
        ),
        (
            (INV, BUF, DFF),
            (
                "expected a two-input NAND2, NOR2, AND2, OR2 cell in library 'small', "
                f"got only 3 usable cells of the kinds buffer, ff, inverter; {WHOLE}"
            ),
        ),
        (
            tuple(cell.replace("area :", "size :") for cell in (INV, BUF, NOR, DFF)),
            f"expected cells with an 'area' above 0 in library 'small', got no area in any cell; {WHOLE}",
        ),
    ],
)
def test_libraries_that_cannot_serve_synthesis(tmp_path: Path, cells: tuple[str, ...], message: str) -> None:
    with pytest.raises(LibraryError) as raised:
        _read(tmp_path, *cells)
    assert str(raised.value) == f"{tmp_path / 'small.lib'}: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ":1: expected 'library (NAME) {', got an empty file; give a Liberty (.lib or .lib.gz) file"),
        (b" \n\n", ":1: expected 'library (NAME) {', got an empty file; give a Liberty (.lib or .lib.gz) file"),
        (
            b"\x7fELF\0\0\1",
            ": expected Liberty text, got a binary file; compiled (.db) libraries can't be read, give the .lib source",
        ),
        (
            bytes(range(1, 256)),
            ": expected Liberty text, got a binary file; compiled (.db) libraries can't be read, give the .lib source",
        ),
        (
            gzip.compress(b"library (x) {" * 1000, mtime=0)[:-20],
            (
                ": expected a whole gzip file, got damaged data (Compressed file ended before the end-of-stream marker "
                "was reached); fetch or compress it again"
            ),
        ),
        (
            HEADER.encode() + b"cell (X) { area : big; }\n}\n",
            ":9: expected a number for 'area' in cell (X) of cell (X), got 'big'; correct the library",
        ),
        (
            HEADER.encode() + b'cell (X) { area : 1; pin (Y) { direction : output; function : "A &"; } }\n}\n',
            (
                ":9: in pin 'Y' of cell (X): expected an input pin (known: A), got 'the end' in the Liberty function "
                "'A &'; correct the library"
            ),
        ),
        (HEADER.encode() + b"cell () { }\n}\n", ":9: expected 'cell (NAME)', got no name; correct the library"),
        (
            b'library (x) {\n time_unit : "1 fortnight";\n}\n',
            ": expected time_unit such as '1n...' or '10p...', got '1 fortnight'; correct the library",
        ),
    ],
)
def test_files_that_are_no_library(tmp_path: Path, content: bytes, message: str) -> None:
    path = _write(tmp_path, content)
    with pytest.raises(LibraryError) as raised:
        read_library(path)
    assert str(raised.value) == f"{path}{message}"


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(LibraryError) as raised:
        read_library(tmp_path / "none.lib")
    assert str(raised.value) == (
        f"{tmp_path / 'none.lib'}: expected a Liberty file (.lib or .lib.gz), got No such file or directory; "
        "check the path"
    )
    with pytest.raises(LibraryError) as raised:
        read_library(tmp_path)
    assert str(raised.value) == (
        f"{tmp_path}: expected a Liberty file (.lib or .lib.gz), got a folder or device; name the file itself"
    )


def test_sequential_text_holds_flops_and_latches_only(tmp_path: Path) -> None:
    scan = DFF.replace("(DFF)", "(SDFF)").replace("ff (IQ", "test_cell () { } ff (IQ")
    unused = DFF.replace("(DFF) {", "(DFF0) { dont_use : true;")
    tree = parse_liberty(_read(tmp_path, INV, BUF, NOR, DFF, scan, unused).sequential_text)
    assert [group.args for group in tree.find("cell")] == [("DFF",)]
    assert "timing" not in _read(tmp_path, INV, BUF, NOR, DFF).sequential_text


def test_mapping_text_holds_gates_with_their_tables(tmp_path: Path) -> None:
    library = _read(tmp_path, INV.replace("pin (Y) {", "pin (Y) { timing () { related_pin : A; }"), BUF, NOR, DFF)
    tree = parse_liberty(mapping_liberty(read_text(library.path), library.path, library.cells))
    assert [group.args for group in tree.find("cell")] == [("INV",), ("BUF",), ("NOR",)]
    assert next(next(tree.groups[0].find("pin")).find("timing"), None) is None
    assert [group.name for pin in tree.groups[0].find("pin") for group in pin.groups] == ["timing"]
    assert tree.get("time_unit") == "10ps"


TOKENS = ("{", "}", "(", ")", ";", ":", '"', "/*", "*/", "\\", "-", "nan", "1e999", "cell", "ff (", "library", "", "\0")


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_library_is_read_or_refused_with_one_line(data: st.DataObject) -> None:
    """Whatever happens to a file, what comes back is a library or a message: no other exception, no two lines."""
    text = HEADER + INV + BUF + NOR + DFF + "}\n"
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        text = text[:start] + data.draw(st.sampled_from(TOKENS)) + text[end:]
    message = None
    try:
        library = _parse(text.encode(), Path("f.lib"), "f.lib")
    except LibraryError as error:
        message = str(error)
    else:
        assert library.of_kind("ff")
    assert message is None or (message.startswith("f.lib:") and "\n" not in message), message
