"""Other parameter values at which a change of a parameterised module must hold as well."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from rtlgen.core.errors import RtlgenError
from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.target import Target

MAX_VARIANTS = 3
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_CASE = re.compile(r"\bcase[xz]?\s*\(\s*(?P<subject>\w+)\s*\)(?P<body>.*?)\bendcase\b", re.DOTALL)


def parameter_variants(target: Target, body: ModuleIR) -> list[dict[str, str]]:
    """Return up to three other sets of values for the overridable parameters at which the old text elaborates."""
    base = configuration(target.sources, body)
    return list(islice((v for v in _candidates(base) if _elaborates(target, body.name, v)), MAX_VARIANTS))


def configuration(sources: Mapping[str, bytes], body: ModuleIR) -> dict[str, str]:
    """Return the values of the parameters that configure a module: those it may be given, but for names of codes.

    `parameter IDLE = 0` can be overridden, but where it is both assigned to a signal and compared with the same signal
    (or stands as a label of its `case`), it is the name of a code, and codes are the optimizer's to choose.
    """
    text = sources[body.place.file].decode("latin-1")
    text = _COMMENT.sub(" ", text[body.place.start : body.place.end])
    values = {n: body.parameters[n] for n in body.overridable if n in body.parameters}
    return {n: v for n, v in values.items() if not _is_code(n, text)}


def _is_code(name: str, text: str) -> bool:
    word = rf"\b{re.escape(name)}\b"
    assigned = set(re.findall(rf"(\w+)\s*<?=(?!=)[^;=]*{word}", text))
    compared = set(re.findall(rf"(\w+)\s*[=!]==?\s*{word}", text))
    cases = (m for m in _CASE.finditer(text) if re.search(rf"{word}\s*[:,]", m["body"]))
    return bool(assigned & (compared | {m["subject"] for m in cases}))


def _candidates(base: dict[str, str]) -> Iterator[dict[str, str]]:
    numbers = {n: int(v) for n, v in base.items() if v.lstrip("-").isdigit()}
    for change in (1, -1):
        for name, value in numbers.items():
            # A flag has two values; a size moves by one, which also breaks any hidden "power of two".
            other = 1 - value if value in (0, 1) else value + change
            # Parameters that become equal may be the codes of two states: a machine nobody configures.
            clash = any(v == other for n, v in numbers.items() if n != name)
            if other >= 0 and (value not in (0, 1) or change == 1) and not clash:
                yield base | {name: str(other)}


def _elaborates(target: Target, module: str, values: dict[str, str]) -> bool:
    try:
        elaborate(
            target.sources,
            top=module,
            include_dirs=target.include_dirs,
            defines=dict(target.defines),
            parameters=values,
        )
    except RtlgenError:
        return False
    return True
