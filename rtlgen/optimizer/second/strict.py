"""The word-level view read strictly: what is undefined says so, and arrays and instances have a model.

The view that families of rewrites see takes any value for what is undefined; a proof must not. Here a bit-select
outside its signal, an unknown case label and the like are `undef` or refused, unpacked arrays are wide signals of which
a word is a slice, and an instance's output drives its net.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rtlgen.graphs.frontend.slang import Elaborated
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.build import RECURSION_LIMIT, _ModuleBuilder, _parameters, members
from rtlgen.graphs.wordlevel.clocks import Trigger
from rtlgen.graphs.wordlevel.execute import Executor
from rtlgen.graphs.wordlevel.expressions import (
    Lowering,
    Slice,
    UnsupportedError,
    add_offset,
    resize,
    take,
    width_of,
)
from rtlgen.graphs.wordlevel.expressions import replace as replace_bits
from rtlgen.graphs.wordlevel.module import AsyncReset, ChildInstance, Connection, ModuleIR, Register, Signal
from rtlgen.graphs.wordlevel.terms import Term

MAX_ARRAY_BITS = 8192
_MAX_SPLIT = 256
Key = tuple[str, str]
"""Definition and values of the parameters: what tells module bodies apart."""


@dataclass(slots=True)
class StrictView:
    """One module body: its view, and the body of each instance inside."""

    ir: ModuleIR
    children: dict[str, Key] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StrictDesign:
    """All module bodies of a design by key, and the key of the top."""

    top: Key
    views: Mapping[Key, StrictView]


def strict_views(design: Elaborated, *, duty: bool) -> StrictDesign:
    """Return the bodies of a design.

    Args:
        design: what to read.
        duty: its undefined values have to be met in every way (the new design); otherwise they may be chosen.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
    bodies: dict[Key, Any] = {}
    pending = [design.top]
    while pending:
        instance = pending.pop()
        if (key := _key(instance)) in bodies:
            continue
        bodies[key] = instance
        pending += [c for _, c in members(instance.body) if c.kind.name == "Instance" and c.isModule]
    return StrictDesign(_key(design.top), {k: _Builder(design, i, duty).strict() for k, i in bodies.items()})


def _key(instance: Any) -> Key:
    return instance.body.definition.name, str(_parameters(instance.body))


