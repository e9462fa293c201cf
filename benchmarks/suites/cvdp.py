"""CVDP, Comprehensive Verilog Design Problems (N. Pinckney et al., NVIDIA, 2025).

The data is read as published, from one or several files of `cvdp/`: versions 1.0 and 1.1, with and without solutions.
A file whose name ends in `with_solutions` gives the tasks of the others their reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from rtlgen.benchmarks.data import find_files, first_error, rows
from rtlgen.benchmarks.suite import Home, Kind, SuiteData
from rtlgen.core.errors import InputError, RtlgenError
from rtlgen.scorers.files import inside, with_header
from rtlgen.scorers.harness import Harness
from rtlgen.scorers.question import Question
from rtlgen.scorers.task import Task

Part = Literal["nonagentic", "agentic", "comprehension"]
COMMERCIAL: Final = "commercial tools"

_REVISION: Final = "5b807d945f6a99aa645f7e43a64a2115e281b4bf"
_PAGE: Final = "https://huggingface.co/datasets/nvidia/cvdp-benchmark-dataset"
_FILES: Final[Mapping[Part, tuple[str, ...]]] = {
    "nonagentic": ("nonagentic_code_generation_no_commercial", "nonagentic_code_generation_commercial"),
    "agentic": ("agentic_code_generation_no_commercial", "agentic_code_generation_commercial"),
    "comprehension": ("nonagentic_code_comprehension",),
}
_QUESTIONS: Final = {
    6: "Quote, word for word, the part of the specification or of the RTL that corresponds to what is given.",
    8: "Quote, word for word, the part of the test plan or of the testbench that corresponds to what is given.",
    9: "Answer the question about the RTL in detail.",
    10: "Answer the question about the testbench in detail.",
}
_CODE: Final = {
    2: "Complete the RTL as required.",
    3: "Write the RTL that the specification describes.",
    4: "Change the RTL as required.",
    5: "Write the RTL that the specification describes, and reuse the modules that are there.",
    7: "Improve the RTL: remove what a linter warns of, or make it smaller, faster or less power-hungry, as asked.",
    12: "Write the stimulus of a testbench from the test plan.",
    13: "Write the checkers of a testbench from the test plan.",
    14: "Write assertions from the test plan; keep the rest of a file that you change as it is.",
    16: "Find and mend the fault in the RTL.",
}
_CLOSED: Final = frozenset({5, 12, 13, 14})
_CLOSED_IMAGE: Final = "__VERIF_EDA_IMAGE__"
_CLOSED_SIMULATOR: Final = re.compile(
    r"^\s*SIM\s*=\s*[\"']?(xcelium|questa|modelsim|vcs|riviera|activehdl|ius)\b", re.M
)
_VERBATIM: Final = frozenset({6, 8})
_PLACES: Final = (
    "You are an expert in hardware design and verification. The project has the folders rtl/ (RTL), verif/ "
    "(testbenches) and docs/ (documents); the paths of files are relative to it."
)


@dataclass(frozen=True)
class _Cvdp:
    name: str
    title: str
    part: Part
    kind: Kind = "simulation"
    file: str = "cvdp"

    @property
    def home(self) -> Home:
        """Where it is published; see `Suite`."""
        names = tuple(f"cvdp_v1.1.0_{name}.jsonl" for name in _FILES[self.part])
        return Home(f"{_PAGE}/resolve/{_REVISION}", _REVISION, "Apache-2.0", _PAGE, names)

    def load(self, folder: Path | None) -> SuiteData:
        """Return the tasks of this part; see `Suite`."""
        found = read(find_files("cvdp/*.jsonl", folder, self.name), self.part)
        if not found:
            raise InputError(
                f"suite {self.name!r} needs a file with such tasks ({self.home.files[0]}), none of those in cvdp/ has "
                f"any; get it with `rtlgen bench fetch {self.name}`"
            )
        return SuiteData(self.name, found)


def read(files: list[Path], part: Part) -> tuple[Task, ...]:
    """Return the tasks of one part in the files of a folder, in order.

    Raises:
        InputError: a file can't be read, a line is malformed, or two tasks have one id.
    """
    plain: dict[str, tuple[Task, str]] = {}
    solved: dict[str, tuple[Task, str]] = {}
    for file in files:
        into = solved if "with_solutions" in file.name else plain
        for number, row in rows(file):
            where = f"{file}:{number}"
            if _part(row, where) != part:
                continue
            task = _made(row, part, where)
            if task.id in into:
                raise InputError(f"{where}: expected one task {task.id!r}, got another one in {into[task.id][1]}")
            into[task.id] = task, where
    for name, (task, where) in solved.items():
        other = plain.get(name)
        if other is not None and _asked(other[0]) != _asked(task):
            raise InputError(f"{where}: expected the solution of {name!r} in {other[1]}, got another task of this id")
    return tuple(task for task, _ in {**plain, **solved}.values())


def _asked(task: Task) -> dict[str, Any]:
    """Return everything of a task but its solution."""
    return task.model_dump(exclude={"reference", "patch", "needs"})


def _part(row: Mapping[str, Any], where: str) -> Part:
    number = _category(row, where)
    if "input" in row:
        return "comprehension" if number in _QUESTIONS else "nonagentic"
    if "prompt" not in row:
        raise InputError(f"{where}: expected a field 'input' or 'prompt', got {', '.join(sorted(row)) or 'nothing'}")
    return "comprehension" if number in _QUESTIONS else "agentic"


def _category(row: Mapping[str, Any], where: str) -> int:
    """Return the number in `cid003`.

    Raises:
        InputError: the task has none.
    """
    given = _decoded(row.get("categories"))
    found = [re.fullmatch(r"cid(\d+)", c) for c in given if isinstance(c, str)] if isinstance(given, list) else []
    number = next((int(m[1]) for m in found if m), None)
    if number is None:
        raise InputError(f"{where}: expected a category such as 'cid003' in 'categories', got {given!r}")
    return number


def _made(row: Mapping[str, Any], part: Part, where: str) -> Task:
    try:
        if part == "comprehension":
            return _question(row, _category(row, where))
        return _agentic(row, _category(row, where)) if part == "agentic" else _nonagentic(row, _category(row, where))
    except KeyError as error:
        raise InputError(f"{where}: expected a field {error}, got {', '.join(sorted(row))}") from error
    except ValidationError as error:
        raise InputError(f"{where}: {first_error(error)}") from error
    except (TypeError, ValueError, AttributeError, RtlgenError) as error:
        raise InputError(f"{where}: {error}") from error


def _decoded(value: Any) -> Any:
    """Return a field that may be JSON in a text, as some exports of the data have it."""
    return json.loads(value) if isinstance(value, str) and value[:1] in ("{", "[") else value


def _texts(value: Any, field: str) -> dict[str, str]:
    """Return a mapping of paths to texts; paths without a text are left out."""
    found = _decoded(value) or {}
    if not isinstance(found, dict) or not all(isinstance(v, str | None) for v in found.values()):
        raise TypeError(f"expected a mapping of paths to texts in {field!r}, got {type(found).__name__}")
    return {inside(path): text for path, text in found.items() if text is not None}


def _nonagentic(row: Mapping[str, Any], number: int) -> Harness:
    given, wanted = _decoded(row["input"]), _decoded(row["output"])
    context, solution = _texts(given["context"], "input.context"), _texts(wanted["context"], "output.context")
    request = f"{_shown(context)}{given['prompt']}\n\n{_form(list(solution))}"
    reference = {p: t for p, t in solution.items() if t.strip()}
    return _harness(row, number, context, list(solution), reference, request)


def _agentic(row: Mapping[str, Any], number: int) -> Harness:
    held = _decoded(row["context"]) or {}
    if "repo" in held and "commit" in held:
        return _harness(row, number, {}, [], {}, row["prompt"], needs=f"{held['repo']} at commit {held['commit']}")
    context, patch = _texts(held, "context"), _texts(row["patch"], "patch")
    request = f"{_shown(context)}{row['prompt']}\n\n{_form(list(patch), diffs=True)}"
    diff = "".join(with_header(p, body, p not in context) for p, body in patch.items() if body.strip())
    return _harness(row, number, context, list(patch), {}, request, diff=diff)


def _harness(
    row: Mapping[str, Any], number: int, context: Mapping[str, str], targets: list[str], reference: Mapping[str, str],
    request: str, *, diff: str = "", needs: str = "",
) -> Harness:  # fmt: skip
    held = _decoded(row.get("harness")) or {}
    files = _texts(held.get("files", held), "harness")
    return Harness(
        id=row["id"],
        category=f"cid{number:03d}",
        prompt=request,
        system=f"{_PLACES} {_CODE.get(number, '')}".strip(),
        needs=needs or _needs(number, files),
        files=tuple(files.items()),
        context=tuple(context.items()),
        targets=tuple(targets),
        reference=tuple(reference.items()),
        patch=diff,
    )


def _needs(number: int, files: Mapping[str, str]) -> str:
    """Return what judging a task needs that is not open, empty where open tools can."""
    if number not in _CODE:
        return f"a way to judge the unknown category cid{number:03d}"
    texts = [t for p, t in files.items() if p.startswith(("docker-compose", "Dockerfile", "src/"))]
    if number in _CLOSED or any(_CLOSED_IMAGE in t or _CLOSED_SIMULATOR.search(t) for t in texts):
        return COMMERCIAL
    return "" if any(p.startswith("src/") for p in files) else "a harness, which its data does not have"


def _question(row: Mapping[str, Any], number: int) -> Question:
    given = _decoded(row.get("input")) or row
    wanted = _decoded(row.get("output")) or {}
    context = _texts(given.get("context"), "context")
    reference = row.get("subjective_reference") or wanted.get("response") or ""
    request = f"{_shown(context)}{given['prompt']}\n\n"
    return Question(
        id=row["id"],
        category=f"cid{number:03d}",
        prompt=f'{request}Reply with one JSON object: {{"response": "<your answer>"}}',
        system=f"{_PLACES} {_QUESTIONS[number]}",
        question=given["prompt"],
        reference=reference,
        verbatim=number in _VERBATIM,
        needs="" if reference.strip() else "a reference answer, which its data does not have",
    )


def _shown(context: Mapping[str, str]) -> str:
    return "".join(f"The file {path}:\n```\n{text}\n```\n\n" for path, text in context.items())


def _form(targets: list[str], *, diffs: bool = False) -> str:
    """Return how the answer is to be written."""
    names = ", ".join(targets)
    if len(targets) == 1 and not diffs:
        return f"Reply with the content of {names} in one fenced code block, without anything else."
    said = f'Reply with one JSON object: {{"code": [{{"<path>": "<content>"}}]}}, for these files: {names}.'
    return f"{said} Or reply with a unified diff against the files above, paths with a/ and b/." if diffs else said


NONAGENTIC: Final = _Cvdp("cvdp-nonagentic", "CVDP, RTL from one prompt, judged by cocotb", "nonagentic")
AGENTIC: Final = _Cvdp("cvdp-agentic", "CVDP, work on a project, judged by cocotb", "agentic")
COMPREHENSION: Final = _Cvdp("cvdp-comprehension", "CVDP, questions on code, judged as texts", "comprehension")
