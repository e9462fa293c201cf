"""A question about code, judged by how close the answer's words are to a reference answer.

BLEU and ROUGE as CVDP computes them (N. Pinckney et al., 2025), over words and pairs of words:

- BLEU-2 (K. Papineni et al., 2002) without smoothing, words split at white space, case kept;
- ROUGE-2 as recall: the different pairs of the reference that the answer has, over all pairs of the reference, in
  lower case and without punctuation. A pair that the reference repeats counts once above and each time below.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Final

from rtlgen.core.errors import ConfigError
from rtlgen.scorers.extract import BLOCK, readable
from rtlgen.scorers.score import Score
from rtlgen.scorers.task import Task
from rtlgen.scorers.verdict import Verdict

ORDER: Final = 2
THRESHOLD: Final = 0.4
"""Both scores of an answer that passes are above this."""


class Question(Task):
    """One question with its reference answer."""

    question: str
    """The question alone, without the files it is about."""
    reference: str
    """A good answer."""
    verbatim: bool = False
    """Whether the answer is a quotation, so that only what stands in its fenced blocks counts."""

    def answer(self, reply: str) -> str:
        """Return the answer in a reply: the field `response` of JSON, the quotation in its fences, or the text."""
        text = readable(reply).strip()
        body = text
        found = BLOCK.fullmatch(text)
        for candidate in (text, found["body"] if found else ""):
            try:
                value = json.loads(candidate, strict=False)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict) and isinstance(value.get("response"), str):
                body = value["response"]
        blocks = [m["body"] for m in BLOCK.finditer(body)] if self.verbatim else []
        return "\n".join(blocks).strip() or body.strip()


def text_scores(question: Question, answer: str) -> tuple[Verdict, tuple[Score, ...]]:
    """Return pass or fail by both thresholds, and BLEU and ROUGE.

    Raises:
        ConfigError: sacrebleu is not installed.
    """
    scores = tuple(
        Score(name=name, value=value, good=value > THRESHOLD)
        for name, value in (("bleu", bleu(answer, question.reference)), ("rouge", rouge(answer, question.reference)))
    )
    low = [f"{s.name} {s.value:.3f}" for s in scores if not s.good]
    if not low:
        return Verdict(status="passed"), scores
    return Verdict(status="failed", reason=f"{' and '.join(low)}, expected more than {THRESHOLD}"), scores


def bleu(answer: str, reference: str) -> float:
    """Return BLEU-2 of an answer, 0 to 1.

    Raises:
        ConfigError: sacrebleu is not installed.

    Example:
        >>> round(bleu("the cat sat on a mat", "the cat sat on the mat"), 4)
        0.7071
    """
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError as error:
        raise ConfigError("scores of texts need the package sacrebleu; pip install 'rtlgen[bench]'") from error
    if not answer.split() or not reference.split():
        return 0.0
    metric = BLEU(tokenize="none", max_ngram_order=ORDER, smooth_method="none", force=True)
    return min(1.0, float(metric.corpus_score([answer], [[reference]]).score) / 100)


def rouge(answer: str, reference: str) -> float:
    """Return the share of the reference's pairs of words that an answer has, 0 to 1; 0 where the reference has none.

    Example:
        >>> rouge("The cat sat.", "the cat sat on the mat")
        0.4
    """
    expected = _pairs(reference)
    return len(set(_pairs(answer)) & set(expected)) / len(expected) if expected else 0.0


def _pairs(text: str) -> list[tuple[str, str]]:
    row = re.sub(r"[^\w\s]", "", text.lower()).split()
    return list(pairwise(row))
