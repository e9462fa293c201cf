"""What a candidate may not write, because it is no hardware and reaches beyond the module.

Only what no honest design needs is refused: files, other processes, waveforms, names from the root, forced nets,
bound and configured modules, text of other files. Ending the simulation, printing, or checking parameters is allowed;
the verdict does not depend on it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from rtlgen.graphs.frontend.words import words

_TASKS: Final = """
    $display $displayb $displayo $displayh $write $writeb $writeo $writeh $strobe $strobeb $strobeo $strobeh
    $monitor $monitorb $monitoro $monitorh $monitoron $monitoroff
    $finish $stop $error $warning $info $fatal $time $stime $realtime $timeformat $printtimescale
    $random $urandom $urandom_range $dist_uniform $dist_normal $dist_exponential $dist_poisson
    $signed $unsigned $clog2 $bits $size $left $right $low $high $increment $dimensions $unpacked_dimensions
    $countones $countbits $onehot $onehot0 $isunknown $cast $itor $rtoi $bitstoreal $realtobits $shortrealtobits
    $bitstoshortreal $ln $log10 $exp $sqrt $pow $floor $ceil $sin $cos $tan $asin $acos $atan $atan2 $hypot $sinh
    $cosh $tanh $asinh $acosh $atanh $abs $min $max $sformat $sformatf $swrite $past $rose $fell $stable $changed
    $sampled $assertoff $asserton $assertkill $typename $readmemb $readmemh $setup $hold $width $period $recovery
    $removal $skew $setuphold $recrem $nochange
"""
ALLOWED: Final = frozenset(_TASKS.split())
_FORBIDDEN: Final = {
    "force": "forces a net",
    "release": "releases a net",
    "bind": "binds into other modules",
    "config": "configures other modules",
    "library": "names a library",
    "export": "exports to C",
}
_DIRECTIVES: Final = frozenset({"`include", "`pragma", "`protect", "`protected", "`line"})


def refusal(text: str, includes: Collection[str] = (), tasks: Collection[str] = ()) -> str | None:
    """Return why a candidate is refused before any tool reads it, None where it may be simulated.

    Args:
        text: the candidate.
        includes: files that it may include, as written between the quotes.
        tasks: system tasks that it may call beside those of `ALLOWED`.
    """
    previous = ""
    row = iter(words(text))
    for word in row:
        if word.text == "`include":
            named = next((w for w in row if w.kind != "comment"), None)
            if named is not None and named.kind == "string" and named.text.strip('"') in includes:
                continue
        if word.kind == "broken":
            return f"has an unended {word.text!r}"
        if word.kind == "system" and word.text not in ALLOWED and word.text not in tasks:
            return f"calls {word.text}, which is no part of a design"
        if word.kind == "directive" and word.text in _DIRECTIVES:
            return f"has the compiler directive {word.text}"
        reason = _FORBIDDEN.get(word.text) if word.kind == "name" else None
        if reason is not None:
            return reason
        if word.kind == "string" and previous == "import":
            return "imports from C"
        if word.kind != "comment":
            previous = word.text
    return None
