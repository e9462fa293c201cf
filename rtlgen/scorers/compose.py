"""What a harness's `docker-compose.yml` runs, read so that it can run without containers."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rtlgen.core.errors import ConfigError, InputError

_PYTHON: Final = re.compile(r"(?:.*/)?python3?(?:\.\d+)?\Z")
_DEFAULT: Final = ("pytest", "-s", "/src/test_runner.py")


@dataclass(frozen=True, slots=True)
class Service:
    """One command of a harness.

    Attributes:
        name: as in the file.
        argv: the command; the first word is `pytest`, `python3` or another tool.
        env: variables, those of its `env_file` included.
    """

    name: str
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]


def services(files: Mapping[str, str]) -> tuple[Service, ...]:
    """Return the commands of a harness in order; `pytest /src/test_runner.py` where it has no `docker-compose.yml`.

    Args:
        files: path → text of the harness's files.

    Raises:
        InputError: the file is malformed, or names a file of variables that is not there.
        ConfigError: pyyaml is not installed.
    """
    text = files.get("docker-compose.yml", "")
    if not text.strip():
        return (Service("direct", _DEFAULT, _variables("./src/.env", files)),)
    found = _parsed(text).get("services")
    if not isinstance(found, dict) or not found:
        raise InputError("docker-compose.yml: expected services, got none")
    return tuple(_service(str(name), value, files) for name, value in found.items())


def _parsed(text: str) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise ConfigError("harnesses need the package pyyaml; pip install 'rtlgen[bench]'") from error
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"docker-compose.yml: {' '.join(str(error).split())[:200]}") from error
    return value if isinstance(value, dict) else {}


def _service(name: str, value: Any, files: Mapping[str, str]) -> Service:
    command = value.get("command") if isinstance(value, dict) else None
    try:
        argv = shlex.split(command) if isinstance(command, str) else [str(x) for x in command or _DEFAULT]
    except ValueError as error:
        raise InputError(f"docker-compose.yml: service {name!r}: {error}") from error
    if not argv or not isinstance(value, dict):
        raise InputError(f"docker-compose.yml: service {name!r}: expected a command, got none")
    named = value.get("env_file") or ()
    env: dict[str, str] = {}
    for file in [named] if isinstance(named, str) else named:
        env |= dict(_variables(str(file), files))
    return Service(name, _script(argv), tuple((env | _given(value.get("environment"))).items()))


def _script(argv: list[str]) -> tuple[str, ...]:
    """Return a command without the shell around it, where that does nothing but start it."""
    while len(argv) == 3 and argv[0].rpartition("/")[2] in ("sh", "bash") and argv[1] in ("-c", "-lc"):
        argv = shlex.split(argv[2])
    name = argv[0].rpartition("/")[2]
    return ("python3" if _PYTHON.match(argv[0]) else name, *argv[1:])


def _given(value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(k): str(v if v is not None else "") for k, v in value.items()}
    return {n: v for n, _, v in (str(x).partition("=") for x in value or ())}


def _variables(file: str, files: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the variables of an `env_file`."""
    path = file.removeprefix("./")
    if path not in files:
        raise InputError(f"expected {path} in the harness, got {', '.join(sorted(files))}")
    found: dict[str, str] = {}
    for line in files[path].splitlines():
        name, sign, value = line.partition("=")
        if sign and name.strip() and not name.lstrip().startswith("#"):
            found[name.strip()] = value.strip().strip("\"'")
    return tuple(found.items())
