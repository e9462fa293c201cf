"""Arithmetic modulo 2**w: sums, differences, products, carries, strength reduction of constant factors."""

from __future__ import annotations

from rtlgen.optimizer.egraph.rule import parse_rules

SUMS = parse_rules(
    "arithmetic",
    """
add-comm: (Add w a b) => (Add w b a)
add-assoc: (Add w (Add w a b) c) => (Add w a (Add w b c)) @explore
add-zero: (Add w a (Zero w)) => a
add-same: (Add w a a) => (Shl w 1 a (One 1)) if (> w 1)
add-neg: (Add w a (Neg w b)) => (Sub w a b)
add-not-one: (Add w (Add w a (Not w b)) (One w)) => (Sub w a b)
add-not-cancel: (Add w a (Not w a)) => (Ones w)
not-plus-one: (Add w (Not w a) (One w)) => (Neg w a)
not-of-neg: (Not w (Neg w a)) => (Sub w a (One w))
neg-of-not: (Neg w (Not w a)) => (Add w a (One w))
not-of-sum: (Not w (Add w a b)) <=> (Sub w (Not w a) b) @explore
not-of-difference: (Not w (Sub w a b)) <=> (Add w (Not w a) b) @explore
sub-not: (Sub w a (Not w b)) => (Add w (Add w a b) (One w))
sub-zero: (Sub w a (Zero w)) => a
sub-same: (Sub w a a) => (Zero w)
sub-from-zero: (Sub w (Zero w) a) => (Neg w a)
sub-from-ones: (Sub w (Ones w) a) => (Not w a)
sub-neg: (Sub w a (Neg w b)) => (Add w a b)
sub-constant: (Sub w a (Const w c)) => (Add w a (Const w (wrap w (- (bigint 0) c))))
neg-neg: (Neg w (Neg w a)) => a
neg-sub: (Neg w (Sub w a b)) => (Sub w b a)
neg-as-swapped: (Sub w a b) => (Neg w (Sub w b a)) if (Sub w b a)
neg-add: (Neg w (Add w a b)) => (Sub w (Neg w a) b)
neg-add-constant: (Neg w (Add w a (Const w c))) => (Sub w (Const w (wrap w (- (bigint 0) c))) a)
neg-sum: (Add w (Neg w a) (Neg w b)) => (Neg w (Add w a b))
sub-of-neg: (Sub w (Neg w a) b) => (Neg w (Add w a b))
add-sub-cancel: (Sub w (Add w a b) b) => a
sub-add-cancel: (Add w (Sub w a b) b) => a
sub-sub-cancel: (Sub w a (Sub w a b)) => b
sub-common-left: (Sub w (Add w a b) (Add w a c)) => (Sub w b c)
sub-common-sub: (Sub w (Sub w a c) (Sub w b c)) => (Sub w a b)
sub-common-from: (Sub w (Sub w a b) (Sub w a c)) => (Sub w c b)
sub-sum: (Sub w a (Add w b c)) <=> (Sub w (Sub w a b) c) @explore
sub-difference: (Sub w a (Sub w b c)) <=> (Sub w (Add w a c) b) @explore
move-sub: (Add w (Sub w a b) c) <=> (Sub w (Add w a c) b) @explore
add-constants: (Add w (Add w a (Const w c)) (Const w d)) => (Add w a (Const w (wrap w (+ c d))))
constant-minus-sum: (Sub w (Const w d) (Add w a (Const w c))) => (Sub w (Const w (wrap w (- d c))) a)
add-constant-minus: (Add w (Sub w (Const w c) a) (Const w d)) => (Sub w (Const w (wrap w (+ c d))) a)
and-plus-or: (Add w (And w a b) (Or w a b)) => (Add w a b)
xor-plus-carries: (Add w (Xor w a b) (Shl w v (And w a b) (Const v (bigint 1)))) => (Add w a b)
or-plus-and-carries: (Sub w (Shl w v (Or w a b) (Const v (bigint 1))) (Xor w a b)) => (Add w a b)
sum-minus-and: (Sub w (Add w a b) (And w a b)) => (Or w a b)
sum-minus-or: (Sub w (Add w a b) (Or w a b)) => (And w a b)
minus-and: (Sub w a (And w a b)) => (And w a (Not w b))
or-minus: (Sub w (Or w a b) b) => (And w a (Not w b))
or-minus-and: (Sub w (Or w a b) (And w a b)) => (Xor w a b)
xor-minus: (Sub w (Xor w a b) (And w (Not w a) b)) => (And w a (Not w b))
add-bit: (Add 1 a b) => (Xor 1 a b)
sub-bit: (Sub 1 a b) => (Xor 1 a b)
mul-bit: (Mul 1 a b) => (And 1 a b)
neg-bit: (Neg 1 a) => a
add-disjoint: (Add k (Cat h l a (Zero l)) (Zext l k b)) => (Cat h l a b) if (= k (+ h l))
add-high: (Add k (Cat h l a (Zero l)) (Cat h l b c)) => (Cat h l (Add h a b) c) if (= k (+ h l))
sub-high: (Sub k (Cat h l b c) (Cat h l a (Zero l))) => (Cat h l (Sub h b a) c) if (= k (+ h l))
or-disjoint: (Or k (Cat h l a (Zero l)) (Zext l k b)) => (Cat h l a b) if (= k (+ h l))
xor-disjoint: (Xor k (Cat h l a (Zero l)) (Zext l k b)) => (Cat h l a b) if (= k (+ h l))
add-carry-bit: (Add w (Add w a b) (Zext 1 w c))
    => (Ext k 1 w (Add k (Cat w 1 a (One 1)) (Cat w 1 b c))) if (> w 1) (= k (+ w 1)) @explore
sub-borrow-bit: (Sub w (Sub w a b) (Zext 1 w c))
    => (Ext k 1 w (Sub k (Cat w 1 a (Zero 1)) (Cat w 1 b c))) if (> w 1) (= k (+ w 1)) @explore
narrow-sum-of-wide: (Add w a b) => (Ext v 0 w (Add v (Zext w v a) (Zext w v b))) if (Add v (Zext w v a) (Zext w v b))
narrow-difference-of-wide: (Sub w a b) => (Ext v 0 w (Sub v (Zext w v a) (Zext w v b)))
    if (Sub v (Zext w v a) (Zext w v b))
""",
)

