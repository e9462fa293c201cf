"""What a model may write at all, checked on the text before any tool reads it.

A proof says that two circuits behave the same. It says nothing of what a tool does while it reads the text (open
other files, run system tasks), of text that is not read in this configuration, or of other modules that the text
changes on the side. So none of that may be written; and what people put beside the circuit (assertions, pragmas,
attributes) must stay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Final

from rtlgen.graphs.frontend.words import KEYWORDS, Word, words

_PLAIN: Final = """
    always always_comb always_ff assign automatic begin bit byte case casez default else end endcase endfunction
    endgenerate for function generate genvar if input inside int integer localparam logic longint negedge or output
    packed posedge reg return shortint signed static struct typedef enum unsigned var void wire
"""
_PLAIN_KEYWORDS: Final = frozenset(_PLAIN.split())
"""What any rewrite may use; other keywords only where the module has them already."""
_NO_MORE: Final = frozenset({"casex", "priority", "unique", "unique0"})
_PURE_SYSTEM: Final = frozenset({"$signed", "$unsigned", "$clog2", "$bits"})
_BESIDE_THE_CIRCUIT: Final = frozenset({"assert", "assume", "cover", "expect", "property", "restrict", "sequence"})
_UNITS: Final = """
    module macromodule endmodule interface program package class checker config primitive specify initial final
"""
_ONE_EACH: Final = frozenset(_UNITS.split())
_PRAGMA: Final = re.compile(
    r"\b(synopsys|synthesis|pragma|translate_o(n|ff)|cadence|ambit|exemplar|rtl_synthesis|full_case|parallel_case|"
    r"verilator|verilint|spyglass|slang|yosys|lint_o(n|ff)|coverage|vcs|altera|xilinx|keep)\b",
    re.IGNORECASE,
)
_STANDARD: Final = """
    `begin_keywords `celldefine `default_nettype `define `else `elsif `end_keywords `endcelldefine `endif `ifdef
    `ifndef `include `line `nounconnected_drive `pragma `resetall `timescale `unconnected_drive `undef `undefineall
    `__FILE__ `__LINE__ `protect `endprotect `protected `endprotected `default_decay_time `default_trireg_strength
    `delay_mode_distributed `delay_mode_path `delay_mode_unit `delay_mode_zero
