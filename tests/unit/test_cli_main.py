"""The command group: fast help, one message per error, and the exit codes."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

import rtlgen.cli as rtlgen_cli
from rtlgen import __version__
from rtlgen.cli import COMMANDS, LazyGroup, cli, main
from rtlgen.core.errors import InputError

HEAVY = ("pydantic", "numpy", "networkx", "pyslang", "pyosys", "rich", "jinja2", "egglog", "z3")


def test_help_is_fast_and_imports_nothing_heavy() -> None:
    code = f"import sys; from rtlgen.cli import main; main(['--help']); print([m for m in {HEAVY} if m in sys.modules])"
    best = min(_timed([sys.executable, "-c", code])[1] for _ in range(3))
    out, _ = _timed([sys.executable, "-c", code])
    assert out.splitlines()[-1] == "[]"
    assert best < 0.3


def _timed(argv: list[str]) -> tuple[str, float]:
    """Return the output and the CPU time, which does not depend on what else the machine does."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"rtlgen, version {__version__}\n"


def test_every_command_is_importable_and_its_line_is_the_tables() -> None:
    group = cli
    assert isinstance(group, LazyGroup)
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        assert command.name in (name, "command")
        assert command.help, f"rtlgen {name} has no help text"


def test_every_file_of_the_command_line_is_in_the_table() -> None:
    files = {path.stem for path in Path(rtlgen_cli.__file__).parent.glob("[a-z]*.py")}
    assert files <= set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_of_every_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if name not in cli.list_commands(click.Context(cli)):
        pytest.skip(f"rtlgen {name} is not there yet")
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: rtlgen {name} ")


def test_unknown_command_and_option_are_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nope"]) == 2
    assert capsys.readouterr().err.endswith("Error: No such command 'nope'.\n")
    assert main(["doctor", "--nope"]) == 2
    assert re.search(r"^Error: No such option:? '?--nope", capsys.readouterr().err, re.MULTILINE)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputError("alu.v: is empty"), 2, "rtlgen: error: alu.v: is empty\n"),
        (
            OSError(28, "No space left on device", "out"),
            2,
            "rtlgen: error: [Errno 28] No space left on device: 'out'\n",
        ),
        (KeyboardInterrupt(), 130, "\nrtlgen: interrupted\n"),
        (SystemExit(5), 5, ""),
        (
            ZeroDivisionError("division by zero"),
            3,
            (
                "rtlgen: internal error: ZeroDivisionError: division by zero (set RTLGEN_DEBUG=1 for the traceback); "
                "please report it\n"
            ),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_exit_code_and_message(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @click.command()
    def fails() -> None:
        raise error

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: fails)
    assert main(["doctor"]) == code
    assert capsys.readouterr().err == message


def test_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def fails() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: fails)
    monkeypatch.setenv("RTLGEN_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["doctor"])


def test_exit_code_of_a_command_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    @click.pass_context
    def fails(ctx: click.Context) -> None:
        ctx.exit(1)

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: fails)
    assert main(["doctor"]) == 1


def test_reader_that_goes_away_gives_no_traceback() -> None:
    line = f"{sys.executable} -m rtlgen doctor --json | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("{\n", "")
