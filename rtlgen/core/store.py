"""Content-addressed store of results on disk, shared by threads and processes.

An entry is one file: a header line with the digest of what follows, then the value. It is written under a temporary
name and renamed, so a reader sees a whole entry or none, and the digest catches what a power cut or a bad disk left.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

logger = logging.getLogger(__name__)

T = TypeVar("T")
Json = Any
"""Whatever `json.dumps` writes and `json.loads` gives back equal."""

_HEADER = re.compile(rb"rtlgen-store 1 ([0-9a-f]{64}) (\d+)\n")
_KEY = re.compile(r"[0-9a-f]{64}")
_HEADER_MAX = 128
_STALE_S = 24 * 3600.0
_EVICT_TO = 0.8
"""Eviction goes down to this part of the limit, so that it is rare."""


class Codec(NamedTuple, Generic[T]):
    """How a value becomes bytes and comes back; `decode` raises ValueError on bytes it can't read."""

    encode: Callable[[T], bytes]
    decode: Callable[[bytes], T]


JSON: Codec[Json] = Codec(lambda value: json.dumps(value, sort_keys=True).encode(), json.loads)


def record_codec(model: type[T]) -> Codec[T]:
    """Return a codec for a pydantic model, a dataclass, or any other type that pydantic can check."""
    adapter = TypeAdapter(model)
    return Codec(adapter.dump_json, adapter.validate_json)


