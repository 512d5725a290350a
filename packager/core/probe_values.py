"""Single values of ffprobe's JSON: text from outside, made into what it should be."""

import re
from fractions import Fraction

_LABEL_CHARACTERS = 80
# Python reads any number of digits, and exponents; a file may have its processor busy with one.
_SECONDS = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,12})?")
_CLOCK = re.compile(r"([0-9]{1,6}):([0-9]{1,6}):([0-9]{1,6}(?:\.[0-9]{1,12})?)")
_RATIO = re.compile(r"([0-9]{1,12})[/:]([0-9]{1,12})")


def read_seconds(text: object) -> Fraction:
    """A time such as `12.345000`; 0 when absent or nonsense."""
    return Fraction(str(text)) if _SECONDS.fullmatch(str(text)) else Fraction(0)


def read_clock(text: object) -> Fraction:
    """A time such as `00:01:02.500000000`; 0 when absent or nonsense."""
    found = _CLOCK.fullmatch(str(text))
    if found is None:
        return Fraction(0)
    hours, minutes, seconds = map(Fraction, found.groups())
    return (hours * 60 + minutes) * 60 + seconds


def read_ratio(text: object) -> Fraction | None:
    """A positive ratio such as `30000/1001` or `16:9`; None when absent, zero or nonsense."""
    found = _RATIO.fullmatch(str(text))
    if found is None:
        return None
    over, under = map(int, found.groups())
    return Fraction(over, under) if over > 0 and under > 0 else None


def read_language(text: object) -> str | None:
    """The ISO 639 code that a language tag begins with; None when it says nothing."""
    code = str(text).lower().replace("_", "-").partition("-")[0]
    known = code.isascii() and code.isalpha() and 2 <= len(code) <= 3
    return code if known and code != "und" else None


def read_label(text: object) -> str | None:
    """A title as one short line of printable characters; None when there is none."""
    if not isinstance(text, str):
        return None
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    return " ".join(words)[:_LABEL_CHARACTERS].rstrip() or None
