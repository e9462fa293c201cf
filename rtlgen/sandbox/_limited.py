"""Sets limits and becomes the command: used where util-linux has no prlimit. Run as a script, imports no package."""

from __future__ import annotations

import os
import resource
import sys


def main() -> None:
    """Take cpu `soft:hard`, address space, file size and core size from the command line, then the command."""
    cpu, space, file, core, *argv = sys.argv[1:]
    soft, hard = (int(value) for value in cpu.split(":"))
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
    for kind, value in ((resource.RLIMIT_FSIZE, file), (resource.RLIMIT_CORE, core), (resource.RLIMIT_AS, space)):
        resource.setrlimit(kind, (int(value), int(value)))
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main()
