"""From a reply to edits: finding the code, the fewest changed lines, and carrying them over to a newer source."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.core.errors import ModelProviderError
from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.frontend.words import code
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.models import Message, Reply
from rtlgen.optimizer.edits import Edit, apply_edits
from rtlgen.optimizer.modelled import pieces as cut
from rtlgen.optimizer.modelled import rewrite as family
from rtlgen.optimizer.modelled.hunks import edits, groups, hunks, old_lines, outside
from rtlgen.optimizer.modelled.pieces import Piece, pieces
from rtlgen.optimizer.modelled.prompt import conversation
from rtlgen.optimizer.modelled.rebase import rebase
from rtlgen.optimizer.modelled.reply import Answer, answers
from rtlgen.optimizer.modelled.rewrite import ModelRewrite, Refused
from rtlgen.optimizer.modelled.unbuilt import unbuilt
from rtlgen.optimizer.rewrite import Change, RewriteContext

SOURCE = b"""\
// top of file \xe4
module m(input [7:0] a, b, output [7:0] y, output [7:0] z);
    // keeps its comment
    wire [7:0] s = a + b; // sum \xc3\xa4
    wire [7:0] t = a + b;
    assign y = s;
    assign z = t;
endmodule
module n(input a, output y); assign y = a; endmodule
"""


def context(source: bytes = SOURCE, **more: object) -> RewriteContext:
    elaborated = elaborate({"m.v": source}, top="m")
    found = RewriteContext(word_level(elaborated), {"m.v": source}, "area", "m", elaborated=elaborated)
    return replace(found, **more)  # type: ignore[arg-type]


def piece(source: bytes = SOURCE) -> Piece:
    return pieces(context(source).modules, {"m.v": source})[0]


def fenced(text: str) -> str:
    return f"Shorter now.\n```verilog\n{text}\n```\nBye."


def lines_of(text: str) -> tuple[str, ...]:
    (found,) = answers(fenced(text), piece())
    return found.lines


GOOD = """\
module m(input [7:0] a, b, output [7:0] y, output [7:0] z);
    wire [7:0] s = a + b;
    assign y = s;
    assign z = s;
