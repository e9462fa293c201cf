"""The word-level view is complete: a module printed back from it is proved equal to its source."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.module import ModuleIR, Register
from rtlgen.graphs.wordlevel.terms import Term, rebuild, var, walk
from rtlgen.graphs.wordlevel.verilog import identifier, literal, to_statements
from rtlgen.synth.equiv import check_equivalence
from rtlgen.synth.yosys import YosysPool

PAIRS = Path(__file__).parent.parent / "fixtures" / "pairs"


def emit(view: ModuleIR) -> str:
    """Return a module with the same ports, made from nothing but the view."""
    serial = count()
    # The printed module has no enumerations, so their names must not be used.
    signals = {n: replace(s, enumerators=()) for n, s in view.signals.items()}
    lines: list[str] = []

    def fresh(_hint: str) -> str:
        return f"tmp_{next(serial)}"

    def text(term: Term) -> str:
        done: dict[Term, Term] = {}
        users = Counter(a for node in walk(term) for a in node.args)
        for node in walk(term):
            done[node] = new = rebuild(node, tuple(done[a] for a in node.args))
            if users[node] > 1 and new.op not in ("const", "var", "undef"):
                done[node] = var(fresh("shared"), node.width)
                lines.append(f"  wire [{node.width - 1}:0] {done[node].name} = {plain(new)};")
        return plain(done[term])

    def plain(term: Term) -> str:
        helpers, expression = to_statements(term, fresh=fresh, signals=signals, context_width=term.width)
        lines.extend(f"  wire [{h.width - 1}:0] {h.name} = {h.text};" for h in helpers)
        return expression

    for name, term in view.combinational.items():
        expression = text(term)
        lines.append(f"  assign {identifier(name)} = {expression};")
    for register in view.registers.values():
        expression = text(register.next)
        lines.append(f"  always @({_events(register)}) {_resets(register)}{identifier(register.name)} <= {expression};")
    return "\n".join([_header(view), *_declarations(view), *lines, "endmodule"])


def _events(r: Register) -> str:
    controls = [f"{'posedge' if c.level else 'negedge'} {c.signal}" for c in r.resets]
    return " or ".join([f"{r.edge}edge {r.clock}", *controls])


def _resets(r: Register) -> str:
    return "".join(
        f"if ({'' if c.level else '!'}{c.signal}) {identifier(r.name)} <= {literal(c.value or 0, r.width)}; else "
        for c in r.resets
    )


def _header(view: ModuleIR) -> str:
    ports = [s for s in view.signals.values() if s.kind in ("input", "output")]
    kinds = {s.name: "reg" if s.name in view.registers else "wire" for s in ports}
    signs = {s.name: " signed" if s.signed else "" for s in ports}
    texts = [f"{s.kind} {kinds[s.name]}{signs[s.name]} [{s.width - 1}:0] {s.name}" for s in ports]
    return f"module {view.name}({', '.join(texts)});"


def _declarations(view: ModuleIR) -> Iterator[str]:
    for s in view.signals.values():
        if s.kind in ("net", "variable") and (s.name in view.registers or s.name in view.combinational):
            kind = "reg" if s.name in view.registers else "wire"
            yield f"  {kind}{' signed' if s.signed else ''} [{s.width - 1}:0] {identifier(s.name)};"
    for s in view.signals.values():
        if s.name in view.registers and s.initial is not None:
            yield f"  initial {identifier(s.name)} = {literal(s.initial, s.width)};"


def complete(view: ModuleIR) -> bool:
    """Return whether the view claims to know every driver of a flat module with ports from bit 0 up."""
    ports = [s for s in view.signals.values() if s.kind in ("input", "output")]
    return not (
        view.opaque
        or view.latched
        or view.instances
        or any(s.kind in ("memory", "inout") for s in view.signals.values())
        or any(s.low or not s.descending for s in ports)
        or any(c.value is None for r in view.registers.values() for c in r.resets)
    )


def round_trip(source: str, top: str, pool: YosysPool) -> str | None:
    """Return the verdict on source against view, None where the view is not complete."""
    design = elaborate({"d.sv": source.encode()}, top=top)
    view = word_level(design)[0]
    if not complete(view):
        return None
    result = check_equivalence({"gold.sv": source}, {"gate.sv": emit(view)}, top=top, budget_s=30, pool=pool)
    return result.status


@pytest.fixture(scope="module")
def pool() -> Iterator[YosysPool]:
    with YosysPool(2) as workers:
        yield workers


def test_pairs_round_trip(pool: YosysPool) -> None:
    verdicts = {}
    for file in sorted(PAIRS.glob("*/*.v")):
        verdicts[f"{file.parent.name}/{file.stem}"] = round_trip(file.read_text(), file.parent.name, pool)
    wrong = {n: v for n, v in verdicts.items() if v not in ("proved", None)}
    assert not wrong
    assert sum(v == "proved" for v in verdicts.values()) >= 0.8 * len(verdicts)


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["rtllm/v2.jsonl.gz", "verilog-eval/v2_spec-to-rtl.jsonl.gz"])
def test_benchmark_references_round_trip(suite: str, data_dir: Path, pool: YosysPool) -> None:
    verdicts = {}
    with gzip.open(data_dir / "benchmarks" / suite, "rt") as file:
        for item in map(json.loads, file):
            verdicts[item["task_id"]] = round_trip(item["reference"], item["reference_top"], pool)
    assert "refuted" not in verdicts.values(), verdicts
    assert sum(v == "proved" for v in verdicts.values()) >= 0.8 * len(verdicts)
