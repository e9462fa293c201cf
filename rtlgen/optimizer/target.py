"""A design as the optimizer handles it: source bytes by path, and how to hand them to each tool."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rtlgen.core.types import Design
from rtlgen.graphs.frontend.slang import Elaborated, elaborate
from rtlgen.graphs.frontend.sources import read_sources
from rtlgen.graphs.frontend.synthesizable import check_synthesizable

_DATA_FILE = re.compile(r'(?P<call>\$readmem[hb]\s*\(\s*)"(?P<file>[^"\n]+)"')


@dataclass(frozen=True, slots=True)
class Target:
    """What is optimized; only `sources` ever changes.

    Attributes:
        sources: path as given → content.
        top: name of the top module.
        include_dirs: absolute folders, those of the sources included.
        defines: macros.
        parameters: overrides of the top's parameters.
    """

    sources: Mapping[str, bytes]
    top: str
    include_dirs: tuple[Path, ...] = ()
    defines: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def read(design: Design) -> tuple[Target, Elaborated]:
        """Return the design read from disk and elaborated.

        Raises:
            InputError: a file is no source text.
            ElaborationError: the design has errors, no unique top, or parts that have no hardware.
        """
        sources = read_sources(design.files)
        folders = dict.fromkeys(
            [*(d.resolve() for d in design.include_dirs), *(f.resolve().parent for f in design.files)]
        )
        elaborated = elaborate(
            sources,
            top=design.top,
            include_dirs=folders,
            defines=dict(design.defines),
            parameters=dict(design.parameters),
        )
        check_synthesizable(elaborated)
        top = elaborated.top.definition.name
        return Target(sources, top, tuple(folders), design.defines, design.parameters), elaborated

    @property
    def digest(self) -> str:
        """Return what identifies the text: the sha256 over all sources in order."""
        return hashlib.sha256(b"\0".join(self.sources.values())).hexdigest()

    def with_sources(self, sources: Mapping[str, bytes]) -> Target:
        """Return the same design with other text."""
        return Target(sources, self.top, self.include_dirs, self.defines, self.parameters)

    def elaborate(self) -> Elaborated:
        """Return the elaborated design.

        Raises:
            ElaborationError: the text has errors.
        """
        return elaborate(
            self.sources,
            top=self.top,
            include_dirs=self.include_dirs,
            defines=dict(self.defines),
            parameters=dict(self.parameters),
        )

    def tool_sources(self) -> dict[str, str]:
        """Return relative file name → text, for tools that get the files in a private folder."""
        names: dict[str, str] = {}
        for number, (path, content) in enumerate(self.sources.items()):
            text = content.decode("latin-1").encode("ascii", "replace").decode("ascii")
            names[f"s{number}/{Path(path).name}"] = _DATA_FILE.sub(partial(_absolute, source=path), text)
        return names

    def in_user_names(self, message: str) -> str:
        """Return a tool's message with the paths that the user gave."""
        for name, path in zip(self.tool_sources(), self.sources, strict=True):
            message = message.replace(name, path)
        return message


def _absolute(match: re.Match[str], source: str) -> str:
    """Return a `$readmemh` call with the full path of its file, looked for as simulators do, then beside the source."""
    for folder in (Path.cwd(), Path(source).resolve().parent):
        if (folder / match["file"]).is_file():
            return f'{match["call"]}"{folder / match["file"]}"'
    return match[0]
