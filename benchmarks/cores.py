"""Where the real repositories lie that the graph is measured on: the packages `pythondata-cpu-*`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

NAMES: Final = ("ibex", "picorv32", "serv", "cva6", "vexriscv", "blackparrot", "mor1kx", "cv32e40p")
FILELISTS: Final = {"cva6": ("core/Flist.cv64a6_imafdc_sv39",)}
"""File lists that name the design where the repository holds several."""


def repositories(names: tuple[str, ...] = NAMES) -> dict[str, Path]:
    """Return name → folder of the repository for every package that is installed."""
    found = {}
    for name in names:
        spec = importlib.util.find_spec(f"pythondata_cpu_{name}")
        if spec is not None and spec.submodule_search_locations:
            package = Path(next(iter(spec.submodule_search_locations)))
            folders = [f for f in sorted(package.iterdir()) if f.is_dir() and not f.name.startswith("_")]
            found[name] = folders[0]
    return found
