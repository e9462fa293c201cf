import random
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.core.errors import InputError
from rtlgen.graphs import model
from rtlgen.graphs.repository.order import compile_order
from rtlgen.graphs.repository.places import Role, distance, role_of
from rtlgen.graphs.repository.project import Plan, plan
from rtlgen.graphs.rows import FileRows

NOWHERE = Path("/nowhere")


def file(
    path: str,
    *modules: str,
    packages: Iterable[str] = (),
    imports: Iterable[str] = (),
    includes: Iterable[str] = (),
    macros: Mapping[str, str] | None = None,
    unknown: Iterable[str] = (),
    kind: str = "module",
) -> tuple[str, FileRows]:
    """Return the rows of a file; a module is given as `name` or `name: child child`."""
    rows = FileRows(path, "", 0, 0, macros=macros or {}, unknown_macros=frozenset(unknown))
    for n, text in enumerate(modules, 1):
        name, _, children = text.partition(":")
        rows.definitions.append(model.Definition(n, name.strip(), kind, 0, n, n))
        rows.instantiates += [model.Instantiates(n, child, f"u_{child}", n) for child in children.split()]
    rows.packages = [model.Package(100 + n, name, 0, n, n) for n, name in enumerate(packages)]
    owner = 1 if modules else 100 if rows.packages else 0
    rows.imports = [model.Imports(owner, name, 1) for name in imports]
    rows.includes = [model.Includes(0, 0, name, n) for n, name in enumerate(includes, 1)]
    return path, rows


def planned(*files: tuple[str, FileRows], **options: object) -> Plan:
    return plan(NOWHERE, dict(files), environ={}, **options)  # type: ignore[arg-type]


def messages(found: Plan, code: str) -> list[str]:
    return [row.message for row in found.notes if row.code == code]


def test_the_top_is_what_nothing_but_tests_instantiates() -> None:
    found = planned(
        file("rtl/core.sv", "core: alu regs"),
        file("rtl/alu.sv", "alu"),
        file("rtl/regs.sv", "regs"),
        file("rtl/spare.sv", "spare"),
        file("tb/core_tb.sv", "core_tb: core"),
        file("examples/board.sv", "board: core led"),
    )
    assert found.tops == ("core",)
    assert found.spare == ("spare",)
    assert found.files == ("rtl/alu.sv", "rtl/core.sv", "rtl/regs.sv", "rtl/spare.sv")
    assert messages(found, "Tops") == [
        "top found: core, and 1 module that nothing instantiates (spare); left out: 2 tops of tests, examples or "
        "libraries (board, core_tb); --top NAME takes another, --all-tops takes all"
    ]


def test_a_board_with_cells_that_are_not_there_is_not_the_top() -> None:
    files = [
        file("soc/soc.sv", "soc: cpu ram"),
        file("soc/cpu.sv", "cpu: alu", "alu"),
        file("soc/ram.sv", "ram"),
        file("soc/arty.sv", "arty: soc arty_clk"),
        file("soc/arty_clk.sv", "arty_clk: PLLE2_BASE"),
    ]
    assert planned(*files).tops == ("soc",)
    assert planned(*files, ("soc/pll.sv", file("soc/pll.sv", "PLLE2_BASE")[1])).tops == ("arty",)


def test_a_design_that_is_itself_incomplete_stays_the_top() -> None:
    found = planned(file("a.sv", "top: alu clock_cell"), file("b.sv", "alu"))
    assert found.tops == ("top",)
    assert found.unknown == ("clock_cell",)
    assert messages(found, "UnknownModule") == [
        "module clock_cell is in no file; instantiated in a.sv:1; add the folder or file that has it"
    ]


def test_tests_are_tops_where_there_is_nothing_else() -> None:
    assert planned(file("test/a_tb.sv", "a_tb: x"), file("test/x.sv", "x")).tops == ("a_tb",)


