"""The next line of a file, judged by how close it is to the one that stood there (RTL-Repo)."""

from __future__ import annotations

from rtlgen.scorers.extract import BLOCK, readable
from rtlgen.scorers.score import Score
from rtlgen.scorers.task import Task
from rtlgen.scorers.text import edit_similarity, exact_match
from rtlgen.scorers.verdict import Verdict


class NextLine(Task):
    """One place in a file of a repository."""

    label: str
    """The line that stood there."""

    def answer(self, reply: str) -> str:
        """Return the line in a reply: the first that is neither empty nor a comment, else the last comment.

        Fenced blocks come before the text around them, as chat models write them.
        """
        text = readable(reply)
        blocks = [m["body"] for m in BLOCK.finditer(text)]
        lines = [x for x in (blocks[0] if blocks else text).split("\n") if x.strip()]
        code = [x for x in lines if not x.strip().startswith("//")]
        return code[0] if code else lines[-1] if lines else ""


def line_scores(task: NextLine, answer: str) -> tuple[Verdict, tuple[Score, ...]]:
    """Return pass or fail by exact match, and exact match and edit similarity, 0 to 1."""
    same = exact_match(answer, task.label)
    near = edit_similarity(answer, task.label) / 100
    scores = (Score(name="exact match", value=float(same), good=same), Score(name="edit similarity", value=near))
    if same:
        return Verdict(status="passed"), scores
    return Verdict(
        status="failed", reason=f"expected {task.label.strip()[:200]!r}, got {answer.strip()[:200]!r}"
    ), scores
