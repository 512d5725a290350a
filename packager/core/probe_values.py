"""Single values of ffprobe's JSON: text from outside, made into what it should be."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from streamer.core.titles import one_line

_LABEL_CHARACTERS = 80
# Python reads any number of digits, and exponents; a file may have its processor busy with one.
_SECONDS = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,12})?")
_CLOCK = re.compile(r"([0-9]{1,6}):([0-9]{1,6}):([0-9]{1,6}(?:\.[0-9]{1,12})?)")
_RATIO = re.compile(r"([0-9]{1,12})[/:]([0-9]{1,12})")
# RFC 5646 §2.1, as far as it is kept.
_LANGUAGE = re.compile(
    r"(?P<code>[a-z]{2,3})(?P<script>(?:-[a-z]{4})?)(?P<region>(?:-[a-z]{2}|-[0-9]{3})?)(?:-.*)?"
)


def read_tag(described: Mapping[str, Any], name: str) -> Any:
    """A tag of a container, stream or chapter, in whatever case its format spells names.

    None when there is none.
    """
    tags = described.get("tags", {})
    return next((value for key, value in tags.items() if key.lower() == name), None)


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
    """A language's ISO 639 code, with its script and region if told: `eng`, `zh-Hant`, `pt-BR`.

    None when it says nothing.
    """
    found = _LANGUAGE.fullmatch(str(text).lower().replace("_", "-"))
    if found is None or found["code"] == "und":
        return None
    script, region = found["script"], found["region"]
    return found["code"] + script.title() + region.upper()


def read_label(text: object) -> str | None:
    """A title as one short line of printable characters; None when there is none."""
    if not isinstance(text, str):
        return None
    return one_line(text, _LABEL_CHARACTERS) or None
