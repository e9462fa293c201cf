"""What the user asks of an index."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rtlgen.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Options:
    """How the design of a repository is found; see `rtlgen.graphs.repository.project.plan`."""

    tops: tuple[str, ...] = ()
    filelists: tuple[str, ...] = ()
    core: str | None = None
    include_dirs: tuple[str, ...] = ()
    defines: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    all_tops: bool = False
    exclude: tuple[str, ...] = ()


def check_options(options: Options) -> None:
    """Check what can be checked before any work.

    Raises:
        InputError: a name is no Verilog name.
    """
    for name in (*options.defines, *options.parameters):
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise InputError(f"expected a name of letters, digits and _, got {name!r}")
