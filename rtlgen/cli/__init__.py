"""The `rtlgen` command: one file per sub-command, imported only when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from importlib import util

import click

from rtlgen._version import __version__
from rtlgen.core.errors import RtlgenError

COMMANDS = {
    "doctor": "Show every tool, its version, and the command that installs what is missing.",
    "bench": "Run models on benchmarks of RTL.",
    "graph": "Ask the design database: drivers, cones, paths, hierarchy, clocks, state machines.",
    "index": "Make or update the design database of a repository.",
    "equiv": "Prove that two designs are equivalent, or show an input on which they differ.",
    "optimize": "Make a design smaller or faster, as a reviewed patch in which every change is proved.",
    "pdk": "List and fetch open cell libraries.",
    "ppa": "Measure area, timing and power of a design.",
}
"""Sub-command → its line in `rtlgen --help`; `rtlgen.cli.NAME` holds it as `command`."""

EXIT_ERROR = 2
EXIT_INTERNAL = 3
EXIT_INTERRUPTED = 130


class LazyGroup(click.Group):
    """A click group whose sub-commands are imported on use, so that `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the sub-commands that are there."""
        return [name for name in COMMANDS if util.find_spec(f"{__name__}.{name}")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the sub-command, imported; None where there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"{__name__}.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of sub-commands from the table, without importing them."""
        rows = [(name, COMMANDS[name]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rtlgen")
@click.option(
    "--display",
    type=click.Choice(["auto", "rich", "plain", "json", "none"]),
    help="How progress is shown on standard error.",
)
def cli(display: str | None) -> None:
    """Generate, optimize and prove RTL.

    Nothing is believed until it has been parsed, simulated, proved or measured.
    """
    if display:
        os.environ["RTLGEN_DISPLAY"] = display


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 done; 1 a check failed; 2 wrong use, bad input or a missing tool; 3 a fault of rtlgen; 130 interrupted.
    """
    try:
        result = cli.main(args=list(argv) if argv is not None else None, prog_name="rtlgen", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except BaseException as error:
        return _exit_code(error)


def _exit_code(error: BaseException) -> int:
    """Show `error` as one message and return the exit code that belongs to it."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return _say("interrupted", EXIT_INTERRUPTED)
    if isinstance(error, BrokenPipeError):  # the reader of our output went away, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    if isinstance(error, click.ClickException):
        error.show()
        return EXIT_ERROR
    if isinstance(error, RtlgenError | OSError):
        return _say(f"error: {error}", EXIT_ERROR)
    if os.environ.get("RTLGEN_DEBUG", "0") not in ("", "0", "false"):
        raise error
    hint = "set RTLGEN_DEBUG=1 for the traceback"
    return _say(f"internal error: {type(error).__name__}: {error} ({hint}); please report it", EXIT_INTERNAL)


def _say(text: str, code: int) -> int:
    click.echo(f"rtlgen: {text}", err=True)
    return code
