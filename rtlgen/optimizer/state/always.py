"""Text of new registers: their declarations, and the procedural block that clocks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.module import ModuleIR, Register
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.graphs.wordlevel.verilog import NeedsNameError, condition_to_verilog, identifier, literal, to_verilog
from rtlgen.optimizer.registers.module_text import CannotEditError, ModuleText
from rtlgen.optimizer.resynth.tidy import tidy


def wire(name: str, width: int) -> Term:
    """Return the term that reads a new wire or register by its wished name."""
    return t.var(f"new wire {name}", width)


LONGEST: Final = 2400
"""Characters beyond which a new block is no longer sensible to read."""


@dataclass(frozen=True, slots=True)
class NewRegister:
    """A register to be added, clocked and reset like an existing one.

    Attributes:
        name: wish for its name; terms read it as `wire(name, width)`.
        width: bits.
        next: value over inputs, registers, new wires and new registers.
        reset: value under asynchronous reset.
        initial: value given in the declaration, None for none.
    """

    name: str
    width: int
    next: Term
    reset: int = 0
    initial: int | None = None

    @property
    def read(self) -> Term:
        """The term that reads it."""
        return wire(self.name, self.width)


@dataclass(frozen=True, slots=True)
class NewState:
    """Registers that take the place of others: all have the clock, edge and asynchronous resets of `like`."""

    like: Register
    registers: tuple[NewRegister, ...]


def declarations(registers: Sequence[NewRegister], reads: Mapping[str, str], word: str) -> list[str]:
    """Return one declaration per register.

    Args:
        registers: what to declare.
        reads: names of new wires and registers as terms read them.
        word: `reg` or `logic`.
    """
    lines = []
    for r in registers:
        size = f"[{r.width - 1}:0] " if r.width > 1 else ""
        initial = "" if r.initial is None else f" = {literal(r.initial, r.width)}"
        lines.append(f"{word} {size}{reads[r.read.name]}{initial};")
    return lines


def block(module: ModuleIR, text: ModuleText, state: NewState, reads: Mapping[str, str]) -> list[str]:
    """Return the lines of the block that clocks the registers.

    Args:
        module: the view.
        text: its text.
        state: registers whose next values are local terms.
        reads: names of new wires and registers as terms read them.

    Raises:
        CannotEditError: several asynchronous resets, or text too long to read.
    """
    like = state.like
    if len(like.resets) > 1:
        raise CannotEditError(f"expected at most one asynchronous reset, got {len(like.resets)}")
    old = module.blocks[like.block].place
    word = "always_ff" if text.text[old.start : old.end].startswith(b"always_ff") else "always"
    events = [f"{like.edge}edge {identifier(like.clock)}"]
    events += [f"{'pos' if r.level else 'neg'}edge {identifier(r.signal)}" for r in like.resets]
    lines = [f"{word} @({' or '.join(events)})"]
    body: list[str] = []
    try:
        for r in state.registers:
            body += _Writer(module, r.read, reads).statement(r.next, "")
    except NeedsNameError as error:
        raise CannotEditError(str(error)) from error
    if like.resets:
        reset = like.resets[0]
        lines.append(f"  if ({'' if reset.level else '!'}{identifier(reset.signal)}) begin")
        lines += [f"    {reads[r.read.name]} <= {literal(r.reset, r.width)};" for r in state.registers]
        lines += ["  end else begin", *(f"    {x}" for x in body), "  end"]
    else:
        lines[-1] += " begin"
        lines += [*(f"  {x}" for x in body), "end"]
    if sum(map(len, lines)) > LONGEST or max(map(len, lines)) > 160:
        raise CannotEditError(f"expected at most {LONGEST} characters of text, got {sum(map(len, lines))}")
    return lines


class _Writer:
    """Writes the next value of one register as statements."""

    def __init__(self, module: ModuleIR, target: Term, reads: Mapping[str, str]) -> None:
        self._module, self._target, self._reads = module, target, reads

    def statement(self, value: Term, indent: str) -> list[str]:
        """Return lines that assign the value, none where the register keeps what it has."""
        if value is self._target:
            return []
        if value.op != "ite":
            text = to_verilog(
                value, names=self._reads, signals=self._module.signals, context_width=value.width, context_signed=None
            )
            return [f"{indent}{self._reads[self._target.name]} <= {text};"]
        condition, then, other = value.args
        if then is self._target:
            condition, then, other = t.lnot(condition), other, then
        while other is self._target and then.op == "ite" and then.args[2] is self._target:
            condition, then = t.land(condition, then.args[0]), then.args[1]
        asked = condition_to_verilog(tidy(condition), names=self._reads, signals=self._module.signals)
        lines = self._branch(f"{indent}if ({asked})", then, indent)
        if other is self._target:
            return lines
        closed = lines[-1] == f"{indent}end"
        head = f"{lines.pop()} else" if closed else f"{indent}else"
        rest = self.statement(other, indent)
        return [*lines, f"{head} {rest[0].lstrip()}", *rest[1:]]

    def _branch(self, head: str, value: Term, indent: str) -> list[str]:
        """Return a condition's text with what it guards."""
        if value.op == "ite":
            return [f"{head} begin", *self.statement(value, f"{indent}  "), f"{indent}end"]
        return [f"{head} {line.lstrip()}" for line in self.statement(value, indent)]
