from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.core.errors import InputError
from rtlgen.graphs.repository.corefile import CoreFiles, read_core
from rtlgen.graphs.repository.vlnv import Vlnv, choose


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")


def core(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("CAPI=2:\n" + text)


def read(root: Path, name: str, target: str = "default", *flags: str) -> CoreFiles:
    cores = [p.relative_to(root).as_posix() for p in root.rglob("*.core")]
    return read_core(name, root, cores, target=target, flags=flags)


def messages(found: CoreFiles) -> list[str]:
    return [f"{place}: {row.message}" for place, row in zip(found.places, found.notes, strict=True)]


TOP = """
name: "acme:soc:top:1.0"
filesets:
  rtl:
    depend: [">=acme:ip:fifo:1.1", "tool_vivado ? (acme:ip:mmcm)"]
    files:
      - rtl/pkg.sv
      - rtl/top.sv
      - rtl/defs.svh: {is_include_file: true}
      - inc/acme/macros.svh: {is_include_file: true, include_path: inc}
      - "tool_vivado ? (rtl/ram_xilinx.sv)"
      - "!tool_vivado ? (rtl/ram.sv)"
      - lint/waive.vlt: {file_type: vlt}
      - rtl/gone.sv
    file_type: systemVerilogSource
  tb:
    files: [tb/tb.sv]
targets:
  default: &default
    filesets: [rtl]
    toplevel: top
    parameters: [WIDTH, NAME, FAST, SLOW, DEPTH=7, UNSET, "tool_vivado ? (XILINX=true)"]
  sim:
    <<: *default
    filesets_append: [tb]
    toplevel: [tb]
parameters:
  WIDTH: {datatype: int, default: 32, paramtype: vlogparam}
  NAME: {datatype: str, default: abc, paramtype: vlogparam}
  FAST: {datatype: bool, default: true, paramtype: vlogdefine}
  SLOW: {datatype: bool, default: false, paramtype: vlogdefine}
  DEPTH: {datatype: int, paramtype: vlogdefine}
  UNSET: {datatype: int, paramtype: vlogparam}
  XILINX: {datatype: bool, paramtype: vlogdefine}
"""


@pytest.fixture
def soc(tmp_path: Path) -> Path:
    make(tmp_path, *(f"rtl/{n}.sv" for n in ("pkg", "top", "ram", "ram_xilinx")), "tb/tb.sv")
    make(tmp_path, "rtl/defs.svh", "inc/acme/macros.svh", "lint/waive.vlt", "ip/fifo.sv", "ip/old.sv", "ip/sync.v")
    core(tmp_path, "top.core", TOP)
    for version, file in (("1.0", "old"), ("1.2", "fifo")):
        core(
            tmp_path,
            f"ip/{file}.core",
            f"name: acme:ip:fifo:{version}\nfilesets:\n  rtl:\n    files: [{file}.sv]\n    depend: [sync]\n"
            "    file_type: verilogSource-2005\ntargets:\n  default:\n    filesets: [rtl]\n    parameters: [WIDTH=1]\n"
            "    toplevel: ['is_toplevel? (fifo)']\nparameters:\n  WIDTH: {datatype: int, paramtype: vlogparam}\n",
        )
    core(
        tmp_path,
        "ip/sync.core",
        "name: ::sync:0\nfilesets:\n  x: {files: [sync.v]}\ntargets:\n  default: {filesets: [x]}\n",
    )
    return tmp_path


def test_a_core_with_those_it_depends_on(soc: Path) -> None:
    found = read(soc, "top.core")
    assert found.name == "acme:soc:top:1.0"
    assert found.files == ("ip/sync.v", "ip/fifo.sv", "rtl/pkg.sv", "rtl/top.sv", "rtl/ram.sv")
    assert found.include_dirs == ("rtl", "inc")
    assert found.tops == ("top",)
    assert found.parameters == {"WIDTH": "32", "NAME": '"abc"'}
    assert found.defines == {"FAST": "1", "DEPTH": "7"}
    assert found.cores == ("top.core", "ip/fifo.core", "ip/sync.core")
    assert found.missing == ("rtl/gone.sv",)
    assert messages(found) == ["top.core: file rtl/gone.sv does not exist and is left out"]


def test_flags_and_targets_choose(soc: Path) -> None:
    found = read(soc, "acme:soc:top", "sim", "tool_vivado")
    assert found.files[-3:] == ("rtl/top.sv", "rtl/ram_xilinx.sv", "tb/tb.sv")
    assert found.tops == ("tb",)
    assert found.defines["XILINX"] == "1"
    assert messages(found)[-1] == "top.core: core acme:ip:mmcm is in no core file of the repository; needed by top.core"
    with pytest.raises(InputError, match=r"top\.core: no target 'lint'; it has default, sim$"):
        read(soc, "top", "lint")


def test_the_highest_version_that_fits_is_taken(soc: Path) -> None:
    assert read(soc, "fifo").files == ("ip/sync.v", "ip/fifo.sv")
    assert read(soc, "<acme:ip:fifo:1.1").files == ("ip/sync.v", "ip/old.sv")
    assert read(soc, "acme:ip:fifo:1.0").tops == ("fifo",)


def test_generators_are_named_and_not_run(tmp_path: Path) -> None:
    core(
        tmp_path,
        "a.core",
        "name: a\ngenerate:\n  impl: {generator: primgen}\ntargets:\n  default: {generate: [impl]}\n"
        f"generators:\n  primgen: {{interpreter: sh, command: 'touch {tmp_path}/ran'}}\n",
    )
    assert messages(read(tmp_path, "a")) == [
        "a.core: generators are not run: primgen of a.core; index what they write, if it is elsewhere"
    ]
    assert not (tmp_path / "ran").exists()


def test_without_a_default_target_the_first_is_taken(tmp_path: Path) -> None:
    make(tmp_path, "a.v")
    core(tmp_path, "a.core", "name: a\nfilesets: {r: {files: [a.v]}}\ntargets:\n  sim: {filesets: [r]}\n  fpga: {}\n")
    found = read(tmp_path, "a")
    assert found.files == ("a.v",)
    assert messages(found) == ["a.core: no target 'default'; 'sim' of sim, fpga was taken"]


def test_cores_in_a_circle_are_each_read_once(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        make(tmp_path, f"{name}.v")
        text = f"name: {name}\nfilesets: {{r: {{files: [{name}.v], depend: [{other}]}}}}\n"
        core(tmp_path, f"{name}.core", text + "targets: {default: {filesets: [r]}}\n")
    assert read(tmp_path, "a").files == ("b.v", "a.v")


def test_an_unknown_core_names_near_ones(soc: Path) -> None:
    with pytest.raises(InputError, match=r"^no core 'acme:ip:fifa' in .*; did you mean (acme|<|:).*acme:ip:fifo:1\.\d"):
        read(soc, "acme:ip:fifa")


BOMB = "CAPI=2:\nm0: &m0 {a: 1, b: 2}\n" + "".join(
    f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\n", r"a\.core: expected a FuseSoC core file that begins with 'CAPI=2:'$"),
        ("CAPI=2:\nname: [a\n", r"a\.core:\d: expected YAML: "),
        ("CAPI=2\n", r"a\.core: expected a mapping, got str$"),
        ("CAPI=2:\nname: &a [*a, " + "[" * 2000, r"a\.core:?\d*: expected YAML: "),
        (BOMB, r"a\.core:6: expected YAML: more than 10000 keys in one mapping$"),
    ],
    ids=["no CAPI", "broken", "no mapping", "deep", "merges"],
)
def test_a_file_that_is_no_core(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.core").write_text(text)
    with pytest.raises(InputError, match=message):
        read(tmp_path, "a.core")
    with pytest.raises(InputError, match=r"gone\.core: can't be read: No such file"):
        read(tmp_path, "gone.core")


def test_fields_of_wrong_types_are_passed_over(tmp_path: Path) -> None:
    core(
        tmp_path,
        "a.core",
        "name: a\nfilesets: [1]\nparameters: x\ntargets: {default: {filesets: [r, 3], toplevel: 5}}\n",
    )
    found = read(tmp_path, "a")
    assert (found.files, found.tops) == ((), ("5",))
    assert messages(found) == ["a.core: fileset 'r' is not there", "a.core: fileset '3' is not there"]


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("1.2.3", "1.2.3", True),
        ("1.2", "1.2.0", True),
        ("1.2.3", ">=1.2", True),
        ("1.2.3", ">1.2.3", False),
        ("1.2.3", "<1.3", True),
        ("1.2.3", "<=1.2.2", False),
        ("1.9", "^1.2", True),
        ("2.0", "^1.2", False),
        ("0.3", "^0.2", False),
        ("1.2.9", "~1.2.3", True),
        ("1.3.0", "~1.2.3", False),
        ("1.0-r2", ">1.0-r1", True),
    ],
)
def test_versions(version: str, wanted: str, fits: bool) -> None:
    sign = wanted.rstrip("0123456789.-r")
    asked = Vlnv.parse(f"{sign}v:l:n:{wanted.removeprefix(sign)}")
    assert Vlnv.parse(f"v:l:n:{version}").meets(asked) is fits


def test_conditions_nest() -> None:
    text = "a !b ? (c d ? (e)) b?(f) tool_x ? ()"
    assert choose(text, {"d"}) == ["a", "c", "e"]
    assert choose(text, {"b"}) == ["a", "f"]


@given(st.text(alphabet="ab!?() ", max_size=40), st.frozensets(st.sampled_from("ab")))
def test_any_condition_gives_words_of_the_text(text: str, flags: frozenset[str]) -> None:
    assert all(word in text for word in choose(text, flags))
