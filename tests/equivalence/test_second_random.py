"""Random state machines, re-encoded and sometimes changed: the second engine against a walk over the state tables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from random import Random

import pytest

from rtlgen.optimizer.second import second_proof
from rtlgen.optimizer.target import Target

CASES = int(os.environ.get("RTLGEN_SECOND_CASES", "12"))
INPUTS = 4


@dataclass
class Table:
    """A machine: next state and output by state and input; it starts in state 0."""

    step: list[list[int]]
    output: list[list[int]]


def random_table(rng: Random) -> Table:
    """Return a machine of two to six states."""
    states = rng.randint(2, 6)
    return Table(
        [[rng.randrange(states) for _ in range(INPUTS)] for _ in range(states)],
        [[rng.randrange(4) for _ in range(INPUTS)] for _ in range(states)],
    )


def changed(table: Table, rng: Random) -> Table:
    """Return the machine with states in another order, some of them twice, and perhaps one entry changed."""
    order = list(range(len(table.step))) + [rng.randrange(len(table.step)) for _ in range(rng.randint(0, 2))]
    tail = order[1:]
    rng.shuffle(tail)
    order = [0, *tail]
    places = {s: [i for i, x in enumerate(order) if x == s] for s in set(order)}
    step = [[rng.choice(places[s]) for s in table.step[old]] for old in order]
    output = [list(table.output[old]) for old in order]
    kind, state, value = rng.randrange(3), rng.randrange(len(order)), rng.randrange(INPUTS)
    if kind == 1:
        output[state][value] ^= rng.randint(1, 3)
    elif kind == 2:
        step[state][value] = rng.randrange(len(order))
    return Table(step, output)


def equal(a: Table, b: Table) -> bool:
    """Return whether the machines agree in every pair of states that is reached together."""
    seen, pending = {(0, 0)}, [(0, 0)]
    while pending:
        x, y = pending.pop()
        for i in range(INPUTS):
            if a.output[x][i] != b.output[y][i]:
                return False
            after = (a.step[x][i], b.step[y][i])
            if after not in seen:
                seen.add(after)
                pending.append(after)
    return True


def verilog(table: Table, codes: list[int], edge: str) -> str:
    """Return the machine as a module whose states have these codes."""
    arms, outputs = [], []
    for state, code in enumerate(codes):
        for i in range(INPUTS):
            arms.append(f"{{5'd{code}, 2'd{i}}}: s <= 5'd{codes[table.step[state][i]]};")
            outputs.append(f"{{5'd{code}, 2'd{i}}}: y = 2'd{table.output[state][i]};")
    return (
        f"module m(input clk, rst, input [1:0] i, output reg [1:0] y); reg [4:0] s;\n"
        f"always @(posedge clk{edge}) if (rst) s <= 5'd{codes[0]}; else case ({{s, i}})\n"
        + "\n".join(arms)
        + f"\ndefault: s <= 5'd{codes[0]}; endcase\nalways @* case ({{s, i}})\n"
        + "\n".join(outputs)
        + "\ndefault: y = 2'bxx; endcase\nendmodule\n"
    )


def test_verdicts_on_random_machines() -> None:
    agreed = {True: 0, False: 0}
    for seed in range(CASES):
        rng = Random(seed)
        old = random_table(rng)
        new = changed(old, rng)
        edge = rng.choice(["", " or posedge rst"])
        texts = [verilog(m, rng.sample(range(32), len(m.step)), edge) for m in (old, new)]
        left, right = (Target({"m.v": text.encode()}, "m") for text in texts)
        expected = equal(old, new)
        result = second_proof(left, right, budget_s=6)
        assert (result.status == "proved") == expected, (seed, result, *texts)
        agreed[expected] += 1
    assert agreed[True] and agreed[False]


@pytest.mark.parametrize("level", ["posedge rst", "negedge rst"])
def test_level_of_an_asynchronous_reset_matters(level: str) -> None:
    rng = Random(1)
    table = random_table(rng)
    text = verilog(table, list(range(len(table.step))), " or posedge rst")
    other = text.replace("posedge rst", level)
    if level == "negedge rst":
        other = other.replace("if (rst)", "if (!rst)")
    result = second_proof(Target({"m.v": text.encode()}, "m"), Target({"m.v": other.encode()}, "m"), budget_s=4)
    assert (result.status == "proved") == (level == "posedge rst")
