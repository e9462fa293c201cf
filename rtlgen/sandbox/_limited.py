"""Sets limits and becomes the command: used where util-linux has no prlimit. Run as a script, imports no package."""

from __future__ import annotations

import os
import resource
import signal
import sys


def main() -> None:
    """Take `name=value` or `name=soft:hard` up to `--` from the command line, then the command."""
    split = sys.argv.index("--")
    for word in sys.argv[1:split]:
        name, _, value = word.partition("=")
        soft, _, hard = value.partition(":")
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (int(soft), int(hard or soft)))
    # Python ignores these two, and the command would inherit that
    for number in (signal.SIGXFSZ, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    argv = sys.argv[split + 1 :]
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main()
