"""Nothing outside of a computed fan-in cone can change a signal: random designs, judged by evaluating them.

Two judges that share nothing with the extraction: slang's evaluator of constant functions (for what a block of
statements does, thousands of small programs), and Verilator (for modules, registers, instances and interfaces).
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyslang import SourceManager, ast, syntax

from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.database.mirror import Bits
from rtlgen.graphs.database.store import Writer
from rtlgen.graphs.elaborate.design import elaborate
from rtlgen.graphs.query.cone import cone


@dataclass(frozen=True)
class Var:
    """A variable of a random program; `parts` are its fields or its elements, as (select, width)."""

    name: str
    width: int
    signed: bool = False
    parts: tuple[tuple[str, int], ...] = ()
    element: int = 0
    """Width of an element of an array, with `len(parts)` of them."""
    unpacked: bool = False


STRUCT = "struct packed { logic [2:0] p; logic signed [3:0] q; logic [1:0][1:0] r; }"
KINDS = {
    "vector": ("logic [$high:0] $name", 0),
    "signed": ("logic signed [$high:0] $name", 0),
    "upward": ("logic [0:$high] $name", 0),
    "struct": (f"{STRUCT} $name", 11),
    "packed": ("logic [3:0][2:0] $name", 12),
    "packed_up": ("logic [0:3][2:0] $name", 12),
    "unpacked": ("logic [2:0] $name [4]", 12),
    "unpacked_down": ("logic [2:0] $name [3:0]", 12),
}


def declare(r: random.Random, name: str, kind: str | None = None) -> tuple[Var, str]:
    """Return a random variable and its declaration."""
    kind = kind or r.choice(list(KINDS))
    template, width = KINDS[kind]
    width = width or r.randint(2, 8)  # slang's evaluator gives one-bit variables two bits after some operators
    parts: tuple[tuple[str, int], ...] = ()
    element = 0
    if kind == "struct":
        parts = ((".p", 3), (".q", 4), (".r", 4), (".r[1]", 2), (".q[2:1]", 2))
    elif "packed" in kind:
        parts, element = tuple((f"[{i}]", 3) for i in range(4)), 3
    elif width > 2:
        low = r.randrange(width - 1)
        ends = (low, low + 1) if kind == "upward" else (low + 1, low)
        parts = ((f"[{ends[0]}:{ends[1]}]", 2), (f"[{low}]", 1))
    text = template.replace("$high", str(width - 1)).replace("$name", name)
    return Var(name, width, kind == "signed", parts, element, kind.startswith("unpacked")), text


class Program:
    """Random expressions and statements over given variables."""

    def __init__(self, r: random.Random, reads: list[Var], writes: list[Var], *, functions: dict[str, int]) -> None:
        """Read and write those variables, call `functions` (name → number of 8-bit arguments)."""
        self.r = r
        self.reads = reads
        self.writes = writes
        self.functions = functions
        self.tasks: dict[str, int] = {}
        self.same = ("n3", "n1")
        """Output and inout of a task."""
        self.loops: list[tuple[str, int]] = []
        self.blocks: list[str] = []
        self.in_loop = 0
        self.returns: str | None = None
        self.names = 0
        self.jumps = True
        self.simulated = False
        """Whether a simulator runs it: without what Verilator does not take."""
        self.nonblocking = False

    def expression(self, depth: int = 3) -> str:
        """Return an expression."""
        r = self.r
        if depth <= 0 or r.random() < 0.2:
            return self.leaf()
        e = self.expression
        kind = r.randrange(16)
        if kind < 4:
            return f"({e(depth - 1)} {r.choice(['&', '|', '^', '+', '-', '*', '~^'])} {e(depth - 1)})"
        if kind == 4:
            return f"({e(depth - 1)} {r.choice(self.comparisons())} {e(depth - 1)})"
        if kind == 5:
            return f"({r.choice(['~', '!', '-', '&', '|', '^'])}({e(depth - 1)}))"
        if kind == 6:
            return f"({e(depth - 1)} {r.choice(['<<', '>>', '<<<', '>>>'])} {r.randrange(5)})"
        if kind == 7:
            return f"({e(depth - 1)} {r.choice(['<<', '>>', '>>>'])} ({e(depth - 2)}))"
        if kind == 8:
            return f"(({e(depth - 1)}) ? ({e(depth - 1)}) : ({e(depth - 1)}))"
        if kind == 9:
            return "{" + ", ".join(f"{r.randint(1, 5)}'({e(depth - 1)})" for _ in range(r.randint(1, 3))) + "}"
        if kind == 10:
            return f"{{{r.randint(1, 3)}{{{r.randint(1, 3)}'({e(depth - 1)})}}}}"
        if kind == 11:
            return f"{r.choice(['$signed', '$unsigned'])}({e(depth - 1)})"
        if kind == 12:
            return f"{r.randint(1, 10)}'({e(depth - 1)})"
        if kind == 13:
            values = "3, 5" if self.simulated else f"{e(depth - 2)}, [{e(depth - 2)}:{r.randrange(16)}]"
            return f"(({e(depth - 1)}) inside {{{values}}})"
        if kind == 14 and self.functions:
            name = r.choice(list(self.functions))
            return f"{name}({', '.join(e(depth - 2) for _ in range(self.functions[name]))})"
        return self.leaf()

    def comparisons(self) -> list[str]:
        return ["==", "!=", "<", ">=", "&&", "||", "===", *([] if self.simulated else ["==?"])]

    def leaf(self) -> str:
        """Return a variable, a part of one, or a constant."""
        r = self.r
        kind = r.randrange(8)
        if kind == 0:
            return f"{r.choice([1, 3, 8])}'d{r.randrange(2)}"
        if kind == 1 and self.loops:
            return r.choice(self.loops)[0]
        var = r.choice(self.reads)
        if var.unpacked or (var.parts and r.random() < 0.5):
            return self.select(var)
        return var.name

    def select(self, var: Var) -> str:
        """Return a part of a variable."""
        r = self.r
        if var.element and r.random() < 0.4:
            if self.loops and r.random() < 0.5:
                return f"{var.name}[{r.choice(self.loops)[0]}]"
            inner = f"[{r.randrange(3)}]" if r.random() < 0.3 else ""
            return f"{var.name}[{self.index()}]{inner}"
        if not var.element and not var.unpacked and var.parts and ".p" not in var.parts[0][0] and r.random() < 0.4:
            return f"{var.name}[{self.index()}]"
        return var.name + r.choice(var.parts)[0] if var.parts else var.name

    def index(self) -> str:
        """Return an index of two bits."""
        r = self.r
        if self.loops and r.random() < 0.4:
            return f"({r.choice(self.loops)[0]} + {r.randrange(2)})"
        return f"2'({self.expression(1)})"

    def target(self) -> str:
        """Return something to assign to."""
        r = self.r
        if r.random() < 0.15:
            plain = [v for v in self.writes if not v.unpacked]
            return "{" + ", ".join(v.name for v in r.sample(plain, min(2, len(plain)))) + "}"
        var = r.choice(self.writes)
        return self.select(var) if var.unpacked or (var.parts and r.random() < 0.5) else var.name

    def statements(self, depth: int, count: int) -> str:
        """Return statements, one a line."""
        return "\n".join(self.statement(depth) for _ in range(count))

    def statement(self, depth: int) -> str:
        """Return a statement."""
        r = self.r
        kind = r.randrange(20)
        if depth <= 0 or kind < 6:
            return self.simple()
        inner = depth - 1
        if kind < 9:
            other = f" else begin\n{self.statements(inner, r.randint(1, 2))}\nend" if r.random() < 0.6 else ""
            return f"if ({self.expression(2)}) begin\n{self.statements(inner, r.randint(1, 2))}\nend{other}"
        if kind < 11:
            return self.case(inner)
        if kind < 13:
            return self.for_loop(inner)
        if kind == 13:
            return self.while_loop(inner)
        if kind == 14:
            name = self.new("blk")
            self.blocks.append(name)
            text = f"begin : {name}\n{self.statements(inner, r.randint(1, 3))}\nend"
            self.blocks.pop()
            return text
        if kind == 15 and self.in_loop and self.jumps:
            return f"if ({self.expression(2)}) {r.choice(['break', 'continue'])};"
        if kind == 16 and self.blocks and self.jumps and not self.simulated:
            return f"if ({self.expression(2)}) disable {r.choice(self.blocks)};"
        if kind == 17 and self.returns and self.jumps:
            return f"if ({self.expression(2)}) return {self.returns};"
        if kind == 18 and not self.nonblocking:
            var, text = declare(r, self.new("v"), r.choice(["vector", "signed"]))
            text = f"begin : b{var.name}\nautomatic {text} = {self.expression(2)};\n"
            self.reads.append(var)
            self.writes.append(var)
            text += self.statements(inner, 2) + "\nend"
            self.reads.remove(var)
            self.writes.remove(var)
            return text
        if kind == 19 and self.tasks:
            name = r.choice(list(self.tasks))
            inputs = ", ".join(self.expression(1) for _ in range(self.tasks[name]))
            return f"{name}({inputs}, {', '.join(self.same)});"
        return self.simple()

    def new(self, stem: str) -> str:
        self.names += 1
        return f"{stem}{self.names}"

    def simple(self) -> str:
        r = self.r
        if self.nonblocking:
            return f"{self.target()} <= {self.expression()};"
        if r.random() < 0.1:
            var = r.choice([v for v in self.writes if not v.unpacked])
            return f"{var.name}{r.choice(['++', '--'])};"
        operator = r.choice(["=", "=", "=", "+=", "^=", "|=", "<<="])
        target = self.target()
        return f"{target} {'=' if target.startswith('{') else operator} {self.expression()};"

    def case(self, depth: int) -> str:
        r = self.r
        keyword, tail = r.choice([("case", ""), ("casez", ""), ("case", " inside")])
        width = r.randint(1, 3)
        reverse = keyword == "case" and not tail and r.random() < 0.3
        subject = "1'b1" if reverse else f"{width}'({self.expression(2)})"
        items = []
        for value in r.sample(range(1 << width), r.randint(1, 1 << width)):
            label = f"{width}'d{value}" if not reverse else f"1'({self.expression(1)})"
            if tail and r.random() < 0.3 and not self.simulated:
                label = f"[{width}'d0:{width}'d{value}]"
            if keyword == "casez" and width > 1 and r.random() < 0.5:
                label = f"{width}'b{value & 1}" + "?" * (width - 1)
            items.append(f"{label}: begin\n{self.statements(depth, 1)}\nend")
        if r.random() < 0.5:
            items.append(f"default: begin\n{self.statements(depth, 1)}\nend")
        return f"{keyword} ({subject}){tail}\n" + "\n".join(items) + "\nendcase"

    def for_loop(self, depth: int) -> str:
        r = self.r
        name = self.new("i")
        self.loops.append((name, 4))
        self.in_loop += 1
        body = self.statements(depth, r.randint(1, 2))
        self.in_loop -= 1
        self.loops.pop()
        bound = "4" if r.random() < 0.7 else f"3'(({self.expression(1)}) & 3)"
        down = r.random() < 0.3
        if self.simulated:  # Verilator confuses loops that declare their variable
            head, tail, first = f"begin : b{name}\nint {name};\n", "\nend", name
        else:
            head, tail, first = "", "", f"int {name}"
        steps = f"{first} = 3; {name} >= 0; {name}--" if down else f"{first} = 0; {name} < {bound}; {name}++"
        return f"{head}for ({steps}) begin\n{body}\nend{tail}"

    def while_loop(self, depth: int) -> str:
        r = self.r
        name = self.new("k")
        self.in_loop += 1
        outer, self.jumps = self.jumps, self.jumps
        body = self.statements(depth, r.randint(1, 2))
        self.in_loop -= 1
        self.jumps = outer
        bound = f"3'(({self.expression(1)}) & 3)"
        kind = r.choice((0, 2) if self.simulated else (0, 1, 2))  # Verilator doubles the body of a do
        if kind == 0:
            return f"repeat ({r.choice(['3', bound])}) begin\n{body}\nend"
        head = f"begin : b{name}\nautomatic int {name} = 0;\n"
        if kind == 1:
            return f"{head}do begin\n{name}++;\n{body}\nend while ({name} < {bound});\nend"
        return f"{head}while ({name} < {bound}) begin\n{name}++;\n{body}\nend\nend"


INPUTS = (("a", 8, False), ("b", 6, True), ("c", 4, False))
RESULT = 40


def function_program(r: random.Random, depth: int = 3) -> str:
    """Return functions `f`, `g` and a task `t`: a program without a module around it."""
    inputs = [Var(name, width, signed) for name, width, signed in INPUTS]
    helper = Program(r, [Var("x", 8), Var("y", 8)], [Var("z", 8), Var("x", 8)], functions={})
    helper.returns = "x ^ z"
    text = "function automatic logic [7:0] g(input logic [7:0] x, input logic [7:0] y);\nlogic [7:0] z;\nz = y;\n"
    text += helper.statements(2, 2) + "\nreturn z;\nendfunction\n"
    declared = [declare(r, f"l{i}") for i in range(4)]
    local = [Var("n1", 8), Var("n2", 5), Var("n3", 4, signed=True), *(var for var, _ in declared)]
    head = "logic [7:0] n1;\nlogic [4:0] n2;\nlogic signed [3:0] n3;\n"
    head += "".join(f"{text};\n" for _, text in declared)
    program = Program(r, list(inputs), local, functions={"g": 2})
    first = []
    for var in local:
        if var.unpacked:
            value = "'{" + ", ".join(f"3'({program.expression(1)})" for _ in range(4)) + "}"
        else:
            value = f"{var.width}'({program.expression(1)})"
        first.append(f"{var.name} = {value};\n")
        program.reads.append(var)
    values = ", ".join(v.name for v in local if not v.unpacked)
    program.returns = f"{RESULT}'({{{program.expression(2)}, {values}}})"
    body = program.statements(depth, r.randint(2, 5))
    ports = ", ".join(f"input logic {'signed ' if s else ''}[{w - 1}:0] {n}" for n, w, s in INPUTS)
    return (
        f"{text}function automatic logic [{RESULT - 1}:0] f({ports});\n{head}{''.join(first)}{body}\n"
        f"return {RESULT}'({{{values}}});\nendfunction\n"
    )


def fan_in(text: str, top: str, output: str, folder: Path) -> list[set[tuple[str, int]]]:
    """Return the inputs (name, bit) of `top` in the cone of each bit of an output, registers passed."""
    with open_design(text, top, folder) as design:
        bits = design.resolve(f"{top}.{output}")
        return [inputs_of(design, bits._replace(low=k, high=k)) for k in range(bits.low, bits.high + 1)]


def open_design(text: str, top: str, folder: Path) -> DesignDatabase:
    """Return the database of a text."""
    manager = SourceManager()
    design = elaborate([syntax.SyntaxTree.fromText(text, manager, "design.sv")], manager, tops=[top])
    errors = [d for d in design.diagnoses if d.severity == "error"]
    assert not errors, (errors, text)
    place = folder / "graph.db"
    place.unlink(missing_ok=True)
    writer = Writer(place)
    with writer.transaction():
        writer.replace_design(design)
    writer.close()
    return DesignDatabase.open(place)


def inputs_of(design: DesignDatabase, bits: Bits) -> set[tuple[str, int]]:
    """Return the inputs of the top in the fan-in cone of bits."""
    found = set()
    for (instance, signal), ranges in cone(design.mirror, bits).bits.items():
        row = design.mirror.signal(Bits(instance, signal, 0, 0))
        if row.direction == "input" and not design.mirror.instance(instance).parent:
            found |= {(row.name, k) for low, high, _ in ranges for k in range(low, high + 1)}
    return found


class Evaluator:
    """slang's evaluator of constant functions."""

    def __init__(self, program: str) -> None:
        """Read the program."""
        self.session = ast.ScriptSession()
        for part in program.split("endfunction\n"):
            if part.strip():
                self.session.eval(part + "endfunction\n")

    def run(self, vector: tuple[int, ...]) -> str:
        """Return the bits of `f`, least significant first."""
        arguments = ", ".join(
            f"{w}'{'s' if s else ''}d{value}" for value, (_, w, s) in zip(vector, INPUTS, strict=True)
        )
        value = self.session.eval(f"f({arguments})")
        if not value:
            return ""
        return "".join(str(value.value[k]) for k in range(RESULT))


