"""One lazy table of named things per kind of extension: front ends, rewrites, suites and so on."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from importlib.metadata import entry_points
from threading import RLock
from typing import Any, Generic, TypeVar

from rtlgen.core.errors import ConfigError

T = TypeVar("T")

PLUGIN_GROUP = "rtlgen.plugins"


class Registry(Generic[T]):
    """Names mapped to loaders, so that what is not asked for is never imported.

    Third parties add to it with an entry point of group `rtlgen.plugins` whose name is `KIND.NAME`:

        [project.entry-points."rtlgen.plugins"]
        "rewrite.my-rule" = "my_package.rules:RULE"

    Example:
        >>> codecs: Registry[object] = Registry("codec")
        >>> codecs.add("json", "json:JSONDecoder")
        >>> codecs.load("json").__name__
        'JSONDecoder'
        >>> codecs.load("jsom")
        Traceback (most recent call last):
            ...
        rtlgen.core.errors.ConfigError: unknown codec 'jsom'; did you mean 'json'? known: json
    """

    def __init__(self, kind: str) -> None:
        """Make an empty registry of things called `kind` (singular, such as `rewrite`)."""
        self.kind = kind
        self._loaders: dict[str, Callable[[], T]] = {}
        self._loaded: dict[str, T] = {}
        self._plugins_seen = False
        self._lock = RLock()

    def add(self, name: str, loader: str | Callable[[], T]) -> None:
        """Add `name`; `loader` is `module:attribute` or a function that returns the thing.

        Raises:
            ConfigError: the name is taken.
        """
        with self._lock:
            if name in self._loaders:
                raise ConfigError(f"{self.kind} {name!r} is registered twice; rename one of the two")
            self._loaders[name] = _loader_of(loader) if isinstance(loader, str) else loader

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that adds what it decorates under `name`.

        Raises:
            ConfigError: the name is taken.
        """

        def decorate(thing: T) -> T:
            self.add(name, lambda: thing)
            return thing

        return decorate

    def names(self) -> tuple[str, ...]:
        """Return every known name in order, those of installed plug-ins included."""
        with self._lock:
            self._see_plugins()
            return tuple(sorted(self._loaders))

    def in_order(self) -> tuple[str, ...]:
        """Return every known name in the order of registration, those of installed plug-ins last."""
        with self._lock:
            self._see_plugins()
            return tuple(self._loaders)

    def load(self, name: str) -> T:
        """Return the thing called `name`, importing it on the first call.

        Raises:
            ConfigError: no such name, or its module can't be imported.
        """
        with self._lock:
            if name not in self._loaders:
                self._see_plugins()
            if name not in self._loaders:
                raise ConfigError(self._unknown(name))
            if name not in self._loaded:
                self._loaded[name] = self._call(name)
            return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def _call(self, name: str) -> T:
        try:
            return self._loaders[name]()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"{self.kind} {name!r} can't be loaded: {error}") from error

    def _see_plugins(self) -> None:
        """Add the entry points once; scanning the installed distributions takes milliseconds, so not at import."""
        if self._plugins_seen:
            return
        self._plugins_seen = True
        prefix = self.kind + "."
        for point in entry_points(group=PLUGIN_GROUP):
            if point.name.startswith(prefix):
                self.add(point.name.removeprefix(prefix), point.load)

    def _unknown(self, name: str) -> str:
        near = get_close_matches(name, self._loaders, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return f"unknown {self.kind} {name!r}; {hint}known: {', '.join(sorted(self._loaders)) or 'none'}"


def _loader_of(target: str) -> Callable[[], Any]:
    module, _, attribute = target.partition(":")

    def load() -> Any:
        thing: Any = importlib.import_module(module)
        for part in attribute.split("."):
            thing = getattr(thing, part)
        return thing

    return load
