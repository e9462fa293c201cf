"""Flip-flops, latches and the clock gate: what they do, and the stages they are built of.

All flip-flops are two tri-state latches (Weste and Harris, "CMOS VLSI Design", 10.3): the master `m1`/`m2` is open
while the inner clock `c` is low, the slave `s1`/`s2` while it is high; `cb` is the inverse of `c`. Polarity:
`m1` and `s1` hold the inverse of the data, `m2`, `s2` and Q the data.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rtlgen.synth.liberty.generate.gates import first
from rtlgen.synth.liberty.generate.network import Net, as_net, par, ser
from rtlgen.synth.liberty.generate.stages import Stage

_KEEPER_SCALE = 0.5


@dataclass(frozen=True, slots=True)
class Storage:
    """A flip-flop or latch in all its drive strengths.

    Attributes:
        name: footprint.
        clock: clock or gate pin.
        active_low: True when the clock edge (or the level of a latch) that matters is the falling (low) one.
        data: pins that the next state depends on, such as D and E.
        next_state: Liberty expression over pins and IQ.
        clear: pin that clears asynchronously, active low.
        preset: pin that sets asynchronously, active low.
        latch: True for a latch.
    """

    name: str
    clock: str
    next_state: str
    data: tuple[str, ...] = ("D",)
    active_low: bool = False
    clear: str | None = None
    preset: str | None = None
    latch: bool = False
    drives: tuple[int, ...] = (1, 2)
    front: tuple[Stage, ...] = field(default=())
    """Stages in front of the master that make the node `d` from the data pins."""

    @property
    def pins(self) -> tuple[str, ...]:
        """Input pins: data, clock, resets."""
        return (*self.data, self.clock, *(pin for pin in (self.clear, self.preset) if pin))

    @property
    def sampled(self) -> tuple[str, str]:
        """First node that follows the data, and the node that must have followed it before the clock closes."""
        return ("s1", "s2") if self.latch else ("m1", "m2")

    def stages(self, drive: float) -> list[Stage]:
        """Return all stages for a drive strength."""
        resets = [Stage("r", as_net(self.clear))] if self.clear else []
        body = self._latch_stages(drive) if self.latch else self._flop_stages(drive)
        return [*self._clock_stages(), *resets, *self.front, *body]

    def _clock_stages(self) -> list[Stage]:
        # `c` is high after the active edge; one inverter less or more makes the other edge.
        if self.active_low:
            return [Stage("c", as_net(self.clock)), Stage("cb", as_net("c"))]
        return [Stage("cb", as_net(self.clock)), Stage("c", as_net("cb"))]

    @property
    def source(self) -> str:
        """Node that the master (or the latch) samples."""
        return "d" if self.front else "D"

    def _flop_stages(self, drive: float) -> list[Stage]:
        return [
            _tristate("m1", self.source, high="cb", low="c"),
            Stage("m2", self._hold("m1")),
            _keeper("m1", "m2", high="c", low="cb"),
            _tristate("s1", "m2", high="c", low="cb", scale=first(drive)),
            Stage("s2", self._hold("s1")),
            _keeper("s1", "s2", high="cb", low="c"),
            Stage("Q", as_net("s1"), None, drive),
        ]

    def _latch_stages(self, drive: float) -> list[Stage]:
        return [
            _tristate("s1", self.source, high="c", low="cb", scale=first(drive)),
            Stage("s2", self._hold("s1")),
            _keeper("s1", "s2", high="cb", low="c"),
            # A transparent latch passes D at once, so a reset has to act on the output stage too.
            Stage("Q", self._hold("s1"), None, drive),
        ]

    def _hold(self, node: str) -> Net:
        """Return the pull-down of the inverter that holds a level, with its resets; the clear wins over the preset."""
        net = ser(node, self.preset) if self.preset else as_net(node)
        return par(net, "r") if self.clear else net


def _tristate(output: str, data: str, *, high: str, low: str, scale: float = 1.0) -> Stage:
    """Return an inverter that drives only while node `high` is high and `low` is low."""
    return Stage(output, ser(data, high), ser(data, low), scale)


def _keeper(output: str, data: str, *, high: str, low: str) -> Stage:
    """Return a weak tri-state inverter that holds a level while nothing else drives the node."""
    return Stage(output, ser(data, high), ser(data, low), _KEEPER_SCALE, keeper=True)


@dataclass(frozen=True, slots=True)
class ClockGate:
    """A latch-based clock gate: GCK = CK while E was high before CK rose."""

    name: str = "CLKGATE"
    drives: tuple[int, ...] = (1, 2, 4, 8)

    def stages(self, drive: float) -> list[Stage]:
        """Return all stages for a drive strength."""
        return [
            Stage("cb", as_net("CK")),
            Stage("c", as_net("cb")),
            _tristate("s1", "E", high="cb", low="c"),
            Stage("s2", as_net("s1")),
            _keeper("s1", "s2", high="c", low="cb"),
            Stage("n", ser("CK", "s2"), None, first(drive)),
            Stage("GCK", as_net("n"), None, drive),
        ]


_ENABLE_FRONT = (
    Stage("en", as_net("E")),
    Stage("x", par(ser("D", "E"), ser("s2", "en"))),
    Stage("d", as_net("x")),
)
_SYNC_CLEAR_FRONT = (Stage("x", ser("D", "RN")), Stage("d", as_net("x")))
_SYNC_SET_FRONT = (Stage("sp", as_net("SN")), Stage("x", par("D", "sp")), Stage("d", as_net("x")))
_ENABLE_SYNC_CLEAR_FRONT = (
    Stage("en", as_net("E")),
    Stage("y", par(ser("D", "E"), ser("s2", "en"))),
    Stage("rp", as_net("RN")),
    Stage("d", par("y", "rp")),
)
_ENABLE = "((E*D)+(!E*IQ))"


def flip_flops() -> list[Storage]:
    """Return every flip-flop of the library."""
    flops = []
    for low, clock, tag in ((False, "CK", ""), (True, "CKN", "N")):
        flops += [
            Storage(f"DFF{tag}", clock, "D", active_low=low),
            Storage(f"DFF{tag}R", clock, "D", active_low=low, clear="RN"),
            Storage(f"DFF{tag}S", clock, "D", active_low=low, preset="SN"),
            Storage(f"DFF{tag}SR", clock, "D", active_low=low, clear="RN", preset="SN"),
        ]
    flops += [
        Storage("DFFE", "CK", _ENABLE, ("D", "E"), front=_ENABLE_FRONT),
        Storage("DFFER", "CK", _ENABLE, ("D", "E"), front=_ENABLE_FRONT, clear="RN"),
        Storage("DFFES", "CK", _ENABLE, ("D", "E"), front=_ENABLE_FRONT, preset="SN"),
        Storage("DFFYR", "CK", "(D*RN)", ("D", "RN"), front=_SYNC_CLEAR_FRONT),
        Storage("DFFYS", "CK", "(D+!SN)", ("D", "SN"), front=_SYNC_SET_FRONT),
        Storage("DFFEYR", "CK", f"({_ENABLE}*RN)", ("D", "E", "RN"), front=_ENABLE_SYNC_CLEAR_FRONT),
    ]
    return flops


def latches() -> list[Storage]:
    """Return every latch of the library."""
    return [
        Storage("DLH", "G", "D", latch=True),
        Storage("DLL", "GN", "D", latch=True, active_low=True),
        Storage("DLHR", "G", "D", latch=True, clear="RN"),
        Storage("DLLR", "GN", "D", latch=True, active_low=True, clear="RN"),
        Storage("DLHS", "G", "D", latch=True, preset="SN"),
    ]
