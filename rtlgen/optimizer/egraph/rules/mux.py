"""Multiplexers: merging, constants, arithmetic with a condition, and sharing an operator behind a selection."""

from __future__ import annotations

from collections.abc import Iterator

from rtlgen.optimizer.egraph.rule import parse_rules

MERGING = parse_rules(
    "mux",
    """
ite-same: (Ite w c a a) => a
ite-not: (Ite w (Not 1 c) a b) => (Ite w c b a)
ite-then-nested: (Ite w c (Ite w c a b) d) => (Ite w c a d)
ite-else-nested: (Ite w c a (Ite w c b d)) => (Ite w c a d)
ite-or: (Ite w c a (Ite w d a b)) => (Ite w (Or 1 c d) a b) @share
ite-and: (Ite w c (Ite w d a b) b) => (Ite w (And 1 c d) a b) @share
ite-or-not: (Ite w c (Ite w d a b) a) => (Ite w (Or 1 (Not 1 c) d) a b) @share
ite-and-not: (Ite w c a (Ite w d b a)) => (Ite w (And 1 (Not 1 c) d) b a) @share
ite-split-or: (Ite w (Or 1 c d) a b) => (Ite w c a (Ite w d a b)) @explore
ite-regroup: (Ite w c (Ite w d a x) (Ite w d b x)) => (Ite w d (Ite w c a b) x) @share
ite-regroup-else: (Ite w c (Ite w d x a) (Ite w d x b)) => (Ite w d x (Ite w c a b)) @share
ite-regroup-both: (Ite w c (Ite w d a x) (Ite w d b y)) => (Ite w d (Ite w c a b) (Ite w c x y)) @share
ite-exclusive-swap: (Ite w (Eq v s (Const v c)) a (Ite w (Eq v s (Const v d)) b x))
    => (Ite w (Eq v s (Const v d)) b (Ite w (Eq v s (Const v c)) a x)) if (!= c d) @share
ite-eq-same: (Ite w (Eq w a b) a b) => b
ite-bit-condition: (Ite 1 c (One 1) (Zero 1)) => c
ite-bit-not: (Ite 1 c (Zero 1) (One 1)) => (Not 1 c)
ite-bit-and: (Ite 1 c a (Zero 1)) => (And 1 c a)
ite-bit-or: (Ite 1 c (One 1) a) => (Or 1 c a)
ite-bit-and-not: (Ite 1 c (Zero 1) a) => (And 1 (Not 1 c) a)
ite-bit-or-not: (Ite 1 c a (One 1)) => (Or 1 (Not 1 c) a)
ite-bit-xnor: (Ite 1 c a (Not 1 a)) => (Not 1 (Xor 1 c a))
ite-bit-self: (Ite 1 c c a) => (Or 1 c a)
ite-bit-self-else: (Ite 1 c a c) => (And 1 c a)
and-or-as-ite: (Or w (And w (Sext 1 w c) a) (And w (Sext 1 w (Not 1 c)) b)) => (Ite w c a b) if (> w 1)
bit-and-or-as-ite: (Or 1 (And 1 c a) (And 1 (Not 1 c) b)) => (Ite 1 c a b)
ite-one-zero: (Ite w c (One w) (Zero w)) => (Zext 1 w c) if (> w 1)
ite-zero-one: (Ite w c (Zero w) (One w)) => (Zext 1 w (Not 1 c)) if (> w 1)
ite-ones-zero: (Ite w c (Ones w) (Zero w)) => (Sext 1 w c) if (> w 1)
ite-zero-ones: (Ite w c (Zero w) (Ones w)) => (Sext 1 w (Not 1 c)) if (> w 1)
ite-power-zero: (Ite w c (Const w d) (Zero w)) => (Shl w 16 (Zext 1 w c) (Const 16 (- (bits d) (bigint 1))))
    if (> d (bigint 1)) (= (bigint 0) (& d (- d (bigint 1))))
ite-zero-mask: (Ite w c a (Zero w)) => (And w (Sext 1 w c) a) if (> w 1)
ite-mask-zero: (Ite w c (Zero w) a) => (And w (Sext 1 w (Not 1 c)) a) if (> w 1)
mask-as-ite: (And w (Sext 1 w c) a) => (Ite w c a (Zero w)) if (> w 1)
ite-ones: (Ite w c (Ones w) a) => (Or w (Sext 1 w c) a) if (> w 1)
ones-as-ite: (Or w (Sext 1 w c) a) => (Ite w c (Ones w) a) if (> w 1)
ite-complement: (Ite w c (Not w a) a) => (Xor w a (Sext 1 w c)) if (> w 1)
complement-as-ite: (Xor w a (Sext 1 w c)) => (Ite w c (Not w a) a) if (> w 1)
zext-as-ite: (Zext 1 w c) => (Ite w c (One w) (Zero w)) if (Ite w c a b) @share
""",
)

