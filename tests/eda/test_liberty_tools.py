"""Libraries in the real tools: Yosys maps, ABC maps and times, OpenSTA reads, and all agree with our reader."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from rtlgen.core.errors import LibraryError, ToolNotFoundError
from rtlgen.sandbox import run as run_tool
from rtlgen.synth.liberty import (
    Library,
    default_library_path,
    mapping_liberty,
    parse_liberty,
    read_library,
    read_text,
    to_text,
)
from rtlgen.synth.liberty.generate import GENERIC_45
from rtlgen.synth.liberty.read import TABLE_GROUPS
from rtlgen.synth.tools import find_tool
from rtlgen.synth.yosys import YosysPool

OSU = Path("/usr/share/qflow/tech/osu035/osu035_stdcells.lib")

DESIGN = """
module d(input clk, rst_n, set, en, input [7:0] a, b, input [1:0] s, output reg [8:0] y, output reg [7:0] m,
         output reg n, output [7:0] z);
  always @(posedge clk or negedge rst_n) if (!rst_n) y <= 0; else y <= a + b;
  always @(posedge clk) if (en) m <= s == 0 ? a & b : s == 1 ? a | b : s == 2 ? a ^ b : a - b;
  always @(negedge clk or posedge set) if (set) n <= 1; else n <= ^a;
  assign z = s[0] ? a * 3 : {b[3:0], a[7:4]};
endmodule
"""

FLOPS = {
    # a register of every kind: body of the always block, cells of the shipped library that must hold it
    "plain": ("always @(posedge clk) q <= d;", {"DFF_X1"}),
    "negedge": ("always @(negedge clk) q <= d;", {"DFFN_X1"}),
    "clear": ("always @(posedge clk or negedge r) if (!r) q <= 0; else q <= d;", {"DFFR_X1"}),
    "clear_high": ("always @(posedge clk or posedge r) if (r) q <= 0; else q <= d;", {"DFFR_X1", "INV_X1"}),
    "preset": ("always @(posedge clk or negedge r) if (!r) q <= 1; else q <= d;", {"DFFS_X1"}),
    "negedge_clear": ("always @(negedge clk or negedge r) if (!r) q <= 0; else q <= d;", {"DFFNR_X1"}),
    "negedge_preset": ("always @(negedge clk or negedge r) if (!r) q <= 1; else q <= d;", {"DFFNS_X1"}),
    "both": (
        "always @(posedge clk or negedge r or negedge s) if (!r) q <= 0; else if (!s) q <= 1; else q <= d;",
        {"DFFSR_X1", "NAND2B_X1"},
    ),
    "enable": ("always @(posedge clk) if (e) q <= d;", {"DFFE_X1"}),
    "enable_low": ("always @(posedge clk) if (!e) q <= d;", {"DFFE_X1", "INV_X1"}),
    "sync_clear": ("always @(posedge clk) if (!r) q <= 0; else q <= d;", {"DFF_X1", "AND2_X1"}),
    "sync_preset": ("always @(posedge clk) if (r) q <= 1; else q <= d;", {"DFF_X1", "OR2_X1"}),
    "enable_clear": ("always @(posedge clk or negedge r) if (!r) q <= 0; else if (e) q <= d;", {"DFFR_X1", "MUX2_X1"}),
    "latch": ("always @* if (e) q = d;", {"DLH_X1"}),
    "latch_low": ("always @* if (!e) q = d;", {"DLL_X1"}),
    "latch_clear": ("always @* if (!r) q = 0; else if (e) q = d;", {"DLHR_X1"}),
}


@pytest.fixture(scope="module")
def pool() -> Iterator[YosysPool]:
    with YosysPool(1) as shared:
        yield shared


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lib") / "rtlgen45.lib"
    path.write_text(read_text(default_library_path()))
    return path


def _abc(script: str, folder: Path) -> str:
    done = run_tool([str(find_tool("yosys-abc").path), "-q", script], cwd=folder)
    assert done.exit_code == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _sta(script: str, folder: Path) -> str:
    try:
        tool = find_tool("sta")
    except ToolNotFoundError as missing:
        pytest.skip(str(missing))
    (folder / "run.tcl").write_text(script + "\nexit\n")
    done = run_tool([str(tool.path), "-exit", "run.tcl"], cwd=folder)
    text = done.stdout + done.stderr
    assert "Error" not in text, text
    return text


def _cells(statistics: str) -> dict[str, int]:
    design = json.loads(statistics)["design"]
    return {name.removeprefix("\\"): count for name, count in design["num_cells_by_type"].items()}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped library without tables: what Yosys makes simulation models of."""
    path = tmp_path_factory.mktemp("models") / "rtlgen45.lib"
    path.write_text(to_text(parse_liberty(read_text(default_library_path()), skip=TABLE_GROUPS)))
    return path


