from fractions import Fraction
from itertools import pairwise

import pytest

from packager.core.source import SourceInfo, SubtitleTrack
from packager.core.subtitles import read_cues, subtitles_argv
from streamer.core.webvtt import Cue

SUBRIP, ASS = SubtitleTrack(2, "subrip"), SubtitleTrack(3, "ass")


def source(zero: str = "0") -> SourceInfo:
    return SourceInfo(10.0, Fraction(zero), Fraction(0), True, None)


def cues(text: str, track: SubtitleTrack = ASS, zero: str = "0") -> tuple[Cue, ...]:
    written = f"WEBVTT\n\n01:00:00.000 --> 01:00:02.000\n{text}\n"
    return read_cues(written, track, source(zero), pytest.fail)


def test_all_tracks_are_read_at_once() -> None:
    argv = subtitles_argv("/s", [SUBRIP, ASS], ["pipe:7", "pipe:8"])
    pairs = list(pairwise(argv))
    assert [value for key, value in pairs if key == "-map"] == ["0:2", "0:3"]
    assert pairs.count(("-f", "webvtt")) == 2
    assert argv[-1] == "pipe:8"
    assert "-copyts" in argv


@pytest.mark.parametrize(
    ("zero", "times"), [("0", (0, 2000)), ("1.4", (0, 600)), ("-3", (3000, 5000)), ("2", None)]
)
def test_times_count_from_the_first_picture(zero: str, times: tuple[int, int] | None) -> None:
    assert [(cue.start_ms, cue.end_ms) for cue in cues("x", zero=zero)] == (
        [times] if times else []
    )


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("m 0 0 l 100 0 100 100", None),
        ("<i>m -1.5 0 b 1 2 3 4</i>\nwords", "words"),
        ("m 12 is a number", "m 12 is a number"),
        ("a {comment}b", "a b"),
        (r"hard\hspace", "hard\N{NO-BREAK SPACE}space"),
        ("<i>slanted</i>", "<i>slanted</i>"),
    ],
)
def test_substation_alpha_is_freed_of_what_is_no_text(text: str, cleaned: str | None) -> None:
    assert [cue.text for cue in cues(text)] == ([cleaned] if cleaned else [])


def test_other_formats_keep_their_braces() -> None:
    assert cues("{a}", SUBRIP)[0].text == "{a}"


def test_an_empty_line_ends_no_text() -> None:
    """Where a cue began with a line of spaces, ffmpeg leaves an empty one."""
    track = SubtitleTrack(2, "webvtt")
    text = "\nhello\n\n42\n\n01:00:03.000 --> 01:00:04.000\nend"
    assert [cue.text for cue in cues(text, track)] == ["hello\n42", "end"]
