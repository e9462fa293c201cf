"""Word-level functions that hardware uses often but small grammars reach late: shifts, rotates, counts, priorities.

Every idiom is given as a term, so that values come from the one evaluator and text from the one printer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term


def bit(word: Term, index: int) -> Term:
    """Return one bit of a word."""
    return t.extract(word, index, 1)


def bits(word: Term) -> list[Term]:
    """Return the bits, least significant first."""
    return [bit(word, i) for i in range(word.width)]


def tree(op: str, items: Sequence[Term]) -> Term:
    """Return the items joined by an associative operator in a balanced tree."""
    level = list(items)
    while len(level) > 1:
        pairs = [t.apply(op, *level[i : i + 2]) for i in range(0, len(level) - 1, 2)]
        level = pairs + ([level[-1]] if len(level) % 2 else [])
    return level[0]


def full_adder(a: Term, b: Term, c: Term) -> Term:
    """Return the two-bit sum of three bits, written as gates so that it maps to a full adder."""
    half = t.apply("xor", a, b)
    carry = t.apply("or", t.apply("and", a, b), t.apply("and", half, c))
    return t.concat(carry, t.apply("xor", half, c))


def ones_count(word: Term) -> Term:
    """Return the number of set bits: three bits to two, then sums that take a third bit as their carry."""
    return _count(bits(word), word.width.bit_length())


def _count(items: Sequence[Term], width: int) -> Term:
    if len(items) == 1:
        return t.zext(items[0], width)
    if len(items) == 2:
        both = t.concat(t.apply("and", *items), t.apply("xor", *items))
        return t.zext(both, width)
    if len(items) == 3:
        return t.zext(full_adder(*items), width)
    # The largest tree of full adders is over 2**k - 1 bits: two halves and one bit as carry.
    half = (1 << ((len(items) + 1).bit_length() - 2)) - 1
    low, high, carry = items[:half], items[half : 2 * half], items[2 * half : 2 * half + 1]
    inner = half.bit_length() + 1
    total = t.apply("add", _count(low, inner), _count(high, inner))
    if carry:
        total = t.apply("add", total, t.zext(carry[0], inner))
    rest = items[2 * half + 1 :]
    if not rest:
        return t.zext(total, width)
    return t.apply("add", t.zext(total, width), _count(rest, width))


def rotate(word: Term, amount: Term, *, left: bool) -> Term:
    """Return `word` rotated by `amount` modulo its width, one stage of multiplexers per bit of the amount."""
    for k in range(amount.width):
        places = (1 << k) % word.width
        split = word.width - places if left else places
        if places:
            turned = t.concat(t.extract(word, 0, split), t.extract(word, split, word.width - split))
            word = t.ite(bit(amount, k), turned, word)
    return word


def shift_right(word: Term, amount: Term, fill: Term) -> Term:
    """Return `word` shifted right by `amount`, `fill` entering at the top, one stage per bit of the amount."""
    for k in range(amount.width):
        places = min(1 << k, word.width)
        entering = t.sext(fill, places)
        kept = word.width - places
        moved = t.concat(entering, t.extract(word, places, kept)) if kept else entering
        word = t.ite(bit(amount, k), moved, word)
    return word


def reverse(word: Term) -> Term:
    """Return the bits in opposite order."""
    return t.concat(*bits(word))


def lowest_one(word: Term) -> Term:
    """Return the word with all but its lowest set bit cleared."""
    return t.apply("and", word, t.apply("neg", word))


def prefix(op: str, word: Term) -> Term:
    """Return for every bit `op` over it and all bits above it, as a chain."""
    items, total = [bit(word, word.width - 1)], bit(word, word.width - 1)
    for i in range(word.width - 2, -1, -1):
        total = t.apply(op, total, bit(word, i))
        items.append(total)
    return t.concat(*items)


def highest_one(word: Term) -> Term:
    """Return the word with all but its highest set bit cleared."""
    if word.width == 1:
        return word
    above = t.concat(t.const(0, 1), t.extract(prefix("or", word), 1, word.width - 1))
    return t.apply("and", word, t.apply("not", above))


def one_hot_index(word: Term) -> Term:
    """Return the index of the set bit of a one-hot word (the or of indices where several are set)."""
    width = max(1, (word.width - 1).bit_length())
    columns = [[bit(word, i) for i in range(word.width) if i >> k & 1] for k in range(width)]
    return t.concat(*(tree("or", c) if c else t.const(0, 1) for c in reversed(columns)))


def leading_zeros(word: Term) -> tuple[Term, Term]:
    """Return the number of leading zeros of a word of 2**k bits by halving, and the word shifted left by it.

    The count has k bits for a word with a set bit; for zero it is 2**k - 1 and the top bit of the second is 0.
    """
    digits: list[Term] = []
    step = word.width // 2
    while step:
        clear = t.apply("not", t.boolean(t.extract(word, word.width - step, step)))
        moved = t.concat(t.extract(word, 0, word.width - step), t.const(0, step))
        word = t.ite(clear, moved, word)
        digits.append(clear)
        step //= 2
    return t.concat(*digits), word


def halved_zeros(word: Term) -> tuple[Term, Term]:
    """Return the number of leading zeros of a word of 2**k bits, keeping only the half that matters at each step.

    The count has k bits (2**k - 1 for zero); the second term is 1 where any bit is set.
    """
    digits: list[Term] = []
    while word.width > 1:
        half = word.width // 2
        high, low = t.extract(word, half, half), t.extract(word, 0, half)
        clear = t.apply("not", t.boolean(high))
        digits.append(clear)
        word = t.ite(clear, low, high)
    return t.concat(*digits), word


def code_length(word: Term) -> Term:
    """Return the number of ones of a thermometer code of 2**k - 1 bits (ones below zeros), by binary search."""
    digits: list[Term] = []
    while word.width > 1:
        half = word.width // 2
        middle = bit(word, half)
        digits.append(middle)
        word = t.ite(middle, t.extract(word, half + 1, half), t.extract(word, 0, half))
    return t.concat(*digits, word)


def unary(word: Term) -> Iterator[Term]:
    """Yield idioms of one word of any width from 2."""
    yield ones_count(word)
    yield t.apply("not", t.zext(t.apply("not", ones_count(word)), word.width.bit_length()))
    yield reverse(word)
    yield lowest_one(word)
    yield highest_one(word)
    yield one_hot_index(lowest_one(word))
    yield one_hot_index(highest_one(word))
    yield prefix("xor", word)
    yield prefix("or", word)
    yield prefix("and", word)
    yield t.apply("xor", word, t.apply("lshr", word, t.const(1, word.width)))
    if word.width & (word.width + 1) == 0:
        yield code_length(word)
        yield code_length(reverse(word))
    yield from _counts_of_zeros(word)


def _counts_of_zeros(word: Term) -> Iterator[Term]:
    if word.width & (word.width - 1):
        return
    for view in (word, reverse(word)):
        count, top = halved_zeros(view)
        yield count
        yield leading_zeros(view)[1]
        # The full count needs one bit more: 2**k for zero, where the halving says 2**k - 1.
        yield t.concat(t.apply("not", top), t.apply("and", count, t.sext(top, count.width)))


def by_amount(word: Term, amount: Term) -> Iterator[Term]:
    """Yield idioms of a word and a number of places, the amount no wider than useful."""
    if amount.width > word.width.bit_length() or word.width < 2:
        return
    if 1 << amount.width == word.width:
        yield rotate(word, amount, left=True)
        yield rotate(word, amount, left=False)
    yield t.apply("ashr", word, amount)
    yield t.apply("shl", word, amount)
    yield t.apply("lshr", word, amount)
    size, rest = divmod(word.width, 1 << amount.width)
    if not rest:
        yield selected(word, amount, size)


def selected(words: Term, index: Term, size: int) -> Term:
    """Return item `index` of packed items of `size` bits: `words[index*size +: size]`."""
    shift = (size - 1).bit_length()
    if 1 << shift == size:
        low = t.concat(index, t.const(0, shift)) if shift else index
    else:
        wide = index.width + size.bit_length()
        low = t.apply("mul", t.zext(index, wide), t.const(size, wide))
    return t.extract(t.apply("lshr", words, low), 0, size)


def decoder(amount: Term, width: int) -> Iterator[Term]:
    """Yield one-hot and thermometer codes of a number: `1 << n`, `(1 << n) - 1`."""
    yield t.apply("shl", t.const(1, width), amount)
    yield t.apply("not", t.apply("shl", t.const(t.mask(width), width), amount))