endmodule"""


def rewritten(text: str, source: bytes = SOURCE) -> str:
    where = piece(source)
    (answer,) = answers(text, where)
    found = hunks(old_lines(where), answer.lines, complete=answer.complete)
    return apply_edits({"m.v": source}, edits(found, where))["m.v"].decode("latin-1")


def test_only_what_differs_is_edited() -> None:
    assert rewritten(fenced(GOOD)) == SOURCE.decode("latin-1").replace("    wire [7:0] t = a + b;\n", "").replace(
        "z = t", "z = s"
    )


@pytest.mark.parametrize(
    "text",
    [
        fenced(GOOD),
        GOOD,
        f"```\n{GOOD}\n```",
        f"~~~sv\n{GOOD}\n~~~",
        f"~~~\n```\n~~~\n```systemverilog\n{GOOD}\n```",
        f"Here:\n```verilog\n{GOOD}",
        f"<think>```\nmodule m; endmodule\n```</think>\n{fenced(GOOD)}",
        fenced("\n".join(f"{n:5} | {line}" for n, line in enumerate(GOOD.split("\n"), 2))),
        fenced(GOOD.replace("\n", "\r\n")),
        fenced("// my version\n" + GOOD + "\n// done"),
        fenced(GOOD.replace("    ", "\t")),
        fenced("`timescale 1ns/1ps\n" + GOOD)[0:0] + fenced(GOOD.replace("endmodule", "endmodule : m")),
    ],
)
def test_the_code_is_found_in_whatever_is_around_it(text: str) -> None:
    result = rewritten(text)
    assert "assign z = s;" in result and "wire [7:0] t" not in result
    assert "// keeps its comment\n" in result and "// sum \xc3\xa4\n" in result


def test_several_answers_come_best_first() -> None:
    far = "module m(input [7:0] a, b, output [7:0] y, output [7:0] z);\nassign y = a+b, z = a+b;\nendmodule"
    found = answers(fenced(far) + fenced(GOOD) + fenced(GOOD), piece())
    assert [f.lines[-2].strip() for f in found] == ["assign z = s;", "assign y = a+b, z = a+b;"]


def test_no_code_is_no_answer() -> None:
    assert answers("It is perfect as it is. See module m for details.", piece()) == [] or not any(
        hunks(old_lines(piece()), a.lines, complete=a.complete) for a in answers("It is perfect as it is.", piece())
    )
    assert answers("```verilog\nmodule other; endmodule\n```", piece()) == []
    assert answers("", piece()) == []


def test_a_missing_end_takes_nothing_away() -> None:
    cut_off = GOOD[: GOOD.index("    assign z")]
    (answer,) = answers(f"```verilog\n{cut_off}", piece(), cut_off=True)
    assert not answer.complete
    where = piece()
    found = hunks(old_lines(where), answer.lines, complete=False)
    result = apply_edits({"m.v": SOURCE}, edits(found, where))["m.v"].decode("latin-1")
    assert result.count("endmodule") == 2 and "assign z = t;" in result


def test_left_out_lines_stay() -> None:
    text = GOOD.replace("    assign y = s;\n", "    // ... rest unchanged\n")
    assert "assign y = s;" in rewritten(fenced(text))
    text = GOOD.replace("    assign y = s;\n    assign z = s;\n", "    // ...\n")
    assert "assign y = s;\n    assign z = t;" in rewritten(fenced(text))


def test_a_comment_that_sounds_like_left_out_lines_may_stay() -> None:
    source = SOURCE.replace(b"    assign y = s;\n", b"    // the rest of it\n    assign y = s;\n")
    text = GOOD.replace(
        "    assign y = s;\n    assign z = s;", "    // the rest of it\n    assign y = a + b;\n    assign z = s;"
    )
    assert "    // the rest of it\n    assign y = a + b;\n" in rewritten(fenced(text), source)


def test_far_more_than_was_asked_for_is_no_answer() -> None:
    assert answers(fenced(GOOD.replace("endmodule", "wire x;\n" * 9000 + "endmodule")), piece()) == []


def test_layout_and_comments_alone_are_no_change() -> None:
    text = SOURCE.decode("utf-8", errors="replace").split("\n", 1)[1].rsplit("\n", 2)[0]
    for other in (
        text.replace("    ", "  "),
        text.replace("// keeps its comment", "// new words"),
        text.replace(" = ", "="),
    ):
        assert hunks(old_lines(piece()), lines_of(other)) == []


def test_windows_line_ends_stay() -> None:
    source = SOURCE.replace(b"\n", b"\r\n")
    result = rewritten(fenced(GOOD), source)
    assert "    assign z = s;\r\n" in result and result.count("\n") == result.count("\r\n")


def test_hunks_that_need_each_other_stay_together() -> None:
    old = ["wire [3:0] p = a + b;", "assign k = 1;", "assign y = p;", "assign l = 2;", "assign z = c - d;"]
    new = ["wire [3:0] q = b + a;", "assign k = 1;", "assign y = q;", "assign l = 2;", "assign z = d;"]
    found = groups(hunks(old, new), old, new)
    assert [[h.start for h in g] for g in found] == [[0, 2], [4]]


def test_what_one_opens_another_closes() -> None:
    old = ["if (a)", "  x = 1;", "w = 0;", "y = 1;", "v = 3;", "z = 1;"]
    new = ["if (a) begin", "  x = 1;", "w = 0;", "y = 1; end", "v = 3;", "z = 2;"]
    assert [[h.start for h in g] for g in groups(hunks(old, new), old, new)] == [[0, 3], [5]]


_LINE = st.sampled_from(
    ["a = b;", "begin", "end", "wire c;", "// note", "", "x <= y + z; // why", "  case (s)", "endcase", "q = 1;"]
)


@given(st.lists(_LINE, min_size=1, max_size=12), st.lists(_LINE, min_size=1, max_size=12))
def test_all_hunks_together_give_the_new_code(old: list[str], new: list[str]) -> None:
    text = "\n".join(old) + "\n"
    where = Piece("m", "f.v", 0, len(text), 1, text, whole=False)
    result = apply_edits({"f.v": text.encode()}, edits(hunks(old, new), where))["f.v"].decode()
    assert code(result) == code("\n".join(new))
    for line in old:
        assert not line.startswith("//") or line in result


@given(st.text(max_size=200), st.booleans())
def test_any_reply_is_read_without_an_error(text: str, cut_off: bool) -> None:
    where = Piece("m", "f.v", 0, 22, 1, "module m;\na = b;\nendmodule\n"[:22], whole=True)
    for reply in (text, f"```\nmodule m;{text}\n", f"```verilog\nmodule m;\n{text}\nendmodule\n```"):
        for answer in answers(reply, where, cut_off=cut_off):
            assert isinstance(answer, Answer) and "\n" not in answer.why
            found = hunks(old_lines(where), answer.lines, complete=answer.complete)
            groups(found, old_lines(where), answer.lines)


def test_edits_move_with_the_text_around_them() -> None:
    change = Change("r", "m", "t", "w", (Edit("m.v", 8, 12, "C\n"), Edit("m.v", 16, 16, "+\n")))
    old = {"m.v": b"a 1\nb 1\nc 1\nd 1\ne 1\n"}
    assert rebase(change, old, old) == change
    moved = rebase(change, old, {"m.v": b"new\na 1\nb 1\nc 1\nd 1\ne 1\n"})
    assert moved is not None and [(e.start, e.end) for e in moved.edits] == [(12, 16), (20, 20)]
    assert rebase(change, old, {"m.v": b"a 1\nb 1\nC 1\nd 1\ne 1\n"}) is None


def test_moved_edits_do_the_same() -> None:
    dice = random.Random(1)
    for _ in range(200):
        lines = [f"line {n}\n" for n in range(12)]
        at = dice.randrange(1, 10)
        start = sum(map(len, lines[:at]))
        change = Change("r", "m", "t", "w", (Edit("f", start, start + len(lines[at]), "NEW\n"),))
        changed = [x for n, x in enumerate(lines) if n == at or dice.random() > 0.3]
        for n in sorted((dice.randrange(len(changed) + 1) for _ in range(2)), reverse=True):
            changed.insert(n, "other\n")
        old, new = "".join(lines).encode(), "".join(changed).encode()
        moved = rebase(change, {"f": old}, {"f": new})
        assert moved is not None
        expected = "".join("NEW\n" if x == lines[at] else x for x in changed)
        assert apply_edits({"f": new}, moved.edits)["f"].decode() == expected


def test_the_question_shows_everything_and_numbers_it() -> None:
    system, user = conversation(piece(), "delay", "cell area 12.0 um2", 0)
    assert (system.role, user.role) == ("system", "user")
    assert "Goal: the shortest critical path" in user.content and "cell area 12.0 um2" in user.content
    assert "    4 |     wire [7:0] s = a + b; // sum ä\n" in user.content
    assert "Answer with the whole module m." in user.content
    assert conversation(piece(), "delay", "", 1)[1] != conversation(piece(), "delay", "", 0)[1]


def test_a_large_module_is_asked_for_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "LARGEST_MODULE", 100)
    monkeypatch.setattr(cut, "LARGEST_PIECE", 60)
    found = pieces(context().modules, {"m.v": SOURCE})
    assert [p.first_line for p in found] == [4, 6]
    where = found[1]
    assert where.text == "    assign y = s;\n    assign z = t;\n"
    assert "wire [7:0] s = a + b;" in where.context
    user = conversation(where, "area", "", 0)[1].content
    assert "the new text of lines 6 to 7 of module m only" in user
    (answer,) = answers("```\n    assign y = s;\n    assign z = s;\n```", where)
    result = apply_edits({"m.v": SOURCE}, edits(hunks(old_lines(where), answer.lines), where))["m.v"]
    assert result == SOURCE.replace(b"z = t", b"z = s")


def test_conditional_text_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    source = SOURCE.replace(b"    assign y = s;\n", b"`ifdef X\nassign y = t;\n`else\n    assign y = s;\n`endif\n")
    monkeypatch.setattr(cut, "LARGEST_PIECE", 60)
    found = pieces(context(source).modules, {"m.v": source})
    assert [p.text for p in found if "`" in p.text] == [] and any("assign z = t;" in p.text for p in found)


def test_a_branch_that_is_not_built_stays() -> None:
    source = b"""module m #(parameter F = 0)(input a, b, output y, output z);
    generate
        if (F == 1) begin : fast
            assign y = a & b;
        end else begin : slow
            assign y = a | b;
        end
    endgenerate
    leaf #(.G(0)) u(a, b, z);
