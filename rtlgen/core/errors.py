"""All exceptions that rtlgen raises on purpose; a failed candidate is data, never one of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtlgen.core.types import Diagnostic


class RtlgenError(Exception):
    """Base of every error that the command line turns into one message and exit code 2."""


class ConfigError(RtlgenError):
    """A setting, option or settings file is wrong; the message says which and what is allowed."""


class InputError(RtlgenError):
    """A file the user named can't be used: missing, binary, empty, too long a line, not writable."""


class ToolNotFoundError(RtlgenError):
    """An external tool is missing; the message names the command that installs it."""


class ToolVersionError(RtlgenError):
    """An external tool is older than its floor; the message names found, floor and override variable."""


class ToolOutputError(RtlgenError):
    """An external tool ended without the output that its driver expects."""


class ElaborationError(RtlgenError):
    """The design can't be parsed or elaborated; carries the diagnostics.

    Attributes:
        diagnostics: what the front end reported, first error first.
    """

    def __init__(self, message: str, diagnostics: Sequence[Diagnostic] = ()) -> None:
        super().__init__(message)
        self.diagnostics = tuple(diagnostics)


class LibraryError(RtlgenError):
    """A Liberty library can't be used: truncated, no flip-flop, no inverter, not Liberty at all."""


class SandboxError(RtlgenError):
    """The sandbox itself failed (not the command in it): no private folder, disk full, no fork."""


class ModelProviderError(RtlgenError):
    """A language-model endpoint could not be reached or answered out of contract."""
