"""How VerilogEval v2 asks: the published system message, examples, rules and endings, put together as published.

The texts are not in this package. `rtlgen bench fetch` takes them out of the published archive (assignments of
`scripts/sv-generate`, and the files of examples beside it) into a file of their own; see `parts`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from rtlgen.benchmarks.data import find_file
from rtlgen.core.errors import ConfigError, InputError
from rtlgen.core.types import Record
from rtlgen.models.types import Message
from rtlgen.scorers.task import Task

FILE: Final = "verilog-eval/v2_prompts.json"
SCRIPT: Final = "scripts/sv-generate"
SPEC: Final = "spec-to-rtl"
COMPLETE: Final = "code-complete-iccad2023"
MOST_EXAMPLES: Final = 4
_HEADER: Final = "module TopModule"


class TaskParts(Record):
    """The texts of one of the two tasks."""

    system: str
    prefix: str
    """Goes in front of the problem."""
    examples: tuple[str, ...]
    """What goes in front of everything with one example, with two, up to four."""


class Parts(Record):
    """The texts of both tasks."""

    revision: str
    rules: str
    ending: str
    """Says how the answer is to be marked."""
    tasks: dict[str, TaskParts]


def parts(archive: Mapping[str, Callable[[], str]], revision: str) -> Parts | None:
    """Return the texts of the published archive, None where it holds the data alone.

    Raises:
        InputError: the script or the examples are not as expected.
    """
    if SCRIPT not in archive:
        return None
    texts = _assigned(archive[SCRIPT]())
    try:
        tasks = {
            task: TaskParts(
                system=texts[task]["system_msg"],
                prefix=texts[task]["prompt_prefix"],
                examples=tuple(_example(archive, task, n) for n in range(1, MOST_EXAMPLES + 1)),
            )
            for task in (SPEC, COMPLETE)
        }
        rules, ending = texts["prompt_rules_suffix"], texts["prompt_no_explain_suffix"]
        return Parts(revision=revision, rules=rules, ending=ending, tasks=tasks)
    except (KeyError, TypeError, ValidationError) as error:
        raise InputError(f"{SCRIPT}: expected the texts of both tasks, the rules and the ending: {error}") from error


def _assigned(script: str) -> dict[str, Any]:
    """Return the texts that a script assigns, by name, or by key where the target is `prompts[...]`."""
    try:
        tree = ast.parse(script)
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{SCRIPT}: expected a Python script: {error}") from error
    found: dict[str, Any] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target = node.targets[0]
        try:
            if isinstance(target, ast.Name):
                found[target.id] = ast.literal_eval(node.value)
            elif isinstance(target, ast.Subscript) and ast.unparse(target.value) == "prompts":
                found[ast.literal_eval(target.slice)] = ast.literal_eval(node.value)
        except (ValueError, TypeError):
            continue  # no constant, so no text
    return found


def _example(archive: Mapping[str, Callable[[], str]], task: str, count: int) -> str:
    path = f"scripts/verilog-example-prefix_{task}_{count}-shot.txt"
    if path not in archive:
        raise InputError(f"expected {path} in the archive, got none")
    return archive[path]()


def published_messages(
    task: str, suite: str, folder: Path | None, examples: int, rules: bool
) -> Callable[[Task], Sequence[Message]]:
    """Return what makes the published messages of a problem.

    Args:
        task: `SPEC` or `COMPLETE`.
        suite: name, for messages.
        folder: folder of benchmark data; None for the usual ones.
        examples: 0 to 4.
        rules: whether the published rules are added.

    Raises:
        ConfigError: there are no such examples, or rules are asked for where none are published.
        InputError: the published texts are not there, or are damaged.
    """
    if not 0 <= examples <= MOST_EXAMPLES:
        raise ConfigError(f"expected 0 to {MOST_EXAMPLES} examples, got {examples}")
    if rules and task != SPEC:
        raise ConfigError(f"suite {suite!r} has no rules; they are published for {SPEC} only")
    known = _load(find_file(FILE, folder, suite))
    texts = known.tasks[task]
    before = texts.examples[examples - 1] if examples else ""

    def messages(problem: Task) -> Sequence[Message]:
        if task == SPEC:
            asked = f"\nQuestion:\n{problem.prompt.strip()}\n{known.rules if rules else ''}".rstrip()
            asked = f"{asked}\n{known.ending}\nAnswer:\n"
        else:
            asked = texts.prefix + _as_comment(problem.prompt)
        return Message("system", texts.system), Message("user", before + asked)

    return messages


def _load(file: Path) -> Parts:
    try:
        found = Parts.model_validate_json(file.read_bytes())
    except OSError as error:
        raise InputError(f"{file}: can't be read: {error.strerror or error}") from error
    except ValidationError as error:
        raise InputError(f"{file}: {error.errors()[0]['msg']}; get it again with `rtlgen bench fetch`") from error
    if found.tasks.keys() != {SPEC, COMPLETE} or any(len(t.examples) != MOST_EXAMPLES for t in found.tasks.values()):
        raise InputError(
            f"{file}: expected both tasks with {MOST_EXAMPLES} examples; get it again with `rtlgen bench fetch`"
        )
    return found


def _as_comment(prompt: str) -> str:
    """Return a prompt with all before the module's header as comments."""
    lines: list[str] = []
    inside = False
    for line in prompt.splitlines():
        if _HEADER in line:
            lines.append("")
            inside = True
        lines.append(line if inside else f"// {line}")
    return "\n".join(lines)


def as_file(found: Parts) -> str:
    """Return the text of the file that `published_messages` reads."""
    return json.dumps(found.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