CARRIES = parse_rules(
    "carries",
    """
carry-of-sum: (Ult w (Add w a b) a) => (Ext k w 1 (Add k (Zext w k a) (Zext w k b))) if (= k (+ w 1))
no-carry-of-sum: (Ule w a (Add w a b)) => (Not 1 (Ext k w 1 (Add k (Zext w k a) (Zext w k b)))) if (= k (+ w 1))
carry-of-not: (Ult w (Not w a) b) => (Ext k w 1 (Add k (Zext w k a) (Zext w k b))) if (= k (+ w 1)) (Add w a b)
borrow-of-difference: (Ult w a b) => (Ext k w 1 (Sub k (Zext w k a) (Zext w k b))) if (Sub w a b) (= k (+ w 1))
borrow-of-swapped: (Ult w a b) => (Or 1 (Not 1 (Ule w b a)) (Zero 1)) if (Sub w b a)
borrow-to-less: (Ext k w 1 (Sub k (Zext w k a) (Zext w k b))) => (Ult w a b) if (= k (+ w 1))
difference-underflow: (Ult w a (Sub w a b)) => (Ult w a b)
no-difference-underflow: (Ule w (Sub w a b) a) => (Ule w b a)
carry-chain: (Ext k w 1 (Add k (Add k (Zext w k a) (Zext w k b)) (Zext 1 k c)))
    => (Ext j u 1 (Add j (Cat k 1 (Zext w k a) (One 1)) (Cat k 1 (Zext w k b) c)))
    if (= k (+ w 1)) (= j (+ w 2)) (= u (+ w 1)) @explore
wide-sum-parts: (Cat 1 w (Ext k w 1 s) (Ext k 0 w s)) => s if (= k (+ w 1))
ones-complement-carry: (Ule w b a) => (Ext k w 1 (Add k (Add k (Zext w k a) (Zext w k (Not w b))) (One k)))
    if (= k (+ w 1)) (Add w a (Not w b))
equal-by-difference: (Eq w a b) => (Eq w (Sub w a b) (Zero w)) if (Sub w a b)
less-by-order: (Ult w b a) => (Not 1 (Or 1 (Ult w a b) (Eq w a b))) if (Sub w a b)
less-equal-by-order: (Ule w a b) => (Or 1 (Ult w a b) (Eq w a b)) if (Sub w a b)
""",
)