def test_modules_that_instantiate_each_other_have_a_top() -> None:
    assert planned(file("a.sv", "b: a"), file("b.sv", "a: b", "leaf")).tops == ("a",)
    assert planned(file("r.sv", "tree: tree leaf"), file("l.sv", "leaf")).tops == ("tree",)


def test_nothing_to_elaborate_is_said() -> None:
    found = planned(file("h.svh", macros={"A": "A 1"}))
    assert (found.tops, found.files) == ((), ())
    assert messages(found, "NoTop") == ["no module was found; nothing is elaborated"]


def test_tops_are_asked_for() -> None:
    files = [file("a.sv", "a: c"), file("b.sv", "b"), file("c.sv", "c"), file("t/tb.sv", "tb: a")]
    assert planned(*files, tops=["b"]).files == ("b.sv",)
    assert planned(*files, tops=["c", "b"]).tops == ("c", "b")
    assert planned(*files, all_tops=True).tops == ("a", "b", "tb")
    with pytest.raises(InputError, match=r"^no module 'aa' in the 4 files of the repository; did you mean a\?$"):
        planned(*files, tops=["aa"])


def test_packages_come_before_their_users() -> None:
    found = planned(
        file("a.sv", "top: z", imports=["b_pkg"]),
        file("b.sv", packages=["b_pkg"], imports=["z_pkg", "std"]),
        file("y.sv", packages=["unused_pkg"]),
        file("z.sv", packages=["z_pkg"]),
        file("zz.sv", "z"),
    )
    assert found.files == ("z.sv", "b.sv", "a.sv", "zz.sv")
    assert messages(found, "UnknownPackage") == []


def test_packages_in_a_circle_are_named() -> None:
    found = planned(
        file("a.sv", packages=["a"], imports=["b"]),
        file("b.sv", packages=["b"], imports=["a"]),
        file("t.sv", "t", imports=["a", "gone"]),
    )
    assert set(found.files) == {"a.sv", "b.sv", "t.sv"}
    assert messages(found, "PackageCircle") == ["packages use each other: a.sv → b.sv → a.sv"]
    assert messages(found, "UnknownPackage") == [
        "packages (or type parameters) in no file: gone; first used in t.sv:1; add the folders or files that have them"
    ]


def test_of_several_definitions_the_nearest_that_is_no_test_is_taken() -> None:
    found = planned(
        file("core/top.sv", "top: ram fifo"),
        file("core/mem/ram.sv", "ram"),
        file("ip/x/ram.sv", "ram"),
        file("core/tb/fifo.sv", "fifo"),
        file("ip/common/fifo.sv", "fifo"),
    )
    assert found.chosen == {"top": "core/top.sv", "ram": "core/mem/ram.sv", "fifo": "ip/common/fifo.sv"}
    assert messages(found, "SeveralFiles") == [
        "module fifo is in 2 files: ip/common/fifo.sv was taken, not core/tb/fifo.sv; a file list (-f) or --exclude "
        "decides",
        "module ram is in 2 files: core/mem/ram.sv was taken, not ip/x/ram.sv; a file list (-f) or --exclude decides",
    ]


def test_headers_are_found_by_name_and_are_no_sources() -> None:
    found = planned(
        file("rtl/top.sv", "top", includes=["defs.svh", "axi/types.svh", "uvm_macros.svh", "beside.svh"]),
        file("rtl/beside.svh"),
        file("common/inc/defs.svh", includes=["more.svh"]),
        file("other/far/inc/defs.svh"),
        file("ip/more.svh"),
        file("ip/axi/include/axi/types.svh"),
        file("ip/types.svh"),
    )
    assert found.files == ("rtl/top.sv",)
    assert found.include_dirs == ("common/inc", "ip/axi/include", "ip")
    assert found.include_dirs_for("rtl/top.sv") == found.include_dirs
    assert found.include_dirs_for("ip/types.svh") == ()
    assert messages(found, "MissingInclude") == [
        "header uvm_macros.svh is in no folder; included in rtl/top.sv:3; -I FOLDER says where it is"
    ]
    assert messages(found, "SeveralHeaders") == [
        "header defs.svh is in several folders: common/inc/defs.svh was taken for rtl/top.sv:1, not "
        "other/far/inc/defs.svh; -I FOLDER decides"
    ]


