"""A problem with a testbench: what a candidate is judged against."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Literal

from pydantic import field_validator

from rtlgen.core.types import Record


class Problem(Record):
    """One design to be written, with its reference and its testbench.

    A verdict is a line that the testbench prints by `$display` and that `verdict` matches. With two groups they are
    the numbers of mismatches and of samples; with none, the line itself says that the design passed.
    """

    id: str
    """Unique in its suite, such as `Prob031_dff`."""
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
    category: str = ""
    prompt: str = ""
    """What a model is asked."""
    interface: str = ""
    """Text that goes in front of a candidate of style `body`: the module's header."""
    style: Literal["full_module", "body"] = "full_module"
    """Whether a model answers with the module or only with what follows its header."""
    known_issues: tuple[str, ...] = ()
    """Published flaws of the problem, in words."""

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

    def completed(self, body: str) -> str:
        """Return the module of which an answer is the body."""
        return f"{self.interface.rstrip()}\n{body}"

    @property
    def digest(self) -> str:
        """sha256 of everything that a verdict depends on."""
        parts = self.model_dump(mode="json", exclude={"prompt", "category", "known_issues", "style", "interface", "id"})
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
