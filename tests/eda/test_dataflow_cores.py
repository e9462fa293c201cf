"""Real cores: flipping a register or input outside of a computed cone never changes a signal in Verilator.

One step from random states: every register and input gets a random value, the signals settle, a clock edge follows.
The same with one bit flipped; what differs (wires before the edge, registers after it) must have that bit in its cone.
"""

from __future__ import annotations

import importlib.util
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rtlgen.core.errors import InputError
from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.database.mirror import Bits
from rtlgen.graphs.indexing import Indexer, Options
from rtlgen.graphs.query.cone import cone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

VECTORS = 24
MEMORY_BITS = 96
"""Flips of each memory; the words are alike."""
SIGNALS = 200
"""Signals of each core whose cones are compared, registers and wires."""


@dataclass(frozen=True)
class Core:
    """A core from a package of data files."""

    package: str
    folder: str
    sources: str
    top: str
    clock: str
    parameters: dict[str, str]


CORES = (
    Core("pythondata_cpu_serv", "verilog/rtl", "*.v", "serv_rf_top", "clk", {}),
    Core(
        "pythondata_cpu_picorv32", "verilog", "picorv32.v", "picorv32", "clk",
        {"COMPRESSED_ISA": "1", "ENABLE_MUL": "1", "ENABLE_DIV": "1", "ENABLE_IRQ": "1"},
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where Verilator keeps bits: C++ expression, width, and the bits in the database."""

    code: str
    bits: Bits
    width: int
    held: bool
    memory: bool


MEMBER = re.compile(
    r"^\s*(?:VL_(?:IN|OUT|INOUT)\w*\(&?(?P<port>\w+),(?P<high>\d+),(?P<low>\d+)(?:,\d+)?\)|"
    r"(?P<type>CData|SData|IData|QData|VlWide<\d+>|VlUnpacked<(?:CData|SData|IData|QData)/\*\d+:0\*/, (?P<size>\d+)>)"
    r"/\*(?P<h>\d+):(?P<l>\d+)\*/ (?P<name>\w+)|"
    r"VlUnpacked<(?:CData|SData|IData|QData)/\*(?P<uh>\d+):(?P<ul>\d+)\*/, (?P<count>\d+)> (?P<array>\w+));",
    re.MULTILINE,
)


def test_cores_depend_on_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At least 200 signals of two cores, each against every register and input."""
    checked = 0
    for core in CORES:
        spec = importlib.util.find_spec(core.package)
        if spec is None or spec.origin is None:
            pytest.skip(f"needs {core.package}: pip install {core.package.replace('_', '-')}")
        folder = tmp_path / core.top
        folder.mkdir()
        for source in sorted((Path(spec.origin).parent / core.folder).glob(core.sources)):
            shutil.copy(source, folder)
        line, count = check_core(core, folder)
        checked += count
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")
    assert checked >= 200


def check_core(core: Core, folder: Path) -> tuple[str, int]:
    """Compare a core; return what was seen in a line, and the number of signals."""
    with Indexer(folder, Options(tops=(core.top,), parameters=core.parameters)) as indexer:
        indexer.run()
    verilate(core, folder)
    with DesignDatabase.open(folder) as design:
        places = list(find_places(design, core, folder))
        flips = choose_flips(design, core, places)
        changed = simulate(core, folder, places, flips)
        return compare(design, core, places, flips, changed)


def verilate(core: Core, folder: Path, *more: str) -> None:
    """Translate the core to C++, every signal kept; with a harness in `more` build it."""
    options = [f"-G{name}={value}" for name, value in core.parameters.items()]
    command = [
        "verilator", "--cc", "--public-flat-rw", "--flatten", "-O1", "-Wno-fatal", "-Wno-lint",
        "-Wno-style", "--x-assign", "0", "--x-initial", "0", "-CFLAGS", "-O0", "--top-module", core.top,
        "--prefix", "Vtop", "--Mdir", "obj",
        *options, *more, *sorted(p.name for p in folder.glob("*.v")),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-4000:]


def find_places(design: DesignDatabase, core: Core, folder: Path) -> Iterator[Place]:
    """Yield the members of Verilator's model that are signals of the database."""
    header = (folder / "obj" / "Vtop___024root.h").read_text()
    for match in MEMBER.finditer(header):
        name = match["port"] or match["name"] or match["array"]
        path = name.replace("__DOT__", ".").replace("__BRA__", "[").replace("__KET__", "]").replace("___05F", "__")
        path = path if "__DOT__" in name else f"{core.top}.{path}"
        try:
            bits = design.resolve(path)
        except InputError:
            continue
        held = is_held(design, bits)
        top = not design.mirror.instance(bits.instance).parent
        if top and design.mirror.signal(bits).direction and ("__DOT__" in name) == is_input(design, bits):
            continue  # Verilator has ports of the top twice: inputs are set outside, outputs are kept inside
        if match["array"]:
            width = int(match["uh"]) + 1
            for i in range(int(match["count"])):
                yield Place(f"{name}[{i}]", design.resolve(f"{path}[{i}]"), width, held, memory=True)
        elif bits.high - bits.low + 1 == int(match["high"] or match["h"]) + 1:
            yield Place(name, bits, bits.high - bits.low + 1, held, memory=False)


def is_input(design: DesignDatabase, bits: Bits) -> bool:
    """Return whether a signal is an input of the top."""
    return not design.mirror.instance(bits.instance).parent and design.mirror.signal(bits).direction == "input"


def is_held(design: DesignDatabase, bits: Bits) -> bool:
    """Return whether a signal is a register, or an input of the top."""
    graph = design.mirror.graph_of(bits.instance)
    assert graph is not None
    return is_input(design, bits) or any(flow.registered for flow in graph.into.get(bits.signal, ()))


def choose_flips(design: DesignDatabase, core: Core, places: list[Place]) -> list[tuple[int, int]]:
    """Return (place, bit) of every held bit but the clock; of memories some."""
    r = random.Random(1)
    clock = design.resolve(f"{core.top}.{core.clock}")
    plain = [(n, k) for n, p in enumerate(places) if p.held and not p.memory for k in range(p.width)]
    memory = [(n, k) for n, p in enumerate(places) if p.held and p.memory for k in range(p.width)]
    same = {(p.bits.instance, p.bits.signal) for p in places if p.bits[:2] == clock[:2]}
    plain = [f for f in plain if places[f[0]].bits[:2] not in same]
    return plain + r.sample(memory, min(MEMORY_BITS, len(memory)))


HARNESS = r"""
#include "Vtop.h"
#include "Vtop___024root.h"
#include "verilated.h"
#include <cstdio>
#include <cstdint>
#include <cstring>
#include <vector>
struct Place { uint8_t* at; int width; size_t size; bool held; };
static uint64_t state = 88172645463325252ull;
static uint64_t next() { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state; }
typedef std::vector<uint8_t> Image;
static Image read(const std::vector<Place>& places) {
  Image image;
  for (const Place& p : places) image.insert(image.end(), p.at, p.at + (p.width + 7) / 8);
  return image;
}
static std::vector<Place> places_of(Vtop___024root* r) { return { PLACES }; }
int main() {
  static const int flips[][2] = { FLIPS };
  size_t count = sizeof(flips) / sizeof(*flips);
  Vtop* top = new Vtop;
  std::vector<Place> places = places_of(top->rootp);
  size_t length = read(places).size();
  std::vector<Image> wires(count, Image(length)), after(count, Image(length));
  for (int v = 0; v < VECTORS; v++) {
    std::vector<std::vector<uint8_t>> held;
    int ones = next() % 3;
    for (const Place& p : places) {
      std::vector<uint8_t> value(p.size);
      for (int k = 0; k < p.width; k++) {
        uint64_t bits = next();
        bool one = ones == 0 ? bits & 1 : ones == 1 ? (bits & 3) == 0 : (bits & 3) != 0;
        if (one) value[k / 8] |= 1 << (k % 8);
      }
      held.push_back(value);
    }
    Image first, second;
    for (int f = -1; f < (int)count; f++) {
      delete top;  // nothing may be left of the run before, not even in a latch
      top = new Vtop;
      places = places_of(top->rootp);
      for (int settle = 0; settle < 2; settle++) {
        for (size_t n = 0; n < places.size(); n++)
          if (places[n].held) memcpy(places[n].at, held[n].data(), places[n].size);
        if (f >= 0) places[flips[f][0]].at[flips[f][1] / 8] ^= 1 << (flips[f][1] % 8);
        top->CLOCK = 0;
        top->eval();
      }
      Image one = read(places);
      top->CLOCK = 1;
      top->eval();
      Image two = read(places);
      if (f < 0) { first = one; second = two; continue; }
      for (size_t k = 0; k < length; k++) {
        wires[f][k] |= one[k] ^ first[k];
        after[f][k] |= two[k] ^ second[k];
      }
    }
  }
  FILE* file = fopen("changed.bin", "wb");
  for (size_t f = 0; f < count; f++) {
    fwrite(wires[f].data(), 1, length, file);
    fwrite(after[f].data(), 1, length, file);
  }
  fclose(file);
}
"""


def simulate(core: Core, folder: Path, places: list[Place], flips: list[tuple[int, int]]) -> bytes:
    """Return for each flip the bytes of all places that changed before the edge, then after it."""
    rows = ",\n".join(
        f"{{(uint8_t*)&r->{p.code}, {p.width}, sizeof(r->{p.code}), {str(p.held).lower()}}}" for p in places
    )
    pairs = ",".join(f"{{{n},{k}}}" for n, k in flips)
    text = HARNESS.replace("PLACES", rows).replace("FLIPS", pairs).replace("VECTORS", str(VECTORS))
    (folder / "main.cpp").write_text(text.replace("CLOCK", core.clock))
    verilate(core, folder, "--exe", "--build", "main.cpp")
    subprocess.run([str(folder / "obj" / "Vtop")], cwd=folder, check=True, timeout=900)
    return (folder / "changed.bin").read_bytes()


def compare(
    design: DesignDatabase, core: Core, places: list[Place], flips: list[tuple[int, int]], changed: bytes
) -> tuple[str, int]:
    """Compare what changed with cones; return what was seen, and the number of signals."""
    starts, length = [], 0
    for place in places:
        starts.append(length)
        length += (place.width + 7) // 8
    inputs = {n for n, p in enumerate(places) if p.held and not any(step.registered for step in _into(design, p.bits))}
    chosen = [n for n in range(len(places)) if n not in inputs and not places[n].memory]
    chosen = random.Random(2).sample(chosen, min(SIGNALS, len(chosen)))
    inside = mattered = bits = 0
    wrong = []
    for n in chosen:
        place = places[n]
        for k in range(place.width):
            bits += 1
            root = place.bits._replace(low=place.bits.low + k, high=place.bits.low + k)
            found = cone(design.mirror, root, through_registers=False)
            at = starts[n] + k // 8
            for f, (flipped, bit) in enumerate(flips):
                source = places[flipped].bits
                within = found.holds(source.instance, source.signal, source.low + bit)
                offset = (2 * f + (1 if place.held else 0)) * length + at
                differs = bool(changed[offset] >> (k % 8) & 1)
                inside += within
                mattered += differs
                if differs and not within:
                    wrong.append((design.path_of(root), design.path_of(source), bit))
    assert not wrong, (len(wrong), wrong[:20])
    held = sum(places[n].held for n in chosen)
    line = (
        f"{core.top}: {len(chosen)} signals ({held} registers), {bits} bits, {len(flips)} flips, {VECTORS} states: "
        f"{bits * len(flips) - inside} pairs outside of cones never changed; {inside} inside, {mattered} seen to matter"
    )
    assert mattered > bits
    return line, len(chosen)


def _into(design: DesignDatabase, bits: Bits) -> list[object]:
    graph = design.mirror.graph_of(bits.instance)
    assert graph is not None
    return list(graph.into.get(bits.signal, ()))