class _Builder(_ModuleBuilder):
    """Builds a view whose executor and connections are strict."""

    def __init__(self, design: Elaborated, instance: Any, duty: bool) -> None:
        super().__init__(design, instance.body)
        self._duty = duty
        self._children: dict[str, Key] = {}

    def strict(self) -> StrictView:
        """Return the finished view."""
        return StrictView(self.build(), self._children)

    def _declare(self, symbol: Any) -> None:
        super()._declare(symbol)
        name = self.name_of(symbol) or ""
        signal = self.view.signals.get(name)
        if signal is not None and signal.depth is not None:
            bits = signal.width * signal.depth
            if bits > MAX_ARRAY_BITS or not symbol.type.canonicalType.isUnpackedArray:
                self.view.opaque[name] = f"an array of {bits} bits"
            signal = replace(signal, width=bits, depth=None, kind="variable", initial=None)
            self.view.signals[name] = signal
        start = symbol.initializer if symbol.kind.name == "Variable" else None
        if signal is not None and start is not None and signal.initial is None and "x" not in str(start.constant):
            self.view.opaque[name] = "an initial value that is not constant"

    def _executor(self) -> Executor:
        executor = _Executor(self.name_of, self._note, self._full_case, self._parallel_case)
        self._running = executor
        return executor

    def _note(self, *_: Any) -> None:
        """Occurrences in the text are of no use to a proof."""

    def _parallel_case(self, statement: Any) -> bool:
        return any(a.name == "parallel_case" for a in self._design.compilation.getAttributes(statement))

    def _initial(self, m: Any) -> None:
        """Take the initial values; those that have no constant are refused, since they would look unset."""
        self._open("initial", m.syntax)
        executor = self._executor()
        calls: list[str] = []
        m.body.visit(lambda n: calls.append(str(n.subroutineName)) if _is_call(n) else None)
        try:
            if any(c.startswith("$readmem") for c in calls):
                raise UnsupportedError("initial contents from a file")
            executor.statement(m.body)
        except UnsupportedError as reason:
            self._opaque_assignments(m.body, str(reason))
            self.view.opaque.setdefault("initial", str(reason))
            return
        for name, value in {**executor.blocking, **executor.nonblocking}.items():
            signal = self.view.signals.get(name)
            if signal is not None and value.op == "const":
                self.view.signals[name] = replace(signal, initial=value.const_value)
            elif signal is not None:
                self.view.opaque[name] = "an initial value that is not constant"

    def _registers(self, executor: Executor, trigger: Trigger, resets: list[tuple[str, int, dict[str, Term]]]) -> None:
        """Take the registers of a block; one of which it sets only some bits becomes a register of those bits."""
        names = executor.assigned | {n for _, _, values in resets for n in values if n in self.view.signals}
        self._hold_in_reset(executor, names, resets)
        final = {**executor.blocking, **executor.nonblocking}
        whole = set()
        for name in names - executor._locals:
            signal = self.view.signals.get(name)
            if signal is None:
                continue
            hold = t.var(name, signal.width)
            values = [v for _, _, held in resets if (v := held.get(name)) is not None]
            bits = _set_bits(hold, [final.get(name, hold), *values])
            if bits == t.mask(signal.width):
                whole.add(name)
            else:
                self._partial(signal, bits, final.get(name, hold), trigger, resets)
        super()._registers(_Only(executor, whole), trigger, [(s, v, _only(held, whole)) for s, v, held in resets])  # type: ignore[arg-type]

    def _hold_in_reset(
        self, executor: Executor, names: set[str], resets: list[tuple[str, int, dict[str, Term]]]
    ) -> None:
        """Make what a reset branch does not set hold its value while that reset is active."""
        for name in names - executor._locals:
            signal = self.view.signals.get(name)
            if signal is None:
                continue
            hold = t.var(name, signal.width)
            value = executor.nonblocking.get(name, executor.blocking.get(name, hold))
            missing = False
            for _, _, held in resets:
                if name in held and missing:
                    self.view.opaque[name] = "set by an asynchronous control but not by one that comes first"
                missing |= name not in held
            for reset, level, held in reversed(resets):
                active = t.var(reset, 1) if level else t.lnot(t.var(reset, 1))
                value = value if name in held else t.ite(active, hold, value)
            executor.nonblocking[name] = value

    def _partial(
        self, signal: Signal, bits: int, final: Term, trigger: Trigger, resets: list[tuple[str, int, dict[str, Term]]]
    ) -> None:
        """Add a register for some bits of a signal."""
        places = [i for i in range(signal.width) if bits >> i & 1]
        name = f"{signal.name}#{places[0] if places else 0}"
        if not places:
            return
        if name in self.view.registers:
            self.view.opaque[signal.name] = "bits driven more than once"
            return
        controls = []
        for reset, level, held in resets:
            value = held.get(signal.name)
            if value is not None:
                part = _gather(value, places)
                controls.append(AsyncReset(reset, level, part.const_value if part.is_const else None))
        initial = signal.initial
        if initial is not None:
            initial = sum((initial >> place & 1) << i for i, place in enumerate(places))
        width = len(places)
        self.view.signals[name] = replace(signal, name=name, width=width, kind="variable", initial=initial)
        assert trigger.clock is not None
        assert trigger.edge is not None
        self.view.registers[name] = Register(
            name, width, self._block, trigger.clock, trigger.edge, _gather(final, places), tuple(controls), initial
        )
        for i, place in enumerate(places):
            self._pieces.setdefault(signal.name, []).append((place, t.extract(t.var(name, width), i, 1)))

    def _combinational(self, m: Any, trigger: Trigger) -> None:
        """Take a combinational block; of a signal of which it sets only some bits, only those are driven by it."""
        self._open("comb", m.syntax)
        executor = self._executor()
        executor.settling = True
        try:
            executor.statement(trigger.body)
        except UnsupportedError as reason:
            self._opaque_assignments(m.body, str(reason))
            return
        final = {**executor.blocking, **executor.nonblocking}
        for name in sorted(executor.assigned - executor._locals):
            value, hold = final[name], t.var(name, self.view.signals[name].width)
            bits = _set_bits(hold, [value])
            places = [i for i in range(hold.width) if bits >> i & 1]
            parts = [(i, t.extract(value, i, 1)) for i in places] if bits != t.mask(hold.width) else [(0, value)]
            if any(name in t.variables(part) for _, part in parts):
                self._drivers.setdefault(name, set()).add(self._block)
                self.view.latched.add(name)
                self.view.latch_values[name] = value
            else:
                self._pieces.setdefault(name, []).extend(parts)

    def _compose(self) -> None:
        # Bits that two drivers share show when the pieces are joined.
        for name in self._pieces:
            if name not in self.view.registers and name not in self.view.latched:
                self._drivers.pop(name, None)
        super()._compose()

    def _child(self, m: Any) -> None:
        self._open("assign", m.syntax)
        executor = self._executor()
        name = self.name_of(m) or m.name
        found = [self._strict_connection(executor, name, c) for c in m.portConnections]
        place = self.view.place
        self.view.instances.append(ChildInstance(name, m.definition.name, tuple(found), place))
        self._children[name] = _key(m)

    def _strict_connection(self, executor: Executor, instance: str, c: Any) -> Connection:
        direction = {"In": "input", "Out": "output"}.get(c.port.direction.name, "inout") if _is_port(c) else "inout"
        if direction == "inout":
            self.view.opaque[f"{instance}.{c.port.name}"] = "a port that is neither input nor output"
            return Connection(c.port.name, "inout", None, None)
        e = c.expression
        if e is None:
            return Connection(c.port.name, direction, None, None)  # type: ignore[arg-type]
        try:
            if direction == "input":
                return Connection(c.port.name, "input", executor.value(e, "port"), None)
            left = e.left if e.kind.name == "Assignment" else e
            port = t.var(f"{instance}.{c.port.name}", width_of(c.port.type))
            self._drive(executor, left, resize(port, width_of(left.type), bool(c.port.type.isSigned)))
        except UnsupportedError as reason:
            self._opaque_targets([e], str(reason))
            self.view.opaque[f"{instance}.{c.port.name}"] = str(reason)
        return Connection(c.port.name, direction, None, None)  # type: ignore[arg-type]


