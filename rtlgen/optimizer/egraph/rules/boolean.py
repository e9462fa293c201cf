"""Boolean algebra on words."""

from __future__ import annotations

from rtlgen.optimizer.egraph.rule import parse_rules

RULES = parse_rules(
    "boolean",
    """
and-comm: (And w a b) => (And w b a)
or-comm: (Or w a b) => (Or w b a)
xor-comm: (Xor w a b) => (Xor w b a)
and-assoc: (And w (And w a b) c) => (And w a (And w b c)) @explore
or-assoc: (Or w (Or w a b) c) => (Or w a (Or w b c)) @explore
xor-assoc: (Xor w (Xor w a b) c) => (Xor w a (Xor w b c)) @explore
and-same: (And w a a) => a
and-zero: (And w a (Zero w)) => (Zero w)
and-ones: (And w a (Ones w)) => a
and-not: (And w a (Not w a)) => (Zero w)
or-same: (Or w a a) => a
or-zero: (Or w a (Zero w)) => a
or-ones: (Or w a (Ones w)) => (Ones w)
or-not: (Or w a (Not w a)) => (Ones w)
xor-same: (Xor w a a) => (Zero w)
xor-zero: (Xor w a (Zero w)) => a
xor-ones: (Xor w a (Ones w)) => (Not w a)
xor-not: (Xor w (Not w a) b) => (Not w (Xor w a b))
xor-pull-not: (Not w (Xor w a b)) => (Xor w a (Not w b)) @explore
xor-self-inverse: (Xor w a (Xor w a b)) => b
not-not: (Not w (Not w a)) => a
de-morgan-and: (Not w (And w a b)) <=> (Or w (Not w a) (Not w b)) @explore
de-morgan-or: (Not w (Or w a b)) <=> (And w (Not w a) (Not w b)) @explore
absorb-and: (And w a (Or w a b)) => a
absorb-or: (Or w a (And w a b)) => a
absorb-and-not: (And w a (Or w (Not w a) b)) => (And w a b)
absorb-or-not: (Or w a (And w (Not w a) b)) => (Or w a b)
and-redundant: (And w a (And w a b)) => (And w a b)
or-redundant: (Or w a (Or w a b)) => (Or w a b)
factor-and: (Or w (And w a b) (And w a c)) => (And w a (Or w b c))
factor-or: (And w (Or w a b) (Or w a c)) => (Or w a (And w b c))
distribute-and: (And w a (Or w b c)) => (Or w (And w a b) (And w a c)) @explore
factor-xor: (Xor w (And w a b) (And w a c)) => (And w a (Xor w b c))
complete-and: (Or w (And w a b) (And w a (Not w b))) => a
complete-or: (And w (Or w a b) (Or w a (Not w b))) => a
sum-to-xor: (Or w (And w a (Not w b)) (And w (Not w a) b)) => (Xor w a b)
sum-to-xnor: (Or w (And w a b) (And w (Not w a) (Not w b))) => (Not w (Xor w a b))
or-and-to-xor: (And w (Or w a b) (Not w (And w a b))) => (Xor w a b)
xor-and-to-or: (Or w (Xor w a b) (And w a b)) => (Or w a b)
xor-and-or: (Xor w (And w a b) (Or w a b)) => (Xor w a b)
xor-xor-and: (Xor w (Xor w a b) (And w a b)) => (Or w a b)
xor-with-and: (Xor w a (And w a b)) => (And w a (Not w b))
xor-with-or: (Xor w a (Or w a b)) => (And w (Not w a) b)
and-with-xor: (And w a (Xor w a b)) => (And w a (Not w b))
or-with-xor: (Or w a (Xor w a b)) => (Or w a b)
consensus: (Or w (Or w (And w a b) (And w (Not w a) c)) (And w b c)) => (Or w (And w a b) (And w (Not w a) c))
majority: (Or w (Or w (And w a b) (And w a c)) (And w b c)) => (Or w (And w a b) (And w c (Xor w a b)))
majority-factored: (Or w (And w a (Or w b c)) (And w b c)) => (Or w (And w b c) (And w a (Xor w b c)))
redor-to-eq: (RedOr w a) <=> (Not 1 (Eq w a (Zero w)))
redand-to-eq: (RedAnd w a) <=> (Eq w a (Ones w))
redor-bit: (RedOr 1 a) => a
redand-bit: (RedAnd 1 a) => a
redxor-bit: (RedXor 1 a) => a
redxor-xor: (Xor 1 (RedXor w a) (RedXor w b)) => (RedXor w (Xor w a b)) @share
redor-or: (Or 1 (RedOr w a) (RedOr w b)) => (RedOr w (Or w a b)) @share
redand-and: (And 1 (RedAnd w a) (RedAnd w b)) => (RedAnd w (And w a b)) @share
redor-not: (RedOr w (Not w a)) => (Not 1 (RedAnd w a))
redand-not: (RedAnd w (Not w a)) => (Not 1 (RedOr w a))
redor-cat: (RedOr k (Cat h l a b)) => (Or 1 (RedOr h a) (RedOr l b)) if (= k (+ h l))
redor-join: (Or 1 (RedOr h a) (RedOr l b)) => (RedOr k (Cat h l a b)) if (= k (+ h l)) (Cat h l a b) @share
redand-cat: (RedAnd k (Cat h l a b)) => (And 1 (RedAnd h a) (RedAnd l b)) if (= k (+ h l))
redand-join: (And 1 (RedAnd h a) (RedAnd l b)) => (RedAnd k (Cat h l a b)) if (= k (+ h l)) (Cat h l a b) @share
redxor-cat: (RedXor k (Cat h l a b)) => (Xor 1 (RedXor h a) (RedXor l b)) if (= k (+ h l))
redxor-join: (Xor 1 (RedXor h a) (RedXor l b)) => (RedXor k (Cat h l a b)) if (= k (+ h l)) (Cat h l a b) @share
redor-zext: (RedOr w (Zext v w a)) => (RedOr v a)
redor-sext: (RedOr w (Sext v w a)) => (RedOr v a)
redxor-zext: (RedXor w (Zext v w a)) => (RedXor v a)
""",
)
