"""`python -m rtlgen` is the `rtlgen` command."""

from __future__ import annotations

import sys

from rtlgen.cli import main

if __name__ == "__main__":
    sys.exit(main())
