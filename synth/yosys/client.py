"""The shell program that Yosys starts in place of ABC, see `nursery.py`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

FOLDER_VARIABLE = "RTLGEN_ABC_FOLDER"
"""Environment variable with the folder of the FIFOs."""
REAL_VARIABLE = "RTLGEN_ABC_REAL"
"""Environment variable with the path of the real ABC."""
_TEXT = f"""#!/bin/sh
# Hands an ABC script to a process that has started already; written by rtlgen, safe to delete.
fifos=${FOLDER_VARIABLE}
if [ "$#" -eq 3 ] && [ -p "$fifos/request" ] && printf '%s\\n' "$3" > "$fifos/request"; then
    {{ read -r status; cat; }} < "$fifos/answer"
    exit "$status"
fi
exec "${REAL_VARIABLE}" "$@"
"""


def install_client(cache_dir: Path) -> Path | None:
    """Return the path of the shell program below `cache_dir`, written when missing; None where that can't be.

    The path is the same in every run, because Yosys makes it part of the name under which it caches libraries.
    """
    digest = hashlib.sha256(_TEXT.encode()).hexdigest()[:12]
    target = cache_dir / "bin" / f"abc-{digest}.sh"
    if os.access(target, os.X_OK):
        return target
    with contextlib.suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
        with os.fdopen(handle, "w") as file:
            file.write(_TEXT)
        Path(name).chmod(0o700)
        Path(name).replace(target)
        return target
    return None