class _Only:
    """An executor as if it had assigned only some names."""

    def __init__(self, executor: Executor, names: set[str]) -> None:
        self._inner, self.assigned = executor, executor.assigned & names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _only(values: dict[str, Term], names: set[str]) -> dict[str, Term]:
    return {n: v for n, v in values.items() if n in names}


def _set_bits(hold: Term, values: list[Term]) -> int:
    """Return the bits that some value may change; all of a very wide signal."""
    if hold.width > _MAX_SPLIT:
        return t.mask(hold.width)
    bits = 0
    done: dict[tuple[Term, int], Term] = {}
    for i in range(hold.width):
        own = t.extract(hold, i, 1)
        bits |= int(any(_bit(v, i, done) is not own for v in values)) << i
    return bits


def _bit(term: Term, index: int, done: dict[tuple[Term, int], Term]) -> Term:
    """Return one bit of a value, looked for through selections."""
    if term.op != "ite":
        return t.extract(term, index, 1)
    if (term, index) not in done:
        condition, a, b = term.args
        done[term, index] = t.ite(condition, _bit(a, index, done), _bit(b, index, done))
    return done[term, index]


def _gather(term: Term, places: list[int]) -> Term:
    done: dict[tuple[Term, int], Term] = {}
    return t.concat(*(_bit(term, i, done) for i in reversed(places)))


