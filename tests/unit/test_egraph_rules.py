"""Every rule of the word-level engine is proved; a wrong rule would be refuted."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.graphs.wordlevel.terms import apply, var
from rtlgen.optimizer.egraph.document import updated
from rtlgen.optimizer.egraph.prove import counterexample, prove_rule
from rtlgen.optimizer.egraph.rule import Rule, parse_rules
from rtlgen.optimizer.egraph.rules import all_rules

RULES = all_rules()


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_rule_is_proved_for_small_widths(rule: Rule) -> None:
    proof = prove_rule(rule, limit=6)
    assert proof.failure is None
    assert proof.instances > 0


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_rule_is_proved_for_many_widths_and_constants(rule: Rule) -> None:
    proof = prove_rule(rule, limit=250, seed=1)
    assert proof.failure is None
    assert proof.instances > 0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("wrong-sub: (Sub w a b) => (Sub w b a)", "with w=2"),
        (
            "wrong-width: (Ult w a (Const w c)) => (Ule w a (Const w (- c (bigint 1)))) if (>= c (bigint 1)) (< w 9)",
            None,
        ),
        ("no-condition: (Ule w a (Const w c)) => (Ult w a (Const w (wrap w (+ c (bigint 1)))))", "with"),
        ("zext-as-sext: (Zext v w a) => (Sext v w a)", "with"),
    ],
)
def test_wrong_rules_are_refuted(text: str, what: str | None) -> None:
    (rule,) = parse_rules("test", text)
    failure = prove_rule(rule, limit=40).failure
    if what is None:
        assert failure is None
    else:
        assert failure is not None
        assert failure.startswith(what)


def test_counterexample_shows_a_difference() -> None:
    a, b = var("a", 4), var("b", 4)
    model = counterexample(apply("sub", a, b), apply("sub", b, a))
    assert model is not None
    assert (model["a"] - model["b"]) % 16 != (model["b"] - model["a"]) % 16


def test_rule_syntax_errors_are_named() -> None:
    with pytest.raises(ValueError, match="expected 'name: lhs => rhs', got 'nonsense'"):
        parse_rules("test", "nonsense")
    with pytest.raises(ValueError, match="expected balanced parentheses"):
        parse_rules("test", "bad: (Add w a b => a")


def test_back_rules_and_phases() -> None:
    there, back = parse_rules("test", "x: (Neg w (Sub w a b)) <=> (Sub w b a) @explore")
    assert (there.name, back.name, there.phase) == ("x", "x-back", "explore")
    assert there.lhs == back.rhs


def test_the_manual_lists_the_rules_as_they_are(repository: Path) -> None:
    page = (repository / "docs/rewrites.md").read_text()
    assert updated(page) == page


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the markers '<!-- rules: begin -->' and '<!-- rules: end -->'"):
        updated("nothing")
