"""Commands of the baseline flow, as pure functions of what is asked.

The flow is what a Yosys user would type:

    read_slang FILES (read_verilog -sv where that fails)
    synth -flatten -top TOP
    dfflibmap -liberty LIB
    abc -liberty LIB
    opt_clean
    stat -liberty LIB

The commands below give the same netlist in less time: `dfflibmap` reads a text with only the flops and latches of the
library, the closing statistics of `synth` are left out, areas are added up here, and ABC's default script is written
out so that `stime` can follow it in the same process.

Nothing that makes names in Yosys may run in a worker before the design is read, such as keeping the parsed library
(`libcache`) or the templates of `techmap` in memory: the order in which names came up decides ties, and with them the
netlist (3 to 5 % of 206 public designs then came out a few cells larger or smaller).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rtlgen.core.errors import InputError

DEFAULT_ABC_SCRIPT = "strash; &get -n; &fraig -x; &put; scorr; dc2; dretime; strash; &get -n; &dch -f; &nf {D}; &put"
"""What the `abc` pass of Yosys 0.70 runs with `-liberty` and no constraints file."""
_CASE_ATTRIBUTE = re.compile(
    r"\(\*[^*]*\b(?:full|parallel)_case\b|(?:synopsys|synthesis|pragma)\s+[^\n]*\b(?:full|parallel)_case\b"
)
_ALWAYS_COMB = re.compile(r"\balways_comb\b")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_UNSAFE = re.compile(r"[\s\"';#|<>]")


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """What a run of the flow is told beside the sources."""

    top: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    include_dirs: Sequence[Path | str] = ()
    defines: Sequence[tuple[str, str]] = ()


def preload_commands(scl: Path) -> list[str]:
    """Return the commands that a worker runs once: where ABC's compiled form of a library is kept."""
    return [f'libcache -scl -dir "{scl}"']


def with_latches(text: str) -> str:
    """Return the text with `always_comb` as `always @*`, in the same columns.

    A process that does not assign on every branch keeps the old value: a latch (IEEE 1800, 9.2.2.2.2 asks tools to warn
    of it). Of `always_comb` one reader makes a loop of multiplexers instead, and the other one refuses it.
    """
    return _ALWAYS_COMB.sub("always @*  ", text)


def reader_order(texts: Iterable[str]) -> tuple[str, str]:
    """Return the readers to try, first one first.

    The SystemVerilog reader covers more of the language, but takes no notice of the synthesis attributes `full_case`
    and `parallel_case` (IEEE 1364.1) and makes latches where they rule them out; the other reader honours them.
    """
    plain = any(_CASE_ATTRIBUTE.search(text) for text in texts)
    return ("verilog", "slang") if plain else ("slang", "verilog")


def read_commands(files: Sequence[str], options: FlowOptions, frontend: str) -> list[str]:
    """Return the commands that read and elaborate `files`.

    Args:
        files: names in the job's folder, in reading order.
        options: top, parameters, include folders and macros.
        frontend: `slang` or `verilog`.

    Raises:
        InputError: a name or value can't be given to Yosys safely.
    """
    check_identifier(options.top, "top module")
    includes = " ".join(f"-I {_word(str(path), 'include folder')}" for path in options.include_dirs)
    macros = " ".join(f"-D {_macro(name, value)}" for name, value in options.defines)
    names = " ".join(_word(name, "file") for name in files)
    if frontend == "slang":
        generics = " ".join(
            f"-G {check_identifier(n, 'parameter')}={_word(v, 'parameter value')}"
            for n, v in options.parameters.items()
        )
        return [" ".join(f"read_slang --top {options.top} {generics} {includes} {macros} {names}".split())]
    verilog = " ".join(
        f"read_verilog -sv -defer {includes.replace('-I ', '-I')} {macros.replace('-D ', '-D')} {names}".split()
    )
    chparam = " ".join(
        f"-chparam {check_identifier(n, 'parameter')} {_word(v, 'parameter value')}"
        for n, v in options.parameters.items()
    )
    return [verilog, " ".join(f"hierarchy -check -top {options.top} {chparam}".split())]


def synth_commands(top: str) -> list[str]:
    """Return the commands with the effect of `synth -flatten -top TOP` on an elaborated design."""
    return [f"synth -flatten -top {top} -run :check"]


def map_commands(liberty: Path, sequential: Path, clock_ns: float | None) -> list[str]:
    """Return the commands that map to the library: flops, then logic with ABC and its timing, then clean up.

    Args:
        liberty: the whole library as plain text.
        sequential: the same with only its flops and latches.
        clock_ns: delay target, None for none.
    """
    delay = "" if clock_ns is None else f" -D {clock_ns * 1000:.6g}"
    return [
        f'dfflibmap -liberty "{sequential}"',
        f'abc -liberty "{liberty}"{delay} -script "+{abc_script(clock_ns)}"',
        "opt_clean",
    ]


def abc_script(clock_ns: float | None) -> str:
    """Return ABC's script with `stime` at its end, in the comma form that the `abc` pass takes.

    Yosys adds a retiming step to its default script when a clock is given; a script of one's own has to say so.
    """
    script = (
        DEFAULT_ABC_SCRIPT if clock_ns is None else DEFAULT_ABC_SCRIPT.replace("dretime;", "dretime; retime -o {D};")
    )
    return f"{script}; stime -p".replace("; ", ";").replace(" ", ",")


def stat_command(output: str) -> str:
    """Return the command that writes cell counts as JSON to `output`."""
    return f"tee -q -o {output} stat -json"


def check_identifier(name: str, what: str) -> str:
    """Return `name` when it is a simple Verilog identifier.

    Raises:
        InputError: it is not.
    """
    if not _IDENTIFIER.fullmatch(name):
        raise InputError(f"expected a Verilog identifier as {what}, got {name!r}; give a plain name")
    return name


def _macro(name: str, value: str) -> str:
    check_identifier(name, "macro")
    return f"{name}={_word(value, 'macro value')}" if value else name


def _word(text: str, what: str) -> str:
    r"""Return `text` as one word of a Yosys command; values such as `8'hFF` are written with an escaped quote."""
    if "'" in text and re.fullmatch(r"[0-9]*'[sS]?[bBoOdDhH][0-9a-fA-FxXzZ_?]+", text):
        return text
    if not text or _UNSAFE.search(text):
        raise InputError(
            f"expected a {what} without spaces, quotes, ';', '#', '|', '<' and '>', got {text!r}; rename it"
        )
    return text