@pytest.mark.parametrize("kind", FLOPS)
def test_every_kind_of_register_maps_to_its_cell_and_stays_equivalent(
    pool: YosysPool, shipped: Path, models: Path, kind: str
) -> None:
    body, expected = FLOPS[kind]
    run = pool.run(_map_and_prove(shipped, models), files={"t.v": _register(body)}, fetch=["stat.json"])
    assert run.ok, run.error
    assert set(_cells(run.files["stat.json"])) == expected


def test_a_wrong_model_of_a_register_is_noticed(pool: YosysPool, shipped: Path, models: Path, tmp_path: Path) -> None:
    """The proof above is not empty: it fails when the library's enable is the other way round."""
    wrong = tmp_path / "wrong.lib"
    wrong.write_text(models.read_text().replace('"((E*D)+(!E*IQ))"', '"((!E*D)+(E*IQ))"'))
    commands = [item.replace(f"-overwrite {models}", f"-overwrite {wrong}") for item in _map_and_prove(shipped, models)]
    run = pool.run(commands, files={"t.v": _register(FLOPS["enable"][0])})
    assert run.error is not None
    assert "proof did fail" in run.error


def _register(body: str) -> str:
    return f"module t(input clk, r, s, e, d, output reg q);\n  {body}\nendmodule\n"


def _map_and_prove(shipped: Path, models: Path) -> list[str]:
    """Return the commands that map `t`, write its cells to stat.json, and prove the netlist equal to the source."""
    return [
        "read_verilog t.v",
        "prep -top t",
        "design -save gold",
        "synth -flatten -noabc -top t",
        f"dfflibmap -liberty {models}",
        f"abc -liberty {shipped}",
        "opt_clean",
        "tee -q -o stat.json stat -json",
        f"read_liberty -overwrite {models}",
        "flatten t",
        "design -save gate",
        "design -reset",
        "design -copy-from gold -as gold t",
        "design -copy-from gate -as gate t",
        "clk2fflogic gold gate",
        "miter -equiv -flatten -make_assert gold gate miter",
        "sat -verify -prove-asserts -tempinduct -set-init-zero -seq 1 miter",
    ]


@pytest.fixture(scope="module", params=["shipped", "osu035", "sky130"])
def library(request: pytest.FixtureRequest) -> Library:
    if request.param == "shipped":
        return read_library()
    if request.param == "osu035":
        if not OSU.is_file():
            pytest.skip("needs Debian's package qflow-tech-osu035")
        return read_library(OSU)
    return read_library(request.getfixturevalue("data_dir") / "liberty" / "sky130hd_tt.lib.gz")


def test_areas_are_those_that_yosys_reports(pool: YosysPool, library: Library, tmp_path: Path) -> None:
    path = tmp_path / "all.lib"
    path.write_text(read_text(library.path))
    run = pool.run(
        [
            "read_verilog d.v",
            "synth -flatten -top d",
            f"dfflibmap -liberty {path}",
            f"abc -liberty {path}",
            "opt_clean",
            f"tee -q -o stat.json stat -json -liberty {path}",
        ],
        files={"d.v": DESIGN},
        fetch=["stat.json"],
    )
    assert run.ok, run.error
    counts = _cells(run.files["stat.json"])
    reported = json.loads(run.files["stat.json"])["design"]["area"]
    ours = sum(library.cell(name).area_um2 * count for name, count in counts.items())
    assert ours == pytest.approx(reported, rel=1e-9)
    flops = sum(count for name, count in counts.items() if library.cell(name).kind == "ff")
    assert flops == 18


