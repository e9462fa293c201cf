"""Print word-level values as a module of their own, so that a part of a design can be synthesized alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import count

from rtlgen.graphs.wordlevel.terms import Term, make, rebuild, var, variables, walk
from rtlgen.graphs.wordlevel.verilog import to_statements


def emit_values(name: str, values: Mapping[str, Term]) -> str:
    """Return a combinational module with one output per value and one input per signal that the values read.

    Outputs are called `y0`, `y1`, … in the order of `values`, inputs after nothing in the design. A word read from a
    memory is an input and its address an output, so that the logic around a memory counts and the memory does not.
    """
    roots = _cut_memories(list(values.values()))
    names = {signal: f"x{number}" for number, signal in enumerate(sorted(variables(*roots)))}
    writer = _Writer(names)
    assigns = [f"  assign y{number} = {writer.text(root)};" for number, root in enumerate(roots)]
    widths = variables(*roots)
    ports = [f"input [{widths[s] - 1}:0] {n}" for s, n in names.items()]
    ports += [f"output [{r.width - 1}:0] y{number}" for number, r in enumerate(roots)]
    return "\n".join([f"module {name}({', '.join(ports)});", *writer.lines, *assigns, "endmodule", ""])


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
        self._names = dict(names)
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
                self._names[wire] = wire
            self._done[node] = new
        return self._plain(self._done[root])

    def _plain(self, term: Term) -> str:
        helpers, text = to_statements(term, fresh=self._fresh, names=self._names, context_width=term.width)
        self.lines += [f"  wire [{h.width - 1}:0] {h.name} = {h.text};" for h in helpers]
        return text

    def _fresh(self, _hint: str) -> str:
        return f"t{next(self._serial)}"
