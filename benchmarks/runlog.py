"""The folder of a run: what was asked, and one line per answer and verdict, safe against a kill at any moment.

Every line is written by one call to an append-only file. A reader drops a last line without its end, so that what
was being written when the process died is done again, and nothing else.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from rtlgen.benchmarks.samples import Sample
from rtlgen.core.errors import ConfigError, InputError
from rtlgen.core.types import Record
from rtlgen.scorers.quality import Quality
from rtlgen.scorers.score import Score
from rtlgen.scorers.verdict import Verdict

R = TypeVar("R", bound=Record)
_FLAWS = TypeAdapter(dict[str, str])


class RunConfig(Record):
    """What a run is: two runs compare, and a run resumes, only where these agree."""

    suite: str
    dataset: str
    """Digest of the problems."""
    model: str
    """`PROVIDER:NAME`, or the digest of a file of samples."""
    n: int
    """Answers per problem; 0 where a file says."""
    temperature: float | None
    max_tokens: int | None
    problems: tuple[str, ...]
    """Ids of the problems that are asked."""
    simulator: str
    version: str
    """Of rtlgen."""
    second: str = ""
    """Second simulator; empty for none."""
    judge: str = ""
    """Model that rates answers to questions, empty for none."""
    checks: str = ""
    """What else is looked at, with what it depends on: `QualityChecker.basis`."""
    examples: int | None = None
    """Examples in the published prompt; None where our own prompt was used."""
    rules: bool = False
    """Whether the published rules were added."""


class Result(Record):
    """What a sample is worth."""

    problem: str
    attempt: int
    sample: str
    """Digest of the answer."""
    verdict: Verdict | None
    """None where it was not judged."""
    reason: str = ""
    """Why not."""
    second: Verdict | None = None
    """Of the second simulator; None where none was asked."""
    scores: tuple[Score, ...] = ()
    """Figures beside the verdict."""
    quality: Quality | None = None
    """Advisory findings: equivalence, PPA, lint; None where none was asked for."""

    @property
    def key(self) -> tuple[str, int]:
        """Problem and number of the answer."""
        return self.problem, self.attempt


class Price(Record):
    """What a model costs, in USD per million tokens."""

    input_usd: float
    output_usd: float
    cached_usd: float | None = None
    """Of tokens that the endpoint had in its cache; None is as any other."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Everything that a run has kept, as it was when it was read.

    Attributes:
        path: its folder.
        config: what the run is.
        samples: answers by problem and number.
        results: verdicts by problem and number of the answer.
        flaws: what is wrong with problems on its simulator, by problem.
        price: what the model costs, None where nobody said.
    """

    path: Path
    config: RunConfig
    samples: Mapping[tuple[str, int], Sample]
    results: Mapping[tuple[str, int], Result]
    flaws: Mapping[str, str]
    price: Price | None


class RunFolder:
    """A run on disk; threads may share it."""

    def __init__(self, path: Path) -> None:
        """Use folder `path`, which `create` or an earlier run made."""
        self.path = path
        self._lock = Lock()

    def create(self, config: RunConfig, *, resume: bool) -> None:
        """Make the folder, or take up the run that is there.

        Raises:
            ConfigError: a run is there and is not to be resumed, or is another one.
            InputError: the folder can't be written.
        """
        file = self.path / "run.json"
        if file.exists():
            self._check(config, resume)
            return
        if resume and self.path.exists():
            raise ConfigError(f"expected a run to resume in {self.path}, got a folder without run.json")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            temporary = file.with_suffix(f".{os.getpid()}.tmp")
            temporary.write_text(config.model_dump_json(indent=1))
            temporary.replace(file)
        except OSError as error:
            raise InputError(f"{self.path}: can't write a run there: {error.strerror or error}") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from working on this run; the kernel ends that with this process.

        Raises:
            ConfigError: another process works on it.
            InputError: the folder can't be read.
        """
        try:
            descriptor = os.open(self.path / "run.json", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(f"{self.path}: can't be read: {error.strerror or error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise ConfigError(f"{self.path}: another process is at work on this run; let it end first") from None
        except OSError:
            pass  # a file system without locks
        try:
            yield
        finally:
            os.close(descriptor)

    def _check(self, config: RunConfig, resume: bool) -> None:
        before = self.config()
        if not resume:
            raise ConfigError(f"{self.path} holds a run already; go on with it by --resume, or name another --out")
        changed = [f for f in RunConfig.model_fields if getattr(before, f) != getattr(config, f)]
        if changed:
            said = "; ".join(f"{f} was {getattr(before, f)!r}, is {getattr(config, f)!r}" for f in changed)
            raise ConfigError(f"{self.path} holds another run, which can't be resumed: {said[:600]}")

    def config(self) -> RunConfig:
        """Return what the run is.

        Raises:
            InputError: the folder holds no run, or a damaged one.
        """
        try:
            return RunConfig.model_validate_json((self.path / "run.json").read_bytes())
        except OSError as error:
            raise InputError(f"{self.path}: expected a run (a folder with run.json): {error.strerror}") from error
        except ValidationError as error:
            raise InputError(
                f"{self.path}/run.json: not of a run of this version: {error.errors()[0]['msg']}"
            ) from error

    def price(self) -> Price | None:
        """Return what the model costs, None where nobody said.

        Raises:
            InputError: the file with it is damaged.
        """
        try:
            return Price.model_validate_json((self.path / "price.json").read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise InputError(f"{self.path}/price.json: can't be read; give the prices again") from error

    def set_price(self, price: Price) -> None:
        """Keep what the model costs, for every report from now on.

        Raises:
            InputError: the disk refuses it.
        """
        write_json(self.path / "price.json", price.model_dump())

    def flaws(self) -> dict[str, str]:
        """Return what is wrong with problems on the simulator of this run, by problem.

        Raises:
            InputError: the file with it is damaged.
        """
        try:
            return _FLAWS.validate_json((self.path / "flaws.json").read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError) as error:
            raise InputError(f"{self.path}/flaws.json: can't be read; go on with the run by --resume") from error

    def set_flaws(self, flaws: Mapping[str, str]) -> None:
        """Keep what is wrong with problems, for every report from now on.

        Raises:
            InputError: the disk refuses it.
        """
        write_json(self.path / "flaws.json", dict(flaws))

    def add_sample(self, sample: Sample) -> None:
        """Keep an answer.

        Raises:
            InputError: the disk refuses it.
        """
        self._append("samples.jsonl", sample)

    def add_result(self, result: Result) -> None:
        """Keep a verdict.

        Raises:
            InputError: the disk refuses it.
        """
        self._append("results.jsonl", result)

    def samples(self) -> dict[tuple[str, int], Sample]:
        """Return the answers by problem and number."""
        return {(s.problem, s.attempt): s for s in self._read("samples.jsonl", Sample)}

    def results(self) -> dict[tuple[str, int], Result]:
        """Return the verdicts by problem and number of the answer."""
        return {r.key: r for r in self._read("results.jsonl", Result)}

    def recorded(self) -> Recorded:
        """Return everything that the run has kept.

        Raises:
            InputError: the folder holds no run, or a damaged one.
        """
        return Recorded(self.path, self.config(), self.samples(), self.results(), self.flaws(), self.price())

    def _append(self, name: str, record: Record) -> None:
        line = record.model_dump_json().encode() + b"\n"
        with self._lock:
            try:
                descriptor = os.open(self.path / name, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
                try:
                    self._mend(descriptor)
                    written = os.write(descriptor, line)
                    if written < len(line):
                        os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
                        raise OSError(28, "no space for a whole line")
                finally:
                    os.close(descriptor)
            except OSError as error:
                raise InputError(f"{self.path / name}: can't be written: {error.strerror or error}") from error

    @staticmethod
    def _mend(descriptor: int) -> None:
        """Cut off a last line that a killed process left without its end."""
        size = os.fstat(descriptor).st_size
        if not size or os.pread(descriptor, 1, size - 1) == b"\n":
            return
        kept = size
        while kept:
            start = max(0, kept - 65536)
            at = os.pread(descriptor, kept - start, start).rfind(b"\n")
            if at >= 0:
                kept = start + at + 1
                break
            kept = start
        os.ftruncate(descriptor, kept)

    def _read(self, name: str, kind: type[R]) -> Iterator[R]:
        try:
            data = (self.path / name).read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{self.path / name}: can't be read: {error.strerror or error}") from error
        for number, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), 1):
            try:
                yield kind.model_validate_json(line)
            except ValidationError as error:
                raise InputError(f"{self.path / name}:{number}: {error.errors()[0]['msg']}") from error


def write_json(path: Path, value: object) -> None:
    """Write a file of JSON in one step.

    Raises:
        InputError: the disk refuses it.
    """
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file in one step.

    Raises:
        InputError: the disk refuses it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", errors="replace")
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror or error}") from error
