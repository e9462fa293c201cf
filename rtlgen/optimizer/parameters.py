"""Other parameter values at which a change of a parameterised module must hold as well."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from rtlgen.core.errors import RtlgenError
from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.target import Target

MAX_VARIANTS = 3


def parameter_variants(target: Target, body: ModuleIR) -> list[dict[str, str]]:
    """Return up to three other sets of values for the overridable parameters at which the old text elaborates."""
    base = {n: body.parameters[n] for n in body.overridable if n in body.parameters}
    return list(islice((v for v in _candidates(base) if _elaborates(target, body.name, v)), MAX_VARIANTS))


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
