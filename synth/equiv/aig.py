"""And-inverter graphs with structural hashing, and their AIGER file form.

A literal is `2 * node + inverted`; node 0 is the constant, so literal 0 is false and 1 is true. Everything that the
equivalence checker believes about a design is said in these literals, so this file stays small and plain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

FALSE = 0
TRUE = 1


class Aig:
    """A graph of two-input AND nodes with inverted edges; equal nodes are made once.

    Example:
        >>> g = Aig()
        >>> a, b = g.pi("a"), g.pi("b")
        >>> g.or_(a, b) == g.or_(b, a)
        True
        >>> g.and_(a, a ^ 1)
        0
    """

    __slots__ = ("_hash", "fan0", "fan1", "names", "pis")

    def __init__(self) -> None:
        self.fan0: list[int] = [-1]
        self.fan1: list[int] = [-1]
        self.pis: list[int] = []
        self.names: dict[int, str] = {}
        self._hash: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self.fan0)

    def pi(self, name: str) -> int:
        """Return the literal of a new primary input; `name` is for our own use and never reaches a tool."""
        node = len(self.fan0)
        self.fan0.append(-1)
        self.fan1.append(-1)
        self.pis.append(node)
        self.names[node] = name
        return node << 1

    def is_pi(self, lit: int) -> bool:
        """Return whether the literal is a primary input or its complement."""
        return lit > 1 and self.fan0[lit >> 1] < 0

    def and_(self, a: int, b: int) -> int:
        """Return the literal of `a & b`."""
        if a > b:
            a, b = b, a
        if a == 0 or a ^ 1 == b:
            return 0
        if a == 1 or a == b:
            return b
        key = (a, b)
        node = self._hash.get(key)
        if node is None:
            node = len(self.fan0)
            self.fan0.append(a)
            self.fan1.append(b)
            self._hash[key] = node
        return node << 1

    def or_(self, a: int, b: int) -> int:
        """Return the literal of `a | b`."""
        return self.and_(a ^ 1, b ^ 1) ^ 1

    def xor(self, a: int, b: int) -> int:
        """Return the literal of `a ^ b`, the same node for every polarity of the operands."""
        inverted = (a ^ b) & 1
        a, b = a & ~1, b & ~1
        if a == b:
            return inverted
        if a == 0:
            return b ^ inverted
        if b == 0:
            return a ^ inverted
        return self.and_(self.and_(a, b) ^ 1, self.and_(a ^ 1, b ^ 1) ^ 1) ^ inverted

    def mux(self, sel: int, high: int, low: int) -> int:
        """Return the literal of `sel ? high : low`."""
        if high == low:
            return high
        if high == low ^ 1:
            return self.xor(sel, low)
        return self.and_(self.and_(sel, high) ^ 1, self.and_(sel ^ 1, low) ^ 1) ^ 1

    def and_all(self, lits: Iterable[int]) -> int:
        """Return the conjunction of all literals as a balanced tree (true where there is none)."""
        work = list(lits)
        if not work:
            return TRUE
        while len(work) > 1:
            pairs = [self.and_(work[i], work[i + 1]) for i in range(0, len(work) - 1, 2)]
            work = pairs + ([work[-1]] if len(work) & 1 else [])
        return work[0]

    def or_all(self, lits: Iterable[int]) -> int:
        """Return the disjunction of all literals (false where there is none)."""
        return self.and_all(lit ^ 1 for lit in lits) ^ 1

    def cone(self, roots: Iterable[int]) -> list[int]:
        """Return the nodes that the roots depend on, the roots' own included, in topological order."""
        seen = bytearray(len(self.fan0))
        for lit in roots:
            seen[lit >> 1] = 1
        if not len(seen):
            return []
        seen[0] = 0
        for node in range(len(seen) - 1, 0, -1):
            if seen[node] and self.fan0[node] >= 0:
                seen[self.fan0[node] >> 1] = 1
                seen[self.fan1[node] >> 1] = 1
        seen[0] = 0
        return [node for node in range(1, len(seen)) if seen[node]]

    def substitute(self, lits: Sequence[int], node: int, by: int) -> list[int]:
        """Return the literals with an input node replaced by a literal (which may depend on that node itself)."""
        new: dict[int, int] = {0: 0}
        for old in self.cone(lits):
            a, b = self.fan0[old], self.fan1[old]
            if a < 0:
                new[old] = by if old == node else old << 1
            else:
                new[old] = self.and_(new[a >> 1] ^ (a & 1), new[b >> 1] ^ (b & 1))
        return [new[lit >> 1] ^ (lit & 1) for lit in lits]

    def small_cone(self, root: int, *, nodes: int, inputs: int) -> list[int] | None:
        """Return the cone of one literal in topological order, or None where it has more nodes or inputs."""
        fan0, seen, work, support = self.fan0, {root >> 1}, [root >> 1], 0
        while work:
            node = work.pop()
            if fan0[node] < 0:
                support += 1
                if support > inputs:
                    return None
                continue
            for child in (fan0[node] >> 1, self.fan1[node] >> 1):
                if child not in seen:
                    seen.add(child)
                    work.append(child)
            if len(seen) > nodes:
                return None
        return sorted(seen)

    def simulate(
        self, roots: Sequence[int], values: dict[int, int], mask: int, cone: Sequence[int] | None = None
    ) -> list[int]:
        """Return the value of each root as a bit vector.

        Args:
            roots: literals asked for.
            values: bit vector of each primary-input node; one that is missing counts as 0.
            mask: all ones over the simulated patterns.
            cone: nodes of the roots' cone, where the caller has them.
        """
        sim: dict[int, int] = {0: 0}
        fan0, fan1 = self.fan0, self.fan1
        for node in self.cone(roots) if cone is None else cone:
            a = fan0[node]
            if a < 0:
                sim[node] = values.get(node, 0) & mask
                continue
            b = fan1[node]
            left = sim[a >> 1] ^ mask if a & 1 else sim[a >> 1]
            right = sim[b >> 1] ^ mask if b & 1 else sim[b >> 1]
            sim[node] = left & right
        return [sim[r >> 1] ^ mask if r & 1 else sim[r >> 1] for r in roots]


