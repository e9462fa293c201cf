"""The notes of a plan: what was found, what was chosen, and the option that changes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rtlgen.graphs.repository.design import Design
from rtlgen.graphs.repository.includes import Includes
from rtlgen.graphs.repository.macros import Macros
from rtlgen.graphs.repository.notes import Notes, names
from rtlgen.graphs.repository.tops import Tops


def on_tops(notes: Notes, tops: Tops) -> None:
    """Say which tops were found and which modules were not taken."""
    if not tops.names:
        notes.add("NoTop", "no module was found; nothing is elaborated", severity="warning")
        return
    rest = [
        (tops.boards, "board around the design", "boards around the design"),
        (tops.others, "top of tests, examples or libraries", "tops of tests, examples or libraries"),
    ]
    parts = [f"{len(some)} {one if len(some) == 1 else many} ({names(some)})" for some, one, many in rest if some]
    left = f"; left out: {', '.join(parts)}" if parts else ""
    count = len(tops.spare)
    spare = f", and {count} {'module' if count == 1 else 'modules'} that nothing instantiates" if count else ""
    spare += f" ({names(tops.spare)})" if count else ""
    is_one = len(tops.names) == 1
    text = f"{'top' if is_one else 'tops'} found: {names(tops.names, 20)}{spare}{left}; --top NAME takes another"
    notes.add("Tops", text + (", --all-tops takes all" if parts else ""))


def on_design(notes: Notes, design: Design) -> None:
    """Say what is missing from the design and which of several definitions was taken."""
    for name in design.definitions.unknown:
        users = design.definitions.users[name]
        path, line = _first(users)
        message = f"module {name} is in no file; instantiated in {_places(users)}; add the folder or file that has it"
        notes.add("UnknownModule", message, path, line, "warning")
    absent = design.packages.unknown
    if absent:
        path, line = _first(design.packages.users[absent[0]])
        message = f"packages (or type parameters) in no file: {names(absent, 12)}; first used in {path}:{line}"
        notes.add("UnknownPackage", f"{message}; add the folders or files that have them", path, line, "warning")
    for name, units in sorted([*design.definitions.several.items(), *design.packages.several.items()]):
        others = names([u.path for u in units[1:]], 8)
        message = f"{units[0].kind} {name} is in {len(units)} files: {units[0].path} was taken, not {others}"
        notes.add("SeveralFiles", f"{message}; a file list (-f) or --exclude decides", units[0].path, units[0].line)
    for name, unit in sorted(design.unlisted.items()):
        users = (design.packages if unit.kind == "package" else design.definitions).users[name]
        by = f" for {_places(users)}" if users else ""
        notes.add("NotListed", f"{unit.kind} {name} is not listed; {unit.path} was taken{by}", unit.path, unit.line)


def on_includes(notes: Notes, includes: Includes, files: Iterable[str]) -> None:
    """Say which headers are missing, and which of several was taken."""
    inside = set(files)
    inside |= {header for path in inside for header in includes.closure.get(path, ())}
    for name, places in sorted(includes.missing.items()):
        users = {path: line for path, line in reversed(places) if path in inside}
        if users:
            path, line = _first(users)
            message = f"header {name} is in no folder; included in {_places(users)}; -I FOLDER says where it is"
            notes.add("MissingInclude", message, path, line, "warning")
    for name, met in sorted(includes.ambiguous.items()):
        chosen = {header.path: header for path, _, header in met if path in inside}
        for target, header in sorted(chosen.items()):
            users = {path: line for path, line, h in reversed(met) if h.path == target and path in inside}
            path, line = _first(users)
            others = names([c for c in header.candidates if c != target])
            message = f"header {name} is in several folders: {target} was taken for {_places(users)}, not {others}"
            notes.add("SeveralHeaders", f"{message}; -I FOLDER decides", path, line)


def on_macros(notes: Notes, macros: Macros, files: Iterable[str]) -> None:
    """Say which macros are defined nowhere, and which of several definitions was taken."""
    inside = set(files)
    for name, users in sorted(macros.unknown.items()):
        within = [u for u in users if u in inside]
        if within:
            message = f"macro {name} is defined nowhere; used in {names(within)}; -D {name}=TEXT defines it"
            notes.add("UnknownMacro", message, within[0], severity="warning")
    found: dict[tuple[str, str], list[str]] = {}
    candidates: dict[tuple[str, str], tuple[str, ...]] = {}
    for (name, user), choice in sorted(macros.choices.items()):
        if user in inside:
            found.setdefault((name, choice.chosen), []).append(user)
            candidates[(name, choice.chosen)] = choice.candidates[1:]
    for (name, chosen), users in found.items():
        message = f"macro {name} has several definitions: that of {chosen} was taken for {names(users)}"
        others = names(candidates[(name, chosen)])
        notes.add("SeveralMacros", f"{message}, not {others}; -D {name}=TEXT decides", users[0])


def on_circle(notes: Notes, circle: tuple[str, ...]) -> None:
    """Say that packages need each other, so that no order is right."""
    if circle:
        notes.add("PackageCircle", f"packages use each other: {' → '.join(circle)}", circle[0], severity="warning")


def _first(users: Mapping[str, int]) -> tuple[str, int]:
    return min(users.items()) if users else ("", 0)


def _places(users: Mapping[str, int]) -> str:
    return names([f"{path}:{line}" if line else path for path, line in sorted(users.items())])
