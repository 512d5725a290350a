"""What ffmpeg says while it runs and when it fails."""

import re
from dataclasses import dataclass

from streamer.core.errors import SourceRejected

_FRAMES = re.compile(r"^frame=\s*(\d+)", re.MULTILINE)
_END = re.compile(r"^progress=end$", re.MULTILINE)
_CONTEXT = re.compile(r"\[[^\]\n]*@ 0x[0-9a-f]+\]\s*")
_PATH = re.compile(r"(?:(?:file|http):|(?<![\w/])/)\S+(?<![:'\"])")
# Says nothing of the file, nor does how ffmpeg calls that: an invalid argument.
_CONFINEMENT = re.compile(
    r"^.*Format not on whitelist.*(?:\n+.*Invalid argument\s*$)?", re.MULTILINE
)
_REPORT_LINES = 4
_LINE_CHARACTERS = 200
_NO_DECODER = re.compile(
    r"Decod(?:er|ing).{0,60}not found|no decoder found|Could not find codec parameters"
    r"|not currently supported|Decoding requested, but no decoder",
    re.IGNORECASE,
)

# What decoders and demuxers say of data that is lost. They say other things of whole files, as
# when a seek ends between two pictures of an open group.
_DAMAGE = re.compile(
    r"Error submitting packet to decoder|Decoding error:|error while decoding MB|Error at MB:"
    r"|exceeds containing master element|invalid as first byte of an EBML number"
    r"|max resync size reached|Packet corrupt"
)
# The time of a first picture that comes late: see `filters.on_grid`.
_LATE = re.compile(r"\[Eval @ \w+\] [0-9.]+\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run said that ended well.

    Attributes:
        text: Its last lines, fit for a log or a person.
        tells_damage: Part of what it read could not be decoded.
        tail: The end of it, as it is, for those who look for what they asked for.
        processor_seconds: The time of processors it took, or how long it ran where nobody tells.
    """

    text: str
    tells_damage: bool
    tail: str
    processor_seconds: float | None = None


def read_frames(progress: str) -> int | None:
    """The last frame count in a piece of `-progress` output; None when there is none."""
    counts = _FRAMES.findall(progress)
    return int(counts[-1]) if counts else None


def tells_end(progress: str) -> bool:
    """Whether a piece of `-progress` output is the last."""
    return _END.search(progress) is not None


def clean_report(text: str) -> str:
    """The last lines of a process's standard error, without paths, addresses or control codes."""
    text = _CONFINEMENT.sub("", _LATE.sub("", text.replace("\r", "\n")))
    lines = [_CONTEXT.sub("", line).strip() for line in text.split("\n")]
    kept = [_PATH.sub("the file", line)[:_LINE_CHARACTERS] for line in lines if line]
    printable = ("".join(c if c.isprintable() else "?" for c in line) for line in kept)
    return " / ".join(list(printable)[-_REPORT_LINES:])


def tells_damage(line: str) -> bool:
    """Whether a line of a process's standard error says that part of the source is lost."""
    return _DAMAGE.search(line) is not None or _LATE.match(line) is not None


def explain_failure(report: str) -> SourceRejected:
    """Why a source that ffprobe could read was not converted."""
    if _NO_DECODER.search(report):
        return SourceRejected(
            "The video uses a codec that cannot be decoded here.", code="unsupported_codec"
        )
    return SourceRejected(
        f"The video could not be converted.{quote_report(report)}", code="encode_failed"
    )


def explain_empty(report: str) -> SourceRejected:
    """Why a source that was opened is not playable: nothing came out of it."""
    return SourceRejected(
        "No picture or sound could be decoded: the file is damaged or cut off."
        + quote_report(report),
        code="truncated",
    )


def quote_report(report: str) -> str:
    """Ffmpeg's last lines as a sentence."""
    lines = report.rstrip(".").replace(" / ", "; ")
    return f" ffmpeg says: {lines}." if report else ""