def _is_port(connection: Any) -> bool:
    return str(connection.port.kind.name) == "Port"


def _is_call(node: Any) -> bool:
    return getattr(getattr(node, "kind", None), "name", "") == "Call" and bool(getattr(node, "isSystemCall", False))


class _Executor(Executor):
    def __init__(self, name_of: Any, note: Any, full_case: Any, parallel_case: Any) -> None:
        super().__init__(name_of, note)
        self._lowering = _Lowering(self)
        self._is_full, self._is_parallel = full_case, parallel_case
        self._stored: dict[tuple[str, bool], int] = {}
        self._hits: list[Term] | None = None

    def read(self, symbol: Any) -> Term:
        """Return the local view of a value; an array is one wide value."""
        if not symbol.type.canonicalType.isUnpackedArray:
            return super().read(symbol)
        return t.var(self._name(symbol), _total(symbol))

    def _do_Case(self, s: Any) -> None:
        """Execute a case statement; what its attributes promise is undefined where it does not hold."""
        outer, self._stored = self._stored, {}
        outer_hits, self._hits = self._hits, None
        super()._do_Case(s)
        hits = self._taken_hits()
        self._hits = outer_hits
        codes = _are_codes([h for h in hits if not h.is_const])
        every = codes and len(hits) == 1 << hits[0].args[0].width
        if self._is_full(s) and s.defaultCase is None and not every:
            self._undefine(t.lnot(_any(hits)))
        if self._is_parallel(s) and not codes:
            self._undefine(_overlap(hits))
        self._stored = outer | self._stored

    def _taken_hits(self) -> list[Term]:
        return list(self._hits or ())

    def _case_chain(self, items: list[tuple[Term, Any]], default: Any, exhaustive: bool) -> None:
        if self._hits is None:
            self._hits = [t.boolean(self.expand(hit)) for hit, _ in items]
        super()._case_chain(items, default, exhaustive)

    def _undefine(self, where: Term) -> None:
        for (name, nonblocking), width in self._stored.items():
            env = self.nonblocking if nonblocking else self.blocking
            held = env.get(name, t.var(name, width))
            env[name] = t.ite(where, t.undef(width), held)

    def _store(self, part: Slice, value: Term, nonblocking: bool) -> None:
        self._stored[self._name(part.symbol), nonblocking and not self.settling] = _total(part.symbol)
        if part.symbol.type.canonicalType.isUnpackedArray or isinstance(part.offset, Term):
            name, width = self._name(part.symbol), _total(part.symbol)
            if self._is_local(name):
                self._locals.add(name)
            else:
                self.assigned.add(name)
            env = self.nonblocking if nonblocking and not self.settling else self.blocking
            old = env.get(name, t.var(name, width))
            place = part.address if isinstance(part, _Word) else None
            new = _written(old, part, self.expand, t.zext(value, part.width), place)
            env[name] = t.ite(self._guard(), old, new)
        else:
            super()._store(part, value, nonblocking)

    def write(self, left: Any, value: Term, nonblocking: bool) -> None:
        """Assign to a name, select or concatenation; a word of an array is a part of it."""
        if left.kind.name == "Concatenation":
            super().write(left, value, nonblocking)
            return
        part = self._lowering.slice(left)
        if part.address is not None and not isinstance(part, _Word):
            raise UnsupportedError("array without a model")
        self._store(part, value, nonblocking)

    def _case_hit(self, s: Any, subject: Term, label: Any) -> Term:
        mode = s.condition.name
        if mode == "Normal" and _has_undef(self._lowering.lower(label)):
            raise UnsupportedError("case label with unknown bits")
        if mode == "WildcardJustZ" and "x" in str(label.constant or "").lower():
            raise UnsupportedError("casez label with unknown bits")
        return super()._case_hit(s, subject, label)


@dataclass(frozen=True, slots=True)
class _Word(Slice):
    """A part of one word of an array: `address` picks the word, `offset` and `width` the bits of it."""

    word: int = 1


