"""Files in answers: whatever way they are written, they come back, and none leads outside."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.core.errors import RtlgenError
from rtlgen.scorers.files import PathError, files_in
from rtlgen.scorers.patch import PatchError, apply_diff

NAMES = st.from_regex(r"(rtl|verif|docs)/[a-z][a-z0-9_]{0,8}\.(sv|v|md)", fullmatch=True)
LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30)
TEXTS = st.lists(LINES, min_size=1, max_size=6).map(lambda x: "\n".join(x) + "\n")
SAFE = TEXTS.filter(lambda t: not any(m in t for m in ("```", "~~~", "{", "<think", "--- ", "diff --git")))
MODULE = "module a(input x, output y); assign y = x; endmodule\n"


@settings(deadline=None, max_examples=150)
@given(
    st.dictionaries(NAMES, TEXTS.filter(lambda t: "```" not in t and "~~~" not in t), min_size=1, max_size=4), st.data()
)
def test_files_as_json_come_back(files: dict[str, str], data: st.DataObject) -> None:
    value = data.draw(
        st.sampled_from([
            files,
            {"code": [files]},
            {"code": [{k: v} for k, v in files.items()]},
            {"code": {f"./{k}": v for k, v in files.items()}},
            {"files": {f"/code/{k}": v for k, v in files.items()}},
        ])
    )  # fmt: skip
    if any("<think" in t for t in files.values()):
        return
    text = json.dumps(value, indent=data.draw(st.sampled_from([None, 1])), ensure_ascii=data.draw(st.booleans()))
    before = data.draw(st.sampled_from(["", "Here it is:\n", "A set {a, b} of files.\n```json\n"]))
    after = "\n```\nDone." if before.endswith("json\n") else ""
    assert files_in(before + text + after, list(files)).texts == files


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(NAMES, SAFE, min_size=2, max_size=4), st.sampled_from(["info", "colon", "before", "comment"]))
def test_files_in_named_fences_come_back(files: dict[str, str], way: str) -> None:
    forms = {
        "info": "```verilog {0}\n{1}```\n",
        "colon": "```systemverilog:{0}\n{1}```\n",
        "before": "### File: `{0}`\n\n```\n{1}```\n",
        "comment": "```\n// {0}\n{1}```\n",
    }
    reply = "Some words.\n" + "\n".join(forms[way].format(p, t) for p, t in files.items()) + "More words.\n"
    head = {p: f"// {p}\n" if way == "comment" else "" for p in files}
    assert files_in(reply, list(files)).texts == {p: head[p] + t for p, t in files.items()}


@pytest.mark.parametrize(
    "reply",
    [
        MODULE,
        f"Sure.\n```verilog\n{MODULE}```\nBye.",
        f"<think>```verilog\nmodule wrong; endmodule\n```</think>```sv\n{MODULE}```",
        json.dumps({"code": MODULE}),
        json.dumps({"direct_text": MODULE}),
        json.dumps({"code": [{"rtl/other_name.sv": f"```verilog\n{MODULE}```"}]}),
        f"```verilog rtl/a.v\n{MODULE}```",
        f"```verilog\n{MODULE.strip()}```",
        f"As docs/specification.md says:\n\n```verilog\n{MODULE}```",
    ],
)
def test_one_file_that_was_asked_for_is_found(reply: str) -> None:
    found = files_in(reply, ["rtl/a.sv"], "a").texts
    assert {k: v.strip() for k, v in found.items()} == {"rtl/a.sv": MODULE.strip()}


@pytest.mark.parametrize(
    "path", ["../src/test_runner.py", "/etc/passwd", "rtl/../../x.sv", "rtl/a\\..\\b.sv", "..", "/code/../x.v"]
)
def test_a_path_outside_is_refused(path: str) -> None:
    with pytest.raises(PathError, match=r"^expected a path inside the task, got "):
        files_in(json.dumps({"code": [{path: MODULE}, {"rtl/b.sv": MODULE}]}), ["rtl/a.sv", "rtl/b.sv"])


NEW = "--- /dev/null\n+++ b/rtl/n.sv\n@@ -0,0 +1 @@\n+new\n"
GONE = (
    "diff --git a/docs/x.md b/docs/x.md\ndeleted file mode 100644\n--- a/docs/x.md\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
)
OTHER = "--- a/docs/x.md\n+++ b/docs/x.md\n@@ -1 +1 @@\n-x\n+y\n"
LINK = "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n"
AFTER = {"rtl/a.sv": "one\ntwo\n3\nfour\n"}
BASE = {"rtl/a.sv": "one\ntwo\nthree\nfour\n", "docs/x.md": "x\n"}
FITS = "--- a/rtl/a.sv\n+++ b/rtl/a.sv\n@@ -2,2 +2,2 @@\n two\n-three\n+3\n"


@pytest.mark.parametrize(
    ("diff", "after"),
    [
        (FITS, AFTER),
        (FITS.replace("-2,2 +2,2", "-9,7 +9,7"), AFTER),
        (FITS.replace("a/rtl", "rtl").replace("b/rtl", "rtl"), AFTER),
        (NEW, {"rtl/n.sv": "new\n"}),
        (NEW + FITS, AFTER | {"rtl/n.sv": "new\n"}),
        (f"diff --git a/rtl/a.sv b/rtl/a.sv\nindex 1..2 100644\n{FITS}{OTHER}", AFTER | {"docs/x.md": "y\n"}),
        (GONE, {}),
    ],
)
def test_a_diff_is_applied(diff: str, after: dict[str, str]) -> None:
    assert apply_diff(diff, BASE) == after


@pytest.mark.parametrize(
    ("diff", "kind"),
    [
        (FITS.replace("-three", "-THREE"), PatchError),
        ("--- a/rtl/a.sv\n+++ b/rtl/a.sv\nnonsense\n", PatchError),
        ("", PatchError),
        (FITS.replace("rtl/a.sv", "../a.sv"), PathError),
        ("--- /dev/null\n+++ /etc/cron.d/x\n@@ -0,0 +1 @@\n+new\n", PathError),
        (LINK + "\\ No newline at end of file\n", None),
    ],
)  # fmt: skip
def test_a_diff_that_does_not_fit_or_leads_outside_is_none(diff: str, kind: type[RtlgenError] | None) -> None:
    if kind is None:
        assert apply_diff(diff, BASE) == {}
        return
    with pytest.raises(kind):
        apply_diff(diff, BASE)


def test_a_diff_is_found_in_prose_and_in_json() -> None:
    assert files_in(f"I change one line.\n\n```diff\n{FITS}```\nDone.", ["rtl/a.sv"]).diff == FITS
    body = FITS.partition("@@")[1] + FITS.partition("@@")[2]
    assert files_in(json.dumps({"patch": {"rtl/a.sv": body}}), ["rtl/a.sv"]).diff == FITS
