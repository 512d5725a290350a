from fractions import Fraction

import pytest

from packager.core.probe_values import read_clock, read_label, read_ratio, read_seconds

# Computing any of these would keep a processor busy, or fail.
ABSURD = [
    "1e99999999",
    "1e400",
    "9" * 5000,
    "1/0",
    "١٢",
    "0x10",
    "1_000",
    "inf",
    "nan",
    "N/A",
    None,
]


@pytest.mark.parametrize("text", ABSURD)
def test_nonsense_is_as_if_nothing_was_said(text: object) -> None:
    assert read_seconds(text) == 0
    assert read_clock(f"00:00:{text}") == read_clock(f"{text}:00:00") == 0
    assert read_ratio(text) is read_ratio(f"{text}/1") is read_ratio(f"1:{text}") is None


def test_what_ffprobe_says_is_read() -> None:
    assert read_seconds("-1.500000") == Fraction(-3, 2)
    assert read_clock("01:02:03.500000000") == Fraction("3723.5")
    assert read_ratio("30000/1001") == Fraction(30000, 1001)
    assert read_ratio("16:9") == Fraction(16, 9)
    assert read_ratio("0/0") is read_ratio("0:1") is None


@pytest.mark.parametrize(
    "name",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937\u0947\u0924\u094d\u0930",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 family",
    ],
    ids=["persian", "hindi", "emoji"],
)
def test_a_name_keeps_its_joiners(name: str) -> None:
    assert read_label(name) == name


def test_a_name_is_one_line_that_turns_nothing() -> None:
    assert read_label("  Main\r\n\x1b mix\ud800 \u202egpj.exe\u202c ") == "Main mix gpj.exe"
    assert read_label("\u202e\n") is read_label(7) is None