def _total(symbol: Any) -> int:
    type_ = symbol.type.canonicalType
    if not type_.isUnpackedArray:
        return width_of(type_)
    if not hasattr(type_, "range"):
        raise UnsupportedError("an array of unknown size")
    total = width_of(type_.elementType) * int(type_.range.width)
    if total > MAX_ARRAY_BITS:
        raise UnsupportedError(f"an array of {total} bits")
    return total


class _Lowering(Lowering):
    def _binary(self, e: Any) -> Term:
        if e.op.name in ("CaseEquality", "CaseInequality"):
            sides = [self.lower(x) for x in (e.left, e.right)]
            if any(_has_undef(s) for s in sides):
                raise UnsupportedError("=== with unknown bits")
        return super()._binary(e)

    def _select(self, e: Any) -> Term:
        try:
            part = self.slice(e)
        except UnsupportedError:
            offset, width = self._offset(e)
            return _taken(self.lower(e.value), offset, width)
        if isinstance(part, _Word):
            assert part.address is not None
            words = self._reader.read(part.symbol)
            return _taken(_word(words, part.address, part.word), part.offset, part.width)
        return _taken(self._reader.read(part.symbol), part.offset, part.width)

    def slice(self, e: Any) -> Slice:
        """Return which part of which signal a select or name stands for."""
        if e.kind.name in ("RangeSelect", "MemberAccess", "ElementSelect") and not e.value.type.isUnpackedArray:
            inner = self.slice(e.value)
            if isinstance(inner, _Word):
                offset, width = self._offset(e)
                return replace(inner, offset=add_offset(inner.offset, offset), width=width)
        return super().slice(e)

    def _memory_word(self, e: Any) -> Slice:
        part = super()._memory_word(e)
        bounds = e.value.type.canonicalType.range
        assert part.address is not None
        address = part.address
        # One bit more, so that an index below the range does not come round to a word inside it.
        low, wide = int(bounds.lower), max(address.width, int(bounds.upper).bit_length()) + 1
        plain = self.lower(e.selector, self_determined=True)
        index = resize(plain, wide, bool(e.selector.type.isSigned))
        address = t.apply("sub", index, t.const(low, wide)) if low else index
        return _Word(part.symbol, 0, part.width, address, part.width)


def _any(hits: list[Term]) -> Term:
    result = t.const(0, 1)
    for hit in hits:
        result = t.lor(result, hit)
    return result


def _overlap(hits: list[Term]) -> Term:
    """Return whether more than one of some conditions holds."""
    seen, twice = t.const(0, 1), t.const(0, 1)
    for hit in hits:
        twice = t.lor(twice, t.land(seen, hit))
        seen = t.lor(seen, hit)
    return twice


def _are_codes(hits: list[Term]) -> bool:
    """Return whether conditions compare one value with different constants, so that two never hold together."""
    if not hits or not all(h.op == "eq" and h.args[1].is_const and h.args[0] is hits[0].args[0] for h in hits):
        return False
    return len({h.args[1] for h in hits}) == len(hits)


def _has_undef(term: Term) -> bool:
    return any(x.op == "undef" for x in t.walk(term))


def _bound(term: Term) -> int:
    """Return a value that the unsigned `term` never exceeds."""
    limit = t.mask(term.width)
    if term.op == "const":
        return term.const_value
    if term.op == "zext":
        return _bound(term.args[0])
    if term.op in ("add", "mul"):
        a, b = map(_bound, term.args)
        return min(limit, a + b if term.op == "add" else a * b)
    return limit if term.op != "ite" else max(_bound(term.args[1]), _bound(term.args[2]))


def _wraps(term: Term) -> bool:
    """Return whether some operation under an offset may exceed its width."""
    return any(
        x.op in ("sub", "neg", "sext", "not", "add", "mul") and _exact(x) > t.mask(x.width) for x in t.walk(term)
    )