def _delta(number: int) -> bytes:
    """Return one number in AIGER's variable-length binary form."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def write_aiger(aig: Aig, latches: Sequence[tuple[int, int]], outputs: Sequence[int]) -> tuple[bytes, list[int]]:
    """Return the binary AIGER text (no symbols) and the primary-input node of each of its inputs, in order.

    Args:
        aig: the graph.
        latches: (primary-input node that stands for the state bit, literal of its next state); all start at 0.
        outputs: literals of the outputs.

    The format is that of A. Biere, "The AIGER And-Inverter Graph (AIG) Format", 2007. No name of the design is
    written, so that none can reach a tool or its log.
    """
    states = {node for node, _ in latches}
    nodes = aig.cone([nxt for _, nxt in latches] + list(outputs) + [node << 1 for node, _ in latches])
    inputs = [n for n in nodes if aig.fan0[n] < 0 and n not in states]
    ands = [n for n in nodes if aig.fan0[n] >= 0]
    order = [0, *inputs, *(node for node, _ in latches), *ands]
    number = {node: index for index, node in enumerate(order)}

    def lit(old: int) -> int:
        return number[old >> 1] << 1 | old & 1

    head = f"aig {len(number) - 1} {len(inputs)} {len(latches)} {len(outputs)} {len(ands)}\n"
    lines = [str(lit(nxt)) for _, nxt in latches] + [str(lit(out)) for out in outputs]
    body = bytearray(head.encode() + "".join(line + "\n" for line in lines).encode())
    for node in ands:
        a, b = lit(aig.fan0[node]), lit(aig.fan1[node])
        if a < b:
            a, b = b, a
        body += _delta((number[node] << 1) - a) + _delta(a - b)
    return bytes(body), inputs
