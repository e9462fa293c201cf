"""Write-back: what the edited source looks like, form by form."""

from __future__ import annotations

import pytest

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.optimizer.edits import apply_edits
from rtlgen.optimizer.fsm.source import locate
from rtlgen.optimizer.fsm.statetext import StateText
from rtlgen.optimizer.fsm.writeback import Plan, WritebackError, literal_like, write


def text_of(source: str, register: str = "s") -> StateText:
    design = elaborate({"m.sv": source.encode()})
    found = locate(design, word_level(design)[0], register)
    assert found is not None
    return found


def written(source: str, plan: Plan, register: str = "s", *, allow_parameters: bool = False) -> str:
    text = text_of(source, register)
    edits = write(text, source.encode(), plan, allow_parameters=allow_parameters)
    result = apply_edits({"m.sv": source.encode()}, edits)["m.sv"]
    elaborate({"m.sv": result})
    return result.decode()


def module(declarations: str, body: str, reset: str = "A") -> str:
    return f"""module m(input clk, rst, x, output reg y);
{declarations}
  always @(posedge clk) if (rst) s <= {reset}; else begin
{body}
  end
endmodule
"""


NAMES = """  localparam [1:0] A = 2'd0, // first
                   B = 2'd1, // second
                   C = 2'd2; // third
  reg [1:0] s;"""
DROP_C = Plan({0: 0, 1: 1}, {2: 1}, 2)


def body_of(text: str, plan: Plan = DROP_C, names: str = NAMES) -> str:
    """Return the body of a machine of states A, B and C after the plan."""
    return written(module(names, text), plan).split("else begin\n")[1].split("\n  end\nendmodule")[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    y <= s == B || s == C;", "    y <= s == B;"),
        ("    y <= (s == C) | (s == B) | x;", "    y <= (s == B) | x;"),
        ("    y <= s == B || (s == C && x);", "    y <= s == B;"),
        ("    y <= s != C && x;", "    y <= x;"),
        ("    y <= !(s == C) && x;", "    y <= x;"),
        ("    y <= s == C;", "    y <= 1'b0;"),
        ("    y <= s == C ? 1'b0 : x;", "    y <= x;"),
        ("    y <= s inside {B, C};", "    y <= s inside {B};"),
        ("    s <= x ? C : A;", "    s <= x ? B : A;"),
        ("    s <= x ? (y ? C : B) : A;", "    s <= x ? (B) : A;"),
        ("    if (s == C) s <= A;\n    y <= x;", "    y <= x;"),
        ("    if (s == C) s <= A;\n    else y <= x;", "    y <= x;"),
        ("    if (x) y <= x;\n    else if (s == C) s <= A;", "    if (x) y <= x;"),
        (
            "    if (s == C) s <= A;\n    else if (s == B) s <= C;\n    else y <= x;",
            "    if (s == B) s <= B;\n    else y <= x;",
        ),
        ("    if (s != C) y <= x;", "    y <= x;"),
        (
            "    case (s)\n      A: s <= B; // go\n      C: begin\n        s <= A;\n      end\n"
            "      default: s <= A;\n    endcase",
            "    case (s)\n      A: s <= B; // go\n      default: s <= A;\n    endcase",
        ),
        ("    case (s) B, C: y <= x; default: ; endcase", "    case (s) B: y <= x; default: ; endcase"),
        ("    case (s) C, B: y <= x; default: ; endcase", "    case (s) B: y <= x; default: ; endcase"),
        (
            "    case (1'b1) s == C: y <= x; s == B: y <= 1'b0; default: ; endcase",
            "    case (1'b1) s == B: y <= 1'b0; default: ; endcase",
        ),
    ],
)
def test_a_state_that_goes_takes_its_tests_with_it(before: str, after: str) -> None:
    assert body_of(before) == after


def names_of(declarations: str, plan: Plan = DROP_C, uses: str = "    y <= s == B;\n    s <= C;") -> str:
    return written(module(declarations, uses), plan).split("output reg y);\n")[1].split("\n  always")[0]


def test_the_last_name_goes_with_its_comment_and_leaves_the_others() -> None:
    assert names_of(NAMES) == (
        "  localparam [1:0] A = 2'd0, // first\n                   B = 2'd1; // second\n  reg [1:0] s;"
    )


def test_a_middle_name_goes_with_its_comment() -> None:
    plan = Plan({0: 0, 2: 2}, {1: 2}, 2)
    assert names_of(NAMES, plan, "    y <= s == C;\n    s <= B;") == (
        "  localparam [1:0] A = 2'd0, // first\n                   C = 2'd2; // third\n  reg [1:0] s;"
    )


def test_a_declaration_of_its_own_goes_whole() -> None:
    one_each = "  localparam A = 2'd0;\n  localparam B = 2'd1;\n  localparam C = 2'd2; // gone\n  reg [1:0] s;"
    assert names_of(one_each) == "  localparam A = 2'd0;\n  localparam B = 2'd1;\n  reg [1:0] s;"


