"""Slices, extensions and concatenations; narrowing of operators to the bits that are read."""

from __future__ import annotations

from rtlgen.optimizer.egraph.rule import parse_rules

SLICES = parse_rules(
    "slices",
    """
ext-full: (Ext w 0 w a) => a
ext-ext: (Ext v i w (Ext u j v a)) => (Ext u k w a) if (= k (+ i j))
ext-cat-low: (Ext v i w (Cat h l a b)) => (Ext l i w b) if (<= (+ i w) l)
ext-cat-high: (Ext v i w (Cat h l a b)) => (Ext h j w a) if (>= i l) (= j (- i l))
ext-cat-both: (Ext v i w (Cat h l a b)) => (Cat x y (Ext h 0 x a) (Ext l i y b))
    if (< i l) (> (+ i w) l) (= y (- l i)) (= x (- w y))
ext-zext-low: (Ext v i w (Zext u v a)) => (Ext u i w a) if (<= (+ i w) u)
ext-zext-high: (Ext v i w (Zext u v a)) => (Zero w) if (>= i u)
ext-zext-both: (Ext v i w (Zext u v a)) => (Zext x w (Ext u i x a)) if (< i u) (> (+ i w) u) (= x (- u i))
ext-sext-low: (Ext v i w (Sext u v a)) => (Ext u i w a) if (<= (+ i w) u)
ext-sext-both: (Ext v i w (Sext u v a)) => (Sext x w (Ext u i x a)) if (< i u) (> (+ i w) u) (= x (- u i))
ext-sext-high: (Ext v i w (Sext u v a)) => (Sext 1 w (Ext u j 1 a)) if (>= i u) (= j (- u 1)) (> w 1)
ext-sext-bit: (Ext v i 1 (Sext u v a)) => (Ext u j 1 a) if (>= i u) (= j (- u 1))
cat-slices: (Cat h l (Ext v i h a) (Ext v j l a)) => (Ext v j k a) if (= i (+ j l)) (= k (+ h l))
cat-zero: (Cat h l (Zero h) a) => (Zext l k a) if (= k (+ h l))
cat-assoc: (Cat x l (Cat h m a b) c) => (Cat h y a (Cat m l b c)) if (= y (+ m l))
cat-sign: (Cat 1 w (Ext w i 1 a) a) => (Sext w k a) if (= i (- w 1)) (= k (+ w 1))
cat-sext: (Cat h l (Sext 1 h (Ext l i 1 a)) a) => (Sext l k a) if (= i (- l 1)) (= k (+ h l))
cat-same-bits: (Cat 1 1 a a) => (Sext 1 2 a)
cat-more-same-bits: (Cat 1 w a (Sext 1 w a)) => (Sext 1 k a) if (= k (+ w 1))
zext-zext: (Zext v w (Zext u v a)) => (Zext u w a)
sext-sext: (Sext v w (Sext u v a)) => (Sext u w a)
sext-zext: (Sext v w (Zext u v a)) => (Zext u w a)
sext-bits: (And w (Sext 1 w a) (Sext 1 w b)) => (Sext 1 w (And 1 a b)) if (> w 1)
sext-or-bits: (Or w (Sext 1 w a) (Sext 1 w b)) => (Sext 1 w (Or 1 a b)) if (> w 1)
sext-not-bit: (Not w (Sext 1 w a)) => (Sext 1 w (Not 1 a)) if (> w 1)
mask-low: (And w a (Const w c)) => (Zext k w (Ext w 0 k a))
    if (> c (bigint 0)) (< c (mask w)) (= (bigint 0) (& c (+ c (bigint 1)))) (= k (nat (bits c)))
mask-high: (And w a (Const w c)) => (Cat u k (Ext w k u a) (Zero k))
    if (> c (bigint 0)) (< c (mask w)) (= m (- (mask w) c)) (> m (bigint 0)) (= (bigint 0) (& m (+ m (bigint 1))))
       (= k (nat (bits m))) (= u (- w k))
or-high-zero: (Or k (Zext l k b) (Cat h l a (Zero l))) => (Cat h l a b) if (= k (+ h l))
and-zext: (And w (Zext v w a) (Zext v w b)) => (Zext v w (And v a b))
or-zext: (Or w (Zext v w a) (Zext v w b)) => (Zext v w (Or v a b))
xor-zext: (Xor w (Zext v w a) (Zext v w b)) => (Zext v w (Xor v a b))
and-sext: (And w (Sext v w a) (Sext v w b)) => (Sext v w (And v a b))
or-sext: (Or w (Sext v w a) (Sext v w b)) => (Sext v w (Or v a b))
xor-sext: (Xor w (Sext v w a) (Sext v w b)) => (Sext v w (Xor v a b))
and-zext-any: (And w (Zext v w a) b) => (Zext v w (And v a (Ext w 0 v b)))
and-cat: (And k (Cat h l a b) (Cat h l c d)) => (Cat h l (And h a c) (And l b d)) if (= k (+ h l))
or-cat: (Or k (Cat h l a b) (Cat h l c d)) => (Cat h l (Or h a c) (Or l b d)) if (= k (+ h l))
xor-cat: (Xor k (Cat h l a b) (Cat h l c d)) => (Cat h l (Xor h a c) (Xor l b d)) if (= k (+ h l))
cat-of-and: (Cat h l (And h a c) (And l b d)) => (And k (Cat h l a b) (Cat h l c d))
    if (= k (+ h l)) (Cat h l a b) (Cat h l c d) @share
cat-of-ite: (Cat h l (Ite h c a b) (Ite l c x y)) => (Ite k c (Cat h l a x) (Cat h l b y)) if (= k (+ h l)) @share
not-cat: (Not k (Cat h l a b)) => (Cat h l (Not h a) (Not l b)) if (= k (+ h l)) @explore
cat-not: (Cat h l (Not h a) (Not l b)) => (Not k (Cat h l a b)) if (= k (+ h l))
""",
)

