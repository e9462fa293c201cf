"""Indexing: from the files of a repository to its design database, only what changed."""

from rtlgen.graphs.indexing.indexer import Indexed, Indexer
from rtlgen.graphs.indexing.options import Options, check_options

__all__ = ["Indexed", "Indexer", "Options", "check_options"]