def check_function(r: random.Random, folder: Path, vectors: int = 6) -> tuple[int, int, int]:
    """Check a random program; return the bits of inputs outside of cones, inside, and inside that mattered."""
    program = function_program(r)
    ports = ", ".join(f"input logic {'signed ' if s else ''}[{w - 1}:0] {n}" for n, w, s in INPUTS)
    names = ", ".join(n for n, _, _ in INPUTS)
    text = f"{program}module m({ports}, output logic [{RESULT - 1}:0] o);\nassign o = f({names});\nendmodule\n"
    cones = fan_in(text, "m", "o", folder)
    evaluator = Evaluator(program)
    mattered: list[set[tuple[str, int]]] = [set() for _ in range(RESULT)]
    for _ in range(vectors):
        vector = tuple(r.randrange(1 << w) for _, w, _ in INPUTS)
        before = evaluator.run(vector)
        for i, (name, width, _) in enumerate(INPUTS):
            for bit in range(width):
                flipped = (*vector[:i], vector[i] ^ (1 << bit), *vector[i + 1 :])
                after = evaluator.run(flipped)
                for k, (old, new) in enumerate(zip(before, after, strict=False)):
                    if old != new:
                        mattered[k].add((name, bit))
                        assert (name, bit) in cones[k], f"o[{k}] changes with {name}[{bit}] from {vector}:\n{text}"
    inside = sum(len(c) for c in cones)
    total = RESULT * sum(w for _, w, _ in INPUTS)
    return total - inside, inside, sum(len(m) for m in mattered)