def test_trimmed_texts_give_the_same_netlist(pool: YosysPool, library: Library, tmp_path: Path) -> None:
    whole, flops, gates = tmp_path / "all.lib", tmp_path / "flops.lib", tmp_path / "gates.lib"
    text = read_text(library.path)
    whole.write_text(text)
    flops.write_text(library.sequential_text)
    gates.write_text(mapping_liberty(text, library.path, library.cells))
    netlists = []
    for sequential, mapping in ((whole, whole), (flops, gates)):
        run = pool.run(
            [
                "read_verilog d.v",
                "synth -flatten -top d",
                f"dfflibmap -liberty {sequential}",
                f"abc -liberty {mapping}",
                "opt_clean",
                "write_verilog -noattr net.v",
            ],
            files={"d.v": DESIGN},
            fetch=["net.v"],
        )
        assert run.ok, run.error
        netlists.append(run.files["net.v"])
    assert netlists[0] == netlists[1]
    assert flops.stat().st_size < 30_000
    assert gates.stat().st_size < whole.stat().st_size


def test_abc_takes_every_gate_and_skips_only_what_is_no_gate(shipped: Path, tmp_path: Path) -> None:
    library = read_library()
    (tmp_path / "lib.lib").write_text(shipped.read_text())
    log = _abc("read_lib -v -w lib.lib", tmp_path)
    skipped = set(re.findall(r'skipped (?:sequential )?cell "(\w+)"', log))
    gates = {c.name for c in library.of_kind("comb", "inverter", "buffer", "tie")}
    assert skipped == set(library.cells) - gates
    warnings = [line for line in log.splitlines() if "arning" in line]
    # full and half adders have two outputs: known to ABC, used by no mapper
    assert all("Detected 4 multi-output cells" in line for line in warnings)


def test_multi_output_cells_are_never_chosen(pool: YosysPool, shipped: Path, tmp_path: Path) -> None:
    without = tmp_path / "without.lib"
    without.write_text(re.sub(r"  cell \([FH]A_X\d\) \{.*?\n  \}\n", "", shipped.read_text(), flags=re.DOTALL))
    counts = []
    for path in (shipped, without):
        run = pool.run(
            ["read_verilog d.v", "synth -flatten -top d", f"dfflibmap -liberty {path}", f"abc -liberty {path}",
             "tee -q -o stat.json stat -json"],
            files={"d.v": DESIGN},
            fetch=["stat.json"],
        )  # fmt: skip
        assert run.ok, run.error
        counts.append(_cells(run.files["stat.json"]))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("missing", ["INV_X1", "BUF_X1", "NAND2_X1", "DFF_X1", ""])
def test_what_we_demand_of_a_library_is_what_the_mapper_needs(
    pool: YosysPool, shipped: Path, tmp_path: Path, missing: str
) -> None:
    """The smallest library maps; without any of its cells we refuse what the mapper would fail on."""
    kept = {"INV_X1", "BUF_X1", "NAND2_X1", "DFF_X1"} - {missing}
    path = tmp_path / "least.lib"
    path.write_text(
        re.sub(
            r"  cell \((\w+)\) \{.*?\n  \}\n", lambda m: m[0] if m[1] in kept else "", shipped.read_text(), flags=re.S
        )
    )
    if missing:
        with pytest.raises(LibraryError, match=r"; choose a library of complete standard cells$"):
            read_library(path)
    else:
        assert set(read_library(path).cells) == kept
    run = pool.run(
        ["read_verilog t.v", "synth -flatten -top t", f"dfflibmap -liberty {path}", f"abc -liberty {path}",
         "opt_clean", "select -assert-none t:$*"],
        files={"t.v": "module t(input c, a, b, output reg q, output y, z);\n"
                      "  always @(posedge c) q <= a ^ b;\n  assign y = q & ~b, z = q;\nendmodule\n"},
    )  # fmt: skip
    assert run.ok == (not missing), run.error


CHAIN_STAGES = 10


def _chain() -> str:
    """Return inverters in a row, each of which drives four."""
    names = [f"n{i}" for i in range(CHAIN_STAGES)] + ["y"]
    outputs = [f"d{i}_{k}" for i in range(CHAIN_STAGES) for k in range(3)]
    lines = [f"module chain(n0, y, {', '.join(outputs)});", "input n0;", "output y;"]
    lines += [f"output {name};" for name in outputs] + [f"wire {name};" for name in names[1:-1]]
    for i in range(CHAIN_STAGES):
        lines += [f"INV_X1 l{i}_{k}(.A({names[i]}), .Y(d{i}_{k}));" for k in range(3)]
        lines.append(f"INV_X1 u{i}(.A({names[i]}), .Y({names[i + 1]}));")
    return "\n".join([*lines, "endmodule", ""])


