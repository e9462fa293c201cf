"""Shifts by constants and by signals, decoders, masks."""

from __future__ import annotations

from rtlgen.optimizer.egraph.rule import parse_rules

RULES = parse_rules(
    "shift",
    """
shl-zero: (Shl w v a (Zero v)) => a
lshr-zero: (Lshr w v a (Zero v)) => a
ashr-zero: (Ashr w v a (Zero v)) => a
zero-shl: (Shl w v (Zero w) a) => (Zero w)
zero-lshr: (Lshr w v (Zero w) a) => (Zero w)
zero-ashr: (Ashr w v (Zero w) a) => (Zero w)
ones-ashr: (Ashr w v (Ones w) a) => (Ones w)
shl-out: (Shl w v a (Const v d)) => (Zero w) if (= k (nat d)) (>= k w)
lshr-out: (Lshr w v a (Const v d)) => (Zero w) if (= k (nat d)) (>= k w)
shl-constant: (Shl w v a (Const v d)) => (Cat u k (Ext w 0 u a) (Zero k)) if (= k (nat d)) (> k 0) (< k w) (= u (- w k))
lshr-constant: (Lshr w v a (Const v d)) => (Zext u w (Ext w k u a)) if (= k (nat d)) (> k 0) (< k w) (= u (- w k))
ashr-constant: (Ashr w v a (Const v d)) => (Sext u w (Ext w k u a)) if (= k (nat d)) (> k 0) (< k w) (= u (- w k))
cat-zero-as-shl: (Cat h l a (Zero l)) => (Shl k 16 (Zext h k a) (Const 16 c)) if (= k (+ h l)) (= l (nat c)) @explore
shl-shl: (Shl w v (Shl w u a (Const u c)) (Const v d)) => (Shl w 16 a (Const 16 (+ c d)))
    if (< (+ c d) (bigint 512))
lshr-lshr: (Lshr w v (Lshr w u a (Const u c)) (Const v d)) => (Lshr w 16 a (Const 16 (+ c d)))
    if (< (+ c d) (bigint 512))
amount-zext-shl: (Shl w v a (Zext u v b)) => (Shl w u a b)
amount-zext-lshr: (Lshr w v a (Zext u v b)) => (Lshr w u a b)
amount-zext-ashr: (Ashr w v a (Zext u v b)) => (Ashr w u a b)
shl-and: (And w (Shl w v a k) (Shl w v (Ones w) k)) => (Shl w v a k)
test-bit: (Eq w (And w a (Shl w v (One w) k)) (Zero w)) => (Not 1 (Ext w 0 1 (Lshr w v a k)))
test-bit-or: (RedOr w (And w a (Shl w v (One w) k))) => (Ext w 0 1 (Lshr w v a k))
bit-of-decoder: (Ext w i 1 (Shl w v (One w) k)) => (Eq v k (Const v c)) if (= i (nat c)) (<= c (mask v))
decoder-minus-one: (Sub w (Shl w v (One w) k) (One w)) => (Not w (Shl w v (Ones w) k))
sign-fill: (Ite w (Ext w i 1 a) (Or w (Lshr w v a k) (Not w (Lshr w v (Ones w) k))) (Lshr w v a k)) => (Ashr w v a k)
    if (= w (+ i 1))
sign-fill-masked: (Or w (Lshr w v a k) (And w (Sext 1 w (Ext w i 1 a)) (Not w (Lshr w v (Ones w) k)))) => (Ashr w v a k)
    if (= w (+ i 1))
shl-extract: (Ext w 0 u (Shl w v a k)) => (Shl u v (Ext w 0 u a) k)
""",
)
