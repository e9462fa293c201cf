"""The optimizer: rewrites of RTL source that are proved and measured before they are believed."""

from __future__ import annotations

from rtlgen.optimizer.rewrite import REWRITES as REWRITES