endmodule
module leaf #(parameter G = 1)(input a, b, output z);
    if (G) assign z = a; else assign z = b;
endmodule
"""
    elaborated = elaborate({"m.v": source}, top="m")
    (found,) = unbuilt(elaborated).values()
    assert [source[a:b].split()[0] for a, b in found] == [b"begin", b"assign"]
    where = next(p for p in pieces(word_level(elaborated), {"m.v": source}) if p.module == "m")
    new = [x.replace("a & b", "b & a").replace("a | b", "b | a") for x in old_lines(where)]
    assert [h.lines for h in outside(hunks(old_lines(where), new), where, found)] == [
        ("            assign y = b | a;",)
    ]


class Scripted:
    """Answers with the texts it was given, in turn; an exception is raised."""

    name = "scripted:x"

    def __init__(self, *script: str | ModelProviderError) -> None:
        self.script = list(script)

    def complete(
        self, messages: Sequence[Message], *, temperature: float, max_tokens: int, seed: int | None, timeout_s: float
    ) -> Reply:
        step = self.script[min(int(seed or 0), len(self.script) - 1)]
        if isinstance(step, ModelProviderError):
            raise step
        return Reply(step, "scripted", 1, 1, 0.0)


def proposals(*script: str | ModelProviderError, **more: object) -> tuple[list[Change], list[Refused]]:
    refused: list[Refused] = []
    model = Scripted(*script)
    rewrite = ModelRewrite(on_refused=refused.append)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(family, "open_model", lambda name: model)
        found = list(rewrite.propose(context(model="scripted:x", **more)))
    return found, refused


def test_no_model_no_proposals() -> None:
    assert list(ModelRewrite().propose(context())) == []


def test_a_reply_becomes_changes() -> None:
    changes, refused = proposals(fenced(GOOD))
    assert refused == [] and {c.rule for c in changes} == {"model-rewrite"}
    assert changes[0].title == "rewrite lines 5, 7"
    assert changes[0].why == "scripted: Shorter now. Bye."
    assert changes[0].obligation == "sequential"


def test_reasons_can_not_break_out_of_a_patch() -> None:
    evil = "Why:\n--- a/m.v\n+++ b/m.v\n@@ -1 +1 @@\n-x\n+y\n" + fenced(GOOD)
    changes, _ = proposals(evil)
    assert changes and all("\n" not in c.why + c.title for c in changes)


def test_what_is_refused_is_told() -> None:
    changes, refused = proposals(fenced(GOOD.replace("z = s", "z = $random")), "no code here")
    assert changes == []
    assert {(r.outcome, r.reason) for r in refused} == {
        ("unsafe", "the model's text adds the system task or function $random"),
        ("no code", "expected code in a fenced block, got 'no code here'"),
    }


def test_a_failed_request_is_got_over_but_not_many() -> None:
    changes, _ = proposals(ModelProviderError("busy"), fenced(GOOD))
    assert changes
    with pytest.raises(ModelProviderError, match=r"^down$"):
        proposals(ModelProviderError("down"))


def test_what_was_asked_before_is_not_asked_again() -> None:
    changes, _ = proposals(fenced(GOOD), tried=frozenset({piece().digest}))
    assert changes == []