class Store:
    """Results by key; full, broken or unwritable disks cost time, never a result or an exception."""

    def __init__(self, root: Path, *, max_mb: float = 2048) -> None:
        """Use folder `root`, made on the first write; above `max_mb` entries used longest ago go; 0 turns it off."""
        self.root = root
        self.max_bytes = int(max_mb * 1024 * 1024)
        self._size_lock = Lock()
        self._size_estimate: int | None = None
        self._written_since_scan = 0

    @staticmethod
    def key(
        *,
        schema: str,
        tool: str = "",
        commands: Sequence[str] = (),
        inputs: Mapping[str, str] | None = None,
        limits: object = None,
    ) -> str:
        """Return the sha256, in hex, of everything that a result depends on.

        Args:
            schema: name and version of the result's own form, such as `synthesis/2`.
            tool: name and version of the tool, such as `pyosys 0.70`.
            commands: what the tool is told to do.
            inputs: role or file name → digest or text of each input.
            limits: what bounded the run; a frozen dataclass, a mapping or a plain value.
        """
        parts = {
            "schema": schema,
            "tool": tool,
            "commands": list(commands),
            "inputs": dict(inputs or {}),
            "limits": limits,
        }
        text = json.dumps(parts, sort_keys=True, default=_plain, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def get(self, key: str, *, codec: Codec[T] = JSON) -> T | None:
        """Return the value under `key`, or None (so a stored None counts as absent); a damaged entry is removed.

        Raises:
            ValueError: `key` is not what `Store.key` gives.
        """
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        try:
            value = codec.decode(_payload(data))
        except (ValueError, ValidationError):
            logger.warning("store entry %s is damaged and was removed", path)
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):  # marks it as used, for eviction
            os.utime(path)
        return value

    def put(self, key: str, value: T, *, codec: Codec[T] = JSON) -> bool:
        """Store `value` under `key` and return True; False where it was too big or the disk refused it.

        Raises:
            ValueError: `key` is not what `Store.key` gives.
        """
        path = self._path(key)
        payload = codec.encode(value)
        data = b"rtlgen-store 1 %s %d\n" % (hashlib.sha256(payload).hexdigest().encode(), len(payload)) + payload
        if len(data) > self.max_bytes * _EVICT_TO:
            return False
        try:
            self._write(path, data)
        except OSError as error:
            logger.warning("store %s can't be written, going on without: %s", self.root, error)
            return False
        self._account(len(data))
        return True

    def get_or_compute(
        self,
        key: str,
        fn: Callable[[], T],
        *,
        cacheable: Callable[[T], bool] | None = None,
        codec: Codec[T] = JSON,
    ) -> T:
        """Return the stored value, or that of `fn`, which runs once however many threads and processes ask.

        Args:
            key: from `Store.key`.
            fn: computes the value; what it raises passes through and is not stored.
            cacheable: says whether a fresh value may be stored; give it where `fn` can return a timeout or an
                infrastructure failure, which must not be. None stores every value.
            codec: how the value becomes bytes.

        Raises:
            ValueError: `key` is not what `Store.key` gives.
        """
        found = self.get(key, codec=codec)
        if found is not None or not self.max_bytes:
            return found if found is not None else fn()
        with self._alone(key):
            found = self.get(key, codec=codec)
            if found is not None:
                return found
            value = fn()
            if cacheable is None or cacheable(value):
                self.put(key, value, codec=codec)
            return value

    def size_bytes(self) -> int:
        """Return the size of all entries."""
        return sum(size for _, size, _ in self._entries())

    def clear(self) -> None:
        """Remove every entry."""
        for _, _, path in self._entries():
            with suppress(OSError):
                path.unlink()
        with self._size_lock:
            self._size_estimate = 0

    def evict(self) -> None:
        """Remove entries used longest ago until the store is under its limit, and leftovers of killed writers."""
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        goal = self.max_bytes * _EVICT_TO if total > self.max_bytes else self.max_bytes
        for _, size, path in entries:
            if total <= goal:
                break
            with suppress(OSError):
                path.unlink()
            total -= size
        self._sweep()
        with self._size_lock:
            self._size_estimate, self._written_since_scan = total, 0

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"expected a store key of 64 hex digits, got {key!r}")
        return self.root / key[:2] / key

    def _write(self, path: Path, data: bytes) -> None:
        temporary = self.root / "tmp" / f"{os.getpid()}-{uuid.uuid4().hex}"
        try:
            temporary.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise

    def _account(self, size: int) -> None:
        """Evict when due; other processes write too, so the estimate is renewed now and then."""
        with self._size_lock:
            if self._size_estimate is not None:
                self._size_estimate += size
            self._written_since_scan += size
            fresh = self._size_estimate is not None and self._written_since_scan < self.max_bytes / 16
            due = not fresh or (self._size_estimate or 0) > self.max_bytes
        if due:
            self.evict()

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """Yield (time of last use, bytes, path) of each entry."""
        for folder in self.root.glob("[0-9a-f][0-9a-f]"):
            with suppress(OSError):
                for item in os.scandir(folder):
                    with suppress(OSError):
                        stat = item.stat()
                        yield stat.st_mtime, stat.st_size, Path(item.path)

    def _sweep(self) -> None:
        """Remove temporary and lock files that a killed process left long ago."""
        limit = time.time() - _STALE_S
        for path in (*self.root.glob("tmp/*"), *self.root.glob("locks/*")):
            with suppress(OSError):
                if path.stat().st_mtime < limit:
                    path.unlink()

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Hold the lock of `key`; the kernel frees it when its holder dies. Without locks on the disk, go on."""
        descriptor = self._lock_file(self.root / "locks" / key)
        try:
            yield
        finally:
            if descriptor is not None:
                with suppress(OSError):
                    (self.root / "locks" / key).unlink()
                os.close(descriptor)

    def _lock_file(self, path: Path) -> int | None:
        """Return a locked descriptor of `path`, or None where the file system gives none."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
        while True:
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:
                return None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # the holder before us unlinked the file: then our lock is on a name nobody else will open
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return descriptor
                os.close(descriptor)
            except FileNotFoundError:
                os.close(descriptor)
            except OSError:
                os.close(descriptor)
                return None
            except BaseException:
                os.close(descriptor)
                raise


def _payload(data: bytes) -> bytes:
    match = _HEADER.match(data[:_HEADER_MAX])
    if not match:
        raise ValueError("no header")
    payload = data[match.end() :]
    if len(payload) != int(match[2]) or hashlib.sha256(payload).hexdigest().encode() != match[1]:
        raise ValueError("digest differs")
    return payload


def _plain(value: object) -> object:
    """Return `value` in a form that JSON writes the same way each time."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    return str(value)
