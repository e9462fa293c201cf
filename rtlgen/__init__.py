"""rtlgen: LLM-driven generation and optimization of RTL, with every step proved or measured."""

from rtlgen._version import __version__ as __version__