NARROWING = parse_rules(
    "narrowing",
    """
trunc-add: (Ext v 0 w (Add v a b)) => (Add w (Ext v 0 w a) (Ext v 0 w b)) if (< w v)
trunc-sub: (Ext v 0 w (Sub v a b)) => (Sub w (Ext v 0 w a) (Ext v 0 w b)) if (< w v)
trunc-mul: (Ext v 0 w (Mul v a b)) => (Mul w (Ext v 0 w a) (Ext v 0 w b)) if (< w v)
trunc-neg: (Ext v 0 w (Neg v a)) => (Neg w (Ext v 0 w a)) if (< w v)
slice-and: (Ext v i w (And v a b)) => (And w (Ext v i w a) (Ext v i w b))
slice-or: (Ext v i w (Or v a b)) => (Or w (Ext v i w a) (Ext v i w b))
slice-xor: (Ext v i w (Xor v a b)) => (Xor w (Ext v i w a) (Ext v i w b))
slice-not: (Ext v i w (Not v a)) => (Not w (Ext v i w a))
add-zext: (Add w (Zext v w a) (Zext v w b)) => (Zext k w (Add k (Zext v k a) (Zext v k b))) if (= k (+ v 1)) (< k w)
add-zext-mixed: (Add w (Zext v w a) (Zext u w b)) => (Zext k w (Add k (Zext v k a) (Zext u k b)))
    if (< u v) (= k (+ v 1)) (< k w)
add-zext-constant: (Add w (Zext v w a) (Const w c)) => (Zext k w (Add k (Zext v k a) (Const k c)))
    if (<= c (mask v)) (= k (+ v 1)) (< k w)
add-sext-narrow: (Add w (Sext v w a) (Sext v w b)) => (Sext k w (Add k (Sext v k a) (Sext v k b)))
    if (= k (+ v 1)) (< k w)
sub-zext: (Sub w (Zext v w a) (Zext v w b)) => (Sext k w (Sub k (Zext v k a) (Zext v k b))) if (= k (+ v 1)) (< k w)
sub-sext-narrow: (Sub w (Sext v w a) (Sext v w b)) => (Sext k w (Sub k (Sext v k a) (Sext v k b)))
    if (= k (+ v 1)) (< k w)
mul-zext: (Mul w (Zext v w a) (Zext u w b)) => (Zext k w (Mul k (Zext v k a) (Zext u k b))) if (= k (+ u v)) (< k w)
mul-sext: (Mul w (Sext v w a) (Sext u w b)) => (Sext k w (Mul k (Sext v k a) (Sext u k b))) if (= k (+ u v)) (< k w)
mul-zext-bit: (Mul w (Zext 1 w a) b) => (Ite w a b (Zero w)) if (> w 1)
urem-zext: (Urem w (Zext v w a) (Zext v w b)) => (Zext v w (Urem v a b))
urem-zext-constant: (Urem w (Zext v w a) (Const w c)) => (Zext v w (Urem v a (Const v c))) if (<= c (mask v))
udiv-zext-constant: (Udiv w (Zext v w a) (Const w c)) => (Zext v w (Udiv v a (Const v c)))
    if (<= c (mask v)) (> c (bigint 0))
udiv-zext-zero: (Udiv w (Zext v w a) (Const w c)) => (Zero w) if (> c (mask v))
lshr-zext: (Lshr w u (Zext v w a) k) => (Zext v w (Lshr v u a k))
add-cat-low: (Add k (Cat h l a b) (Zext m k c)) => (Add k (Zext m k c) (Cat h l a b)) if (= k (+ h l))
widen-mul-zext: (Zext v w (Mul v (Zext u v a) (Zext t v b))) => (Mul w (Zext u w a) (Zext t w b))
    if (>= v (+ u t)) @explore
widen-mul-sext: (Sext v w (Mul v (Sext u v a) (Sext t v b))) => (Mul w (Sext u w a) (Sext t w b))
    if (>= v (+ u t)) @explore
widen-add-zext: (Zext v w (Add v (Zext u v a) (Zext t v b))) => (Add w (Zext u w a) (Zext t w b)) if (< u v) (< t v)
    @explore
widen-add-sext: (Sext v w (Add v (Sext u v a) (Sext t v b))) => (Add w (Sext u w a) (Sext t w b)) if (< u v) (< t v)
    @explore
widen-sub-sext: (Sext v w (Sub v (Sext u v a) (Sext t v b))) => (Sub w (Sext u w a) (Sext t w b)) if (< u v) (< t v)
    @explore
widen-sub-zext: (Sext v w (Sub v (Zext u v a) (Zext t v b))) => (Sub w (Zext u w a) (Zext t w b)) if (< u v) (< t v)
    @explore
not-zext-low: (Ext v 0 w (Not v (Zext w v a))) => (Not w a)
""",
)

RULES = SLICES + NARROWING
