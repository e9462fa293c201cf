import os
import socket
from pathlib import Path

import pytest

from rtlgen.core.errors import InputError
from rtlgen.graphs.repository.files import MAX_DEPTH, Found, discover


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("module m; endmodule\n")


def reasons(found: Found) -> dict[str, str]:
    return {place: row.message for place, row in zip(found.places, found.skipped, strict=True)}


def test_sources_come_sorted_with_size_and_time(tmp_path: Path) -> None:
    make(tmp_path, "rtl/b.sv", "rtl/a.v", "inc/x.svh", "inc/y.VH", "README.md", "rtl/c.vhd")
    os.utime(tmp_path / "rtl/a.v", ns=(5, 1_000_000_007))
    found = discover(tmp_path)
    assert found.paths == ("inc/x.svh", "inc/y.VH", "rtl/a.v", "rtl/b.sv")
    a = found.files[2]
    assert (a.size, a.modified_ns) == (20, 1_000_000_007)
    assert found.skipped == ()


def test_file_lists_and_cores_are_listed(tmp_path: Path) -> None:
    make(tmp_path, "a.f", "core/Flist.cv32", "sim/x.flist", "ip/prim.core", "flist.vcs")
    found = discover(tmp_path)
    assert found.filelists == ("a.f", "core/Flist.cv32", "flist.vcs", "sim/x.flist")
    assert found.cores == ("ip/prim.core",)


def test_what_is_hidden_or_written_by_tools_is_passed_over(tmp_path: Path) -> None:
    make(tmp_path, ".git/a.v", "obj_dir/a.v", "node_modules/p/a.v", "rtlgen-out/a.v", "my_env/lib/a.v", "ok/a.v")
    (tmp_path / "my_env/pyvenv.cfg").write_text("home = /usr\n")
    found = discover(tmp_path)
    assert found.paths == ("ok/a.v",)
    assert reasons(found)["obj_dir"] == "folder obj_dir is taken for the output of a tool; -f names its files"


def test_exclude_takes_patterns_of_gitignore(tmp_path: Path) -> None:
    make(tmp_path, "rtl/a.v", "rtl/old/a.v", "old/b.v", "rtl/x_tb.v")
    assert discover(tmp_path, exclude=["old/", "*_tb.v"]).paths == ("rtl/a.v",)
    assert discover(tmp_path, exclude=["/old"]).paths == ("rtl/a.v", "rtl/old/a.v", "rtl/x_tb.v")


def test_files_of_a_list_count_whatever_their_names(tmp_path: Path) -> None:
    make(tmp_path, "repo/a.v", "repo/rom.mem", "beside/b.v", "repo/obj_dir/gen.v")
    found = discover(tmp_path / "repo", also=["rom.mem", "../beside/b.v", "obj_dir/gen.v", "a.v", "gone.v"])
    assert found.paths == ("../beside/b.v", "a.v", "obj_dir/gen.v", "rom.mem")
    assert reasons(found)["gone.v"] == "file can't be read: No such file or directory"


def test_links_are_taken_once_and_loops_do_no_harm(tmp_path: Path) -> None:
    make(tmp_path, "repo/rtl/a.v", "elsewhere/b.v", "elsewhere/deep/c.v")
    repo = tmp_path / "repo"
    (repo / "rtl/up").symlink_to(repo, target_is_directory=True)
    (repo / "self.v").symlink_to("self.v")
    (repo / "same.v").symlink_to("rtl/a.v")
    (repo / "b.v").symlink_to(tmp_path / "elsewhere/b.v")
    (repo / "broken.v").symlink_to("gone.v")
    (repo / "ip").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    found = discover(repo)
    assert found.paths == ("b.v", "rtl/a.v")
    assert reasons(found) == {
        "broken.v": "link leads nowhere",
        "self.v": "link leads nowhere",
        "ip": "link to a folder outside of the repository is not followed; -f names its files",
    }


def test_pipes_sockets_and_folders_named_like_files(tmp_path: Path) -> None:
    make(tmp_path, "a.v", "dir.v/b.v")
    os.mkfifo(tmp_path / "pipe.v")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket.sv"))
        found = discover(tmp_path)
    assert found.paths == ("a.v", "dir.v/b.v")
    assert reasons(found).keys() == {"pipe.v", "socket.sv"}
    assert reasons(found)["pipe.v"] == "neither a file nor a folder (a pipe, socket or device)"


def test_names_that_are_not_utf8_are_reported(tmp_path: Path) -> None:
    make(tmp_path, "a.v")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.v")).write_text("")
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    found = discover(tmp_path)
    assert found.paths == ("a.v",)
    assert reasons(found) == {r"b\xff.v": "the name of the file is not UTF-8"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_reported(tmp_path: Path) -> None:
    make(tmp_path, "a.v", "b.v", "closed/c.v")
    (tmp_path / "b.v").chmod(0)
    (tmp_path / "closed").chmod(0)
    try:
        found = discover(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert found.paths == ("a.v",)
    assert reasons(found).keys() == {"b.v", "closed"}


def test_a_file_that_vanishes_meanwhile_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.v", "b.v")
    true_stat = os.stat

    def stat(path: str, **options: object) -> os.stat_result:
        if str(path).endswith("a.v"):
            Path(path).unlink(missing_ok=True)
        return true_stat(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", stat)
    found = discover(tmp_path)
    assert found.paths == ("b.v",)
    assert reasons(found) == {"a.v": "file can't be read: No such file or directory"}


def test_folders_are_followed_to_a_depth(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(MAX_DEPTH + 1):
        deep /= "d"
    make(tmp_path, "a.v")
    deep.mkdir(parents=True)
    (deep / "x.v").write_text("")
    found = discover(tmp_path)
    assert found.paths == ("a.v",)
    assert [row.message for row in found.skipped] == [f"folders are nested deeper than {MAX_DEPTH}"]


def test_a_root_that_is_no_folder(tmp_path: Path) -> None:
    make(tmp_path, "a.v")
    with pytest.raises(InputError, match=r"^expected the folder of a repository, got the file '.*a\.v'$"):
        discover(tmp_path / "a.v")
    with pytest.raises(InputError, match=r"gone: can't be read: No such file or directory$"):
        discover(tmp_path / "gone")


def test_a_wrong_pattern_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^expected patterns as in a \.gitignore, got \['!'\]"):
        discover(tmp_path, exclude=["!"])


def test_many_small_files(tmp_path: Path) -> None:
    for folder in range(50):
        (tmp_path / f"d{folder}").mkdir()
        for name in range(100):
            (tmp_path / f"d{folder}/m{name}.sv").touch()
    found = discover(tmp_path)
    assert len(found.files) == 5000
