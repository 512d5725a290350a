"""Cue text (WebVTT §4.2.2): what subtitle files say, reduced to what players understand."""

import html
import re
from html.entities import html5
from unicodedata import category

# Everything else, as SubRip's <font>, goes; the text inside stays.
_TAGS = frozenset({"b", "c", "i", "lang", "ruby", "rt", "u", "v"})
_TOKEN = re.compile(
    r"<(?P<close>/?)(?P<tag>[a-zA-Z]+)(?P<classes>(?:\.[\w-]+)*)(?:\s(?P<annotation>[^<>]*))?/?>"
    r"|(?P<timestamp><(?:[0-9]{2,4}:)?[0-5][0-9]:[0-5][0-9]\.[0-9]{3}>)"
)
_REFERENCE = re.compile(
    r"&(?:(?P<name>[A-Za-z][A-Za-z0-9]{1,31};)|#[0-9]{1,7};|#x[0-9a-fA-F]{1,6};)"
)
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def clean_cue_text(text: str) -> str:
    """Valid cue text that says the same; empty when nothing of it can be seen.

    Known tags are kept and nest properly, all others go. Lines hold more than space.
    """
    written: list[str] = []
    is_open: list[str] = []
    position = 0
    for token in _TOKEN.finditer(text):
        written.append(escape_cue_text(text[position : token.start()]))
        written += _write_token(token, is_open)
        position = token.end()
    written.append(escape_cue_text(text[position:]))
    written += [f"</{tag}>" for tag in reversed(is_open)]
    return _without_empty_lines("".join(written))


def escape_cue_text(text: str) -> str:
    """Plain text, which may hold character references, as cue text."""
    return _printable(_REFERENCE.sub(_resolve, text)).translate(_ESCAPES)


def read_timestamps(text: str) -> list[int]:
    """The times inside a cue text at which more of it is said, in milliseconds."""
    return [
        _milliseconds(token["timestamp"]) for token in _TOKEN.finditer(text) if token["timestamp"]
    ]


def shift_timestamps(text: str, milliseconds: int) -> str:
    """The cue text with the times inside it that much later; none is left that is not above 0."""

    def shift(token: re.Match[str]) -> str:
        if not token["timestamp"]:
            return token[0]
        shifted = _milliseconds(token["timestamp"]) + milliseconds
        return f"<{write_timestamp(shifted)}>" if shifted > 0 else ""

    return _TOKEN.sub(shift, text)


def write_timestamp(milliseconds: int) -> str:
    """A WebVTT timestamp (§4.1), with its hours."""
    seconds, fraction = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}.{fraction:03d}"


def _milliseconds(tag: str) -> int:
    *hours, minutes, seconds = tag.strip("<>").split(":")
    whole_minutes = 60 * sum(map(int, hours)) + int(minutes)
    return 60_000 * whole_minutes + int(seconds.replace(".", ""))


def _resolve(reference: re.Match[str]) -> str:
    """The characters that a reference stands for (HTML §13.5); an unknown name is text."""
    name = reference["name"]
    return html5.get(name, reference[0]) if name else html.unescape(reference[0])


def _write_token(token: re.Match[str], is_open: list[str]) -> list[str]:
    """What a tag becomes; `is_open` are the tags around it, and changes with it."""
    if token["timestamp"]:
        return [token["timestamp"]]
    tag = token["tag"].lower()
    if tag not in _TAGS:
        return []
    if not token["close"]:
        is_open.append(tag)
        annotation = " ".join(escape_cue_text(token["annotation"] or "").split())
        return [f"<{tag}{token['classes']}{' ' if annotation else ''}{annotation}>"]
    closed = []
    while tag in is_open:
        closed.append(is_open.pop())
        if closed[-1] == tag:
            break
    return [f"</{name}>" for name in closed]


def _without_empty_lines(text: str) -> str:
    lines = (line.strip() for line in text.split("\n"))
    kept = "\n".join(line for line in lines if line)
    return kept if _TOKEN.sub("", kept).strip() else ""


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter == "\n" or category(letter) != "Cc")
