"""Write narrower declarations into the source, and what follows from them in the expressions that use the signals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.module import ModuleIR, Occurrence, Signal
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.graphs.wordlevel.verilog import NeedsNameError, condition_to_verilog, to_verilog
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.narrow.shrink import low_bits, shrink
from rtlgen.optimizer.registers.module_text import CannotEditError, Declaration, ModuleText
from rtlgen.optimizer.registers.sharing import explicit

_LITERAL: Final = re.compile(r"(?<![\w$'])(\d+)\s*'\s*([bodhBODH])\s*([0-9a-fA-F_]+)")
_WORD: Final = re.compile(r"(?<![\w$'.])[A-Za-z_][\w$]*")
_BASES: Final = {"b": 2, "o": 8, "d": 10, "h": 16}
_DIGIT_BITS: Final = {"b": 1, "o": 3, "h": 4}


def narrowed(
    text: ModuleText, module: ModuleIR, widths: Mapping[str, str | int], bits: Mapping[str, int]
) -> list[Edit]:
    """Return edits that narrow signals.

    Args:
        text: the module's text.
        module: its view.
        widths: signal → new width for the declaration: a number, or the text of a constant expression.
        bits: signal → new width as a number.

    Raises:
        CannotEditError: a declaration can't be changed cleanly.
    """
    edits = _declarations(text, widths)
    signals = dict(module.signals)
    for name, width in bits.items():
        old = signals[name]
        signals[name] = Signal(name, width, old.signed, old.kind)
    for occurrence in module.occurrences:
        if occurrence.root and occurrence.editable:
            edit = _occurrence(text, module, occurrence, bits, signals)
            if edit is not None:
                edits.append(edit)
    return list(dict.fromkeys(edits))


def _declarations(text: ModuleText, widths: Mapping[str, str | int]) -> list[Edit]:
    groups: dict[tuple[int, int], list[tuple[str, Declaration]]] = {}
    for name in widths:
        found = text.declarations(name)
        if len(found) != 1 or found[0].port or not found[0].dimension:
            raise CannotEditError(f"expected one declaration of {name!r} with a range, got {len(found)!r}")
        groups.setdefault(_dimension(found[0]), []).append((name, found[0]))
    edits: list[Edit] = []
    for (start, end), members in groups.items():
        names = _names(members[0][1])
        if len(members) == len(names) and len({widths[n] for n, _ in members}) == 1:
            edits.append(text.edit(start, end, dimension(widths[members[0][0]])))
        else:
            edits += _split(text, members, names, widths)
    return edits


def dimension(width: str | int) -> str:
    """Return the range of a declaration, empty for one bit."""
    if isinstance(width, str):
        return f"[{width}-1:0]"
    return f"[{width - 1}:0]" if width > 1 else ""


def _dimension(declaration: Declaration) -> tuple[int, int]:
    data_type = getattr(declaration.node, "type", None)
    ranges = list(data_type.dimensions) if data_type is not None else []
    if len(ranges) != 1:
        raise CannotEditError(f"expected one packed range, got {len(ranges)!r}")
    return ranges[0].sourceRange.start.offset, ranges[0].sourceRange.end.offset


def _names(declaration: Declaration) -> list[str]:
    nodes = [d for d in declaration.node.declarators if d.__class__.__name__.endswith("Syntax")]
    return [d.name.valueText for d in nodes]


def _split(
    text: ModuleText, members: list[tuple[str, Declaration]], names: list[str], widths: Mapping[str, str | int]
) -> list[Edit]:
    """Return one edit that writes a declaration of several names as one per new width."""
    node = members[0][1].node
    start, end = node.sourceRange.start.offset, node.sourceRange.end.offset
    low, high = _dimension(members[0][1])
    chosen = {n for n, _ in members}
    pieces: dict[str, list[str]] = {}
    whole = text.text.decode("latin-1")
    for declarator in (d for d in node.declarators if d.__class__.__name__.endswith("Syntax")):
        name = declarator.name.valueText
        size = dimension(widths[name]) if name in chosen else whole[low:high]
        pieces.setdefault(size, []).append(
            whole[declarator.sourceRange.start.offset : declarator.sourceRange.end.offset]
        )
    head, blank = whole[start:low], "\n" + text.indent(start)
    if len(names) < 2 or "\n" in whole[start:end]:
        raise CannotEditError("expected a declaration on one line, got several lines")
    return [text.edit(start, end, blank.join(f"{head}{size} {', '.join(n)};" for size, n in pieces.items()))]


def _occurrence(
    text: ModuleText, module: ModuleIR, o: Occurrence, bits: Mapping[str, int], signals: Mapping[str, Signal]
) -> Edit | None:
    reads = [n for n in bits if n in t.variables(o.term)]
    whole = o.target is not None and o.target in bits and o.parent_width == module.signals[o.target].width
    target = o.target if whole else None
    if (not reads and target is None) or o.role not in ("rhs", "condition"):
        return None
    old = text.text[o.place.start : o.place.end].decode("latin-1")
    involved = [*reads, *([target] if target else [])]
    if _is_simple(old, module, involved, bits):
        new = _resized(old, {module.signals[n].width: bits[n] for n in involved})
    else:
        new = _printed(o, module, reads, bits, target, signals)
    return text.edit(o.place.start, o.place.end, new) if new != old else None


def _is_simple(old: str, module: ModuleIR, involved: list[str], bits: Mapping[str, int]) -> bool:
    """Say whether resizing the literals keeps all widths in step: one signal, its literals, and plain integers."""
    words = set(_WORD.findall(_LITERAL.sub(" ", old)))
    if not words.isdisjoint(module.signals.keys() - set(involved)):
        return len(words - module.signals.keys()) > 0
    integers = [int(x) for x in re.findall(r"(?<![\w$'.])\d+(?![\w'])", _LITERAL.sub(" ", old))]
    if any(i > t.mask(bits[n]) for i in integers for n in involved):
        return False
    same = len({(module.signals[n].width, bits[n]) for n in involved}) == 1
    return same and "{" not in old and "[" not in old and "~" not in old


def _resized(old: str, widths: Mapping[int, int]) -> str:
    def replace(match: re.Match[str]) -> str:
        size, base, digits = int(match[1]), match[2].lower(), match[3].replace("_", "")
        if size not in widths or not digits or int(digits, _BASES[base]) > t.mask(widths[size]):
            return match[0]
        if base != "d":
            count = -(-widths[size] // _DIGIT_BITS[base])
            digits = digits[-count:] if len(digits) > count else digits
        return f"{widths[size]}'{match[2]}{digits}"

    return _LITERAL.sub(replace, old)


def _printed(
    o: Occurrence,
    module: ModuleIR,
    reads: list[str],
    bits: Mapping[str, int],
    target: str | None,
    signals: Mapping[str, Signal],
) -> str:
    values: dict[str, Term] = {n: t.zext(t.var(n, bits[n]), module.signals[n].width) for n in reads}
    term = t.substitute(o.term, values)
    width = o.parent_width
    if target is not None:
        width = bits[target]
        term = low_bits(term, width)
    try:
        if o.role == "condition" and term.width == 1:
            return condition_to_verilog(explicit(shrink(term)), signals=signals)
        return to_verilog(explicit(shrink(term)), signals=signals, context_width=width, context_signed=None)
    except (NeedsNameError, ValueError) as error:
        raise CannotEditError(f"expected an expression that can be written in place, got {error}") from error
