"""Verilog text as a row of words: just enough to compare two versions of a module without trusting either."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

WordKind = Literal["comment", "string", "directive", "system", "escaped", "attribute", "name", "other", "broken"]


@dataclass(frozen=True, slots=True)
class Word:
    """One lexical piece of the text: its kind, its text and where it starts."""

    kind: WordKind
    text: str
    start: int


_WORD: Final = re.compile(
    r"""
      (?P<comment> //[^\n]* | /\*.*?\*/ )
    | (?P<string> "(?:[^"\\\n]|\\.)*" )
    | (?P<directive> `[A-Za-z_][\w$]* | `. )
    | (?P<system> \$[A-Za-z_][\w$]* )
    | (?P<escaped> \\\S+ )
    | (?P<attribute> \(\*(?!\s*\)).*?\*\) )
    | (?P<name> [A-Za-z_][\w$]* )
    | (?P<broken> /\* | " | \(\*(?!\s*\)) )
    | (?P<other> \d[\w.]* | '[sS]?[bodhBODH]\s*[\w?]+ | '[01xXzZ] | \S )
    """,
    re.VERBOSE | re.DOTALL,
)


def plain_lines(text: str) -> str:
    """Return a text with every end of a line as a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def words(text: str) -> Iterator[Word]:
    """Yield the words of `text`; what is never ended (comment, string, attribute) comes as `broken` and is the last."""
    for match in _WORD.finditer(text):
        kind = match.lastgroup
        assert kind is not None
        yield Word(kind, match[0], match.start())  # type: ignore[arg-type]
        if kind == "broken":
            return


def code(text: str) -> tuple[str, ...]:
    """Return the text of all words but comments: equal where two texts differ in layout and comments only."""
    return tuple(w.text for w in words(text) if w.kind != "comment")


def names(text: str) -> frozenset[str]:
    """Return every plain identifier and keyword of the code."""
    return frozenset(w.text for w in words(text) if w.kind == "name")


_RESERVED: Final = """
    accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins
    binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const
    constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge
    else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule
    endpackage endprimitive endprogram endproperty endspecify endsequence endtable endtask enum event eventually expect
    export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global
    highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input
    inside instance int integer interconnect interface intersect join join_any join_none large let liblist library local
    localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor
    noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program
    property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase
    randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0
    rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
    signed small soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1
    sync_accept_on sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1
    tri tri0 tri1 triand trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var
    vectored virtual void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""
KEYWORDS: Final = frozenset(_RESERVED.split())
"""Reserved words of IEEE 1800-2017, annex B."""
