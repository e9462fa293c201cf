"""Print values and registers as a module of their own, so that a part of a design can be synthesized alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from itertools import count

from rtlgen.graphs.wordlevel.module import Register
from rtlgen.graphs.wordlevel.terms import Term, make, rebuild, var, variables, walk
from rtlgen.graphs.wordlevel.verilog import to_statements


def emit_part(
    name: str,
    values: Mapping[str, Term],
    registers: Mapping[str, Register] | None = None,
    shown: Collection[str] = (),
) -> str:
    """Return a module of some values and registers of a design, with one input per other signal that they read.

    Outputs are called `y0`, `y1`, … in the order of `values`, then those of the registers `shown`; inputs after nothing
    in the design. A word read from a memory is an input and its address an output, so that the logic around a memory
    counts and the memory does not.

    Raises:
        ValueError: a register takes a value on an asynchronous reset that is not constant.
    """
    registers = registers or {}
    roots = _cut_memories([*values.values(), *(r.next for r in registers.values())])
    nexts = dict(zip(registers, roots[len(values) :], strict=False))
    roots = [*roots[: len(values)], *roots[len(values) + len(nexts) :]]
    widths = variables(*roots, *nexts.values())
    for r in registers.values():
        widths |= dict.fromkeys((r.clock, *(a.signal for a in r.resets)), 1)
    inputs = {signal: f"x{number}" for number, signal in enumerate(sorted(widths.keys() - registers.keys()))}
    writer = _Writer({**inputs, **{signal: f"r{number}" for number, signal in enumerate(registers)}})
    head = [f"  {_declared(r, f'r{number}')}" for number, r in enumerate(registers.values())]
    body = [f"  assign y{number} = {writer.text(root)};" for number, root in enumerate(roots)]
    body += [f"  assign y{len(roots) + number} = {writer.names[signal]};" for number, signal in enumerate(shown)]
    body += [_clocked(registers[n], writer.names, writer.text(term)) for n, term in nexts.items()]
    ports = [f"input [{widths[s] - 1}:0] {n}" for s, n in inputs.items()]
    sizes = [*(r.width for r in roots), *(registers[s].width for s in shown)]
    ports += [f"output [{size - 1}:0] y{number}" for number, size in enumerate(sizes)]
    return "\n".join([f"module {name}({', '.join(ports)});", *head, *writer.lines, *body, "endmodule", ""])


def _declared(register: Register, name: str) -> str:
    initial = "" if register.initial is None else f" = {register.width}'d{register.initial}"
    return f"reg [{register.width - 1}:0] {name}{initial};"


def _clocked(register: Register, names: Mapping[str, str], text: str) -> str:
    edges, actions = [f"{register.edge}edge {names[register.clock]}"], ""
    for reset in register.resets:
        if reset.value is None:
            raise ValueError(f"expected a constant on reset of {register.name!r}, got a value")
        signal = names[reset.signal]
        edges.append(f"{'pos' if reset.level else 'neg'}edge {signal}")
        test = signal if reset.level else f"!{signal}"
        actions += f"if ({test}) {names[register.name]} <= {register.width}'d{reset.value}; else "
    return f"  always @({' or '.join(edges)}) {actions}{names[register.name]} <= {text};"


def _cut_memories(roots: list[Term]) -> list[Term]:
    """Return the roots with memory words as free variables, followed by the addresses of those words."""
    addresses: list[Term] = []
    done: dict[Term, Term] = {}
    for term in walk(*roots):
        new = rebuild(term, tuple(done[a] for a in term.args))
        if new.op == "select":
            addresses.append(new.args[0])
            new = var(f"{new.name}[{len(addresses)}]", new.width)
        done[term] = new
    return [*(done[r] for r in roots), *dict.fromkeys(addresses)]


class _Writer:
    """Writes each value that is used more than once as a wire, so that the text is as large as the graph."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = dict(names)
        self._serial = count()
        self._done: dict[Term, Term] = {}
        self.lines: list[str] = []

    def text(self, root: Term) -> str:
        """Return the expression of `root`; wires that it needs are added to `lines`."""
        users = Counter(a for node in walk(root) for a in node.args)
        for node in walk(root):
            if node in self._done:
                continue
            new = rebuild(node, tuple(self._done[a] for a in node.args))
            if users[node] > 1 and new.op not in ("const", "var", "undef"):
                wire = self._fresh("w")
                self.lines.append(f"  wire [{node.width - 1}:0] {wire} = {self._plain(new)};")
                new = make("var", node.width, (), wire)
                self.names[wire] = wire
            self._done[node] = new
        return self._plain(self._done[root])

    def _plain(self, term: Term) -> str:
        helpers, text = to_statements(term, fresh=self._fresh, names=self.names, context_width=term.width)
        self.lines += [f"  wire [{h.width - 1}:0] {h.name} = {h.text};" for h in helpers]
        return text

    def _fresh(self, _hint: str) -> str:
        return f"t{next(self._serial)}"
