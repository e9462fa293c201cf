"""VCD and SAIF files, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.core.errors import InputError
from rtlgen.synth.ppa.vcd import Statistics, read_saif, read_vcd

VCD = """$timescale 10 ps $end
$scope module tb $end
$var wire 1 ! clk $end
$scope module dut $end
$var wire 1 ! clk $end
$var reg 4 " d [3:0] $end
$var real 64 r x $end
$upscope $end
$upscope $end
$enddefinitions $end
#0
$dumpvars
0!
bx "
$end
#5
1!
b101 "
r1.5 r
#10
0!
"""


def test_vcd_variables_and_changes(tmp_path: Path) -> None:
    (tmp_path / "a.vcd").write_text(VCD)
    dump = read_vcd(tmp_path / "a.vcd")
    assert set(dump.scopes) == {"tb", "tb.dut"}
    assert dump.timescale_ns == pytest.approx(0.01)
    assert dump.end == 10
    assert dump.scopes["tb"]["clk"].changes == [(0, "0"), (5, "1"), (10, "0")]
    assert dump.scopes["tb.dut"]["d"].indices == (3, 2, 1, 0)
    assert dump.scopes["tb.dut"]["d"].changes == [(0, "x"), (5, "101")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("module m; endmodule", ":1: expected a declaration such as $scope, got 'module'; is this a VCD file?"),
        (
            "$scope module t $end\n$var wire 1 ! c $end\n",
            ":2: expected $enddefinitions, got 'the end of the file'; is this a VCD file?",
        ),
        ("$scope module t $end $var wire", ":1: expected $end, got 'the end of the file'; is this a VCD file?"),
        ("$enddefinitions $end\n#0\nhello\n", ":3: expected a value change, got 'hello'; is this a VCD file?"),
        ("$enddefinitions $end\n#zero\n", ":2: expected a time such as #10, got '#zero'; is this a VCD file?"),
        ("", ": expected VCD or SAIF text, got an empty file"),
        ("a\0b", ": expected VCD or SAIF text, got a binary file"),
    ],
)
def test_bad_vcd_says_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.vcd"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_vcd(path)
    assert str(caught.value) == f"{path}{message}"


SAIF = """(SAIFILE (SAIFVERSION "2.0") // comment
 (TIMESCALE 1 ps) (DURATION 4000.00)
 (INSTANCE tb (INSTANCE dut
  (NET (clk (T0 2000) (T1 2000) (TX 0) (TC 8) (IG 0)) (d\\[1\\] (T0 1000) (T1 3000) (TC 2))))))
"""


def test_saif_statistics(tmp_path: Path) -> None:
    (tmp_path / "a.saif").write_text(SAIF)
    saif = read_saif(tmp_path / "a.saif")
    assert saif.duration_ns == pytest.approx(4)
    assert saif.scopes == {"tb.dut": {"clk": Statistics(8, 0.5), "d[1]": Statistics(2, 0.75)}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(VCD)", ":1: expected (SAIFILE ...), got '(VCD)'; is this a SAIF file?"),
        (
            "(SAIFILE (DURATION 1)",
            ": expected matching parentheses, got the end of the file inside 1; is the file whole?",
        ),
        ("(SAIFILE (DURATION 1)))", ": expected matching parentheses, got one ')' too many"),
        (
            "(SAIFILE (DURATION 0))",
            ": expected DURATION above 0 and an INSTANCE with nets, got none; record a longer run",
        ),
    ],
)
def test_bad_saif_says_what(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.saif"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_saif(path)
    assert str(caught.value) == f"{path}{message}"