ARITHMETIC = parse_rules(
    "mux-arithmetic",
    """
ite-increment: (Ite w c (Add w a (One w)) a) => (Add w a (Zext 1 w c)) if (> w 1)
ite-no-increment: (Ite w c a (Add w a (One w))) => (Add w a (Zext 1 w (Not 1 c))) if (> w 1)
ite-decrement: (Ite w c (Add w a (Ones w)) a) => (Add w a (Sext 1 w c)) if (> w 1)
ite-no-decrement: (Ite w c a (Add w a (Ones w))) => (Add w a (Sext 1 w (Not 1 c))) if (> w 1)
ite-add: (Ite w c (Add w a b) a) => (Add w a (Ite w c b (Zero w)))
ite-no-add: (Ite w c a (Add w a b)) => (Add w a (Ite w c (Zero w) b))
ite-sub: (Ite w c (Sub w a b) a) => (Sub w a (Ite w c b (Zero w)))
ite-no-sub: (Ite w c a (Sub w a b)) => (Sub w a (Ite w c (Zero w) b))
ite-sub-add: (Ite w c (Sub w a b) (Add w a b)) => (Add w (Add w a (Xor w b (Sext 1 w c))) (Zext 1 w c)) if (> w 1)
ite-add-sub: (Ite w c (Add w a b) (Sub w a b))
    => (Add w (Add w a (Xor w b (Sext 1 w (Not 1 c)))) (Zext 1 w (Not 1 c))) if (> w 1)
ite-sub-add-other: (Ite w c (Sub w a b) (Add w d e))
    => (Add w (Add w (Ite w c a d) (Ite w c (Not w b) e)) (Zext 1 w c)) if (> w 1) @share
ite-add-sub-other: (Ite w c (Add w d e) (Sub w a b))
    => (Add w (Add w (Ite w c d a) (Ite w c e (Not w b))) (Zext 1 w (Not 1 c))) if (> w 1) @share
ite-neg: (Ite w c (Neg w a) a) => (Add w (Xor w a (Sext 1 w c)) (Zext 1 w c)) if (> w 1)
ite-neg-else: (Ite w c a (Neg w a)) => (Add w (Xor w a (Sext 1 w (Not 1 c))) (Zext 1 w (Not 1 c))) if (> w 1)
conditional-negate: (Sub w (Xor w a (Sext 1 w c)) (Sext 1 w c)) => (Ite w c (Neg w a) a) if (> w 1)
ite-swap-sub: (Ite w c (Sub w a b) (Sub w b a)) => (Sub w (Ite w c a b) (Ite w c b a)) @share
ite-swap-add: (Add w (Ite w c a b) (Ite w c b a)) => (Add w a b)
ite-swap-mul: (Mul w (Ite w c a b) (Ite w c b a)) => (Mul w a b)
ite-swap-and: (And w (Ite w c a b) (Ite w c b a)) => (And w a b)
ite-swap-or: (Or w (Ite w c a b) (Ite w c b a)) => (Or w a b)
ite-swap-xor: (Xor w (Ite w c a b) (Ite w c b a)) => (Xor w a b)
other-of-swap: (Sub w (Add w a b) (Ite w c a b)) => (Ite w c b a)
sub-sext: (Sub w a (Sext 1 w c)) => (Add w a (Zext 1 w c)) if (> w 1)
add-sext: (Add w a (Sext 1 w c)) <=> (Sub w a (Zext 1 w c)) if (> w 1)
max-minus-min: (Sub w (Ite w (Ult w a b) b a) (Ite w (Ult w a b) a b)) => (Ite w (Ult w a b) (Sub w b a) (Sub w a b))
""",
)


