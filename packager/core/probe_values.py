"""Single values of ffprobe's JSON: text from outside, made into what it should be."""

from fractions import Fraction

_LABEL_CHARACTERS = 80


def read_seconds(text: object) -> Fraction:
    """A time such as `12.345000`; 0 when absent or nonsense."""
    try:
        return Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def read_clock(text: object) -> Fraction:
    """A time such as `00:01:02.500000000`; 0 when absent or nonsense."""
    hours, _, rest = str(text).partition(":")
    minutes, _, seconds = rest.partition(":")
    if not (hours.isdecimal() and minutes.isdecimal()):
        return Fraction(0)
    return (int(hours) * 60 + int(minutes)) * 60 + read_seconds(seconds)


def read_ratio(text: object) -> Fraction | None:
    """A positive ratio such as `30000/1001` or `16:9`; None when absent, zero or nonsense."""
    try:
        value = Fraction(str(text).replace(":", "/"))
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None


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