PRODUCTS = parse_rules(
    "products",
    """
mul-comm: (Mul w a b) => (Mul w b a)
mul-assoc: (Mul w (Mul w a b) c) => (Mul w a (Mul w b c)) @strength
mul-zero: (Mul w a (Zero w)) => (Zero w)
mul-one: (Mul w a (One w)) => a
mul-ones: (Mul w a (Ones w)) => (Neg w a)
mul-neg: (Mul w (Neg w a) b) => (Neg w (Mul w a b)) @strength
mul-constants: (Mul w (Mul w a (Const w c)) (Const w d)) => (Mul w a (Const w (wrap w (* c d))))
distribute-add: (Add w (Mul w a b) (Mul w a c)) => (Mul w a (Add w b c))
distribute-sub: (Sub w (Mul w a b) (Mul w a c)) => (Mul w a (Sub w b c))
distribute-add-one: (Add w (Mul w a b) a) => (Mul w a (Add w b (One w))) @strength
distribute-sub-one: (Sub w (Mul w a b) a) => (Mul w a (Sub w b (One w))) @strength
expand-constant: (Mul w (Add w a (Const w c)) (Const w d))
    => (Add w (Mul w a (Const w d)) (Const w (wrap w (* c d)))) @strength
difference-of-squares: (Sub w (Mul w a a) (Mul w b b)) => (Mul w (Add w a b) (Sub w a b))
square-of-sum: (Add w (Add w (Mul w a a) (Mul w (Mul w a b) (Const w (bigint 2)))) (Mul w b b))
    => (Mul w (Add w a b) (Add w a b)) if (> w 1)
factor-shift-add: (Add w (Shl w v a k) (Shl w v b k)) => (Shl w v (Add w a b) k)
factor-shift-sub: (Sub w (Shl w v a k) (Shl w v b k)) => (Shl w v (Sub w a b) k)
factor-shift-and: (And w (Shl w v a k) (Shl w v b k)) => (Shl w v (And w a b) k)
factor-shift-or: (Or w (Shl w v a k) (Shl w v b k)) => (Shl w v (Or w a b) k)
factor-shift-xor: (Xor w (Shl w v a k) (Shl w v b k)) => (Shl w v (Xor w a b) k)
factor-right-and: (And w (Lshr w v a k) (Lshr w v b k)) => (Lshr w v (And w a b) k)
factor-right-or: (Or w (Lshr w v a k) (Lshr w v b k)) => (Lshr w v (Or w a b) k)
factor-right-xor: (Xor w (Lshr w v a k) (Lshr w v b k)) => (Lshr w v (Xor w a b) k)
mul-by-shifted: (Mul w (Shl w v a k) b) => (Shl w v (Mul w a b) k) @strength
mul-by-one-hot: (Mul w a (Shl w v (One w) k)) => (Shl w v a k)
shift-as-product: (Shl w v a (Const v d)) => (Mul w a (Const w (<< (bigint 1) k)))
    if (= k (nat d)) (< k w) (Mul w a (Const w e)) @strength
udiv-one: (Udiv w a (One w)) => a
urem-one: (Urem w a (One w)) => (Zero w)
udiv-power: (Udiv w a (Const w c)) => (Zext v w (Ext w k v a))
    if (> c (bigint 1)) (= (bigint 0) (& c (- c (bigint 1)))) (= k (- (nat (bits c)) 1)) (= v (- w k))
urem-power: (Urem w a (Const w c)) => (Zext k w (Ext w 0 k a))
    if (> c (bigint 1)) (= (bigint 0) (& c (- c (bigint 1)))) (= k (- (nat (bits c)) 1))
urem-by-quotient: (Urem w a b) => (Sub w a (Mul w (Udiv w a b) b)) if (Udiv w a b)
rebuild-remainder: (Sub w a (Mul w b (Udiv w a b))) => (Urem w a b)
udiv-constant: (Udiv w a (Const w c))
    => (Ext n m w (Mul n (Zext w n a) (Const n (+ (/ (<< (bigint 1) m) c) (bigint 1)))))
    if (> c (bigint 2)) (> (& c (- c (bigint 1))) (bigint 0))
       (= m (+ w (nat (bits c)))) (= n (+ m w)) (> w 2) @explore
""",
)

