"""Give a signal another driver in the source: the old assignments go, one continuous assignment comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.graphs.wordlevel.verilog import Helper, identifier, literal, to_statements
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.registers.module_text import CannotEditError, Declaration, ModuleText
from rtlgen.optimizer.registers.sharing import explicit, shared_parts

LONGEST_TEXT = 900
"""Characters beyond which a new driver with its helpers is no longer sensible to read."""
LONGEST_LINE = 220
"""The same for one expression."""


def fresh_names(text: ModuleText) -> Callable[[str], str]:
    """Return a maker of identifiers that the module does not use yet."""
    used = text.words()

    def fresh(hint: str) -> str:
        name, number = hint, 1
        while name in used:
            number += 1
            name = f"{hint}_{number}"
        used.add(name)
        return name

    return fresh


def assignment(
    text: ModuleText,
    module: ModuleIR,
    names: Sequence[str],
    term: Term,
    fresh: Callable[[str], str],
    *,
    indent: str,
    word: str,
) -> str:
    """Return lines that drive `names` (most significant first) by `term`, after the helper wires it reads.

    Args:
        text: the module's text.
        fresh: maker of unused names.
        indent: white space before each line.
        word: `assign`, or the head of a procedural block such as `always @*`.

    Raises:
        CannotEditError: the text would be too long to read.
    """
    helpers, expression = _statements(module, names, term, fresh)
    target = ", ".join(identifier(n) for n in names)
    target = target if len(names) == 1 else f"{{{target}}}"
    lines = [line for h in helpers for line in _helper_lines(h, _word_for(text, names))]
    lines.append(f"{word} {target} = {expression};")
    result = "".join(f"{indent}{line}\n" for line in lines)
    if len(result) > LONGEST_TEXT or max(map(len, lines)) > LONGEST_LINE:
        raise CannotEditError(f"expected at most {LONGEST_TEXT} characters of text, got {len(result)}")
    return result


def _statements(
    module: ModuleIR, names: Sequence[str], term: Term, fresh: Callable[[str], str]
) -> tuple[list[Helper], str]:
    """Return helper wires in order and the expression over them that drives the targets."""
    width = sum(module.signals[n].width for n in names)
    parts, rest = shared_parts(explicit(term), fresh, names[-1].split("[")[0])
    helpers: list[Helper] = []
    for name, part in parts:
        inner, expression = to_statements(part, fresh=fresh, signals=module.signals, context_width=part.width)
        helpers += [*inner, Helper(name, part.width, expression)]
    inner, expression = to_statements(
        rest, fresh=fresh, signals=module.signals, context_width=width, context_signed=None
    )
    return [*helpers, *inner], expression


def _word_for(text: ModuleText, names: Sequence[str]) -> str:
    return "logic" if any(d.keyword == "logic" for n in names for d in text.declarations(n)) else "wire"


def _helper_lines(helper: Helper, word: str) -> list[str]:
    """Return the declaration and driver of a helper; a `logic` with a value in its declaration would be set once."""
    size = f"[{helper.width - 1}:0] " if helper.width > 1 else ""
    if word == "wire":
        return [f"wire {size}{helper.name} = {helper.text};"]
    return [f"{word} {size}{helper.name};", f"assign {helper.name} = {helper.text};"]


def redefine(text: ModuleText, module: ModuleIR, names: Sequence[str], term: Term) -> list[Edit]:
    """Return edits after which the concatenation of `names` (most significant first) is driven by `term` only.

    Raises:
        CannotEditError: the module's text does not allow it cleanly.
    """
    gone = set(names)
    blocks = [b for b in module.blocks if b.assigned & gone]
    drivers = [b for b in blocks if b.kind != "initial"]
    if not drivers or not all(b.place.file for b in blocks):
        raise CannotEditError(f"expected editable drivers of {sorted(gone)!r}, got {len(drivers)!r} blocks")
    in_place = text.right_side(drivers[0].place, names) if len(blocks) == 1 and blocks[0].editable else None
    fresh = fresh_names(text)
    if in_place is not None:
        return _replace_right_side(text, module, names, term, in_place, fresh)
    edits = [e for b in blocks for e in text.without_assignments(b.place, gone)]
    net_edits, word = _as_nets(text, names, term)
    start = text.statement_start(min((b.place for b in drivers), key=lambda p: p.start))
    lines = assignment(text, module, names, term, fresh, indent=text.indent(start), word=word)
    edits = list(dict.fromkeys([*edits, *net_edits]))
    return [*edits, text.insert_before(min([start, *(e.start for e in edits if e.end > start >= e.start)]), lines)]


def _replace_right_side(
    text: ModuleText,
    module: ModuleIR,
    names: Sequence[str],
    term: Term,
    place: tuple[int, int, int],
    fresh: Callable[[str], str],
) -> list[Edit]:
    """Return edits that only change the expression of a continuous assignment."""
    helpers, expression = _statements(module, names, term, fresh)
    if len(expression) > LONGEST_LINE or sum(len(h.text) for h in helpers) > LONGEST_TEXT:
        raise CannotEditError(f"expected at most {LONGEST_LINE} characters of text, got {len(expression)}")
    edits = [text.edit(place[1], place[2], expression)]
    if helpers:
        indent = text.indent(place[0])
        lines = "".join(f"{indent}{line}\n" for h in helpers for line in _helper_lines(h, _word_for(text, names)))
        edits.append(text.insert_before(place[0], lines))
    return edits


def _as_nets(text: ModuleText, names: Sequence[str], term: Term) -> tuple[list[Edit], str]:
    """Return edits of the declarations of all targets and the word that starts their driver."""
    nets = [_as_net(text, n, term) for n in names]
    if all(word == "assign" for _, word in nets):
        return [e for edits, _ in nets for e in edits], "assign"
    if not all(_is_variable(text, n) for n in names):
        raise CannotEditError("expected targets of one kind, got nets and variables")
    return [], "always @*"


def _is_variable(text: ModuleText, name: str) -> bool:
    return any(d.keyword not in ("", "wire", "tri") for d in text.declarations(name))


def _as_net(text: ModuleText, name: str, term: Term) -> tuple[list[Edit], str]:
    """Return edits of the declaration and the word that starts the new driver."""
    try:
        return text.as_net(name), "assign"
    except CannotEditError:
        if term.is_const or any(d.declarator.initializer is not None for d in text.declarations(name)):
            raise
        return [], "always @*"


def rename(text: ModuleText, module: ModuleIR, name: str, other: str) -> list[Edit]:
    """Return edits that remove `name`, its driver and declaration, and read `other` in its place.

    Raises:
        CannotEditError: the module's text does not allow it cleanly.
    """
    blocks = [b for b in module.blocks if name in b.assigned]
    if not blocks or not all(b.editable for b in blocks):
        raise CannotEditError(f"expected editable drivers of {name!r}, got {len(blocks)!r} blocks")
    gone = [e for b in blocks for e in text.without_assignments(b.place, {name})]
    gone += text.remove_declaration(name)
    reads = [(s, e) for s, e, _ in text.reads(name) if not any(g.start <= s and e <= g.end for g in gone)]
    return [*gone, *(text.edit(s, e, identifier(other)) for s, e in reads)]


def interchangeable(text: ModuleText, module: ModuleIR, name: str, other: str) -> bool:
    """Say whether the text may read `other` wherever it reads `name`: same width, sign and index range."""
    a, b = module.signals[name], module.signals[other]
    same = (a.width, a.signed, a.low, a.descending) == (b.width, b.signed, b.low, b.descending)
    return same and a.kind not in ("input", "output", "inout") and "." not in name + other and _once(text, name)


def _once(text: ModuleText, name: str) -> bool:
    found: list[Declaration] = text.declarations(name)
    return len(found) == 1 and not found[0].port


def inline_constant(text: ModuleText, module: ModuleIR, name: str, value: int) -> list[Edit]:
    """Return edits that remove `name`, its driver and declaration, and read literals in its place.

    Raises:
        CannotEditError: it is a port, or some reader takes a computed slice of it.
    """
    blocks = [b for b in module.blocks if name in b.assigned]
    if not blocks or not all(b.place.file for b in blocks):
        raise CannotEditError(f"expected drivers of {name!r} in the module's text, got {len(blocks)!r} blocks")
    gone = [e for b in blocks for e in text.without_assignments(b.place, {name})]
    gone += text.remove_declaration(name)
    signal = module.signals[name]
    if signal.low or not signal.descending or signal.signed:
        raise CannotEditError(f"expected {name!r} to be unsigned and indexed down to 0")
    edits = []
    for start, end, low, width in text.read_slices(name, signal.width):
        if not any(g.start <= start and end <= g.end for g in gone):
            edits.append(text.edit(start, end, literal(value >> low & ((1 << width) - 1), width)))
    return [*gone, *edits]
