"""The reciprocal of every divisor gives every quotient."""

from __future__ import annotations

import pytest

from rtlgen.optimizer.arith.divide import reciprocal


@pytest.mark.parametrize("divisor", [3, 5, 6, 7, 9, 10, 11, 12, 25, 60, 100, 127, 200])
@pytest.mark.parametrize("width", [4, 7, 10, 12])
def test_reciprocal_divides_every_number(divisor: int, width: int) -> None:
    factor, shift = reciprocal(divisor, width)
    assert all((x * factor) >> shift == x // divisor for x in range(1 << width))