def _sharing() -> Iterator[str]:
    """Yield, for every operator, the rules that turn a choice of results into a choice of operands."""
    for op in ("And", "Or", "Xor", "Add", "Mul"):
        # Single gates are shared by logic synthesis anyway; in every round they would square the e-graph.
        phase = "" if op in ("Add", "Mul") else " if (> w 1)"
        yield f"share-{op.lower()}: (Ite w c ({op} w a x) ({op} w b x)) => ({op} w (Ite w c a b) x){phase}"
        yield (
            f"unshare-{op.lower()}: ({op} w (Ite w c a b) x) => (Ite w c ({op} w a x) ({op} w b x)) "
            f"if ({op} w a x) @share"
        )
    for op in ("Sub", "Udiv", "Urem", "Sdiv", "Srem"):
        yield f"share-{op.lower()}-left: (Ite w c ({op} w a x) ({op} w b x)) => ({op} w (Ite w c a b) x)"
        yield f"share-{op.lower()}-right: (Ite w c ({op} w x a) ({op} w x b)) => ({op} w x (Ite w c a b))"
    for op in ("Add", "Sub", "Mul", "Udiv", "Urem", "Sdiv", "Srem"):
        yield (
            f"share-{op.lower()}-both: (Ite w c ({op} w a x) ({op} w b y)) => "
            f"({op} w (Ite w c a b) (Ite w c x y)) @share"
        )
        yield (
            f"share-{op.lower()}-across: (Ite w c ({op} w a x) (Ite w d z ({op} w b y))) => "
            f"(Ite w (And 1 (Not 1 c) d) z ({op} w (Ite w c a b) (Ite w c x y))) @share"
        )
    for op in ("Not", "Neg"):
        yield f"share-{op.lower()}: (Ite w c ({op} w a) ({op} w b)) => ({op} w (Ite w c a b)) if (> w 1)"
    for op in ("Shl", "Lshr", "Ashr"):
        yield f"share-{op.lower()}-value: (Ite w c ({op} w v a x) ({op} w v b x)) => ({op} w v (Ite w c a b) x)"
        yield f"share-{op.lower()}-amount: (Ite w c ({op} w v a x) ({op} w v a y)) => ({op} w v a (Ite v c x y))"
        yield (
            f"share-{op.lower()}-both: (Ite w c ({op} w v a x) ({op} w v b y)) => "
            f"({op} w v (Ite w c a b) (Ite v c x y)) @share"
        )
        yield f"skip-{op.lower()}: (Ite w c ({op} w v a x) a) => ({op} w v a (Ite v c x (Zero v))) @share"
    for op in ("Eq", "Ult", "Ule", "Slt", "Sle"):
        # Equalities meet in large numbers; in every round their pairs would square the e-graph.
        phase = "@share" if op == "Eq" else "if (> w 1)"
        yield f"share-{op.lower()}-left: (Ite 1 c ({op} w a x) ({op} w b x)) => ({op} w (Ite w c a b) x) {phase}"
        yield f"share-{op.lower()}-right: (Ite 1 c ({op} w x a) ({op} w x b)) => ({op} w x (Ite w c a b)) {phase}"
        if op != "Eq":
            yield (
                f"share-{op.lower()}-both: (Ite 1 c ({op} w a x) ({op} w b y)) => "
                f"({op} w (Ite w c a b) (Ite w c x y)) @share"
            )
    for op in ("RedAnd", "RedOr", "RedXor"):
        yield f"share-{op.lower()}: (Ite 1 c ({op} w a) ({op} w b)) => ({op} w (Ite w c a b)) @share"
    for op in ("Zext", "Sext"):
        yield f"share-{op.lower()}: (Ite w c ({op} v w a) ({op} v w b)) => ({op} v w (Ite v c a b))"
    yield (
        "share-zext-constant: (Ite w c (Zext v w a) (Const w d)) => (Zext v w (Ite v c a (Const v d))) "
        "if (<= d (mask v))"
    )
    yield (
        "share-zext-constant-else: (Ite w c (Const w d) (Zext v w a)) => (Zext v w (Ite v c (Const v d) a)) "
        "if (<= d (mask v))"
    )
    yield "share-cat: (Ite k c (Cat h l a x) (Cat h l b y)) => (Cat h l (Ite h c a b) (Ite l c x y)) if (= k (+ h l))"
    yield "share-ext: (Ite w c (Ext v i w a) (Ext v i w b)) => (Ext v i w (Ite v c a b)) @share"
    yield "unshare-ext: (Ext v i w (Ite v c a b)) => (Ite w c (Ext v i w a) (Ext v i w b))"
    yield "swap-slt-add: (Ite w (Not 1 c) (Add w a b) d) => (Ite w c d (Add w a b))"


SHARING = parse_rules("sharing", "\n".join(_sharing()))

RULES = MERGING + ARITHMETIC + SHARING
