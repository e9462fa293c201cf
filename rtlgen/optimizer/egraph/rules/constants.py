"""Constant folding: every operator over literals."""

from __future__ import annotations

from rtlgen.optimizer.egraph.rule import parse_rules

RULES = parse_rules(
    "constants",
    """
fold-not: (Not w (Const w c)) => (Const w (- (mask w) c))
fold-neg: (Neg w (Const w c)) => (Const w (wrap w (- (bigint 0) c)))
fold-and: (And w (Const w c) (Const w d)) => (Const w (& c d))
fold-or: (Or w (Const w c) (Const w d)) => (Const w (| c d))
fold-xor: (Xor w (Const w c) (Const w d)) => (Const w (^ c d))
fold-add: (Add w (Const w c) (Const w d)) => (Const w (wrap w (+ c d)))
fold-sub: (Sub w (Const w c) (Const w d)) => (Const w (wrap w (- c d)))
fold-mul: (Mul w (Const w c) (Const w d)) => (Const w (wrap w (* c d)))
fold-udiv: (Udiv w (Const w c) (Const w d)) => (Const w (/ c d)) if (> d (bigint 0))
fold-urem: (Urem w (Const w c) (Const w d)) => (Const w (% c d)) if (> d (bigint 0))
fold-shl: (Shl w v (Const w c) (Const v d)) => (Const w (wrap w (<< c k))) if (= k (nat d)) (< k w)
fold-lshr: (Lshr w v (Const w c) (Const v d)) => (Const w (>> c k)) if (= k (nat d)) (< k w)
fold-eq-true: (Eq w (Const w c) (Const w c)) => (One 1)
fold-eq-false: (Eq w (Const w c) (Const w d)) => (Zero 1) if (!= c d)
fold-ult-true: (Ult w (Const w c) (Const w d)) => (One 1) if (< c d)
fold-ult-false: (Ult w (Const w c) (Const w d)) => (Zero 1) if (>= c d)
fold-ule-true: (Ule w (Const w c) (Const w d)) => (One 1) if (<= c d)
fold-ule-false: (Ule w (Const w c) (Const w d)) => (Zero 1) if (> c d)
fold-redor: (RedOr w (Const w c)) => (One 1) if (> c (bigint 0))
fold-redor-zero: (RedOr w (Zero w)) => (Zero 1)
fold-redand: (RedAnd w (Ones w)) => (One 1)
fold-redand-zero: (RedAnd w (Const w c)) => (Zero 1) if (< c (mask w))
fold-ite-true: (Ite w (One 1) a b) => a
fold-ite-false: (Ite w (Zero 1) a b) => b
fold-cat: (Cat h l (Const h c) (Const l d)) => (Const k (| (<< c l) d)) if (= k (+ h l))
fold-ext: (Ext v i w (Const v c)) => (Const w (wrap w (>> c i)))
fold-zext: (Zext v w (Const v c)) => (Const w c)
fold-sext-positive: (Sext v w (Const v c)) => (Const w c) if (= u (- v 1)) (< c (<< (bigint 1) u))
fold-sext-negative: (Sext v w (Const v c)) => (Const w (| c (- (mask w) (mask v))))
    if (= u (- v 1)) (>= c (<< (bigint 1) u))
""",
)
