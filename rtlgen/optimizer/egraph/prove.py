"""Proof of the rules: each instance of a rule, for many widths and constants, is settled by an SMT solver.

A rule's integers (widths, bit indices, constants) are enumerated; for each choice that is well formed and meets the
rule's facts, the two sides must be equal for all values of the rule's term variables (QF_BV, Bitwuzla).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final

from rtlgen.graphs.wordlevel.terms import Term, const, make, mask, undef, var, variables
from rtlgen.optimizer.egraph.language import LARGEST_INDEX, OPERATOR, SHAPES
from rtlgen.optimizer.egraph.rule import Rule, Sexp, expand, is_node, show

Bindings = dict[str, "int | Term"]


class IllFormedError(ValueError):
    """The widths of a pattern do not fit together for these integers."""


class FactError(ValueError):
    """A fact of the rule does not hold for these integers."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Outcome for one rule: `failure` is None where every instance was proved.

    Attributes:
        rule: name.
        instances: number of proved instances (choices of widths and constants).
        widest: largest operator width among them.
        failure: the first refuted instance in words.
    """

    rule: str
    instances: int
    widest: int
    failure: str | None = None


@dataclass(slots=True)
class _Instance:
    """Both sides of a rule for one choice of integers, as terms over free variables."""

    left: Term
    right: Term
    integers: dict[str, int] = field(default_factory=dict)


def prove_rule(rule: Rule, *, limit: int = 400, seed: int = 0) -> Proof:
    """Return whether the instances of `rule` hold, at most `limit` of them, small widths first."""
    count = widest = 0
    for instance in instances(rule, seed=seed):
        model = counterexample(instance.left, instance.right)
        if model is not None:
            where = ", ".join(f"{k}={v}" for k, v in instance.integers.items())
            return Proof(
                rule.name, count, widest, f"with {where}: {instance.left!r} is not {instance.right!r}, {model}"
            )
        count += 1
        widest = max(widest, max(_widths(rule, instance.integers), default=1))
        if count >= limit:
            break
    return Proof(rule.name, count, widest)


def instances(rule: Rule, *, seed: int = 0) -> Iterator[_Instance]:
    """Yield well-formed instances of a rule whose facts hold.

    Raises:
        IllFormedError: a replacement's widths do not fit although the pattern's do.
    """
    kinds = variable_kinds(expand(rule.lhs))
    for fact in rule.when:
        for pattern in _patterns(expand(fact)):
            kinds = variable_kinds(pattern) | kinds
    rng = random.Random(f"{seed}/{rule.name}")
    for integers in _choices(kinds, _solved(rule), rng, _is_hard(rule)):
        made = _instantiate(rule, kinds, integers)
        if made is not None:
            yield made


def _instantiate(rule: Rule, kinds: Mapping[str, str], integers: dict[str, int]) -> _Instance | None:
    bound: Bindings = dict(integers)
    try:
        # The pattern may use an integer that a fact computes, so facts come first as far as they can.
        for _ in range(len(rule.when) + 1):
            for fact in rule.when:
                _hold(expand(fact), bound, kinds, strict=False)
        left = _term(expand(rule.lhs), bound, kinds, None)
        for fact in rule.when:
            _hold(expand(fact), bound, kinds, strict=True)
    except (IllFormedError, FactError):
        return None
    right = _term(expand(rule.rhs), bound, kinds, left.width)
    if right.width != left.width:
        raise IllFormedError(f"rule {rule.name}: expected {left.width} bits on the right, got {right!r}")
    return _Instance(left, right, {k: v for k, v in bound.items() if isinstance(v, int)})


def variable_kinds(pattern: Sexp) -> dict[str, str]:
    """Return the kind of each variable of a pattern: width `w`, index `i`, constant `c`, name `s`, term `t`."""
    if isinstance(pattern, str):
        return {} if _is_number(pattern) else {pattern: "t"}
    kinds: dict[str, str] = {}
    for letter, argument in zip(SHAPES[str(pattern[0])].fields, pattern[1:], strict=True):
        if isinstance(argument, str):
            if not _is_number(argument):
                kinds[argument] = letter
        elif letter == "t":
            kinds |= variable_kinds(argument)
        else:  # a computed width or constant binds nothing
            continue
    return kinds


def _patterns(fact: Sexp) -> Iterator[Sexp]:
    if is_node(fact):
        yield fact
    elif not isinstance(fact, str) and fact[0] == "=":
        yield from (part for part in fact[1:] if is_node(part))


def _solved(rule: Rule) -> frozenset[str]:
    """Return variables that a fact `(= x expression)` defines, which need no enumeration."""
    names = [f[1] for f in rule.when if f[0] == "=" and isinstance(f[1], str)]
    known = variable_kinds(expand(rule.lhs))
    for fact in rule.when:  # `(= l (nat c))` with a width `l` defines the constant `c`
        source = fact[2] if fact[0] == "=" else ""
        if isinstance(source, tuple) and source[0] == "nat" and isinstance(source[1], str) and fact[1] in known:
            names = [n for n in names if n != fact[1]] + [source[1]]
    return frozenset(n for n in map(str, names) if not _is_number(n))


# More integers mean more combinations, so the widths stop earlier.
_LARGEST: Final = {0: 1, 1: 8, 2: 7, 3: 6, 4: 6}


def _choices(
    kinds: Mapping[str, str], solved: frozenset[str], rng: random.Random, hard: bool
) -> Iterator[dict[str, int]]:
    widths = [n for n, k in kinds.items() if k in "wi" and n not in solved]
    constants = [n for n, k in kinds.items() if k == "c" and n not in solved]
    top = min(_LARGEST.get(len(widths), 3), 5 if hard else 8)
    smallest = [range(0 if kinds[n] == "i" else 1, top + 1) for n in widths]
    for numbers in sorted(product(*smallest), key=max) if widths else [()]:
        chosen = dict(zip(widths, numbers, strict=True))
        yield from ({**chosen, **values} for values in _constants(constants, max(numbers, default=1), rng))
    for _ in range(0 if hard else 40):  # larger widths, by chance
        chosen = {n: rng.choice((1, 2, 4, 5, 7, 8, 12, 16, 17, 33)) - (kinds[n] == "i") for n in widths}
        if len(widths) > 1 and rng.random() < 0.7:
            base = rng.choice((6, 8, 12, 16))
            chosen = {n: max(0 if kinds[n] == "i" else 1, base + rng.choice((-4, -1, 0, 0, 1, 4))) for n in widths}
        width = max(chosen.values(), default=4)
        yield {**chosen, **{n: _interesting(width, rng) for n in constants}}


def _constants(names: list[str], width: int, rng: random.Random) -> Iterator[dict[str, int]]:
    if len(names) * width <= 6:
        spaces = [range(1 << width)] * len(names)
        yield from (dict(zip(names, values, strict=True)) for values in product(*spaces))
        return
    for _ in range(24):
        yield {n: _interesting(width, rng) for n in names}


def _interesting(width: int, rng: random.Random) -> int:
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice((0, 1, 2, 3, mask(width), mask(width) - 1, 1 << (width - 1))) & mask(max(width, 1))
    if kind == 1:
        return 1 << rng.randrange(max(width, 1))
    return rng.randrange(1 << width)


def _is_hard(rule: Rule) -> bool:
    """Return whether the rule multiplies or divides two variables, which no SAT-based solver settles for wide words."""
    text = show(rule.lhs)
    return "Const" not in text and any(f"({op} " in text for op in ("Mul", "Udiv", "Urem", "Sdiv", "Srem"))


def _widths(rule: Rule, integers: Mapping[str, int]) -> list[int]:
    kinds = variable_kinds(expand(rule.lhs))
    return [v for n, v in integers.items() if kinds.get(n) == "w"]


# Evaluation of S-expressions -------------------------------------------------------------------------------------


def _is_number(text: str) -> bool:
    return text.lstrip("-").isdigit()


_ARITHMETIC: Final[Mapping[str, Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "bits": lambda a: a.bit_length(),
    "bigint": lambda a: a,
    "nat": lambda a: a,
}
_RELATIONS: Final[Mapping[str, Any]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _integer(sexp: Sexp, bound: Bindings) -> int:
    if isinstance(sexp, str):
        if _is_number(sexp):
            return int(sexp)
        value = bound.get(sexp)
        if not isinstance(value, int):
            raise KeyError(sexp)
        return value
    values = [_integer(part, bound) for part in sexp[1:]]
    head = str(sexp[0])
    if head in ("<<", ">>") and not 0 <= values[1] < 4096:
        raise FactError(show(sexp))
    if head in ("/", "%") and values[1] == 0:
        raise FactError(show(sexp))
    if head == "nat" and not 0 <= values[0] <= LARGEST_INDEX:
        raise FactError(show(sexp))
    return int(_ARITHMETIC[head](*values))


def _is_free(sexp: Sexp, bound: Bindings) -> bool:
    return isinstance(sexp, str) and not _is_number(sexp) and sexp not in bound


def _hold(fact: Sexp, bound: Bindings, kinds: Mapping[str, str], strict: bool) -> None:
    """Check a fact, binding the variable it defines; without `strict` unknown variables are left for later."""
    assert not isinstance(fact, str)
    if is_node(fact):
        if strict:
            _term(fact, bound, kinds, None)
        return
    head, left, right = str(fact[0]), fact[1], fact[2]
    if head == "=" and not isinstance(right, str) and right[0] == "nat" and _is_free(right[1], bound):
        left, right = right[1], left  # the table of bit indices is read backwards
    try:
        value = _integer(right, bound)
        if head == "=" and isinstance(left, str) and left not in bound and not _is_number(left):
            bound[left] = value
        if not _RELATIONS[head](_integer(left, bound), value):
            raise FactError(show(fact))
    except KeyError:
        if strict:
            raise


def _term(pattern: Sexp, bound: Bindings, kinds: Mapping[str, str], width: int | None) -> Term:
    """Return the term of a pattern; a variable met for the first time takes the width its place asks for."""
    if isinstance(pattern, str):
        known = bound.get(pattern)
        if known is None:
            if width is None or width < 1:
                raise IllFormedError(pattern)
            known = bound[pattern] = var(pattern, width)
        assert isinstance(known, Term)
        return known
    name = str(pattern[0])
    shape = SHAPES[name]
    numbers = [
        str(argument) if letter == "s" else _integer(argument, bound)
        for letter, argument in zip(shape.fields, pattern[1:], strict=True)
        if letter != "t"
    ]
    _check_numbers(name, numbers)
    inner = [a for letter, a in zip(shape.fields, pattern[1:], strict=True) if letter == "t"]
    expected = shape.operands(*numbers)
    operands = [_term(a, bound, kinds, w) for a, w in zip(inner, expected, strict=True)]
    if any(o.width != w for o, w in zip(operands, expected, strict=True)):
        raise IllFormedError(show(pattern))
    made = node(name, numbers, operands)
    if width is not None and made.width != width:
        raise IllFormedError(show(pattern))
    return made


def _check_numbers(name: str, numbers: list[Any]) -> None:
    for letter, number in zip((f for f in SHAPES[name].fields if f != "t"), numbers, strict=True):
        if letter == "w" and number < 1:
            raise IllFormedError(f"{name} {numbers}")
    bad = (
        (name == "Const" and not 0 <= numbers[1] <= mask(numbers[0]))
        or (name in ("Zext", "Sext") and numbers[0] >= numbers[1])
        or (name == "Ext" and not 0 <= numbers[1] <= numbers[0] - numbers[2])
    )
    if bad:
        raise IllFormedError(f"{name} {numbers}")


def node(name: str, numbers: list[Any], operands: list[Term]) -> Term:
    """Return the term of an operator without simplifying it, so that a proof sees what the rule says."""
    if name == "Const":
        return const(numbers[1], numbers[0])
    if name == "Var":
        return var(numbers[1], numbers[0])
    if name == "Undef":
        return undef(numbers[0])
    width = SHAPES[name].result(*numbers)
    if name == "Ext":
        return make("extract", width, tuple(operands), numbers[1])
    ops = {"Ite": "ite", "Cat": "concat", "Zext": "zext", "Sext": "sext"}
    return make(OPERATOR.get(name) or ops[name], width, tuple(operands))


# SMT -------------------------------------------------------------------------------------------------------------


def counterexample(left: Term, right: Term) -> dict[str, int] | None:
    """Return values on which two terms of one width differ, or None where the solver proves that there are none.

    Raises:
        RuntimeError: the solver gave up.
    """
    import bitwuzla

    if left is right:
        return None
    manager = bitwuzla.TermManager()
    options = bitwuzla.Options()
    options.set(bitwuzla.Option.PRODUCE_MODELS, True)
    options.set(bitwuzla.Option.TIME_LIMIT_PER, 20000)
    solver = bitwuzla.Bitwuzla(manager, options)
    known: dict[Term, Any] = {}
    sides = [to_smt(t, manager, known) for t in (left, right)]
    solver.assert_formula(manager.mk_term(bitwuzla.Kind.DISTINCT, sides))
    result = solver.check_sat()
    if result == bitwuzla.Result.UNSAT:
        return None
    if result != bitwuzla.Result.SAT:
        raise RuntimeError(f"expected a verdict of the solver, got {result!r} for {left!r} = {right!r}")
    names = variables(left, right)
    return {n: int(solver.get_value(known[var(n, w)]).value(10)) for n, w in names.items() if var(n, w) in known}


_KINDS: Final[Mapping[str, str]] = {
    "not": "BV_NOT", "neg": "BV_NEG", "and": "BV_AND", "or": "BV_OR", "xor": "BV_XOR", "add": "BV_ADD",
    "sub": "BV_SUB", "mul": "BV_MUL", "udiv": "BV_UDIV", "urem": "BV_UREM", "sdiv": "BV_SDIV", "srem": "BV_SREM",
    "concat": "BV_CONCAT", "redand": "BV_REDAND", "redor": "BV_REDOR", "redxor": "BV_REDXOR",
}  # fmt: skip
_TESTS: Final[Mapping[str, str]] = {
    "eq": "EQUAL", "ult": "BV_ULT", "ule": "BV_ULE", "slt": "BV_SLT", "sle": "BV_SLE",
}  # fmt: skip


def to_smt(root: Term, manager: Any, known: dict[Term, Any]) -> Any:
    """Return `root` as a Bitwuzla term; `known` holds what was translated before."""
    from rtlgen.graphs.wordlevel.terms import walk

    for term in walk(root):
        if term not in known:
            known[term] = _smt_node(term, [known[a] for a in term.args], manager)
    return known[root]


def _smt_node(term: Term, args: list[Any], manager: Any) -> Any:
    from bitwuzla import Kind

    op, width = term.op, term.width
    if op == "const":
        return manager.mk_bv_value(manager.mk_bv_sort(width), str(term.const_value), 10)
    if op in ("var", "undef"):
        return manager.mk_const(manager.mk_bv_sort(width), str(term.value))
    if op in _KINDS:
        return manager.mk_term(getattr(Kind, _KINDS[op]), args)
    if op in _TESTS:
        return _smt_bit(manager, manager.mk_term(getattr(Kind, _TESTS[op]), args))
    if op == "ite":
        one = manager.mk_bv_value(manager.mk_bv_sort(1), "1", 10)
        return manager.mk_term(Kind.ITE, [manager.mk_term(Kind.EQUAL, [args[0], one]), args[1], args[2]])
    if op == "extract":
        low = int(term.value or 0)
        return manager.mk_term(Kind.BV_EXTRACT, args, [low + width - 1, low])
    if op in ("zext", "sext"):
        kind = Kind.BV_ZERO_EXTEND if op == "zext" else Kind.BV_SIGN_EXTEND
        return manager.mk_term(kind, args, [width - term.args[0].width])
    return _smt_shift(term, args, manager)


def _smt_bit(manager: Any, boolean: Any) -> Any:
    from bitwuzla import Kind

    sort = manager.mk_bv_sort(1)
    return manager.mk_term(Kind.ITE, [boolean, manager.mk_bv_value(sort, "1", 10), manager.mk_bv_value(sort, "0", 10)])


def _smt_shift(term: Term, args: list[Any], manager: Any) -> Any:
    """Return a shift; SMT-LIB wants both operands in one width, so both are widened to the larger and cut."""
    from bitwuzla import Kind

    value, amount = term.args
    width = max(value.width, amount.width)
    kind = {"shl": Kind.BV_SHL, "lshr": Kind.BV_SHR, "ashr": Kind.BV_ASHR}[term.op]
    extend = Kind.BV_SIGN_EXTEND if term.op == "ashr" else Kind.BV_ZERO_EXTEND
    wide = manager.mk_term(extend, [args[0]], [width - value.width])
    count = manager.mk_term(Kind.BV_ZERO_EXTEND, [args[1]], [width - amount.width])
    return manager.mk_term(Kind.BV_EXTRACT, [manager.mk_term(kind, [wide, count])], [value.width - 1, 0])
