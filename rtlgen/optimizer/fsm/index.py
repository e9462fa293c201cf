"""From one flip-flop per state, used bit by bit as in `state[RUN]`, to codes that are compared as in `state == RUN`.

The names of the bits become the names of the codes, so the text stays nearly the same: reads become comparisons,
`next[RUN] = 1'b1` becomes `next = RUN`, `case (1'b1)` becomes `case (state)`. Where every bit has an equation of its
own, the equations become one choice over the states.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtlgen.graphs.fsm.bdd import DiagramLimitError, Diagrams
from rtlgen.graphs.fsm.extract import Machine
from rtlgen.graphs.fsm.symbolic import Blaster, Specializer, expand
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.terms import Term, concat, const
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.fsm import regenerate
from rtlgen.optimizer.fsm.encode import minimal_width
from rtlgen.optimizer.fsm.regenerate import UnreadableError
from rtlgen.optimizer.fsm.statetext import BitSite, Site, StateName, StateText
from rtlgen.optimizer.fsm.surgery import Surgeon, end_of, outermost, start_of
from rtlgen.optimizer.fsm.writeback import WritebackError, literal_like, place_attribute

_PLAIN_PARENTS = (
    "ParenthesizedExpression",
    "ConditionalPattern",
    "EqualsValueClause",
    "AssignmentExpression",
    "NonblockingAssignmentExpression",
)


def to_codes(
    machine: Machine,
    module: ModuleIR,
    text: StateText,
    source: bytes,
    *,
    attribute: str | None = None,
    allow_parameters: bool = False,
) -> tuple[Edit, ...]:
    """Return the edits that turn a bit-indexed one-hot machine into an encoded one.

    Raises:
        WritebackError: the machine or its source does not allow it; the message says why.
    """
    if not machine.one_hot or 0 in machine.codes or text.visible or not text.bits or not text.resizes:
        raise WritebackError(f"{text.register!r} is not used as a one-hot vector throughout")
    return _Converter(machine, module, text, source, attribute, allow_parameters).run()


class _Converter:
    def __init__(
        self,
        machine: Machine,
        module: ModuleIR,
        text: StateText,
        source: bytes,
        attribute: str | None,
        allow_parameters: bool,
    ) -> None:
        self.machine = machine
        self.module = module
        self.text = text
        self.source = source
        self.attribute = attribute
        self.allow_parameters = allow_parameters
        self.surgeon = Surgeon(text.file, source)
        bits = sorted(code.bit_length() - 1 for code in machine.codes)
        self.code = {bit: number for number, bit in enumerate(bits)}
        self.width = minimal_width(len(bits))
        self.names = {n.value: n.name for n in text.index_names.values() if n.value in self.code}

    def run(self) -> tuple[Edit, ...]:
        """Return the edits."""
        self._declare()
        equations = [b for b in self.text.bits if b.assignment is not None and b.constant is None]
        for group in self._groups(equations):
            self._equations(group)
        handled = {b.place for b in equations}
        self._reads([b for b in self.text.bits if b.assignment is None])
        for bit in self.text.bits:
            if bit.assignment is not None and bit.place not in handled:
                self._write(bit)
        for site in self.text.sites:
            self._site(site)
        for resize in self.text.resizes:
            new = resize.single if self.width == 1 else resize.template.format(high=self.width - 1)
            self.surgeon.replace(resize.place.start, resize.place.end, new)
        if self.attribute is not None:
            place_attribute(self.surgeon, self.text, self.source, self.attribute)
        return outermost(self.surgeon.edits())

    def word(self, bit: int) -> str:
        """Return the name or literal of the state whose flip-flop was `bit`."""
        if bit not in self.code:
            raise WritebackError(f"bit {bit} of {self.text.register!r} belongs to no state")
        return self.names.get(bit, f"{self.width}'d{self.code[bit]}")

    # Declarations.

    def _declare(self) -> None:
        for name in self.text.index_names.values():
            if not name.private or name.initializer is None:
                raise WritebackError(f"{name.name!r} is used for something else than {self.text.register!r}")
            if name.kind == "enum" or (name.kind == "parameter" and not self.allow_parameters):
                raise WritebackError(f"{name.name!r} can't be given another value")
        holders: dict[Any, list[StateName]] = {}
        for name in self.text.index_names.values():
            holders.setdefault(name.node.parent, []).append(name)
        for holder, names in holders.items():
            self._declaration(holder, names)

    def _declaration(self, holder: Any, names: Sequence[StateName]) -> None:
        if holder.parent.kind.name != "ParameterDeclarationStatement":
            raise WritebackError(f"{names[0].name!r} is a parameter of the module header")
        known = {n.name for n in names}
        if not all(d.name.valueText in known for d in holder.declarators if hasattr(d, "name")):
            raise WritebackError(f"the declaration of {names[0].name!r} holds other constants")
        type_text = self.source[start_of(holder.type) : end_of(holder.type)].strip()
        if type_text:
            start = start_of(holder.type)
            self.surgeon.replace(start, start + len(type_text), f"[{self.width - 1}:0]")
        if names[0].kind == "parameter":
            self.surgeon.replace(start_of(holder), start_of(holder) + len("parameter"), "localparam")
        for name in names:
            assert name.initializer is not None
            if name.value not in self.code:
                raise WritebackError(f"{name.name!r} is the index of no state")
            start, end = name.initializer.start, name.initializer.end
            self.surgeon.replace(start, end, f"{self.width}'d{self.code[name.value]}")

    # Constants and single bits.

    def _site(self, site: Site) -> None:
        start, end = site.place.start, site.place.end
        if site.name is not None:
            raise WritebackError(f"{site.name!r} names a whole one-hot code")
        if site.value is None:
            self.surgeon.replace(start, end, literal_like(self.source[start:end].decode("latin-1"), None, self.width))
        elif site.value in self.machine.codes:
            self.surgeon.replace(start, end, self.word(site.value.bit_length() - 1))
        elif site.value == 0 and site.role == "value":
            self._clear(site)
        else:
            raise WritebackError(f"{site.value!r} is no code of {self.text.register!r}")

    def _clear(self, site: Site) -> None:
        """An all-zero default: drop it where a bit is set right behind it, else start from the entry state."""
        statement = _statement(site.node)
        following = _next_sibling(statement)
        ones = [b for b in self.text.bits if b.assignment is not None and b.constant == 1]
        writes = {start_of(_statement(b.assignment)) for b in ones}
        if following is not None and start_of(following) in writes:
            self.surgeon.remove_statement(statement)
        else:
            self.surgeon.replace(site.place.start, site.place.end, self.word(self.machine.entry[0].bit_length() - 1))

    def _write(self, bit: BitSite) -> None:
        if bit.constant == 0:
            self.surgeon.remove_statement(_statement(bit.assignment))
            return
        assert bit.value is not None
        self.surgeon.replace(bit.place.start, bit.place.end, bit.carrier)
        self.surgeon.replace(bit.value.start, bit.value.end, self.word(bit.index))

    def _reads(self, bits: Sequence[BitSite]) -> None:
        cases: dict[Any, list[BitSite]] = {}
        for bit in bits:
            holder = bit.node.parent
            if holder.kind.name == "StandardCaseItem" and any(bit.node is e for e in holder.expressions):
                cases.setdefault(holder.parent, []).append(bit)
            else:
                self._read(bit)
        for statement, labels in cases.items():
            self._case(statement, labels)

    def _read(self, bit: BitSite) -> None:
        node = bit.node
        test, start, end = "==", bit.place.start, bit.place.end
        if node.parent.kind.name in ("UnaryLogicalNotExpression", "UnaryBitwiseNotExpression"):
            node = node.parent
            test, start, end = "!=", start_of(node), end_of(node)
        text = f"{bit.carrier} {test} {self.word(bit.index)}"
        plain = node.parent.kind.name in _PLAIN_PARENTS
        self.surgeon.replace(start, end, text if plain else f"({text})")

    def _case(self, statement: Any, labels: Sequence[BitSite]) -> None:
        items = [i for i in statement.items if i.kind.name == "StandardCaseItem"]
        count = sum(1 for i in items for e in i.expressions if hasattr(e, "sourceRange") and hasattr(e, "parent"))
        selector = self.source[start_of(statement.expr) : end_of(statement.expr)].decode("latin-1")
        if count != len(labels) or len({b.carrier for b in labels}) != 1 or not _is_one(selector):
            raise WritebackError("a case statement mixes bits of the state with other tests")
        self.surgeon.replace(start_of(statement.expr), end_of(statement.expr), labels[0].carrier)
        for bit in labels:
            self.surgeon.replace(bit.place.start, bit.place.end, self.word(bit.index))

    # One equation per bit.

    def _groups(self, equations: Sequence[BitSite]) -> list[list[BitSite]]:
        groups: dict[tuple[str, int], list[BitSite]] = {}
        for bit in equations:
            statement = _statement(bit.assignment)
            groups.setdefault((bit.carrier, start_of(statement.parent)), []).append(bit)
        for (carrier, _), group in groups.items():
            if sorted(b.index for b in group) != sorted(self.code):
                raise WritebackError(f"the equations of {carrier!r} are not all in one place")
        return list(groups.values())

    def _equations(self, group: Sequence[BitSite]) -> None:
        arms = self._arms(group)
        statements = sorted({_Span(_statement(b.assignment)) for b in group})
        first = statements[0]
        indent = self._indent(first.start)
        carrier = group[0].carrier
        if first.node.kind.name == "ContinuousAssign":
            text = regenerate.conditional_chain(carrier, self.text.register, arms, indent)
        else:
            operator = "<=" if group[0].assignment.kind.name.startswith("Nonblocking") else "="
            text = regenerate.case_statement(carrier, self.text.register, operator, arms, indent)
        self.surgeon.replace(first.start, first.end, text)
        for span in statements[1:]:
            self.surgeon.remove_text(*self.surgeon.lines(span.start, span.end))

    def _indent(self, start: int) -> str:
        line = self.source.rfind(b"\n", 0, start) + 1
        text = self.source[line:start].decode("latin-1")
        return text if not text.strip() else ""

    def _arms(self, group: Sequence[BitSite]) -> list[tuple[str, str]]:
        """Return (state, expression for the next state) for every state."""
        following = self._following(group)
        blaster = Blaster(Diagrams())
        arms = []
        words = {1 << bit: self.word(bit) for bit in self.code}
        for bit in self.code:
            settled = Specializer({self.text.register: const(1 << bit, self.text.width)})(following)
            try:
                guards = blaster.diagrams.partition(blaster.bits(settled), len(words))
                if not guards.keys() <= words.keys():
                    raise WritebackError(f"the equations of {group[0].carrier!r} are not one-hot by themselves")
                arms.append((self.word(bit), regenerate.choice(blaster, guards, words, self.module.signals)))
            except (DiagramLimitError, UnreadableError) as reason:
                raise WritebackError(f"the next state can't be written readably: {reason}") from reason
        return arms

    def _following(self, group: Sequence[BitSite]) -> Term:
        """Return the next state as one term, signals that depend on the state replaced by what drives them."""
        terms: dict[int, Term] = {}
        for bit in group:
            found = [o.expanded for o in self.module.occurrences if o.root and o.place == bit.value]
            if not found:
                raise WritebackError(f"the equation of bit {bit.index} isn't understood")
            terms[bit.index] = found[0]
        width = self.text.width
        whole = concat(*(terms.get(i, const(0, 1)) for i in reversed(range(width))))
        return expand([whole], self.module.combinational)[0]


class _Span:
    """A syntax node with its range, ordered and equal by the range."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self.start, self.end = start_of(node), end_of(node)

    def __lt__(self, other: _Span) -> bool:
        return self.start < other.start

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Span) and (self.start, self.end) == (other.start, other.end)

    def __hash__(self) -> int:
        return hash((self.start, self.end))


def _statement(node: Any) -> Any:
    """Return the statement or continuous assignment around a node."""
    while node is not None and node.kind.name not in ("ExpressionStatement", "ContinuousAssign"):
        node = node.parent
    if node is None:
        raise WritebackError("a constant stands outside of any assignment")
    return node


def _next_sibling(statement: Any) -> Any:
    block = statement.parent
    if block.kind.name != "SequentialBlockStatement":
        return None
    entries = [e for e in block.items if hasattr(e, "sourceRange") and hasattr(e, "parent")]
    later = [e for e in entries if start_of(e) > start_of(statement)]
    return min(later, key=start_of) if later else None


def _is_one(selector: str) -> bool:
    return selector.replace(" ", "") in ("1'b1", "1'd1", "1", "1'h1", "'1", "1'B1")
