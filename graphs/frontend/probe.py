"""Parses one file with slang and ends: a process that may die of it, which `guard` starts in the sandbox.

The job comes as JSON on standard input. The stack is smaller than the main thread's, so that what passes here has room
to spare there.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
from typing import Any, Final

STACK_BYTES: Final = 4 << 20


def main() -> None:
    """Parse the file of the job; exit code 0 where it came through."""
    job = json.load(sys.stdin)
    threading.stack_size(STACK_BYTES)
    finished: list[bool] = []
    thread = threading.Thread(target=lambda: finished.append(_parse(job)))
    thread.start()
    thread.join()
    sys.stdout.flush()
    os._exit(0 if finished else 1)


def _parse(job: dict[str, Any]) -> bool:
    from rtlgen.graphs.frontend.protocol import Context
    from rtlgen.graphs.frontend.syntax import SlangFrontEnd
    from rtlgen.graphs.frontend.units import Sources

    headers = {path: base64.b64decode(text) for path, text in job["headers"].items()}
    context = Context(include_dirs=tuple(job["include_dirs"]), prelude=job["prelude"], sources=Sources(headers.get))
    SlangFrontEnd(fearless=True).parse(job["place"], base64.b64decode(job["content"]), context)
    return True


if __name__ == "__main__":
    main()