STRENGTH = parse_rules(
    "strength",
    """
mul-even: (Mul w a (Const w c)) => (Shl w 16 (Mul w a (Const w (>> c 1))) (Const 16 (bigint 1)))
    if (> c (bigint 0)) (= (bigint 0) (& c (bigint 1))) (< 1 w)
mul-low-one: (Mul w a (Const w c)) => (Add w (Mul w a (Const w (- c (bigint 1)))) a)
    if (> c (bigint 2)) (= (bigint 1) (& c (bigint 3)))
mul-low-minus-one: (Mul w a (Const w c)) => (Sub w (Mul w a (Const w (wrap w (+ c (bigint 1))))) a)
    if (> c (bigint 2)) (= (bigint 3) (& c (bigint 3)))
mul-low-plus-three: (Mul w a (Const w c)) => (Add w (Mul w a (Const w (- c (bigint 1)))) a)
    if (= c (bigint 3))
mul-high-minus: (Mul w a (Const w c))
    => (Sub w (Shl w 16 a (Const 16 k)) (Mul w a (Const w (- (<< (bigint 1) m) c))))
    if (> c (bigint 4)) (= k (bits c)) (= m (nat k)) (< m w) (< (- (<< (bigint 1) m) c) (/ c (bigint 3)))
mul-high-plus: (Mul w a (Const w c))
    => (Add w (Shl w 16 a (Const 16 k)) (Mul w a (Const w (- c (<< (bigint 1) m)))))
    if (> c (bigint 4)) (= k (- (bits c) (bigint 1))) (= m (nat k)) (< (- c (<< (bigint 1) m)) (/ c (bigint 3)))
       (> c (<< (bigint 1) m))
mul-power: (Mul w a (Const w c)) => (Shl w 16 a (Const 16 (- (bits c) (bigint 1))))
    if (> c (bigint 1)) (= (bigint 0) (& c (- c (bigint 1))))
"""
    + "\n".join(
        f"""
mul-factor-{f}: (Mul w a (Const w c)) =>
    ({op} w (Shl w 16 (Mul w a (Const w (/ c (bigint {f})))) (Const 16 (bigint {k})))
    (Mul w a (Const w (/ c (bigint {f}))))) if (> c (bigint {f})) (= (bigint 0) (% c (bigint {f})))
"""
        for k in (1, 2, 3, 4)
        for op, f in (("Add", (1 << k) + 1), ("Sub", (1 << k) - 1))
        if f > 1 and not (f == 3 and op == "Sub")
    ),
    phase="strength",
)

RULES = SUMS + CARRIES + PRODUCTS + STRENGTH