def test_folders_that_are_given_come_first(tmp_path: Path) -> None:
    (tmp_path / "gen").mkdir()
    (tmp_path / "gen/late.svh").write_text("")
    files = dict(
        [
            file("rtl/top.sv", "top", includes=["defs.svh", "late.svh"]),
            file("rtl/inc/defs.svh"),
            file("far/inc/defs.svh"),
        ]
    )
    found = plan(tmp_path, files, include_dirs=["far/inc", tmp_path / "gen"])
    assert found.include_dirs == ("far/inc", "gen")
    assert messages(found, "SeveralHeaders") == messages(found, "MissingInclude") == []


def test_headers_of_odd_names_do_no_harm(tmp_path: Path) -> None:
    names = ["", ".", "..", "/", "/etc", "../../x.svh", "a\0b", "x" * 5000, "<x>", "\\x.svh"]
    found = plan(tmp_path, dict([file("top.sv", "top", includes=names)]))
    assert found.files == ("top.sv",)
    assert len(messages(found, "MissingInclude")) == len({n.strip("<>") for n in names})


def test_headers_in_a_circle_do_no_harm() -> None:
    found = planned(
        file("top.sv", "top", includes=["a.svh"]),
        file("a.svh", includes=["b.svh"], macros={"A": "A 1"}),
        file("b.svh", includes=["a.svh", "b.svh"]),
    )
    assert found.files == ("top.sv",)


def test_packages_that_headers_use_come_with_who_includes_them() -> None:
    found = planned(
        file("top.sv", "top", includes=["item.svh"]),
        file("z/item.svh", "item", kind="class", imports=["z_pkg", "base"], includes=["free.svh"]),
        file("z/free.svh", imports=["y_pkg"]),
        file("z/base.svh", "base", kind="class"),
        file("z/z.sv", packages=["z_pkg"]),
        file("z/y.sv", packages=["y_pkg"]),
    )
    assert found.files == ("z/y.sv", "z/z.sv", "top.sv")
    assert messages(found, "UnknownPackage") == []


def test_instances_in_a_header_belong_to_who_includes_it() -> None:
    instances = FileRows("parts.svh", "", 0, 0, instantiates=[model.Instantiates(0, "alu", "u", 1)])
    found = planned(file("top.sv", "top", includes=["parts.svh"]), ("parts.svh", instances), file("alu.sv", "alu"))
    assert (found.tops, found.files) == (("top",), ("alu.sv", "top.sv"))


def test_a_module_in_a_header_is_compiled_with_who_includes_it() -> None:
    found = planned(file("top.v", "top: sub", includes=["sub.v"]), file("sub.v", "sub"))
    assert found.files == ("top.v",)


def test_macros_of_other_files_are_put_before_a_file() -> None:
    found = planned(
        file("rtl/defs.v", macros={"W": "W (`B + 1)", "B": "B 7", "NOISE": "NOISE 1", "T": "T 1"}),
        file("sim/defs.v", macros={"W": "W 99"}),
        file("rtl/top.v", "top", unknown=["W", "GIVEN", "OWN", "NOBODY"], includes=["own.vh"]),
        file("rtl/own.vh", macros={"OWN": "OWN(x) x"}),
        defines={"GIVEN": "3"},
    )
    assert found.prelude_for("rtl/top.v") == "`define B 7\n`define W (`B + 1)\n"
    assert found.prelude_for("rtl/defs.v") == ""
    assert messages(found, "UnknownMacro") == [
        "macro NOBODY is defined nowhere; used in rtl/top.v; -D NOBODY=TEXT defines it"
    ]
    assert messages(found, "SeveralMacros") == [
        "macro W has several definitions: that of rtl/defs.v was taken for rtl/top.v, not sim/defs.v; -D W=TEXT decides"
    ]


