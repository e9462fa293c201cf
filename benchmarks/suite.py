"""What a suite is, and the table of those that are known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from rtlgen.core.registry import Registry
from rtlgen.models.types import Message
from rtlgen.scorers.task import Task

Kind = Literal["simulation", "text"]
Messages = Callable[[Task], Sequence[Message]]
"""Makes what a model is told and asked of a problem."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a suite is published.

    Attributes:
        url: address of the archive, at a fixed revision.
        revision: commit or version.
        licence: SPDX identifier.
        page: address for people.
        files: names of files of JSON lines below `url`, where it is published as such and not as an archive.
    """

    url: str
    revision: str
    licence: str
    page: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SuiteData:
    """The problems of a suite, as read.

    Attributes:
        name: of the suite.
        problems: in the published order.
    """

    name: str
    problems: tuple[Task, ...]

    @property
    def digest(self) -> str:
        """sha256 over all problems; results of equal digests compare."""
        state = hashlib.sha256(self.name.encode())
        for problem in self.problems:
            state.update(f"\0{problem.id}\0{problem.digest}\0{problem.prompt}".encode(errors="replace"))
        return state.hexdigest()

    def by_id(self) -> Mapping[str, Task]:
        """Return the problems by their id."""
        return {p.id: p for p in self.problems}


class Suite(Protocol):
    """A set of problems with a published home or inside this package.

    Example:
        >>> class Empty:
        ...     name, title, kind, file, home = "empty", "nothing at all", "simulation", None, None
        ...     def load(self, folder):
        ...         return SuiteData(self.name, ())
        >>> suite: Suite = Empty()
        >>> suite.load(None).problems
        ()
    """

    name: str
    """As on the command line."""
    title: str
    """One line for `rtlgen bench list`."""
    kind: Kind
    """How candidates are judged."""
    file: str | None
    """Path of its file in a folder of benchmark data; None where it needs none."""
    home: Home | None
    """Where it is published; None where it comes with this package or from the user."""

    def load(self, folder: Path | None) -> SuiteData:
        """Return the problems.

        Args:
            folder: folder of benchmark data; None where none was found.

        Raises:
            InputError: the data is missing or malformed; the message says where and what to do.
        """
        ...


class Prompted(Protocol):
    """A suite that is published with examples or rules.

    Example:
        >>> class Polite:
        ...     def messages(self, folder, examples, rules):
        ...         return lambda problem: [Message("user", f"Please: {problem.prompt}")]
        >>> suite: Prompted = Polite()
    """

    def messages(self, folder: Path | None, examples: int, rules: bool) -> Messages:
        """Return what makes the published messages of a problem.

        Args:
            folder: folder of benchmark data; None for the usual ones.
            examples: how many go in front.
            rules: whether the published rules are added.

        Raises:
            ConfigError: the suite has no such examples, or no rules.
            InputError: the published texts are not there, or are damaged.
        """
        ...


SUITES: Registry[Suite] = Registry("suite")
"""Name to loader of every suite; third parties add theirs by the entry-point group `rtlgen.plugins`."""
SUITES.add("starter", "rtlgen.benchmarks.suites.starter:STARTER")
SUITES.add("verilogeval-v1-human", "rtlgen.benchmarks.suites.verilog_eval:V1_HUMAN")
SUITES.add("verilogeval-v1-machine", "rtlgen.benchmarks.suites.verilog_eval:V1_MACHINE")
SUITES.add("verilogeval-v2-spec-to-rtl", "rtlgen.benchmarks.suites.verilog_eval:V2_SPEC")
SUITES.add("verilogeval-v2-code-complete", "rtlgen.benchmarks.suites.verilog_eval:V2_COMPLETE")
SUITES.add("verilogeval-v2-spec-to-rtl-fixed", "rtlgen.benchmarks.suites.fixed:V2_SPEC")
SUITES.add("verilogeval-v2-code-complete-fixed", "rtlgen.benchmarks.suites.fixed:V2_COMPLETE")
SUITES.add("rtllm-v2", "rtlgen.benchmarks.suites.rtllm:V2")
SUITES.add("rtllm-v2-fixed", "rtlgen.benchmarks.suites.fixed:RTLLM_V2")
SUITES.add("rtllm-v1.1", "rtlgen.benchmarks.suites.rtllm:V1_1")
SUITES.add("cvdp-nonagentic", "rtlgen.benchmarks.suites.cvdp:NONAGENTIC")
SUITES.add("cvdp-agentic", "rtlgen.benchmarks.suites.cvdp:AGENTIC")
SUITES.add("cvdp-comprehension", "rtlgen.benchmarks.suites.cvdp:COMPREHENSION")
SUITES.add("rtllm-v1.1-release", "rtlgen.benchmarks.suites.rtllm:V1_1_RELEASE")
SUITES.add("rtl-repo", "rtlgen.benchmarks.suites.rtl_repo:RTL_REPO")
