"""Elaboration of a planned design with slang, from trees that are parsed already."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final

from rtlgen.graphs.elaborate.hierarchy import Hierarchy, Inputs
from rtlgen.graphs.elaborate.names import Places, file_name
from rtlgen.graphs.model import Diagnosis
from rtlgen.graphs.rows import DesignRows

if TYPE_CHECKING:
    from pyslang import SourceManager, ast, syntax

MAX_NOTES: Final = 500
"""Errors of elaboration that are kept; a design with more of them is not the design that was meant."""


_LIBRARY: Final = "work"
"""slang's name of the library of all trees; it goes before a top with a dot in its name, as in `\\a.b `."""


def elaborate(
    trees: Sequence[syntax.SyntaxTree],
    manager: SourceManager,
    *,
    tops: Sequence[str] = (),
    parameters: Mapping[str, str] | None = None,
    path_of: Callable[[str], str] = str,
    advance: Callable[[int], None] | None = None,
    inputs: Inputs | None = None,
) -> DesignRows:
    """Return the rows of a design; what can't be elaborated is left out and noted.

    Args:
        trees: of all files, in compile order, of one source manager.
        manager: that source manager.
        tops: names of the top modules; all that no other instantiates if empty.
        parameters: overrides of the tops' parameters, as Verilog text.
        path_of: slang's name of a file → path in the repository.
        advance: called with 1 for each body that is done.
        inputs: tells which bodies need not be extracted again.
    """
    compilation = compile_trees(trees, tops, parameters or {})
    notes = list(_notes(compilation, manager, path_of))
    design = _rows(compilation, Places(manager, path_of), advance, inputs)
    design.diagnoses += [d for d, _ in notes]
    design.places += [path for _, path in notes]
    return design


def _rows(
    compilation: ast.Compilation, places: Places, advance: Callable[[int], None] | None, inputs: Inputs | None
) -> DesignRows:
    """Return the rows of a compilation.

    No symbol may outlive the compilation: slang reuses the memory, and two live Python objects for one address end the
    process. So all of them live in this call, and nothing that holds one is part of a reference cycle.
    """
    root = compilation.getRoot()
    packages = [*compilation.getPackages(), *root.compilationUnits]
    return Hierarchy(places, advance, inputs, share=_is_endless(compilation)).run(root.topInstances, packages)


def _is_endless(compilation: ast.Compilation) -> bool:
    """Tell whether slang gave up on a hierarchy that goes on for ever, or for long."""
    from pyslang import Diags

    codes = (Diags.InfinitelyRecursiveHierarchy, Diags.MaxInstanceDepthExceeded)
    return any(d.code in codes for d in compilation.getAllDiagnostics())


def compile_trees(
    trees: Sequence[syntax.SyntaxTree], tops: Sequence[str], parameters: Mapping[str, str]
) -> ast.Compilation:
    """Return an elaborated compilation that puts up with what other tools accept."""
    import pyslang
    from pyslang import ast

    flags = ast.CompilationFlags
    tolerated = (
        flags.AllowUseBeforeDeclare, flags.RelaxEnumConversions, flags.RelaxStringConversions,
        flags.AllowTopLevelIfacePorts, flags.AllowHierarchicalConst, flags.AllowUnnamedGenerate,
        flags.AllowMergingAnsiPorts, flags.AllowRecursiveImplicitCall, flags.AllowBareValParamAssignment,
        flags.AllowVirtualIfaceWithOverride, flags.AllowInvalidTop,
    )  # fmt: skip
    options = ast.CompilationOptions()
    names = [f"{_LIBRARY}.{top}" if "." in top else top for top in tops]
    options.topModules = set(names)
    options.paramOverrides = [f"{n}={v}" for n, v in parameters.items()]
    options.flags = reduce(or_, tolerated)
    # a time scale in some files only is no fault of the others
    options.defaultTimeScale = pyslang.TimeScale.fromString("1ns / 1ps")
    options.errorLimit = 0
    bag = pyslang.Bag()
    bag.compilationOptions = options
    compilation = ast.Compilation(bag)
    for tree in trees:
        compilation.addSyntaxTree(tree)
    compilation.getRoot()  # reads the names of the tops where they are: the options hold no copy
    return compilation


def _notes(
    compilation: ast.Compilation, manager: SourceManager, path_of: Callable[[str], str]
) -> Iterator[tuple[Diagnosis, str]]:
    import pyslang

    engine = pyslang.DiagnosticEngine(manager)
    seen: set[tuple[str, int, str]] = set()
    for diagnostic in compilation.getAllDiagnostics():
        if not diagnostic.isError():
            continue
        location = manager.getFullyExpandedLoc(diagnostic.location)
        line = manager.getLineNumber(location) if manager.isFileLoc(location) else 0
        path = path_of(file_name(manager, location)) if line else ""
        code = re.sub(r"^DiagCode\((.*)\)$", r"\1", str(diagnostic.code))
        message = engine.formatMessage(diagnostic)
        if (path, line, code) in seen or len(seen) >= MAX_NOTES:
            continue
        seen.add((path, line, code))
        column = manager.getColumnNumber(location) if line else 0
        yield Diagnosis(0, 0, line, column, "error", code, message, "elaborate"), path
