"""Tier `text`: tree-sitter's tree, which text that is broken or half typed has too.

Grammar: tree-sitter-systemverilog (https://github.com/gmlarumbe/tree-sitter-systemverilog). Macros are not expanded and
headers not read: what stands in the file is what the tree holds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from rtlgen.graphs import model
from rtlgen.graphs.frontend import macros
from rtlgen.graphs.frontend.collect import Collector, empty_rows
from rtlgen.graphs.frontend.guard import unreadable
from rtlgen.graphs.frontend.lexical import Span, blanked, uses
from rtlgen.graphs.frontend.protocol import Context, Parsed

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

MAX_SECONDS: Final = 20.0
"""Wall time for one file; recovery from errors can take long."""

_DEFINITIONS: Final = {
    "module_declaration": "module",
    "interface_declaration": "interface",
    "program_declaration": "program",
    "package_declaration": "package",
    "class_declaration": "class",
    "interface_class_declaration": "class",
    "checker_declaration": "checker",
    "udp_declaration": "primitive",
    "config_declaration": "configuration",
}
_HEADERS: Final = {
    "module_ansi_header": "module",
    "module_nonansi_header": "module",
    "interface_ansi_header": "interface",
    "interface_nonansi_header": "interface",
    "program_ansi_header": "program",
    "program_nonansi_header": "program",
}
"""A definition that is never ended leaves its header in an error."""
_KEYWORDS: Final = {
    "module_keyword": "module",
    "interface": "interface",
    "program": "program",
    "class": "class",
    "package": "package",
    "checker": "checker",
}
_CHUNKS: Final = {
    "always_construct": "block",
    "initial_construct": "block",
    "final_construct": "block",
    "continuous_assign": "assign",
    "net_alias": "assign",
    "function_declaration": "function",
    "task_declaration": "task",
    "class_method": "function",
    "class_constructor_declaration": "function",
    "dpi_import_export": "function",
    "let_declaration": "function",
    "module_instantiation": "instance",
    "interface_instantiation": "instance",
    "program_instantiation": "instance",
    "checker_instantiation": "instance",
    "udp_instantiation": "instance",
    "gate_instantiation": "instance",
    "data_declaration": "signal",
    "net_declaration": "signal",
    "genvar_declaration": "signal",
    "class_property": "signal",
    "ansi_port_declaration": "port",
    "port_declaration": "port",
    "parameter_declaration": "parameter",
    "local_parameter_declaration": "parameter",
    "type_parameter_declaration": "parameter",
    "specparam_declaration": "parameter",
    "nettype_declaration": "type",
    "loop_generate_construct": "generate",
    "if_generate_construct": "generate",
    "case_generate_construct": "generate",
    "property_declaration": "property",
    "sequence_declaration": "property",
    "concurrent_assertion_item": "property",
    "deferred_immediate_assertion_item": "property",
    "covergroup_declaration": "property",
    "constraint_declaration": "property",
    "specify_block": "region",
    "clocking_declaration": "region",
    "modport_declaration": "region",
}
_CODE: Final = frozenset(
    {
        "always_construct", "initial_construct", "final_construct", "function_declaration", "task_declaration",
        "class_method", "class_constructor_declaration", "property_declaration", "sequence_declaration",
        "concurrent_assertion_item", "deferred_immediate_assertion_item", "covergroup_declaration",
        "clocking_declaration",
    }
)  # fmt: skip
_INSTANCES: Final = frozenset(
    {"module_instantiation", "interface_instantiation", "program_instantiation", "checker_instantiation"}
)
_NAMES: Final = frozenset(
    {
        "variable_decl_assignment", "net_decl_assignment", "param_assignment", "type_assignment",
        "specparam_assignment", "hierarchical_instance", "modport_item",
    }
)  # fmt: skip
"""Each gives a name to the chunk around it."""
_NAMED_BELOW: Final = ("instance", "assign")
_MORE: Final = frozenset(
    {
        "seq_block", "par_block", "conditional_statement", "case_statement", "case_item", "loop_statement",
        "blocking_assignment", "nonblocking_assignment", "procedural_timing_control_statement", "jump_statement",
        "wait_statement", "subroutine_call_statement", "generate_block", "generate_region", "package_import_item",
        "struct_union_member", "enum_name_declaration", "tf_port_item", "text_macro_definition", "bind_directive",
        "simple_immediate_assert_statement", "assert_property_statement", "cover_property_statement",
        "assume_property_statement",
    }
)  # fmt: skip
_KINDS: Final = frozenset({*_DEFINITIONS, *_CHUNKS, *_NAMES, *_MORE, "ERROR"})
_PRUNED: Final = frozenset(
    {
        "expression", "constant_expression", "primary", "param_expression", "property_spec", "event_control",
        "list_of_port_connections", "parameter_value_assignment", "packed_dimension", "unpacked_dimension",
        "macro_text", "list_of_actual_arguments", "variable_lvalue", "net_lvalue", "constraint_block",
    }
)  # fmt: skip
"""Nothing below these gives rows."""
_NAMED_FIELDS: Final = ("name", "instance_name", "type_name")
_NAMELESS: Final = _PRUNED | {
    "data_type", "data_type_or_implicit", "data_type_or_void", "implicit_data_type", "class_scope", "lifetime",
    "parameter_port_list", "list_of_port_declarations", "attribute_instance", "net_type", "net_port_type",
    "variable_port_type", "statement", "module_item", "class_item", "interface_port_header", "tf_port_list",
}  # fmt: skip
_TO_BLOCK: Final = (
    "statement", "statement_item", "statement_or_null", "procedural_timing_control_statement", "function_statement",
    "seq_block", "par_block",
)  # fmt: skip
_IDENTIFIERS: Final = ("simple_identifier", "escaped_identifier")
_SCOPE: Final = re.compile(rb"(?<![\w$.:`])([A-Za-z_][\w$]*)\s*::\s*[\w$\\*]")
_NO_SCOPE: Final = frozenset({"super", "this", "local", "std"})


class TreeSitterFrontEnd:
    """The front end of tier `text`."""

    def parse(self, path: str, content: bytes, context: Context) -> Parsed:
        """Return the rows of a file; `Parsed.tree` is None."""
        problem = unreadable(content)
        tree = None if problem else _tree(content)
        if tree is None:
            return Parsed(replace(empty_rows(path, content), problem=problem or f"no tree in {MAX_SECONDS:g} s"))
        collector = Collector(path, content)
        walk = _Walk(content, collector)
        walk.walk(tree.root_node)
        _lexical(content, collector, context)
        rows = collector.finish()
        rows.tier = "text"
        rows.errors = walk.errors
        rows.problem = walk.problem
        return Parsed(rows, lost=walk.lost)


@lru_cache(maxsize=1)
def _parser() -> Parser:
    import tree_sitter
    import tree_sitter_systemverilog

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_systemverilog.language()))


def _tree(content: bytes) -> Tree | None:
    """Return the tree; None where it took too long."""
    started = time.monotonic()
    parser = _parser()
    try:
        tree: Tree | None = parser.parse(
            lambda offset, _: content[offset : offset + 65536],
            progress_callback=lambda _, __: time.monotonic() - started > MAX_SECONDS,
        )
    except ValueError:
        tree = None
    if tree is None:
        parser.reset()
    return tree


class _Walk:
    """One walk over one tree, with a stack of its own: nesting has no limit."""

    def __init__(self, content: bytes, collector: Collector) -> None:
        self.content = content
        self.rows = collector
        self.errors = 0
        self.lost = 0
        self.problem = ""
        self._above: list[Node] = []

    def walk(self, root: Node) -> None:
        if root.type == "ERROR":
            self._error(root)
        self.rows.node("source_file", "", 0, len(self.content))
        self._above = [root]
        waiting = [_pairs(root)]
        while waiting:
            found = next(waiting[-1], None)
            if found is None:
                waiting.pop()
                self._above.pop()
                continue
            node, following = found
            if node.is_missing:
                self._problem(node, f"expected {node.type!r}")
            if node.type == "ERROR":
                self._error(node)
            if node.type in _KINDS:
                self._add(node)
            elif self._above[-1].type == "ERROR":
                self._unended(node, following, self._above[-1].end_byte)
            if node.child_count and (node.type not in _PRUNED or node.has_error):
                waiting.append(_pairs(node))
                self._above.append(node)

    def _problem(self, node: Node, message: str) -> None:
        self.errors += 1
        start = min(node.start_byte, max(0, len(self.content) - 1))
        self.problem = self.problem or f"line {self.rows.lines.at(start)}: {message}"
        self.rows.diagnose(start, "error", "SyntaxError", message)

    def _error(self, node: Node) -> None:
        """Count an error, and the code in it that is part of no construct."""
        text = self.content[node.start_byte : node.end_byte]
        first = text.split(None, 1)[0][:40].decode("utf-8", "replace") if text.split() else ""
        self._problem(node, f"syntax error at {first!r}")
        inside = sum(c.end_byte - c.start_byte for c in node.children if c.is_named and not c.is_error)
        self.lost += max(0, len(text) - inside)

    def _unended(self, node: Node, following: Node | None, end: int) -> None:
        """Add a definition whose beginning lies in an error: it goes on to the end of that."""
        kind, name = _HEADERS.get(node.type, ""), ""
        if kind:
            name = _name(node)
        elif node.type in _KEYWORDS and following is not None and following.type in _IDENTIFIERS:
            kind, name = _KEYWORDS[node.type], _text(following)
        if kind:
            self.rows.node(node.type, name, node.start_byte, end)
            self.rows.definition(kind, name, node.start_byte, end)

    def _add(self, node: Node) -> None:
        rows, kind, start, end = self.rows, node.type, node.start_byte, node.end_byte
        name = "" if kind == "ERROR" or _CHUNKS.get(kind) in _NAMED_BELOW else _name(node)
        rows.node(kind, name, start, end)
        if kind in _DEFINITIONS:
            rows.definition(_DEFINITIONS[kind], name, start, end)
        elif kind in _NAMES:
            self._named(node, name, start)
        elif kind in _CHUNKS:
            self._chunk(node, kind, name)
        elif kind == "ERROR" and end - start > 40 and start >= rows.code_end:
            rows.chunk("region", "", start, end)

    def _named(self, node: Node, name: str, start: int) -> None:
        chunk = self.rows.chunk_of_node.get(self.rows.parent())
        if chunk is not None and name and name not in chunk.names:
            chunk.names.append(name)
        above = self._above[-1]
        if node.type == "hierarchical_instance" and above.type in _INSTANCES:
            target = above.child_by_field_name("instance_type")
            if target is not None:
                self.rows.instantiates(_text(target), name, start)

    def _chunk(self, node: Node, kind: str, name: str) -> None:
        rows, start, end, what = self.rows, node.start_byte, node.end_byte, _CHUNKS[kind]
        if start < rows.code_end and (end < rows.code_end or kind not in _CODE):
            return
        if kind == "data_declaration":
            types = {c.type for c in node.children}
            if "package_import_declaration" in types:
                return
            what = "type" if "type_declaration" in types else what
        if what == "block":
            name = _block_name(node)
        if kind == "class_method" and any(c.type.startswith("task") for c in node.children):
            what = "task"
        above = rows.chunk_of_node.get(rows.parent())
        if above is not None and above.syntax in ("class_property", "class_method"):
            above.kind = what
            if name and name not in above.names:
                above.names.append(name)
            rows.chunk_of_node[rows.rows.nodes[-1].id] = above
        elif kind != "if_generate_construct" or not self._is_else(node):
            rows.chunk(what, name, start, end)
        if kind in _CODE:
            rows.code_end = max(rows.code_end, end)

    def _is_else(self, node: Node) -> bool:
        """Tell whether a conditional stands behind the `else` of another, by its last word before it."""
        around = self._above[-3:]
        if not any(n.type == "if_generate_construct" for n in around):
            return False
        return self.content[max(0, node.start_byte - 200) : node.start_byte].rstrip().endswith(b"else")


def _pairs(node: Node) -> Iterator[tuple[Node, Node | None]]:
    """Yield every child with the one that follows it; asking a node for its siblings costs its depth."""
    children = node.children
    return zip(children, [*children[1:], None], strict=True)


def _text(node: Node) -> str:
    raw = (node.text or b"").decode("utf-8", "replace")
    return raw.removeprefix("\\").strip()


def _block_name(node: Node) -> str:
    """Return the name behind the `begin` of a procedure."""
    inner: Node | None = node
    while inner is not None and inner.type not in ("seq_block", "par_block"):
        inner = next((c for c in inner.children if c.type in _TO_BLOCK), None)
    named = next((c for c in inner.children if c.type in _IDENTIFIERS), None) if inner else None
    return _text(named) if named is not None else ""


def _name(node: Node) -> str:
    """Return the name that a node declares: the first in a field for names, else the first identifier near the top."""
    if node.type == "class_constructor_declaration":
        return "new"
    first = ""
    level = [node]
    for _ in range(4):
        below: list[Node] = []
        for part in level:
            for position, child in enumerate(part.children):
                if part.field_name_for_child(position) in _NAMED_FIELDS:
                    return _text(child)
                if child.type in _IDENTIFIERS:
                    first = first or _text(child)
                elif child.is_named and child.type not in _NAMELESS and child.type not in _KINDS:
                    below.append(child)
        if first and node.type not in ("modport_declaration",):
            return first
        level = below
    return first


def _lexical(content: bytes, collector: Collector, context: Context) -> None:
    """Add what needs no tree: includes, the use of packages, unknown macros."""
    rows, lines, lexed = collector.rows, collector.lines, collector.lexed
    for include in lexed.includes:
        rows.includes.append(model.Includes(0, 0, include.name, lines.at(include.start)))
    code = blanked(content, [Span(*s) for s in lexed.comments])
    for package, start in _packages(code):
        source = 0
        for chunk in collector.chunks:
            if chunk.start <= start < chunk.end and chunk.definition:
                source = chunk.definition
        if (source, package) not in {(i.source, i.target) for i in rows.imports}:
            rows.imports.append(model.Imports(source, package, lines.at(start)))
    known = macros.definitions(context.prelude)
    defined = {d.name for d in lexed.defines}
    rows.unknown_macros = frozenset(uses(code) - defined - set(context.defines) - set(known))


def _packages(code: bytes) -> Iterator[tuple[str, int]]:
    for match in _SCOPE.finditer(code):
        name = match[1].decode()
        if name not in _NO_SCOPE:
            yield name, match.start()


FRONT_END: Final = TreeSitterFrontEnd()
