"""A small suite of our own that ships in the package, so that everything works with no download."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rtlgen.benchmarks.suites.folder import FolderSuite

STARTER: Final = FolderSuite(
    Path(__file__).with_name("starter"), "starter", "rtlgen's own problems, inside the package"
)
