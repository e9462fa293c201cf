"""Plans of real repositories (packages `pythondata-cpu-*`), elaborated with slang."""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pyslang import Bag, DiagnosticEngine, SourceManager, TextDiagnosticClient, ast, parsing, syntax

from rtlgen.graphs import model
from rtlgen.graphs.repository.files import discover
from rtlgen.graphs.repository.headers import Headers
from rtlgen.graphs.repository.includes import resolve
from rtlgen.graphs.repository.project import Plan, plan
from rtlgen.graphs.rows import FileRows

INCLUDE = re.compile(r'^[ \t]*`include\s+"([^"\n]+)"', re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*?(?=\\?\n)|/\*.*?\*/", re.DOTALL)
DEFINE = re.compile(r"`define[ \t]+((\w+)(?:\\\n|[^\n])*)")
KINDS = {
    syntax.SyntaxKind.ModuleDeclaration: "module",
    syntax.SyntaxKind.InterfaceDeclaration: "interface",
    syntax.SyntaxKind.PackageDeclaration: "package",
}


def root_of(name: str) -> Path:
    spec = find_spec(f"pythondata_cpu_{name}")
    if spec is None or spec.origin is None:
        pytest.skip(f"needs pythondata-cpu-{name}")
    folder = Path(spec.origin).parent
    return next(folder / part for part in ("verilog", "system_verilog") if (folder / part).is_dir())


def rows_of(root: Path, path: str, text: str, folders: tuple[str, ...]) -> FileRows:
    """Return what the tests need of a file's rows; the real front end is tested elsewhere."""
    options = parsing.PreprocessorOptions()
    options.additionalIncludePaths = [root / folder for folder in folders]
    bag = Bag()
    bag.preprocessorOptions = options
    manager = SourceManager()
    buffer = manager.assignText(str(root / path), text)
    parsed = syntax.SyntaxTree.fromBuffer(buffer, manager, bag)
    rows = FileRows(path, "", len(text), 0)
    spans: list[tuple[int, int, int]] = []
    uses: list[tuple[int, str]] = []
    imports: list[tuple[int, str]] = []

    def start(node: Any) -> int:
        place = manager.getFullyExpandedLoc(node.sourceRange.start)
        return place.offset if place.buffer.id == buffer.id.id else -1

    def definition(node: Any) -> None:
        if start(node) < 0:
            return
        number, kind, name = len(spans) + 1, KINDS[node.kind], node.header.name.valueText
        spans.append((start(node), node.sourceRange.end.offset, number))
        if kind == "package":
            rows.packages.append(model.Package(number, name, 0, 1, 1))
        else:
            rows.definitions.append(model.Definition(number, name, kind, 0, 1, 1))

    def scoped(node: Any) -> None:
        if node.separator.rawText == "::" and node.left.kind == syntax.SyntaxKind.IdentifierName:
            imports.append((start(node), node.left.identifier.valueText))

    table: Mapping[object, object] = {
        **dict.fromkeys(KINDS, definition),
        syntax.SyntaxKind.HierarchyInstantiation: lambda n: uses.append((start(n), n.type.valueText)),
        syntax.SyntaxKind.PackageImportItem: lambda n: imports.append((start(n), n.package.valueText)),
        syntax.SyntaxKind.ScopedName: scoped,
    }
    parsed.root.visit(lookup_table=table)

    def owner(place: int) -> int:
        return next((number for first, last, number in reversed(spans) if first <= place < last), 0)

    rows.instantiates = [model.Instantiates(owner(at), name, "", 1) for at, name in uses if at >= 0]
    rows.imports = [model.Imports(owner(at), name, 1) for at, name in imports if at >= 0]
    rows.includes = [model.Includes(0, 0, name, 1) for name in INCLUDE.findall(text)]
    bare = COMMENT.sub(lambda m: re.sub(r"(?!\\\n)[^\n]", " ", m[0]), text)
    rows.macros = {name: line for line, name in DEFINE.findall(bare)}
    unknown = {str(d.args[0]).lstrip("`") for d in parsed.diagnostics if "UnknownDirective" in str(d.code)}
    rows.unknown_macros = frozenset(unknown - rows.macros.keys())
    return rows


def rows_of_all(root: Path) -> dict[str, FileRows]:
    texts = {path: (root / path).read_bytes().decode("latin-1") for path in discover(root).paths}
    bare = {path: FileRows(path, "", 0, 0) for path in texts}
    for path, text in texts.items():
        bare[path].includes = [model.Includes(0, 0, name, 1) for name in INCLUDE.findall(text)]
    includes = resolve(bare, Headers(texts))
    return {path: rows_of(root, path, text, includes.folders.get(path, ())) for path, text in texts.items()}


def errors(root: Path, found: Plan) -> list[str]:
    """Elaborate a plan and return the errors, without places."""
    options = ast.CompilationOptions()
    options.topModules = set(found.tops)
    options.flags = ast.CompilationFlags.AllowUseBeforeDeclare | ast.CompilationFlags.RelaxEnumConversions
    bag = Bag()
    bag.compilationOptions = options
    manager = SourceManager()
    compilation = ast.Compilation(bag)
    for path in found.files:
        preprocessor = parsing.PreprocessorOptions()
        preprocessor.additionalIncludePaths = [root / folder for folder in found.include_dirs_for(path)]
        bag.preprocessorOptions = preprocessor
        text = (root / path).read_bytes().decode("latin-1")
        buffers = [manager.assignText(f"<{path}>", found.prelude_for(path)), manager.assignText(str(root / path), text)]
        compilation.addSyntaxTree(syntax.SyntaxTree.fromBuffers(buffers, manager, bag))
    engine, client = DiagnosticEngine(manager), TextDiagnosticClient()
    client.showColors(False)
    engine.addClient(client)
    for diagnostic in compilation.getAllDiagnostics():
        if diagnostic.isError():
            engine.issue(diagnostic)
    return sorted(line.split(": error: ")[1] for line in client.getString().splitlines() if ": error: " in line)


NO_TIME_SCALE = "design element does not have a time scale defined but others in the design do"
BAD_PORT = "only 'output' variable port declarations may have an initializer expression"


@pytest.mark.parametrize(
    ("name", "tops", "unknown", "expected"),
    [
        # an assertion names a signal that exists only where a header included elsewhere in one compilation unit says so
        ("ibex", {"ibex_top"}, (), ["could not resolve hierarchical path name 'sva_multdiv_fsm_idle'"]),
        ("cva6", {"ariane"}, ("div_sqrt_top_mvp",), []),
        ("serv", {"serv_synth_wrapper", "service_go_board", "serving"}, (), [BAD_PORT] * 3),
        ("picorv32", {"picorv32_axi", "picorv32_wb", "picosoc"}, (), [NO_TIME_SCALE] * 7),
        ("vexriscv", {"VexRiscv"}, (), []),
        ("mor1kx", {"mor1kx"}, (), []),
        ("cv32e40p", {"cv32e40p_top"}, ("cv32e40p_pmp", "div_sqrt_top_mvp"), []),
    ],
)
def test_a_core_is_planned_by_itself(name: str, tops: set[str], unknown: tuple[str, ...], expected: list[str]) -> None:
    root = root_of(name)
    files = rows_of_all(root)
    found = plan(root, files, environ={})
    assert set(found.tops) == tops
    assert found.unknown == unknown
    assert errors(root, found) == expected


@pytest.mark.parametrize(
    ("name", "options", "top", "count"),
    [
        ("cva6", {"filelists": ["core/Flist.cv64a6_imafdc_sv39"]}, "ariane", 80),
        ("cv32e40p", {"filelists": ["cv32e40p_fpu_manifest.flist"]}, "cv32e40p_top", 50),
        ("blackparrot", {"filelists": ["bp_top/syn/flist.vcs"]}, "bp_processor", 190),
        ("ibex", {"core": "lowrisc:ibex:ibex_top"}, "ibex_top", 100),
        ("serv", {"core": "servant"}, "servant", 20),
    ],
)
def test_the_lists_and_cores_of_a_repository_are_read(name: str, options: dict[str, Any], top: str, count: int) -> None:
    root = root_of(name)
    found = plan(root, rows_of_all(root), environ={}, **options)
    assert top in found.tops
    assert len(found.files) >= count
    guessed = {row.message.split()[1] for row in found.notes if row.code == "GuessedVariable"}
    assert not [row.message for row in found.notes if row.code == "UnsetVariable"], guessed
