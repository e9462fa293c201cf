"""The process that talks to the model: one job on standard input, proposals and notes as JSON lines.

A process of its own because a request in flight can't be ended in any other way, and because a local model needs much
memory. Unlike the other families it lives on when a change is accepted: an answer is dear, and still of use. Run as
`python -m rtlgen.optimizer.modelled.process`; not for users.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import asdict

from rtlgen.optimizer.modelled.rewrite import ModelRewrite
from rtlgen.optimizer.proposer import context_of, end_with_parent, speaker_of_this_process


def main() -> None:
    """Do one job and end."""
    # Ctrl-C reaches every process of the terminal; the parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    speaker = speaker_of_this_process()
    line = sys.stdin.readline()
    if not line:
        os._exit(0)
    threading.Thread(target=end_with_parent, daemon=True).start()
    job = json.loads(line)
    rewrite = ModelRewrite(
        on_refused=lambda refused: speaker.say(refused=asdict(refused)),
        on_asked=lambda digest: speaker.say(asked=digest),
        on_usage=lambda usage: speaker.say(usage=asdict(usage)),
        max_calls=job["max_calls"],
    )
    try:
        for change in rewrite.propose(context_of(job)):
            speaker.say(family=rewrite.name, change=asdict(change))
    except Exception as error:
        speaker.say(failed=rewrite.name, error=f"{type(error).__name__}: {error}")
    os._exit(0)


if __name__ == "__main__":
    main()
