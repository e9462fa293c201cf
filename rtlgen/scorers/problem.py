"""A problem with a testbench: what a candidate is judged against."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import field_validator

from rtlgen.scorers.disguise import renamed
from rtlgen.scorers.task import Task


class Problem(Task):
    """One design to be written, with its reference and its testbench.

    A verdict is a line that the testbench prints by `$display` and that `verdict` matches. With two groups they are
    the numbers of mismatches and of samples; with none, the line itself says that the design passed.
    """

    BESIDE: ClassVar[frozenset[str]] = Task.BESIDE | {"style", "interface"}

    top: str
    """Module that the candidate has to define."""
    testbench: str
    """Verilog of the testbench; it may hold its own copy of the reference."""
    tb_top: str
    """Top module of the testbench."""
    reference: str
    """Verilog of a correct design."""
    reference_top: str
    """Its module, renamed to `top` when it is run as a candidate."""
    reference_in_testbench: bool = False
    """Whether the testbench instantiates `reference_top`, so that both are compiled together."""
    verdict: str
    """Regular expression of the verdict line (searched in each line)."""
    data_files: tuple[tuple[str, str], ...] = ()
    """Name and content of files that the testbench reads."""
    timescale: str | None = None
    """Time unit and precision of testbench and candidate where they name none, such as `1 ps/1 ps`; None is the
    language's default."""
    interface: str = ""
    """Text that goes in front of a candidate of style `body`: the module's header."""
    style: Literal["full_module", "body"] = "full_module"
    """Whether a model answers with the module or only with what follows its header."""

    @field_validator("verdict")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            groups = re.compile(value).groups
        except re.error as error:
            raise ValueError(f"expected a regular expression, got {value!r}: {error}") from error
        if groups not in (0, 2):
            raise ValueError(f"expected a pattern with no group or two (mismatches, samples), got {groups} groups")
        return value

    @property
    def solution(self) -> str:
        """The reference as a candidate: its module under the name that is asked for."""
        return renamed(self.reference, {self.reference_top: self.top}).replace("\r", "")

    def completed(self, body: str) -> str:
        """Return the module of which an answer is the body."""
        return f"{self.interface.rstrip()}\n{body}"
