"""Writing another set of states and codes back into the source, with as few edits as possible.

Named states keep their names: only the values of their localparams or enum members change. States that are merged or
unreachable lose their case items, comparisons and declarations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.fsm.statetext import Site, StateName, StateText, Table
from rtlgen.optimizer.fsm.surgery import Surgeon, end_of, outermost, start_of

_SIZED = re.compile(r"(?:(\d+)\s*)?'([sS]?)([bBoOdDhH])\s*[0-9a-fA-FxXzZ?_]+")
_FORMATS = {"b": "b", "o": "o", "h": "X"}
_DIGIT_BITS = {"b": 1, "o": 3, "h": 4}


class WritebackError(Exception):
    """The plan can't be written into this source; the message says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to become of a machine.

    Attributes:
        codes: code as of now -> new code, for every state that stays.
        aliases: code as of now of every state that goes -> code as of now of the state that stands for it.
        width: bits of the state register afterwards.
        attribute: value of a `fsm_encoding` attribute to put before the register's declaration, None for none.
        count: write case statements that only step through the codes as additions.
    """

    codes: Mapping[int, int]
    aliases: Mapping[int, int]
    width: int
    attribute: str | None = None
    count: bool = False


def step_of(moves: Mapping[int, int], width: int) -> tuple[int, int | None] | None:
    """Return (step, wrap) of codes that are counted through, None where they are not.

    `step` is added modulo 2**width; `wrap` is the one code from which the count starts again at 0, or None.

    Examples:
        >>> step_of({0: 1, 1: 2, 2: 3, 3: 0}, 2)
        (1, None)
        >>> step_of({0: 1, 1: 2, 2: 0}, 2)
        (1, 2)
        >>> step_of({0: 3, 1: 0, 2: 1, 3: 2}, 2)
        (3, None)
        >>> step_of({0: 2, 1: 0, 2: 1}, 2) is None
        True
    """
    steps = {(after - before) % (1 << width) for before, after in moves.items()}
    if len(steps) == 1:
        return steps.pop(), None
    last = max(moves)
    inner = {(after - before) % (1 << width) for before, after in moves.items() if before != last}
    return (1, last) if inner == {1} and moves[last] == 0 else None


def write(text: StateText, source: bytes, plan: Plan, *, allow_parameters: bool = False) -> tuple[Edit, ...]:
    """Return the edits that carry out `plan`.

    Args:
        text: where the machine stands.
        source: content of its file.
        plan: states and codes to write.
        allow_parameters: also edit codes declared by `parameter` in the module body (they become localparams).

    Raises:
        WritebackError: something in the source stands in the way; the message says what.
    """
    return _Writer(text, source, plan, allow_parameters).run()


class _Writer:
    def __init__(self, text: StateText, source: bytes, plan: Plan, allow_parameters: bool) -> None:
        self.text = text
        self.source = source
        self.plan = plan
        self.allow_parameters = allow_parameters
        self.surgeon = Surgeon(text.file, source)
        self.spelled: set[int] = set()
        self.counted: list[tuple[int, int]] = []
        self.recoded = any(old != new for old, new in plan.codes.items())
        self.width = plan.width if text.resizes else text.width

    def run(self) -> tuple[Edit, ...]:
        """Return the edits."""
        self._check()
        for site in self.text.sites:
            self._site(site)
        self._join_equal_arms()
        if self.plan.count:
            self._count()
        if self.text.latched:
            for statement in self.text.cases:
                self._complete(statement)
        self._declare()
        if self.width != self.text.width:
            self._resize()
        if self.plan.attribute is not None:
            place_attribute(self.surgeon, self.text, self.source, self.plan.attribute)
        return outermost(self.surgeon.edits())

    def _check(self) -> None:
        if self.text.fixed and (self.recoded or self.width != self.text.width):
            raise WritebackError(f"codes of {self.text.register!r} are visible: {self.text.fixed[0]}")
        if self.plan.width > self.width:
            raise WritebackError(f"{self.text.register!r} can't be widened to {self.plan.width} bits")
        for name in self.text.names.values():
            changes = name.value in self.plan.aliases or self.recoded or self.width != self.text.width
            if changes and not name.private:
                raise WritebackError(f"{name.name!r} is used for something else than {self.text.register!r}")
            if changes and name.kind == "parameter" and not self.allow_parameters:
                raise WritebackError(f"{name.name!r} is a parameter that an instance may override")

    def _removed(self, value: int | None) -> bool:
        return value is not None and value not in self.plan.codes

    def _standing_for(self, value: int) -> int:
        try:
            return self.plan.aliases[value]
        except KeyError:
            raise WritebackError(f"code {value!r} of {self.text.register!r} is in no state of the plan") from None

    # Constants in statements and expressions.

    def _site(self, site: Site) -> None:
        if not self._removed(site.value):
            if site.name is None and (self.recoded or self.width != self.text.width):
                new = None if site.value is None else self.plan.codes[site.value]
                self._replace(site.place.start, site.place.end, new)
            return
        assert site.value is not None
        if site.role == "value":
            self.surgeon.replace(site.place.start, site.place.end, self._word(site))
        elif site.role == "compare":
            comparison = _comparison(site.node)
            self.surgeon.settle(comparison, comparison.kind.name.startswith(("Inequality", "CaseInequality")))
        else:
            self.surgeon.remove_label(site.node)

    def _count(self) -> None:
        """Write every table of moves that steps through all codes as an addition.

        Raises:
            WritebackError: there is none.
        """
        done = [table for table in self.text.tables if self._count_table(table)]
        if not done:
            raise WritebackError(f"no case statement steps through the codes of {self.text.register!r}")

    def _count_table(self, table: Table) -> bool:
        codes = self.plan.codes
        old = dict(table.moves)
        after = {c: old.get(c, table.otherwise) for c in codes}
        moves = {codes[c]: codes[self.plan.aliases.get(t, t)] for c, t in after.items() if t is not None}
        found = step_of(moves, self.width) if len(moves) == len(codes) else None
        if found is None or found[0] == 0:
            return False
        step, wrap = found
        down = step > 1 << (self.width - 1)
        amount = (1 << self.width) - step if down else step
        value = f"{table.selector} {'-' if down else '+'} {self.width}'d{amount}"
        if wrap is not None:
            last, first = (self._text_of(code) for code in (wrap, 0))
            self.spelled |= {wrap, 0}
            value = f"({table.selector} == {last}) ? {first} : {value}"
        self.surgeon.replace(start_of(table.node), end_of(table.node), f"{table.target} {table.operator} {value};")
        self.counted.append((start_of(table.node), end_of(table.node)))
        return True

    def _unused(self, name: StateName) -> bool:
        """Return whether only case statements that became additions used a name."""
        places = [s.place for s in self.text.sites if s.name == name.name]
        inside = [any(start <= p.start and p.end <= end for start, end in self.counted) for p in places]
        return bool(places) and all(inside) and self.plan.codes.get(name.value) not in self.spelled

    def _text_of(self, code: int) -> str:
        """Return the name or literal of a code as it is afterwards."""
        old = next(o for o, new in self.plan.codes.items() if new == code)
        return self._name_of(old) or f"{self.width}'d{code}"

    def _join_equal_arms(self) -> None:
        """Replace `x ? A : A`, where a state that went has made the arms equal, by `A`."""
        words = {s.node: self._word(s) for s in self.text.sites if s.role == "value" and s.value is not None}
        waiting = [s.node for s in self.text.sites if s.role == "value" and self._removed(s.value)]
        while waiting:
            node = waiting.pop()
            parent = node.parent
            if parent.kind.name == "ParenthesizedExpression":
                words[parent] = words[node]
            elif parent.kind.name == "ConditionalExpression" and words.get(parent.left) == words.get(parent.right):
                words[parent] = words[node]
                self.surgeon.replace(start_of(parent), end_of(parent), words[node])
            else:
                continue
            waiting.append(parent)

    def _word(self, site: Site) -> str:
        """Return the text of a constant afterwards."""
        assert site.value is not None
        old = self.source[site.place.start : site.place.end].decode("latin-1")
        if not self._removed(site.value):
            return old if site.name is not None else literal_like(old, self.plan.codes[site.value], self.width)
        target = self._standing_for(site.value)
        return self._name_of(target) or literal_like(old, self.plan.codes[target], self.width)

    def _complete(self, statement: Any) -> None:
        """Make the last item of a case statement its default: what no reachable state needs must not become a latch."""
        dead = {id(s.node) for s in self.text.sites if s.role == "label" and self._removed(s.value)}
        items = [i for i in statement.items if i.kind.name == "StandardCaseItem"]
        kept = [i for i in items if any(id(e) not in dead for e in _entries(i.expressions))]
        if kept:
            labels = _entries(kept[-1].expressions)
            start, end = start_of(labels[0]), end_of(labels[-1])
            names = self.source[start:end].decode("latin-1")
            self.surgeon.replace(start, end, f"default /* {names} */")

    def _replace(self, start: int, end: int, code: int | None) -> None:
        old = self.source[start:end].decode("latin-1")
        new = literal_like(old, code, self.width)
        if new != old:
            self.surgeon.replace(start, end, new)

    def _name_of(self, code: int) -> str | None:
        return next((n.name for n in self.text.names.values() if n.value == code), None)

    # Declarations.

    def _declare(self) -> None:
        lists: dict[Any, list[StateName]] = {}
        for name in self.text.names.values():
            lists.setdefault(name.node.parent, []).append(name)
        for holder, names in lists.items():
            dead = [n for n in names if self._removed(n.value) or (n.kind != "enum" and self._unused(n))]
            if holder.kind.name == "EnumType":
                self._values_of_enum(holder, [n for n in names if n not in dead], bool(dead))
            else:
                self._values([n for n in names if n not in dead])
                self._parameters(holder, names)
            if dead:
                self._remove_names(holder, dead)

    def _parameters(self, holder: Any, names: Sequence[StateName]) -> None:
        if names[0].kind == "parameter" and (self.recoded or self.width != self.text.width):
            if holder.parent.kind.name != "ParameterDeclarationStatement":
                raise WritebackError(f"{names[0].name!r} is a parameter of the module header")
            self.surgeon.replace(start_of(holder), start_of(holder) + len("parameter"), "localparam")

    def _values(self, names: Sequence[StateName]) -> None:
        if not self.recoded and self.width == self.text.width:
            return
        for name in names:
            assert name.initializer is not None
            self._replace(name.initializer.start, name.initializer.end, self.plan.codes[name.value])

    def _values_of_enum(self, holder: Any, names: Sequence[StateName], shrinks: bool) -> None:
        explicit = any(n.initializer is None for n in names) and not self._implicit_fits(names)
        for name in names:
            code = self.plan.codes[name.value]
            if name.initializer is not None:
                if self.recoded or self.width != self.text.width:
                    self._replace(name.initializer.start, name.initializer.end, code)
            elif explicit:
                self.surgeon.replace(name.place.end, name.place.end, f" = {self.width}'d{code}")

    def _implicit_fits(self, names: Sequence[StateName]) -> bool:
        """Return whether members without a value get their codes by counting on."""
        following = 0
        for name in names:
            code = self.plan.codes[name.value]
            if name.initializer is None and code != following:
                return False
            following = code + 1
        return True

    def _remove_names(self, holder: Any, dead: Sequence[StateName]) -> None:
        listed = holder.members if holder.kind.name == "EnumType" else holder.declarators
        entries = [d for d in listed if hasattr(d, "name")]
        gone = {n.name for n in dead}
        kept = [e for e in entries if e.name.valueText not in gone]
        if not kept:
            if holder.parent.kind.name != "ParameterDeclarationStatement":
                raise WritebackError("every name of a declaration would go")
            self.surgeon.remove_text(*self.surgeon.lines(start_of(holder.parent), end_of(holder.parent)))
            return
        for index, entry in enumerate(entries):
            if entry.name.valueText in gone and any(e in kept for e in entries[index + 1 :]):
                self.surgeon.remove_text(start_of(entry), start_of(entries[index + 1]))
        if entries[-1] is not kept[-1]:
            self._remove_tail(end_of(kept[-1]), end_of(entries[-1]))

    def _remove_tail(self, start: int, end: int) -> None:
        """Delete the last declarators, keeping a comment that belongs to the one before them."""
        rest = re.compile(rb"(\s*,)?([ \t]*(?://[^\n]*|/\*[^\n]*?\*/))?").match(self.source, start)
        closing = re.compile(rb"\s*;?[ \t]*(//[^\n]*)?").match(self.source, end)
        assert rest is not None
        assert closing is not None
        comment = (rest.group(2) or b"").decode("latin-1")
        tail = closing.group().decode("latin-1")
        if ";" in tail:
            self.surgeon.replace(start, closing.end(), ";" + comment)
            return
        newline = re.search(r"\s*$", tail.split("//")[0])
        space = newline.group() if newline and "//" not in tail else ""
        if "//" in comment and "\n" not in space:
            space = "\n"
        self.surgeon.replace(start, closing.end(), comment + space)

    # Width and attribute.

    def _resize(self) -> None:
        for resize in self.text.resizes:
            new = resize.single if self.width == 1 else resize.template.format(high=self.width - 1)
            self.surgeon.replace(resize.place.start, resize.place.end, new)


def place_attribute(surgeon: Surgeon, text: StateText, source: bytes, value: str) -> None:
    """Put `(* fsm_encoding = "VALUE" *)` before the declaration of the state register, or change the one there.

    Raises:
        WritebackError: the register is declared as a port or in a macro.
    """
    declaration = text.declaration
    if declaration is None:
        raise WritebackError(f"{text.register!r} has no declaration to put an attribute on")
    start = start_of(declaration)
    written = source[start : end_of(declaration)]
    found = re.match(rb'\(\*.*?fsm_encoding\s*=\s*"([^"]*)".*?\*\)', written, re.DOTALL)
    if found:
        surgeon.replace(start + found.start(1), start + found.end(1), value)
    else:
        # The first token is replaced, not preceded, so that two such edits can't both be applied.
        token = start + len(declaration.getFirstToken().rawText)
        first = source[start:token].decode("latin-1")
        surgeon.replace(start, token, f'(* fsm_encoding = "{value}" *) {first}')


def _entries(listed: Any) -> list[Any]:
    """Return the nodes of a separated list without its commas."""
    return [e for e in listed if hasattr(e, "sourceRange") and hasattr(e, "parent")]


def _comparison(node: Any) -> Any:
    """Return the == or != around a constant, looking through parentheses."""
    node = node.parent
    while node.kind.name == "ParenthesizedExpression":
        node = node.parent
    if not node.kind.name.lower().endswith("equalityexpression"):
        raise WritebackError(f"a removed state is compared in a {node.kind.name}")
    return node


def literal_like(old: str, code: int | None, width: int) -> str:
    """Return `code` (None: undefined) written the way `old` is, for `width` bits.

    Examples:
        >>> literal_like("4'b0010", 2, 3)
        "3'b010"
        >>> literal_like("5'h1F", 3, 2)
        "2'h3"
        >>> literal_like("7", 3, 2)
        '3'
        >>> literal_like("IDLE + 1", 3, 2)
        "2'd3"
    """
    stripped = old.strip()
    match = _SIZED.fullmatch(stripped)
    if match is None:
        return _other_literal(stripped, code, width)
    size, sign, base = match.groups()
    head = f"{width if size else ''}'{sign}{base}"
    if code is None:
        return head + "x" * (width if size and base.lower() == "b" else 1)
    if base.lower() == "d":
        return f"{head}{code}"
    digits = -(-width // _DIGIT_BITS[base.lower()])
    return head + format(code, f"0{digits}{_FORMATS[base.lower()]}")


def _other_literal(old: str, code: int | None, width: int) -> str:
    if code is None:
        return old if old.startswith("'") else "'x"
    if re.fullmatch(r"[0-9_]+", old):
        return str(code)
    if old == "'0" and code == 0:
        return old
    return f"{width}'d{code}"