def _exact(term: Term) -> int:
    """Return the largest value before it is cut to the term's width; too much where nothing is known."""
    if term.op not in ("add", "mul"):
        return t.mask(term.width) + 1
    a, b = map(_bound, term.args)
    return a + b if term.op == "add" else a * b


def _place(offset: Term, room: int, width: int) -> Term:
    """Return where a part starts in a word that has `width - 1` bits more on both sides; outside it is out of all.

    Raises:
        UnsupportedError: the offset may come round to the word again.
    """
    if width == 1:
        return offset
    shift, base = 0, offset
    while base.op in ("add", "sub") and base.args[1].is_const:
        step = t.to_signed(base.args[1].const_value, base.width)
        shift, base = shift + (step if base.op == "add" else -step), base.args[0]
    if _wraps(base):
        raise UnsupportedError("an index that may wrap round")
    size = max(offset.width, (room + 2 * width).bit_length()) + 2
    return t.apply("add", t.zext(base, size), t.const(shift + width - 1, size))


def _is_inside(offset: Term, room: int, width: int) -> bool:
    return not _wraps(offset) and _bound(offset) + width <= room


def _taken(word: Term, offset: Term | int, width: int) -> Term:
    """Return bits of `word`; those outside are undefined."""
    if not isinstance(offset, Term) or offset.op == "const" or _is_inside(offset, word.width, width):
        return take(word, offset, width)
    place = _place(offset, word.width, width)
    margin = width - 1
    padded = t.concat(t.undef(margin), word, t.undef(margin)) if margin else word
    if padded.width >> place.width and padded.width > t.mask(place.width):
        return t.zext(t.apply("lshr", padded, place), width)
    inside = t.apply("ult", place, t.const(word.width + margin, place.width))
    return t.ite(inside, t.zext(t.apply("lshr", padded, place), width), t.undef(width))


def _word(words: Term, address: Term, width: int) -> Term:
    """Return the word at `address` by halving; outside, it is undefined."""
    depth = words.width // width
    if address.op == "const":
        return take(words, address.const_value * width, width)
    levels = min(address.width, (depth - 1).bit_length())
    layer = [t.extract(words, i * width, width) if i < depth else t.undef(width) for i in range(1 << levels)]
    for level in range(levels):
        bit = t.extract(address, level, 1)
        layer = [t.ite(bit, b, a) for a, b in zip(layer[::2], layer[1::2], strict=True)]
    if levels == address.width:
        return layer[0]
    outside = t.boolean(t.extract(address, levels, address.width - levels))
    return t.ite(outside, t.undef(width), layer[0])


def _written(old: Term, part: Slice, expand: Any, value: Term, place: Term | None) -> Term:
    """Return `old` with a part replaced, nothing where the part is outside."""
    if not isinstance(part, _Word):
        offset = expand(part.offset) if isinstance(part.offset, Term) else part.offset
        return _replaced(old, offset, value)
    assert place is not None
    address, offset = expand(place), expand(part.offset) if isinstance(part.offset, Term) else part.offset
    pieces = []
    for i in range(old.width // part.word):
        word = t.extract(old, i * part.word, part.word)
        if i <= t.mask(address.width):
            hit = t.apply("eq", address, t.const(i, address.width))
            word = t.ite(hit, _replaced(word, offset, value), word)
        pieces.append(word)
    return t.concat(*reversed(pieces))


def _replaced(word: Term, offset: Term | int, value: Term) -> Term:
    """Return `word` with bits replaced from `offset`; what falls outside is dropped."""
    if value.width == word.width and not isinstance(offset, Term) and offset == 0:
        return value
    if not isinstance(offset, Term) or offset.op == "const" or value.width == 1:
        return replace_bits(word, offset, value)
    if _is_inside(offset, word.width, value.width):
        return replace_bits(word, offset, value)
    margin = t.const(0, value.width - 1)
    place = _place(offset, word.width, value.width)
    return t.extract(replace_bits(t.concat(margin, word, margin), place, value), margin.width, word.width)
