from fractions import Fraction
from itertools import pairwise

import pytest

from packager.core.source import SourceInfo, SubtitleTrack
from packager.core.subtitles import read_cues, subtitles_argv
from streamer.core.webvtt import Cue

SUBRIP, ASS = SubtitleTrack(2, "subrip"), SubtitleTrack(3, "ass")
WEBVTT = SubtitleTrack(4, "webvtt")


def source(zero: str = "0") -> SourceInfo:
    return SourceInfo(10.0, Fraction(zero), Fraction(0), True, None)


def cues(text: str, track: SubtitleTrack = ASS, zero: str = "0") -> tuple[Cue, ...]:
    written = f"WEBVTT\n\n01:00:00.000 --> 01:00:02.000\n{text}\n"
    return read_cues(written, track, source(zero), pytest.fail)


def test_all_tracks_are_read_at_once() -> None:
    argv = subtitles_argv("/s", [SUBRIP, ASS, WEBVTT], ["pipe:7", "pipe:8", "pipe:9"])
    pairs = list(pairwise(argv))
    assert [value for key, value in pairs if key == "-map"] == ["0:2", "0:3", "0:4"]
    assert [value for key, value in pairs if key == "-c:s"] == ["webvtt", "webvtt", "copy"]
    assert pairs.count(("-f", "webvtt")) == 3
    assert argv[-1] == "pipe:9"
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
    text = "\nhello\n\n42\n\n01:00:03.000 --> 01:00:04.000\nend"
    assert [cue.text for cue in cues(text, SUBRIP)] == ["hello\n42", "end"]


@pytest.mark.parametrize(
    ("zero", "times", "read"),
    [
        ("0", ("00:02.000", "00:00:04.000"), ("<00:00:02.000>", "<00:00:04.000>")),
        ("1.5", ("00:02.000", "00:04.000"), ("<00:00:00.500>", "<00:00:02.500>")),
        # What is before the first picture has been said.
        ("2.5", ("00:02.000", "00:04.000"), ("", "<00:00:01.500>")),
        # One has no place in its cue: all count from the beginning of theirs.
        ("0", ("00:01.500", "00:00.100"), ("<00:00:02.500>", "<00:00:03.100>")),
        # Neither has, and they do not count from there.
        ("0", ("00:09.000", "00:10.000"), ("<00:00:09.000>", "<00:00:10.000>")),
    ],
)
def test_times_inside_webvtt_move_with_their_cues(
    zero: str, times: tuple[str, str], read: tuple[str, str]
) -> None:
    first, second = times
    text = (
        "WEBVTT\n\n01:00:01.000 --> 01:00:03.000 line:0\n"
        f"<v Bob>a<{first}> b\n\n01:00:03.000 --> 01:00:05.000\nc<{second}> d\n"
    )
    one, two = read_cues(text, WEBVTT, source(zero), pytest.fail)
    assert (one.text, one.settings) == (f"<v Bob>a{read[0]} b</v>", "line:0")
    assert two.text == f"c{read[1]} d"