def test_macros_with_lines_and_pasted_names_and_circles() -> None:
    found = planned(
        file(
            "defs.vh",
            macros={
                "get": "get(n) `get_``n``_s + \\\n  `LINE_``n`` `__LINE__ \\\n",
                "get_a_s": "get_a_s `loop",
                "loop": "loop `loop2",
                "loop2": "loop2 `loop",
                "get_b_s": "get_b_s 2",
            },
        ),
        file("top.v", "top", unknown=["get"]),
    )
    assert found.prelude_for("top.v") == (
        "`define get(n) `get_``n``_s + \\\n  `LINE_``n`` `__LINE__\n"
        "`define get_a_s `loop\n`define get_b_s 2\n`define loop `loop2\n`define loop2 `loop\n"
    )


@pytest.fixture
def listed(tmp_path: Path) -> tuple[Path, dict[str, FileRows]]:
    rows = [
        file("b.sv", "top: sub cell ram", imports=["p"]),
        file("p.sv", packages=["p"]),
        file("ip/sub.sv", "sub"),
        file("near/sub.sv", "sub"),
        file("lib/cell.v", "cell"),
        file("cell.v", "cell"),
        file("gen/ram.sv", "ram"),
        file("a.sv", "unused"),
    ]
    for path, _ in rows:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    (tmp_path / "t.f").write_text("p.sv b.sv a.sv ip/sub.sv -y lib +libext+.v +define+A=1+B +incdir+ip gone.sv\n")
    return tmp_path, dict(rows)


def test_a_file_list_decides(listed: tuple[Path, dict[str, FileRows]]) -> None:
    root, files = listed
    found = plan(root, files, filelists=["t.f"], defines={"A": "2"})
    assert found.tops == ("top",)
    assert found.files == ("p.sv", "b.sv", "a.sv", "ip/sub.sv", "gen/ram.sv", "lib/cell.v")
    assert found.chosen["sub"] == "ip/sub.sv"
    assert found.defines == {"A": "2", "B": ""}
    assert found.include_dirs == ("ip",)
    assert messages(found, "MissingFile") == ["file gone.sv does not exist and is left out"]
    assert messages(found, "NotListed") == ["module ram is not listed; gen/ram.sv was taken for b.sv:1"]


def test_a_core_decides(listed: tuple[Path, dict[str, FileRows]]) -> None:
    root, files = listed
    (root / "t.core").write_text(
        "CAPI=2:\nname: t\nfilesets: {r: {files: [p.sv, b.sv, near/sub.sv]}}\n"
        "parameters: {N: {datatype: int, default: 4, paramtype: vlogparam}}\n"
        "targets: {default: {filesets: [r], toplevel: top, parameters: [N]}}\n"
    )
    found = plan(root, files, core="t")
    assert (found.tops, found.parameters) == (("top",), {"N": "4"})
    assert found.chosen["sub"] == "near/sub.sv"
    assert messages(found, "NotListed") == [
        "module cell is not listed; cell.v was taken for b.sv:1",
        "module ram is not listed; gen/ram.sv was taken for b.sv:1",
    ]


NAMES = st.sampled_from([f"m{n}" for n in range(8)])
FOLDERS = st.sampled_from(["", "rtl/", "rtl/x/", "tb/", "vendor/ip/"])
FILES = st.lists(
    st.tuples(FOLDERS, NAMES, st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=2), st.lists(NAMES, max_size=2)),
    min_size=1,
    max_size=12,
    unique_by=lambda f: f[:2],
)


