"""Combinational logic of a netlist as and-inverter literals: one function per kind of Yosys cell.

The meaning of every cell is that of IEEE 1800-2017 for the operator it stands for, not of one way to build it: a
division by zero and an index out of range are X, and so is a parallel multiplexer with two selected inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rtlgen.synth.equiv.aig import FALSE, TRUE
from rtlgen.synth.equiv.bits import Bit, Ops, Vec, X, fix, one_of, plain, zero_of
from rtlgen.synth.equiv.netlist import Cell, UnsupportedError

Pins = Mapping[str, Vec]
Rule = Callable[[Cell, Pins, Ops], Vec]
MAX_MULTIPLIER_BITS = 128
_SMALL_POWER = 16
_MAX_CUBES = 4096


def evaluate(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    """Return the bits of the cell's output.

    Args:
        cell: the cell.
        pins: bits of its inputs.
        ops: the operators over the graph.

    Raises:
        UnsupportedError: a kind of cell without a model here.
    """
    rule = _RULES.get(cell.kind)
    if rule is None:
        raise UnsupportedError(f"cell of type {cell.kind!r} has no model in the checker")
    return rule(cell, pins, ops)


def extend(vector: Vec, width: int, signed: bool) -> Vec:
    """Return the vector cut or extended to a width."""
    if len(vector) >= width:
        return list(vector[:width])
    fill: Bit = vector[-1] if signed and vector else FALSE
    return list(vector) + [fill] * (width - len(vector))


def _operand(cell: Cell, pins: Pins, name: str, width: int) -> Vec:
    return extend(pins[name], width, bool(cell.parameters.get(f"{name}_SIGNED")))


def _signed(cell: Cell) -> bool:
    return bool(cell.parameters.get("A_SIGNED")) and bool(cell.parameters.get("B_SIGNED", 1))


def _bool(cell: Cell, bit: Bit) -> Vec:
    return extend([bit], len(cell.outs), False)


def _bitwise(name: str, invert: bool = False) -> Rule:
    def rule(cell: Cell, pins: Pins, ops: Ops) -> Vec:
        width = len(cell.outs)
        combine = getattr(ops, name)
        out = [
            combine(a, b)
            for a, b in zip(_operand(cell, pins, "A", width), _operand(cell, pins, "B", width), strict=True)
        ]
        return [ops.inv(b) for b in out] if invert else out

    return rule


def _not(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    return [ops.inv(b) for b in _operand(cell, pins, "A", len(cell.outs))]


def _copy(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    return _operand(cell, pins, "A", len(cell.outs))


def _neg(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    return ops.strict(ops.words.negate, _operand(cell, pins, "A", len(cell.outs)))


def _add(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    width = len(cell.outs)
    return ops.strict(ops.words.add, _operand(cell, pins, "A", width), _operand(cell, pins, "B", width))


def _sub(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    width = len(cell.outs)
    return ops.strict(ops.words.subtract, _operand(cell, pins, "A", width), _operand(cell, pins, "B", width))


def _mul(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    width = len(cell.outs)
    if width > MAX_MULTIPLIER_BITS:
        raise UnsupportedError(f"a multiplier of {width} bits is wider than the checker's {MAX_MULTIPLIER_BITS}")
    return ops.strict(ops.words.multiply, _operand(cell, pins, "A", width), _operand(cell, pins, "B", width))


def _divide(remainder: bool, floor: bool) -> Rule:
    def rule(cell: Cell, pins: Pins, ops: Ops) -> Vec:
        out = len(cell.outs)
        width = max(out, len(pins["A"]), len(pins["B"]))
        if width > MAX_MULTIPLIER_BITS:
            raise UnsupportedError(f"a divider of {width} bits is wider than the checker's {MAX_MULTIPLIER_BITS}")
        a, b = _operand(cell, pins, "A", width), _operand(cell, pins, "B", width)

        def divide(p: list[int], q: list[int]) -> list[int]:
            return _divided(ops, p, q, _signed(cell), remainder, floor)[:out]

        result = ops.strict(divide, a, b)
        by_zero = ops.inv(ops.any_(b))
        if by_zero == FALSE:
            return result
        bad = one_of(by_zero)
        g = ops.g
        return [fix(g.and_(one_of(r), bad ^ 1), g.and_(zero_of(r), bad ^ 1)) for r in result]

    return rule


def _divided(ops: Ops, a: list[int], b: list[int], signed: bool, remainder: bool, floor: bool) -> list[int]:
    g = ops.g
    if not signed:
        return ops.divmod_plain(a, b)[remainder]
    sign_a, sign_b = a[-1], b[-1]

    def negate_if(cond: int, v: list[int]) -> list[int]:
        return [g.mux(cond, n, p) for n, p in zip(ops.neg_plain(v), v, strict=True)]

    quotient, rest = ops.divmod_plain(negate_if(sign_a, a), negate_if(sign_b, b))
    differ = g.xor(sign_a, sign_b)
    adjust = g.and_(differ, g.or_all(rest)) if floor else FALSE
    signed_rest = negate_if(sign_a, rest)
    if remainder:
        return ops.add_plain(signed_rest, [g.and_(adjust, bit) for bit in b])
    signed_quotient = negate_if(differ, quotient)
    return ops.add_plain(signed_quotient, [adjust] * len(a))


def _pow(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    """Powers with few exponent bits, or of the base 2; synthesis tools take no others."""
    width = len(cell.outs)
    base, exponent = _operand(cell, pins, "A", width), pins["B"]
    if not cell.parameters.get("B_SIGNED") and list(pins["A"][:2]) == [FALSE, TRUE] and not any(pins["A"][2:]):
        return ops.shift(extend([TRUE], width, False), exponent, left=True, fill=FALSE)
    if cell.parameters.get("B_SIGNED") or len(exponent) > _SMALL_POWER or width > MAX_MULTIPLIER_BITS:
        raise UnsupportedError("a power with a signed or wide exponent has no model in the checker")

    def power(b: list[int], e: list[int]) -> list[int]:
        result, square = [TRUE] + [FALSE] * (width - 1), b
        for bit in e:
            times = ops.words.multiply(result, square)
            result = [ops.g.mux(bit, t, r) for t, r in zip(times, result, strict=True)]
            square = ops.words.multiply(square, square)
        return result

    return ops.strict(power, base, exponent)


def _compare(swap: bool, negate: bool) -> Rule:
    def rule(cell: Cell, pins: Pins, ops: Ops) -> Vec:
        width = max(len(pins["A"]), len(pins["B"]))
        signed = _signed(cell)

        def less(a: list[int], b: list[int]) -> list[int]:
            first, second = (b, a) if swap else (a, b)
            return [ops.words.less(first, second, signed=signed) ^ int(negate)]

        a, b = _operand(cell, pins, "A", width), _operand(cell, pins, "B", width)
        return _bool(cell, ops.strict(less, a, b)[0])

    return rule


def _equal(invert: bool, case: bool = False) -> Rule:
    def rule(cell: Cell, pins: Pins, ops: Ops) -> Vec:
        width = max(len(pins["A"]), len(pins["B"]))
        a, b = _operand(cell, pins, "A", width), _operand(cell, pins, "B", width)
        if case and not plain(a, b):  # with an unknown operand, === is no function of hardware
            return _bool(cell, X)
        bit = ops.equal(a, b)
        return _bool(cell, ops.inv(bit) if invert else bit)

    return rule


def _reduce(name: str, invert: bool = False) -> Rule:
    def rule(cell: Cell, pins: Pins, ops: Ops) -> Vec:
        bit = getattr(ops, name)(pins["A"])
        return _bool(cell, ops.inv(bit) if invert else bit)

    return rule


def _logic(name: str) -> Rule:
    def rule(cell: Cell, pins: Pins, ops: Ops) -> Vec:
        return _bool(cell, getattr(ops, name)(ops.any_(pins["A"]), ops.any_(pins["B"])))

    return rule


def _shift(left: bool, arithmetic: bool) -> Rule:
    def rule(cell: Cell, pins: Pins, ops: Ops) -> Vec:
        out = len(cell.outs)
        width = max(out, len(pins["A"]))
        a = _operand(cell, pins, "A", width)
        fill: Bit = a[-1] if arithmetic and cell.parameters.get("A_SIGNED") else FALSE
        return ops.shift(a, pins["B"], left=left, fill=fill)[:out]

    return rule


def _index(fill_x: bool) -> Rule:
    """`$shift` and `$shiftx`: to the right, or to the left where a signed amount is negative."""

    def rule(cell: Cell, pins: Pins, ops: Ops) -> Vec:
        out, amount = len(cell.outs), pins["B"]
        fill: Bit = X if fill_x else FALSE
        source = list(pins["A"]) if fill_x else _operand(cell, pins, "A", max(out, len(pins["A"])))
        source += [fill] * (out - len(source))
        right = ops.shift(source, amount, left=False, fill=fill)[:out]
        if not cell.parameters.get("B_SIGNED"):
            return right
        magnitude = ops.strict(ops.neg_plain, amount)
        left = ops.shift(source, magnitude, left=True, fill=fill)[:out]
        return [ops.mux(amount[-1], lo, hi) for lo, hi in zip(left, right, strict=True)]

    return rule


def _mux(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    sel = pins["S"][0]
    return [ops.mux(sel, b, a) for a, b in zip(pins["A"], pins["B"], strict=True)]


def _bwmux(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    return [ops.mux(s, b, a) for s, a, b in zip(pins["S"], pins["A"], pins["B"], strict=True)]


def _pmux(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    """One of several inputs; X where two are selected, so that a wrong `parallel_case` is never proved away."""
    width, out = len(cell.outs), list(pins["A"])
    for i, sel in enumerate(pins["S"]):
        source = pins["B"][i * width : (i + 1) * width]
        out = [ops.mux(sel, b, a) for a, b in zip(out, source, strict=True)]
    if exclusive(pins["S"], ops):
        return out
    taken: Bit = FALSE
    twice: Bit = FALSE
    for sel in pins["S"]:
        twice = ops.or_(twice, ops.and_(taken, sel))
        taken = ops.or_(taken, sel)
    return [ops.mux(twice, X, b) for b in out]


def exclusive(selects: Vec, ops: Ops) -> bool:
    """Return whether the form of the selects alone shows that no two are ever true together.

    Each select is read as a disjunction of cubes; two cubes exclude each other when one holds a literal and the other
    its complement. That covers what comes of `case`; everything else is left to the provers.
    """
    cubes: list[tuple[int, frozenset[int]]] = []
    for index, sel in enumerate(selects):
        if not isinstance(sel, int):
            return False
        cubes += [(index, _cube(lit, ops)) for lit in _disjuncts(sel, ops)]
        if len(cubes) > _MAX_CUBES:
            return False
    holders: dict[int, int] = {}
    owner = [0] * len(selects)
    for number, (index, cube) in enumerate(cubes):
        owner[index] |= 1 << number
        for lit in cube:
            holders[lit] = holders.get(lit, 0) | 1 << number
    everyone = (1 << len(cubes)) - 1
    for index, cube in cubes:
        apart = owner[index]
        for lit in cube:
            apart |= holders.get(lit ^ 1, 0)
        if apart != everyone:
            return False
    return True


def _disjuncts(lit: int, ops: Ops) -> list[int]:
    """Return the literals whose OR the literal is."""
    found, work = [], [lit]
    while work:
        top = work.pop()
        if top & 1 and top > 1 and ops.g.fan0[top >> 1] >= 0:
            work += [ops.g.fan0[top >> 1] ^ 1, ops.g.fan1[top >> 1] ^ 1]
        else:
            found.append(top)
    return found


def _cube(lit: int, ops: Ops) -> frozenset[int]:
    """Return the literals that all hold when the literal does, inner ones included."""
    found, work = set(), [lit]
    while work:
        top = work.pop()
        found.add(top)
        if not top & 1 and ops.g.fan0[top >> 1] >= 0:
            work += [ops.g.fan0[top >> 1], ops.g.fan1[top >> 1]]
    return frozenset(found)


def _bmux(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    out, select = list(pins["A"]), pins["S"]
    for bit in reversed(select):
        half = len(out) // 2
        out = [ops.mux(bit, high, low) for low, high in zip(out[:half], out[half:], strict=True)]
    return out


def _demux(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    out: Vec = list(pins["A"])
    for bit in pins["S"]:
        out = [ops.and_(ops.inv(bit), b) for b in out] + [ops.and_(bit, b) for b in out]
    return out


def _lut(cell: Cell, pins: Pins, ops: Ops) -> Vec:
    table, out = cell.parameters["LUT"], [FALSE] * 0
    out = [table >> i & 1 for i in range(1 << len(pins["A"]))]
    return _bmux(cell, {"A": list(out), "S": pins["A"]}, ops)


_RULES: dict[str, Rule] = {
    "$and": _bitwise("and_"),
    "$or": _bitwise("or_"),
    "$xor": _bitwise("xor"),
    "$xnor": _bitwise("xor", invert=True),
    "$not": _not,
    "$pos": _copy,
    "$buf": _copy,
    "$neg": _neg,
    "$add": _add,
    "$sub": _sub,
    "$mul": _mul,
    "$div": _divide(remainder=False, floor=False),
    "$mod": _divide(remainder=True, floor=False),
    "$divfloor": _divide(remainder=False, floor=True),
    "$modfloor": _divide(remainder=True, floor=True),
    "$pow": _pow,
    "$lt": _compare(swap=False, negate=False),
    "$ge": _compare(swap=False, negate=True),
    "$gt": _compare(swap=True, negate=False),
    "$le": _compare(swap=True, negate=True),
    "$eq": _equal(invert=False),
    "$ne": _equal(invert=True),
    "$eqx": _equal(invert=False, case=True),
    "$nex": _equal(invert=True, case=True),
    "$reduce_and": _reduce("all_"),
    "$reduce_or": _reduce("any_"),
    "$reduce_bool": _reduce("any_"),
    "$reduce_xor": _reduce("parity"),
    "$reduce_xnor": _reduce("parity", invert=True),
    "$logic_not": _reduce("any_", invert=True),
    "$logic_and": _logic("and_"),
    "$logic_or": _logic("or_"),
    "$shl": _shift(left=True, arithmetic=False),
    "$sshl": _shift(left=True, arithmetic=False),
    "$shr": _shift(left=False, arithmetic=False),
    "$sshr": _shift(left=False, arithmetic=True),
    "$shift": _index(fill_x=False),
    "$shiftx": _index(fill_x=True),
    "$mux": _mux,
    "$bwmux": _bwmux,
    "$pmux": _pmux,
    "$bmux": _bmux,
    "$demux": _demux,
    "$lut": _lut,
}