def test_fo4_in_opensta_and_abc_is_the_formulas(shipped: Path, tmp_path: Path) -> None:
    (tmp_path / "lib.lib").write_text(shipped.read_text())
    (tmp_path / "chain.v").write_text(_chain())
    log = _abc("read_lib -w lib.lib; read -m chain.v; stime -p", tmp_path)
    times = [float(value) for value in re.findall(r"Df =\s*([\d.]+)", log)]
    middle = [b - a for a, b in pairwise(times[4:-1])]
    assert middle == pytest.approx([GENERIC_45.fo4_ps()] * len(middle), rel=0.02)
    report = _sta(
        "read_liberty lib.lib\nread_verilog chain.v\nlink_design chain\ncreate_clock -name v -period 10\n"
        "set_input_delay 0 -clock v [get_ports n0]\nset_output_delay 0 -clock v [get_ports y]\n"
        "set_input_transition 0.02 [get_ports n0]\nreport_checks -to y -digits 5",
        tmp_path,
    )
    assert "Warning" not in report
    delays = [float(value) * 1000 for value in re.findall(r"([\d.]+)\s+[\d.]+ [v^] u\d+/Y", report)]
    assert delays[3:-1] == pytest.approx([GENERIC_45.fo4_ps()] * len(delays[3:-1]), rel=0.02)


def test_opensta_reads_the_library_without_a_word_and_reports_timing_and_power(
    pool: YosysPool, shipped: Path, tmp_path: Path
) -> None:
    run = pool.run(
        ["read_verilog d.v", "synth -flatten -top d", f"dfflibmap -liberty {shipped}", f"abc -liberty {shipped}",
         "opt_clean", "write_verilog -noattr -simple-lhs net.v"],
        files={"d.v": DESIGN},
        fetch=["net.v"],
    )  # fmt: skip
    assert run.ok, run.error
    (tmp_path / "lib.lib").write_text(shipped.read_text())
    (tmp_path / "net.v").write_text(run.files["net.v"])
    report = _sta(
        "read_liberty lib.lib\nread_verilog net.v\nlink_design d\ncreate_clock -name c -period 1 [get_ports clk]\n"
        "set_input_transition 0.02 [all_inputs]\nset_input_delay 0.1 -clock c [get_ports {a b s en rst_n set}]\n"
        "set_output_delay 0.1 -clock c [all_outputs]\nset_power_activity -global -activity 0.1 -duty 0.5\n"
        "report_checks -path_delay max\nreport_checks -path_delay min\nreport_power",
        tmp_path,
    )
    assert "Warning" not in report
    assert report.count("slack (MET)") >= 2
    assert "library setup time" in report or "output external delay" in report
    internal, switching, leakage, total = (
        float(x) for x in re.search(r"^Total((?:\s+\S+){4})", report, re.M)[1].split()
    )  # type: ignore[index]
    assert min(internal, switching, leakage) > 0
    assert total == pytest.approx(internal + switching + leakage, rel=0.01)


def test_opensta_knows_every_cell(shipped: Path, tmp_path: Path) -> None:
    (tmp_path / "lib.lib").write_text(shipped.read_text())
    report = _sta(
        'read_liberty lib.lib\nforeach c [get_lib_cells rtlgen45/*] { puts "cell [get_property $c name]" }', tmp_path
    )
    assert set(re.findall(r"^cell (\S+)$", report, re.M)) == set(read_library().cells)


def test_the_trees_of_real_libraries_are_whole(library: Library) -> None:
    tree = parse_liberty(read_text(library.path), str(library.path))
    assert [cell.args[0] for cell in tree.find("cell")] == list(library.cells)
    tables = [t for c in tree.find("cell") for p in c.find("pin") for a in p.find("timing") for t in a.groups]
    assert len(tables) > 300
    assert all(any(item.name == "values" for item in table.attributes) for table in tables)