@settings(max_examples=120)
@given(st.randoms(use_true_random=False))
def test_statements_depend_on_nothing_else(r: random.Random) -> None:
    """Flipping an input bit outside of the cone never changes the result of a random function."""
    with tempfile.TemporaryDirectory() as folder:
        check_function(r, Path(folder))


@pytest.mark.slow
def test_many_statements_depend_on_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same over thousands of programs, counted."""
    totals = [0, 0, 0]
    for seed in range(2000):
        found = check_function(random.Random(seed), tmp_path)
        totals = [old + new for old, new in zip(totals, found, strict=True)]
    with capsys.disabled():
        outside, inside, mattered = totals
        sys.stdout.write(
            f"\n2000 programs: {outside} pairs outside of cones, {inside} inside, {mattered} seen to matter\n"
        )
    assert totals[2] > 20_000


IN_WIDTH = 20
OUT_WIDTH = 64


class Module:
    """A random module with submodules, an interface, a memory, latches and registers."""

    def __init__(self, r: random.Random, name: str) -> None:
        """Make it; `text` is all of it."""
        self.r = r
        self.name = name
        self.items: list[str] = []
        self.before: list[str] = []
        self.count = 0
        self.programs = 0
        self.known: list[Var] = []
        self.results: list[Var] = []
        position = 0
        for n, width, kind in (("a", 7, ""), ("b", 6, "signed "), ("c", 4, ""), ("e", 3, "")):
            self.items.append(f"wire {kind}[{width - 1}:0] {n} = in[{position + width - 1}:{position}];")
            self.known.append(Var(n, width, bool(kind)))
            position += width
        self._functions()
        makers = [
            self._assign, self._comb, self._latch, self._register, self._memory, self._generate, self._instance,
            self._interface, self._pieces, self._gates,
        ]  # fmt: skip
        for maker in r.choices(makers, k=r.randint(4, 8)):
            maker()
        plain = [v for v in self.results if not v.unpacked]
        self.items.append(f"assign out = {OUT_WIDTH}'({{{', '.join(v.name for v in reversed(plain))}}});")
        head = f"module {name}(input logic clk, input logic rst, input logic [{IN_WIDTH - 1}:0] in, "
        head += f"output logic [{OUT_WIDTH - 1}:0] out);\n"
        self.text = "\n".join([*self.before, head, *self.items, "endmodule\n"])

    def _functions(self) -> None:
        helper = self._program([Var("x", 8), Var("y", 8)], [Var("z", 8), Var("x", 8)])
        helper.functions = {}
        helper.returns = "x ^ z"
        self.items.append(
            "function automatic logic [7:0] g(input logic [7:0] x, input logic [7:0] y);\nlogic [7:0] z;\nz = y;\n"
            f"{helper.statements(2, 2)}\nreturn z;\nendfunction"
        )
        task = self._program([Var("x", 8), Var("w", 8)], [Var("w", 8), Var("o", 4, signed=True)])
        self.items.append(
            "task automatic t(input logic [7:0] x, output logic signed [3:0] o, inout logic [7:0] w);\no = 1;\n"
            f"{task.statements(2, 2)}\nendtask"
        )

    def _program(self, reads: list[Var], writes: list[Var]) -> Program:
        program = Program(self.r, reads, writes, functions={"g": 2})
        program.simulated = True
        self.programs += 1
        program.names = 100 * self.programs
        return program

    def _new(self, kind: str | None = None) -> Var:
        self.count += 1
        var, text = declare(self.r, f"s{self.count}", kind)
        self.items.append(f"{text};")
        return var

    def _done(self, *variables: Var) -> None:
        self.known += variables
        self.results += variables

    def _value(self, var: Var, depth: int = 2) -> str:
        program = self._program(list(self.known), [])
        if var.unpacked:
            return "'{" + ", ".join(f"3'({program.expression(depth)})" for _ in range(4)) + "}"
        return f"{var.width}'({program.expression(depth)})"

    def _assign(self) -> None:
        var = self._new()
        self.items.append(f"assign {var.name} = {self._value(var, 3)};")
        self._done(var)

    def _pieces(self) -> None:
        """Drive the parts of an array by one assignment each, of a vector by a concatenation."""
        var = self._new(self.r.choice(["packed", "unpacked", "unpacked_down", "packed_up"]))
        for select, width in var.parts:
            self.items.append(f"assign {var.name}{select} = {self._value(Var('', width))};")
        one, two = self._new("vector"), self._new("signed")
        self.items.append(f"assign {{{one.name}, {two.name}}} = {self._program(list(self.known), []).expression(3)};")
        self._done(var, one, two)

    def _comb(self) -> None:
        variables = [self._new(), self._new(), self._new("vector"), self._new()]
        program = self._program([*self.known, *variables], variables)
        self.count += 2
        one, two = Var(f"s{self.count - 1}", 4, signed=True), Var(f"s{self.count}", 8)
        self.items.append(f"logic signed [3:0] {one.name};\nlogic [7:0] {two.name};")
        program.tasks, program.same = {"t": 1}, (one.name, two.name)
        first = "\n".join(f"{v.name} = {self._value(v, 1)};" for v in variables)
        first += f"\n{one.name} = {self._value(one, 1)};\n{two.name} = {self._value(two, 1)};"
        keyword = self.r.choice(["always_comb", "always_comb", "always @*"])
        self.items.append(f"{keyword} begin\n{first}\n{program.statements(3, self.r.randint(2, 4))}\nend")
        self._done(*variables, one, two)

    def _latch(self) -> None:
        var = self._new(self.r.choice(["vector", "struct", "packed"]))
        condition = self._program(list(self.known), []).expression(2)
        self.items.append(f"always_latch if ({condition}) {var.name} = {self._value(var)};")
        self._done(var)

    def _register(self) -> None:
        r = self.r
        variables = [self._new(r.choice(["vector", "signed", "struct", "packed"])) for _ in range(2)]
        program = self._program([*self.known, *variables], variables)
        program.nonblocking = True
        local, text = declare(r, "tmp", "vector")
        temporary = self._program([*self.known, *variables, local], [local])
        body = f"begin\nautomatic {text} = {self._value(local)};\n{temporary.statements(2, 1)}\n"
        program.reads.append(local)
        body += program.statements(3, r.randint(2, 4)) + "\nend"
        reset = "\n".join(f"{v.name} <= {r.randrange(2)};" for v in variables)
        edge, test = r.choice(
            [("", "rst"), (" or posedge rst", "rst"), (" or negedge e[1]", "!e[1]"), ("", "rst || a[0]")]
        )
        self.items.append(f"always_ff @(posedge clk{edge}) if ({test}) begin\n{reset}\nend else {body}")
        self._done(*variables)

    def _memory(self) -> None:
        memory = self._new(self.r.choice(["unpacked", "unpacked_down"]))
        program = self._program([*self.known, memory], [])
        write = f"{memory.name}[2'({program.expression(1)})] <= {program.expression(2)};"
        self.items.append(f"always_ff @(posedge clk) if ({program.expression(1)}) {write}")
        self.known.append(memory)
        self._assign()

    def _generate(self) -> None:
        var = self._new(self.r.choice(["packed", "unpacked_down"]))
        program = self._program(list(self.known), [])
        program.loops = [("k", 4)]
        one, two = program.expression(2), program.expression(2)
        self.count += 1
        label = f"g{self.count}"
        self.items.append(
            f"for (genvar k = 0; k < 4; k++) begin : {label}\nlogic [2:0] t;\nassign t = {one};\n"
            f"if (k > 1) assign {var.name}[k] = t ^ {label}[k-1].t;\nelse assign {var.name}[k] = {two};\nend"
        )
        self._done(var)

    def _instance(self) -> None:
        self.count += 1
        sub = f"{self.name}_m{self.count}"
        inner = [Var("x", 5, signed=True), Var("y", 6)]
        outer = [Var("p", 5), Var("q", 4, signed=True)]
        program = self._program([*inner, *outer], outer)
        program.functions = {}
        body = program.statements(3, 3)
        self.before.append(
            f"module {sub} #(parameter int N = 1)(input logic signed [4:0] x, input logic [5:0] y, "
            "output logic [4:0] p, output logic signed [3:0] q);\n"
            "always_comb begin\np = 5'(x >> N);\nq = 4'(y + N);\n"
            f"{body}\nend\nendmodule\n"
        )
        for n in self.r.sample(range(4), self.r.randint(1, 2)):
            one, two = self._new("vector"), self._new(self.r.choice(["vector", "signed"]))
            program = self._program(list(self.known), [])
            self.count += 1
            self.items.append(
                f"{sub} #(.N({n})) u{self.count}(.x({program.expression(2)}), .y({program.expression(2)}), "
                f".p({one.name}), .q({two.name}));"
            )
            self._done(one, two)

    def _interface(self) -> None:
        self.count += 1
        stem = f"{self.name}_i{self.count}"
        inner = [Var("x", 5), Var("y", 4)]
        producer = self._program(inner, [])
        producer.functions = {}
        consumer = self._program([Var("x", 5), Var("bus.d", 5), Var("bus.k", 4)], [])
        consumer.functions = {}
        self.before.append(
            f"interface {stem}_bus(input logic [3:0] k);\nlogic [4:0] d;\nlogic v;\n"
            "modport s(output d, output v, input k);\nmodport r(input d, input v, input k);\nendinterface\n"
            f"module {stem}_s({stem}_bus.s bus, input logic [4:0] x, input logic [3:0] y);\n"
            f"assign bus.d = {producer.expression(3)} ^ 5'(bus.k);\n"
            f"assign bus.v = {producer.expression(2)};\nendmodule\n"
            f"module {stem}_r({stem}_bus.r bus, input logic [4:0] x, output logic [4:0] z, output logic w);\n"
            f"assign z = {consumer.expression(3)};\nassign w = bus.v ^ bus.d[3];\nendmodule\n"
            f"module {stem}_mid({stem}_bus bus, input logic [4:0] x, output logic [4:0] z, output logic w);\n"
            f"{stem}_r inner(.bus(bus), .x(x), .z(z), .w(w));\nendmodule\n"
        )
        program = self._program(list(self.known), [])
        label, one, two = f"b{self.count}", self._new("vector"), self._new("signed")
        self.items.append(
            f"{stem}_bus {label}(.k({program.expression(1)}));\n"
            f"{stem}_s {label}_p(.bus({label}), .x({program.expression(2)}), .y({program.expression(2)}));\n"
            f"{stem}_mid {label}_c(.bus({label}), .x({program.expression(2)}), .z({one.name}), .w({two.name}));"
        )
        self._done(one, two)

    def _gates(self) -> None:
        program = self._program([v for v in self.known if not v.unpacked], [])
        self.count += 1
        name = f"w{self.count}"
        kind = self.r.choice(["nand", "xor", "or"])
        self.items.append(f"wire {name};\n{kind} ({name}, 1'({program.expression(1)}), 1'({program.expression(1)}));")
        self._done(Var(name, 1))


HARNESS = """
#include "Vtop.h"
#include "verilated.h"
#include <cstdio>
#include <cstdint>
#include <vector>
static const uint64_t mask[FLIPS][DESIGNS] = {MASKS};
static uint64_t state;
static uint64_t next() { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state; }
int main() {
  std::vector<uint64_t> base(CYCLES * DESIGNS);
  std::vector<uint64_t> seen(FLIPS * DESIGNS);
  int failures = 0;
  for (int flip = -1; flip < FLIPS; flip++) {
    VerilatedContext context;
    Vtop top{&context};
    state = 88172645463325252ull;
    uint64_t in = 0;
    for (int cycle = 0; cycle < CYCLES; cycle++) {
      uint64_t bits = next(), change = next();
      in ^= bits & next() & ((1ull << BITS) - 1);
      uint64_t value = in, reset = cycle == 0 || (bits >> 60) == 0;
      if (flip >= 0 && flip < BITS && (change >> 61)) value ^= 1ull << flip;
      if (flip == BITS && (change >> 62) == 0) reset ^= 1;
      top.rst = reset; top.in = value; top.clk = 0; top.eval();
      top.clk = 1; top.eval();
      for (int k = 0; k < DESIGNS; k++) {
        uint64_t out = top.out[2 * k] | (uint64_t)top.out[2 * k + 1] << 32;
        if (flip < 0) { base[cycle * DESIGNS + k] = out; continue; }
        uint64_t differ = out ^ base[cycle * DESIGNS + k];
        seen[flip * DESIGNS + k] |= differ;
        if (differ & ~mask[flip][k] && failures++ < 20)
          printf("FAIL %d %d %d %llx\\n", k, flip, cycle, (unsigned long long)(differ & ~mask[flip][k]));
      }
    }
    top.final();
  }
  long inside = 0, mattered = 0;
  for (int i = 0; i < FLIPS * DESIGNS; i++) {
    inside += __builtin_popcountll(mask[i / DESIGNS][i % DESIGNS]);
    mattered += __builtin_popcountll(seen[i]);
  }
  printf("inside %ld mattered %ld\\n", inside, mattered);
}
"""


def module_masks(text: str, top: str, folder: Path) -> list[int]:
    """Return for each bit of `in`, and for `rst`, the bits of `out` whose cone holds it; fan-out must agree."""
    with open_design(text, top, folder) as design:
        root = design.resolve(f"{top}.out")
        masks = [0] * (IN_WIDTH + 1)
        for k in range(OUT_WIDTH):
            for name, bit in inputs_of(design, root._replace(low=k, high=k)):
                if name != "clk":
                    masks[bit if name == "in" else IN_WIDTH] |= 1 << k
        for i in range(IN_WIDTH + 1):
            start = design.resolve(f"{top}.rst" if i == IN_WIDTH else f"{top}.in[{i}]")
            found = cone(design.mirror, start, forward=True)
            reached = sum(1 << k for k in range(OUT_WIDTH) if found.holds(root.instance, root.signal, k))
            assert reached == masks[i], f"fan-out of {design.path_of(start)} and fan-in of out differ in:\n{text}"
        return masks


def simulate_batch(seeds: range, folder: Path, cycles: int = 400) -> tuple[list[str], int, int]:
    """Simulate random modules in one run; return failures with their texts, bits in cones, bits that mattered."""
    modules = [Module(random.Random(seed), f"d{seed}") for seed in seeds]
    masks = [module_masks(m.text, m.name, folder) for m in modules]
    count = len(modules)
    instances = "\n".join(
        f"d{seed} u{seed}(.clk(clk), .rst(rst), .in(in), .out(out[{64 * k} +: 64]));" for k, seed in enumerate(seeds)
    )
    top = (
        f"module top(input logic clk, input logic rst, input logic [{IN_WIDTH - 1}:0] in, "
        f"output logic [{64 * count - 1}:0] out);\n{instances}\nendmodule\n"
    )
    (folder / "top.sv").write_text("".join(m.text for m in modules) + top)
    table = ",".join("{" + ",".join(f"{m[i]}ull" for m in masks) + "}" for i in range(IN_WIDTH + 1))
    numbers = {"FLIPS": IN_WIDTH + 1, "DESIGNS": count, "CYCLES": cycles, "BITS": IN_WIDTH}
    defines = "".join(f"#define {name} {value}\n" for name, value in numbers.items())
    (folder / "main.cpp").write_text(defines + HARNESS.replace("MASKS", table))
    verilator(folder, "top.sv", "main.cpp")
    done = subprocess.run([str(folder / "obj" / "Vtop")], capture_output=True, text=True, check=True, timeout=300)
    lines = done.stdout.splitlines()
    failures = []
    for line in lines[:-1]:
        _, k, flip, cycle, bits = line.split()
        text = modules[int(k)].text
        failures.append(f"seed {seeds[int(k)]}: out changes in {bits} with input {flip} at cycle {cycle}:\n{text}")
    _, inside, _, mattered = lines[-1].split()
    return failures, int(inside), int(mattered)


def verilator(folder: Path, *sources: str) -> None:
    """Build `obj/Vtop` from sources in a folder."""
    command = [
        "verilator", "--cc", "--exe", "--build", "-j", "2", "-O1", "-Wno-fatal", "-Wno-lint", "-Wno-style",
        "--x-assign", "0", "--x-initial", "0", "-CFLAGS", "-O0", "--top-module", "top", "--Mdir", "obj", *sources,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize(
    ("first", "count"), [(0, 8), *(pytest.param(n, 40, marks=pytest.mark.slow) for n in range(100, 260, 40))]
)
def test_modules_depend_on_nothing_else(
    first: int, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Flipping an input outside of the cone never changes an output of random modules, over many clock cycles."""
    failures, inside, mattered = simulate_batch(range(first, first + count), tmp_path)
    with capsys.disabled():
        sys.stdout.write(f"\n{count} modules: {inside} pairs of bits in cones, {mattered} seen to matter\n")
    assert not failures, failures[0]
    assert mattered > 50 * count
