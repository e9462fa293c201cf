"""Where the second engine can't prove a result at once, it proves it step by step."""

from __future__ import annotations

import itertools

import pytest

from rtlgen.optimizer.second import second_proof
from rtlgen.optimizer.target import Target

TEXT = """module m(input [13:0] a, b, c, input [6:0] p, q, output [28:0] y);
  assign y = ({product}) ^ {{29{{{less}}}}}; endmodule"""
WRITTEN = {"product": "({15'b0, a} + b) * ({15'b0, a} + c)", "less": "(p < q)"}
SPREAD = {"product": "({15'b0, a} * a + {15'b0, a} * c + {15'b0, b} * a + {15'b0, b} * c)"}
TURNED = {"less": "!(q <= p)"}
WRONG = {"less": "!(q < p)"}


def target(**parts: str) -> Target:
    """Return one version."""
    return Target({"m.v": TEXT.format(**(WRITTEN | parts)).encode()}, "m")


def test_steps_prove_what_the_whole_does_not() -> None:
    versions = [target(), target(**SPREAD), target(**SPREAD, **TURNED)]
    steps = list(itertools.pairwise(versions))
    assert second_proof(versions[0], versions[-1], budget_s=6).status == "unknown"
    chained = second_proof(versions[0], versions[-1], steps=steps, budget_s=20)
    assert (chained.status, chained.reason) == ("proved", "")
    assert chained.method == "slang + Bitwuzla and polynomials; slang + Bitwuzla, step by step"


def test_one_wrong_step_proves_nothing() -> None:
    versions = [target(), target(**SPREAD), target(**SPREAD, **WRONG)]
    steps = list(itertools.pairwise(versions))
    result = second_proof(versions[0], versions[2], steps=steps, budget_s=8)
    assert result.status == "unknown"
    assert "; step 2: output y is not shown to be equal" in result.reason


@pytest.mark.parametrize("steps", [[], [0], [1], [1, 0]])
def test_steps_that_do_not_lead_from_old_to_new_are_not_used(steps: list[int]) -> None:
    versions = [target(), target(**SPREAD), target(**SPREAD, **WRONG)]
    pairs = list(itertools.pairwise(versions))
    result = second_proof(versions[0], versions[2], steps=[pairs[i] for i in steps], budget_s=2)
    assert result.status == "unknown"
    assert "step" not in result.reason.replace("in step", "")