"""
_DIRECTIVES: Final = frozenset(_STANDARD.split())
_UNKNOWN_BITS: Final = re.compile(r"'[sS]?[bodhBODH]\s*[\w?]*[xX][\w?]*|'[xX]")


def refusal(old: str, new: str) -> str | None:
    """Return why text that a model wrote in place of `old` must not reach any tool; None where it may.

    Args:
        old: the module (or a part of it) as it stands in the source, decoded.
        new: the same with the model's changes.
    """
    # A lone carriage return ends a line for some tools and not for others, so that a comment may hide code.
    odd = next((c for c in new.replace("\r\n", "\n") if not c.isprintable() and c not in "\n\t"), None)
    if odd is not None and (odd == "\r" or odd not in old):
        return f"has the invisible character U+{ord(odd):04X}"
    before, after = list(words(old)), list(words(new))
    for check in _CHECKS:
        reason = check(before, after)
        if reason is not None:
            return reason
    return None


def can_be_asked(text: str) -> bool:
    """Return whether changes of this text can pass the gate at all: all of it is read in this configuration."""
    return "\r" not in text.replace("\r\n", "") and _whole(list(words(text)), []) is None


def _added(before: Iterable[str], after: Iterable[str]) -> str | None:
    return next(iter((Counter(after) - Counter(before)).keys()), None)


def _new(before: Iterable[str], after: Iterable[str], allowed: frozenset[str] = frozenset()) -> str | None:
    return next(iter(sorted(set(after) - set(before) - allowed)), None)


def _of(row: list[Word], kind: str) -> list[str]:
    return [w.text for w in row if w.kind == kind]


def _whole(before: list[Word], after: list[Word]) -> str | None:
    """Refuse text of which a part may be skipped or read differently by some tool."""
    for row in (before, after):
        broken = next((w.text for w in row if w.kind == "broken"), None)
        if broken is not None:
            return f"has an unended {broken!r}"
        if any("translate_o" in w.text.lower() for w in row if w.kind == "comment"):
            return "lies around code hidden by a translate_off comment"
        directive = next((w.text for w in row if w.kind == "directive" and w.text in _DIRECTIVES), None)
        if directive is not None:
            return f"has the compiler directive {directive}"
    return None


def _macros(before: list[Word], after: list[Word]) -> str | None:
    found = _new(_of(before, "directive"), _of(after, "directive"))
    return f"uses the macro {found}, which the old text does not" if found else None


def _system(before: list[Word], after: list[Word]) -> str | None:
    old, new = ([t for t in _of(row, "system") if t not in _PURE_SYSTEM] for row in (before, after))
    added, removed = _added(old, new), _added(new, old)
    if added:
        return f"adds the system task or function {added}"
    return f"removes the system task or function {removed}" if removed else None


def _keywords(before: list[Word], after: list[Word]) -> str | None:
    old, new = ([t for t in _of(row, "name") if t in KEYWORDS] for row in (before, after))
    for group in (_BESIDE_THE_CIRCUIT, _ONE_EACH):
        counts = [Counter(t for t in row if t in group) for row in (old, new)]
        if counts[0] != counts[1]:
            word = next(w for w in sorted(group) if counts[0][w] != counts[1][w])
            return f"expected {word!r} {counts[0][word]} times as before, got it {counts[1][word]} times"
    more = _added((t for t in old if t in _NO_MORE), (t for t in new if t in _NO_MORE))
    if more:
        return f"adds {more!r}, which tools are free to read in more than one way"
    found = _new(old, new, _PLAIN_KEYWORDS)
    return f"adds the keyword {found!r}" if found else None


def _literal_text(before: list[Word], after: list[Word]) -> str | None:
    for kind, what in (("string", "the string"), ("escaped", "the escaped name")):
        found = _new(_of(before, kind), _of(after, kind))
        if found:
            return f"adds {what} {found[:40]!r}"
    old, new = ([w.text for w in row if _UNKNOWN_BITS.fullmatch(w.text)] for row in (before, after))
    found = _new(old, new)
    return f"adds the literal {found!r}, which has unknown bits" if found else None


def _attributes(before: list[Word], after: list[Word]) -> str | None:
    old, new = (Counter("".join(t.split()) for t in _of(row, "attribute")) for row in (before, after))
    return "changes an attribute (* … *)" if old != new else None


def _pragmas(before: list[Word], after: list[Word]) -> str | None:
    old, new = (Counter(t for t in _of(row, "comment") if _PRAGMA.search(t)) for row in (before, after))
    if old == new:
        return None
    found = next(iter((new - old) or (old - new)))
    return f"{'adds' if new - old else 'removes'} the pragma comment {found[:60]!r}"


def _delays(before: list[Word], after: list[Word]) -> str | None:
    old, new = (sum(a.text == "#" and b.text != "(" for a, b in pairwise(row)) for row in (before, after))
    return "adds a delay" if new > old else None


def _interface(before: list[Word], after: list[Word]) -> str | None:
    if _header(before) != _header(after):
        return "changes the module's name, ports or parameters"
    if _statements(before, "parameter") != _statements(after, "parameter"):
        return "changes a parameter"
    ports = ("input", "output", "inout")
    if any(_statements(before, p) != _statements(after, p) for p in ports if _is_old_style(before)):
        return "changes a port"
    return None


def _code(row: list[Word]) -> list[str]:
    return [w.text for w in row if w.kind != "comment"]


def _header(row: list[Word]) -> list[str]:
    code = _code(row)
    if not code or code[0] not in ("module", "macromodule"):
        return []
    return code[: code.index(";")] if ";" in code else code


def _is_old_style(row: list[Word]) -> bool:
    header = _header(row)
    return bool(header) and not {"input", "output", "inout"} & set(header)


def _statements(row: list[Word], word: str) -> Counter[tuple[str, ...]]:
    """Return every `word … ;` after the header."""
    code = _code(row)[len(_header(row)) :]
    found: Counter[tuple[str, ...]] = Counter()
    for at, text in enumerate(code):
        if text == word:
            end = code.index(";", at) if ";" in code[at:] else len(code)
            found[tuple(code[at:end])] += 1
    return found


_CHECKS: Final[tuple[Callable[[list[Word], list[Word]], str | None], ...]] = (
    _whole,
    _macros,
    _system,
    _keywords,
    _literal_text,
    _attributes,
    _pragmas,
    _delays,
    _interface,
)
