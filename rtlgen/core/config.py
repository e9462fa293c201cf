"""Every setting of rtlgen, read from `RTLGEN_*` variables and `rtlgen.toml`, and nowhere else."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_cache_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from rtlgen.core.errors import ConfigError

FILE_NAME = "rtlgen.toml"
PREFIX = "RTLGEN_"

DisplayKind = Literal["auto", "rich", "plain", "json", "none"]

_file_values: ContextVar[dict[str, Any]] = ContextVar("rtlgen_file_values")


class Settings(BaseSettings):
    """All settings; an environment variable wins over the file, the file over the default.

    The variable of a field is its name in capitals after `RTLGEN_`, its key in `rtlgen.toml` is its plain name.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    jobs: int = Field(default_factory=lambda: len(os.sched_getaffinity(0)), ge=1, le=1024)
    """Worker processes that run at once; the default is the number of usable cores."""
    cache_dir: Path = Field(default_factory=lambda: user_cache_path("rtlgen"))
    """Folder of the result store."""
    cache_max_mb: int = Field(default=2048, ge=0)
    """Size of the result store above which the entries used longest ago are removed; 0 turns the store off."""
    work_dir: Path | None = None
    """Folder in which private scratch folders are made; the default is the system's."""
    liberty: Path | None = None
    """Liberty library to measure with; the default is the one inside the package."""
    clock_ns: float | None = Field(default=None, gt=0)
    """Target clock period in ns; the default is to report the delay without a target."""
    display: DisplayKind = "auto"
    """How progress is shown; `auto` is `rich` on a terminal and `plain` elsewhere."""
    data: Path | None = None
    """Folder of shared benchmark data for tests and measurements."""
    debug: bool = False
    """Show the traceback of an internal error."""
    sandbox: Literal["auto", "bwrap", "rlimits"] = "auto"
    """How external tools are confined; `auto` is bubblewrap where it works, resource limits elsewhere."""

    model_url: str = ""
    """Address of an endpoint that speaks OpenAI's chat completions; empty for `OPENAI_BASE_URL`, else OpenAI itself."""
    model_key: SecretStr = SecretStr("")
    """Key for it; a variable is a better place than the file."""

    iverilog: Path | None = None
    """Path of Icarus Verilog's compiler."""
    vvp: Path | None = None
    """Path of Icarus Verilog's runtime."""
    verilator: Path | None = None
    """Path of Verilator."""
    sta: Path | None = None
    """Path of OpenSTA."""
    yosys_abc: Path | None = None
    """Path of ABC; the default is the one that pyosys bundles."""
    bwrap: Path | None = None
    """Path of bubblewrap."""
    gxx: Path | None = None
    """Path of the C++ compiler that Verilator uses."""
    make: Path | None = None
    """Path of GNU make."""
    dot: Path | None = None
    """Path of Graphviz `dot`."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, strongest first: arguments, environment, file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _file_values.get({}))


def find_settings_file(start: Path | None = None) -> Path | None:
    """Return the nearest `rtlgen.toml` in `start` (the current folder) or a folder above it."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        file = folder / FILE_NAME
        if file.is_file():
            return file
    return None


def load_settings(start: Path | None = None) -> Settings:
    """Return the settings that hold in `start` (the current folder).

    Raises:
        ConfigError: the file is not TOML, or it or a variable has an unknown name or a value that is not allowed.
    """
    file = find_settings_file(start)
    values = _read_file(file) if file else {}
    try:
        with _file(values):
            return Settings()
    except ValidationError as error:
        raise ConfigError(_explain(error, file, values)) from error


@contextmanager
def _file(values: dict[str, Any]) -> Iterator[None]:
    token = _file_values.set(values)
    try:
        yield
    finally:
        _file_values.reset(token)


def _read_file(file: Path) -> dict[str, Any]:
    """Return the file's values, relative paths resolved against its folder."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"expected TOML in {file}: {error}") from error
    for name in values:
        if name not in Settings.model_fields:
            raise ConfigError(f"unknown setting {name!r} in {file}; {_suggest(name)}")
    return {name: _resolve(name, value, file.parent) for name, value in values.items()}


def _resolve(name: str, value: Any, folder: Path) -> Any:
    is_path = Settings.model_fields[name].annotation in (Path, Path | None)
    return folder / Path(value).expanduser() if is_path and isinstance(value, str) else value


def _suggest(name: str) -> str:
    near = get_close_matches(name, Settings.model_fields, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known settings: {', '.join(sorted(Settings.model_fields))}"


def _explain(error: ValidationError, file: Path | None, values: dict[str, Any]) -> str:
    """Return one line per wrong value: where it came from, what it was, what is allowed."""
    lines = []
    for item in error.errors():
        name = str(item["loc"][0]) if item["loc"] else "?"
        variable = PREFIX + name.upper()
        # pydantic-settings looks names up without regard to case
        from_env = any(key.upper() == variable for key in os.environ)
        where = variable if from_env or name not in values else f"{name!r} in {file}"
        lines.append(f"setting {where}: {item['msg'].lower()}, got {item['input']!r}")
    return "; ".join(lines)