def test_width_and_codes_change_together() -> None:
    assert names_of(NAMES, Plan({0: 1, 1: 0}, {2: 1}, 1)) == (
        "  localparam A = 1'd1, // first\n                   B = 1'd0; // second\n  reg s;"
    )


def test_enum_members_count_on_where_they_can_and_get_values_where_they_must() -> None:
    enum = "  typedef enum logic [1:0] {A, B, C} t;\n  t s;"
    assert names_of(enum) == "  typedef enum logic [1:0] {A, B} t;\n  t s;"
    assert names_of(enum, Plan({0: 2, 1: 0, 2: 1}, {}, 2)) == (
        "  typedef enum logic [1:0] {A = 2'd2, B = 2'd0, C = 2'd1} t;\n  t s;"
    )
    assert names_of("  enum {A, B, C} s;", Plan({0: 0, 1: 1, 2: 2}, {}, 2)) == "  enum logic [1:0] {A, B, C} s;"


def test_the_attribute_is_put_before_the_declaration_or_changed_there() -> None:
    keep = Plan({0: 0, 1: 1, 2: 2}, {}, 2, "none")
    assert names_of(NAMES, keep).endswith('\n  (* fsm_encoding = "none" *) reg [1:0] s;')
    marked = NAMES.replace("  reg", '  (* keep, fsm_encoding = "auto" *) reg')
    assert names_of(marked, keep).endswith('\n  (* keep, fsm_encoding = "none" *) reg [1:0] s;')


def test_literals_and_undefined_values_follow_the_width() -> None:
    before = "    case (s) 4'h1: s <= 4'b0100; 4: s <= 4'd1; default: s <= 4'bxxxx; endcase"
    after = "    case (s) 1'h0: s <= 1'b1; 1: s <= 1'd0; default: s <= 1'bx; endcase"
    source = module("  reg [3:0] s;", before, "4'h1")
    assert written(source, Plan({1: 0, 4: 1}, {}, 1)) == module("  reg s;", after, "1'h0")


@pytest.mark.parametrize(
    ("declarations", "uses", "message"),
    [
        (NAMES, "    y <= s[0];", "codes of 's' are visible: bits of 's' are used one by one"),
        (NAMES, "    y <= ^s;", "codes of 's' are visible: 's' read as a number in line 7"),
        (NAMES + "\n  wire [1:0] n = B;", "    y <= s == B;", "'B' is used for something else than 's'"),
        (
            NAMES.replace("localparam", "parameter"),
            "    y <= s == B;",
            "'A' is a parameter that an instance may override",
        ),
    ],
)
def test_what_is_visible_elsewhere_is_left_alone(declarations: str, uses: str, message: str) -> None:
    source = module(declarations, uses + "\n    s <= x ? B : A;")
    with pytest.raises(WritebackError) as caught:
        written(source, Plan({0: 1, 1: 0, 2: 2}, {}, 2))
    assert str(caught.value) == message


def test_body_parameters_become_localparams_where_that_is_allowed() -> None:
    source = module(NAMES.replace("localparam", "parameter"), "    y <= s == B;\n    s <= C;")
    result = written(source, Plan({0: 1, 1: 0, 2: 2}, {}, 2), allow_parameters=True)
    assert "  localparam [1:0] A = 2'd1, // first\n                     B" not in result
    assert "  localparam [1:0] A = 2'd1, // first" in result


@pytest.mark.parametrize(
    ("old", "code", "width", "new"),
    [
        ("4'b0010", 2, 3, "3'b010"),
        ("8'b0000_0001", 5, 4, "4'b0101"),
        ("4'sd3", 1, 2, "2'sd1"),
        ("'h1F", 3, 2, "'h3"),
        ("3'o7", 5, 4, "4'o05"),
        ("'0", 0, 2, "'0"),
        ("'0", 1, 2, "2'd1"),
        ("17", 3, 2, "3"),
        ("A + 1", 3, 2, "2'd3"),
        ("4'hx", None, 2, "2'hx"),
        ("'x", None, 2, "'x"),
    ],
)
def test_literals_keep_their_style(old: str, code: int | None, width: int, new: str) -> None:
    assert literal_like(old, code, width) == new


def test_carriers_are_found_through_copies_and_conditionals() -> None:
    source = """module m(input clk, rst, x, output y);
      localparam A = 2'd0, B = 2'd1;
      reg [1:0] s, nx; wire [1:0] held = x ? s : nx;
      always @* begin nx = s; if (s == A) nx = B; else nx = A; end
      always @(posedge clk) if (rst) s <= A; else s <= held;
      assign y = s == B;
    endmodule"""
    text = text_of(source)
    assert sorted(text.carriers) == ["held", "nx", "s"]
    assert text.fixed == []
    assert [n.name for n in text.names.values()] == ["A", "B"]