def generated(parts: list[tuple[str, str, list[str], list[str], list[str]]]) -> list[tuple[str, FileRows]]:
    return [
        file(
            f"{folder}{name}.sv",
            f"{name}: {' '.join(children)}",
            packages=[f"{name}_pkg"],
            imports=[f"{p}_pkg" for p in imports],
            includes=[f"{h}.sv" for h in headers],
            macros={name.upper(): f"{name.upper()} {folder}"},
            unknown=[h.upper() for h in children],
        )
        for folder, name, children, imports, headers in parts
    ]


@given(FILES, st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_matter(
    parts: list[tuple[str, str, list[str], list[str], list[str]]], rng: random.Random
) -> None:
    files = generated(parts)
    before = planned(*files)
    rng.shuffle(files)
    assert planned(*files) == before


@given(FILES)
def test_a_file_that_nobody_uses_changes_nothing(parts: list[tuple[str, str, list[str], list[str], list[str]]]) -> None:
    files = generated(parts)
    top = parts[0][1]
    before = planned(*files, tops=[top])
    after = planned(*files, file("rtl/other.sv", "other: m0", packages=["other_pkg"], imports=["m1_pkg"]), tops=[top])
    assert after == before


@given(FILES)
def test_a_plan_holds_what_its_tops_reach_and_nothing_twice(
    parts: list[tuple[str, str, list[str], list[str], list[str]]],
) -> None:
    files = dict(generated(parts))
    found = planned(*files.items())
    assert len(set(found.files)) == len(found.files)
    assert set(found.files) <= files.keys()
    defined = {d.name for path in found.files for d in files[path].definitions}
    assert set(found.tops) <= {d.name for rows in files.values() for d in rows.definitions}
    included = set(found.files)
    while more := {p for q in included for i in files[q].includes for p in files if p.endswith(i.name)} - included:
        included |= more
    assert included.issuperset(found.chosen.values())
    assert set(found.unknown).isdisjoint(defined)


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=4)))
def test_compile_order_puts_needs_first_or_names_a_circle(graph: dict[int, list[int]]) -> None:
    files = [str(n) for n in graph]
    needs = {str(n): [str(m) for m in graph[n]] for n in graph}
    order, circle = compile_order(files, needs)
    assert sorted(order) == sorted(files)
    if not circle:
        for path in order:
            assert all(order.index(n) < order.index(path) for n in needs[path] if n in needs and n != path)
    else:
        assert circle[0] == circle[-1]
        assert all(b in needs[a] for a, b in pairwise(circle))


def test_roles_and_distances() -> None:
    assert role_of("rtl/core.sv") is Role.DESIGN
    assert role_of("vendor/lowrisc_ip/ip/prim/rtl/prim_buf.sv") is Role.LIBRARY
    assert role_of("examples/simple_system/rtl/x.sv") is Role.EXAMPLE
    assert role_of("dv/uvm/x.sv") is role_of("rtl/tb_x.sv") is role_of("a/core-v-verif/x.sv") is Role.TEST
    assert role_of("rtl/latest/contest.sv") is Role.DESIGN
    assert distance("a/b/x.sv", "a/b/y.sv") == 0
    assert distance("a/b/x.sv", "a/c/d/y.sv") == 3
    assert distance("x.sv", "a/y.sv") == 1


def test_a_thousand_files_are_planned_at_once() -> None:
    files = [
        file(
            f"d{n % 40}/m{n}.sv",
            f"m{n}: m{n * 2 + 1} m{n * 2 + 2}" if n < 499 else f"m{n}",
            imports=[f"p{n % 50}"],
            includes=[f"h{n % 20}.svh"],
            unknown=[f"M{n % 30}"],
        )
        for n in range(1000)
    ]
    files += [file(f"pkg/p{n}.sv", packages=[f"p{n}"]) for n in range(50)]
    files += [file(f"inc/h{n}.svh") for n in range(20)]
    files += [file("inc/macros.svh", macros={f"M{n}": f"M{n} `M{n // 2}" for n in range(30)})]
    found = planned(*files)
    assert found.tops == ("m0",)
    assert found.spare == ("m999",)
    assert len(found.files) == 1000 + 50
