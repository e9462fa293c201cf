"""The family `model`: asks a language model for rewrites of each module, or of blocks of a large one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from rtlgen.core.errors import ModelProviderError
from rtlgen.models import ChatModel, Reply, Usage, open_model
from rtlgen.optimizer.modelled.gate import refusal
from rtlgen.optimizer.modelled.hunks import Hunk, edits, groups, hunks, old_lines, outside
from rtlgen.optimizer.modelled.pieces import Piece, pieces
from rtlgen.optimizer.modelled.prompt import CANDIDATES, conversation, room, temperature
from rtlgen.optimizer.modelled.reply import Answer, answers
from rtlgen.optimizer.modelled.unbuilt import Ranges, unbuilt
from rtlgen.optimizer.rewrite import Change, RewriteContext

RULE: Final = "model-rewrite"
AT_ONCE: Final = 3
"""Requests under way at a time."""
LONGEST_CALL_S: Final = 180.0
MAX_FAILURES: Final = 3
"""Failed requests in a row after which the model is given up."""
MAX_GROUPS: Final = 8
_PARTS_FROM: Final = 2


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer, or a part of one, of which nothing is proposed: why, in words for the report."""

    module: str
    title: str
    outcome: str
    """`unsafe` where the gate refused it, `no code` where there was none."""
    reason: str


@dataclass(frozen=True, slots=True)
class _Question:
    piece: Piece
    candidate: int


def _ignore(_: object) -> None:
    return None


@dataclass(slots=True)
class ModelRewrite:
    """Asks the model of the context, several times per piece at rising temperatures; no model, no proposals.

    Attributes:
        on_refused: called with every answer of which nothing is proposed.
        on_asked: called with the digest of a piece when its first answer is there.
        on_usage: called with what the model was asked for so far, after every reply.
        max_calls: most requests.
    """

    name: str = field(default="model", init=False)
    on_refused: Callable[[Refused], None] = _ignore
    on_asked: Callable[[str], None] = _ignore
    on_usage: Callable[[Usage], None] = _ignore
    max_calls: int = 48

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield changes as answers come in.

        Raises:
            ModelProviderError: the model can't be opened or does not answer.
            ConfigError: no such provider.
        """
        if context.model is None:
            return
        model = open_model(context.model)
        frozen = unbuilt(context.elaborated) if context.elaborated is not None else {}
        for question, reply in self._replies(model, context):
            yield from self._changes(question, reply, frozen)

    # Asking.

    def _questions(self, context: RewriteContext) -> list[_Question]:
        """Return every piece once, then every piece again: breadth first, because the budget may end any time."""
        found = [p for p in pieces(context.modules, context.sources) if p.digest not in context.tried]
        return [_Question(p, n) for n in range(CANDIDATES) for p in found][: self.max_calls]

    def _replies(self, model: ChatModel, context: RewriteContext) -> Iterator[tuple[_Question, Reply]]:
        waiting = iter(self._questions(context))
        usage, failures, last = Usage(), 0, None
        with ThreadPoolExecutor(AT_ONCE) as threads:
            running: dict[Future[Reply], _Question] = {}
            while failures < MAX_FAILURES:
                while len(running) < AT_ONCE and time.monotonic() < context.deadline_s:
                    question = next(waiting, None)
                    if question is None:
                        break
                    running[threads.submit(self._ask, model, question, context)] = question
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    question = running.pop(future)
                    try:
                        reply = future.result()
                    except ModelProviderError as error:
                        failures, last = failures + 1, error
                        continue
                    failures, usage = 0, usage + Usage.of(reply)
                    self.on_usage(usage)
                    self.on_asked(question.piece.digest)
                    yield question, reply
            for future in running:
                future.cancel()
        if last is not None and (failures >= MAX_FAILURES or not usage.calls):
            raise last

    def _ask(self, model: ChatModel, question: _Question, context: RewriteContext) -> Reply:
        piece, candidate = question.piece, question.candidate
        return model.complete(
            conversation(piece, context.objective, context.measured, candidate),
            temperature=temperature(candidate),
            max_tokens=room(piece),
            seed=context.seed + candidate,
            timeout_s=max(1.0, min(LONGEST_CALL_S, context.deadline_s - time.monotonic())),
        )

    # Reading.

    def _changes(self, question: _Question, reply: Reply, frozen: Ranges) -> Iterator[Change]:
        piece = question.piece
        found = answers(reply.text, piece, cut_off=reply.ended_by == "length")
        if not found:
            start = "".join(c if c.isprintable() else " " for c in reply.text[:80])
            reason = f"expected code in a fenced block, got {start!r}"
            self.on_refused(Refused(piece.module, f"answer {question.candidate + 1}", "no code", reason))
        for answer in found[:2]:
            yield from self._of_answer(question, answer, reply.model, frozen)

    def _of_answer(self, question: _Question, answer: Answer, model: str, frozen: Ranges) -> Iterator[Change]:
        piece = question.piece
        old = old_lines(piece)
        found = hunks(old, answer.lines, complete=answer.complete)
        found = outside(found, piece, frozen.get(piece.file, ()))
        if not found:
            return
        title = _title(found, piece)
        # The answer itself, not only what is left of it: whoever tries such things once may try them again hidden.
        reason = _refusal(piece, "\n".join(answer.lines) + "\n") if answer.complete else None
        reason = reason or _refusal(piece, _applied(found, old))
        if reason is not None:
            self.on_refused(Refused(piece.module, title, "unsafe", f"the model's text {reason}"))
            return
        why = f"{_printable(model)}: {answer.why or 'no reason given'}"
        rank = 0.9 - 0.1 * question.candidate
        yield from _change(found, piece, why, rank)
        parts = groups(found, old, answer.lines)
        if len(parts) >= _PARTS_FROM:
            for part in sorted(parts, key=lambda p: -sum(len(h.old) + len(h.lines) for h in p))[:MAX_GROUPS]:
                if _refusal(piece, _applied(part, old)) is None:
                    yield from _change(part, piece, why, rank - 0.05)


def _refusal(piece: Piece, text: str) -> str | None:
    """Return why the text, coded as the piece, must not be used."""
    return refusal(*(t.encode("latin-1").decode("utf-8", errors="replace") for t in (piece.text, text)))


def _change(part: list[Hunk] | tuple[Hunk, ...], piece: Piece, why: str, rank: float) -> Iterator[Change]:
    try:
        found = edits(part, piece)
    except UnicodeDecodeError:
        return
    yield Change(RULE, piece.module, _title(part, piece), why, found, max(0.05, rank), obligation="sequential")


def _title(part: list[Hunk] | tuple[Hunk, ...], piece: Piece) -> str:
    places = []
    for hunk in part[:4]:
        first, last = piece.first_line + hunk.start, piece.first_line + max(hunk.start, hunk.end - 1)
        places.append(f"{first}-{last}" if last > first else str(first))
    more = ", …" if len(part) > len(places) else ""
    single = len(places) == 1 and "-" not in places[0]
    return f"rewrite line{'' if single else 's'} {', '.join(places)}{more}"


def _applied(part: list[Hunk] | tuple[Hunk, ...], old: list[str]) -> str:
    lines = list(old)
    for hunk in reversed(part):
        lines[hunk.start : hunk.end] = hunk.lines
    return "\n".join(lines) + "\n"


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:80]
