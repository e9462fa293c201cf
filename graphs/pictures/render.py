"""The one way from a picture to a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, get_args

from rtlgen.core.errors import ConfigError
from rtlgen.graphs.pictures.dot import dot_text
from rtlgen.graphs.pictures.html import html_page
from rtlgen.graphs.pictures.links import RELATIVE, Links
from rtlgen.graphs.pictures.picture import Picture
from rtlgen.graphs.pictures.simplify import FOLD_ABOVE, simplified
from rtlgen.graphs.pictures.svg import svg_text

Format = Literal["svg", "dot", "html"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
_WRITERS: Final[dict[str, Callable[[Picture, Links], str]]] = {"svg": svg_text, "dot": dot_text, "html": html_page}


def render(picture: Picture, format_: Format = "svg", links: Links = RELATIVE, *, fold_above: int = FOLD_ABOVE) -> str:
    """Return a picture as text of a file, simplified; the same picture gives the same text.

    Args:
        picture: what to draw.
        format_: `svg`, `dot` (Graphviz's text, which needs no Graphviz here), or `html` (a page that stands alone).
        links: where source lines lead: a pattern with `{file}` and `{line}`, None for no links.
        fold_above: nodes above which instances are folded into one node each.

    Raises:
        ConfigError: there is no such format, or the pattern of the links has an unknown field.
        InputError: the picture is too large to lay out; the message says how to get a smaller one.
        ToolNotFoundError: Graphviz is missing (`svg` and `html`).
        ToolOutputError: Graphviz failed.
        SandboxError: the sandbox itself failed.
    """
    if format_ not in _WRITERS:
        raise ConfigError(f"expected one of the formats {', '.join(FORMATS)}, got {format_!r}")
    return _WRITERS[format_](simplified(picture, fold_above), links)
