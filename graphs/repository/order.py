"""The order in which files are compiled: packages before those who use them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def compile_order(files: Iterable[str], needs: Mapping[str, Iterable[str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files so that each comes after those it needs, and a circle of files that need each other, if any.

    Args:
        files: paths; their order is kept where nothing speaks against it.
        needs: path → paths that must come before.

    Example:
        >>> compile_order(["a.sv", "p.sv"], {"a.sv": ["p.sv"]})
        (('p.sv', 'a.sv'), ())
    """
    wanted = list(dict.fromkeys(files))
    inside = set(wanted)
    done: dict[str, None] = {}
    circle: tuple[str, ...] = ()
    for start in wanted:
        stack = [(start, iter(needs.get(start, ())))] if start not in done else []
        open_files = {start: None}
        while stack:
            path, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                done[path] = None
                open_files.pop(path)
                stack.pop()
            elif following in open_files and following != path:
                chain = list(open_files)
                circle = circle or (*chain[chain.index(following) :], following)
            elif following in inside and following not in done and following != path:
                open_files[following] = None
                stack.append((following, iter(needs.get(following, ()))))
    return tuple(done), circle
