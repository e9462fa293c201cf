"""Command `python -m rtlgen.synth.liberty.generate [FILE]`: write the synthetic library."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rtlgen.synth.liberty import default_library_path
from rtlgen.synth.liberty.generate.build import write_library


def main(argv: Sequence[str] | None = None) -> int:
    """Write the library and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m rtlgen.synth.liberty.generate", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=default_library_path(), help="default: %(default)s")
    path: Path = parser.parse_args(argv).file
    write_library(path)
    sys.stdout.write(f"{path}: {path.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
