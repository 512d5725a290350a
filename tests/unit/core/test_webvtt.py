import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.core.errors import InvalidInput
from streamer.core.webvtt import (
    MAX_BYTES,
    MAX_CUE_CHARACTERS,
    MAX_CUES,
    Cue,
    parse_subrip,
    parse_webvtt,
    read_subtitles,
    render_webvtt,
    shift_cues,
)

SUBRIP = (
    "1\n00:00:00,500 --> 00:00:02,000\nFirst <i>line</i>\n\n2\n00:00:02,500 --> 00:00:03,5\nBé\n"
)
WEBVTT = (
    "WEBVTT\n\nNOTE\ncomment\n\nfirst\n00:00.500 --> 00:02.000\nFirst <i>line</i>\n\n"
    "second\n00:02.500 --> 00:03.500\nBé\n\nNOTE the end\n"
)
CUES = (Cue(500, 2000, "First <i>line</i>"), Cue(2500, 3500, "Bé"))
# Pieces that mean something somewhere in a subtitle file.
PIECES = st.sampled_from([
    "WEBVTT", "\n", "\n\n", "\r\n", "1", "00:00:01.000 --> 00:00:02.000", "01:02,5 --> 59:59,999",
    " --> ", "-->", "<i>", "</i>", "<b.x>", "<v Ann & Bob>", "</v>", "<font size=1>",
    "<00:01.500>", "<", ">", "&", "&amp;", "&#60;", "&lt;", "{\\an8}", "{", "NOTE", "STYLE", " ",
    "\t", "\0", "\u2028", "\x85", "\x0c", "é", " line:0 align:start", " position:50%", " line:1%,x",
])  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join)


@pytest.mark.parametrize(
    "data",
    [
        SUBRIP.encode(),
        SUBRIP.replace("\n", "\r\n").encode(),
        SUBRIP.encode("utf-8-sig"),
        SUBRIP.encode("utf-16"),
        b"\xfe\xff" + SUBRIP.encode("utf-16-be"),
        SUBRIP.encode("windows-1252"),
        SUBRIP.replace("\n", "\r").encode(),
        SUBRIP.replace("\n", "\r\r\n").encode(),
        ("WEBVTT - title\n\nNOTE a\ncomment\n\n" + SUBRIP.replace(",", ".")).encode(),
        WEBVTT.encode(),
        WEBVTT.replace("\n", "\r\n").encode(),
        WEBVTT.replace("\n", "\r").encode(),
        WEBVTT.replace("\n", "\r\r\n").encode(),
    ],
)
def test_a_file_is_read_whatever_its_format_and_encoding(data: bytes) -> None:
    assert read_subtitles(data) == CUES


def test_webvtt_written() -> None:
    assert render_webvtt(CUES) == (
        "WEBVTT\n\n"
        "00:00:00.500 --> 00:00:02.000\nFirst <i>line</i>\n\n"
        "00:00:02.500 --> 00:00:03.500\nBé\n"
    )


def test_settings_that_place_a_cue_are_kept_and_others_go() -> None:
    text = (
        "WEBVTT\n\nREGION\nid:a\n\nSTYLE\n::cue { background: url(x) }\n\n"
        "id\n00:01.000 --> 00:02.000 align:start line:0 region:a position:101% size:50%\nx\n"
    )
    assert parse_webvtt(text) == (Cue(1000, 2000, "x", "line:0 size:50% align:start"),)


@pytest.mark.parametrize(
    "timing",
    [
        "00:00:01,500 -> 00:01:02,000",
        "00:00:01:500 --> 00:01:02:000",
        "00:00:01, 500 --> 00:01:02, 000",
        "00:00:01.5 --> 00:01:02",
        "00:01:500-->01:02.0",
        "0:00:01,500 --> 0:01:02,000 X1:100 X2:200 Y1:1 Y2:2",
    ],
)
def test_a_timing_of_subrip_is_read_as_it_was_meant(timing: str) -> None:
    cues = parse_subrip(f"1\n{timing}\n9:00 -> 10:00\n\n2\n00:02:00,000 --> 00:02:01,000\nend\n")
    assert cues == (Cue(1500, 62_000, "9:00 -&gt; 10:00"), Cue(120_000, 121_000, "end"))


def test_a_line_of_spaces_ends_no_cue() -> None:
    """W3C WebVTT §6.4; YouTube's automatic captions have such lines."""
    text = (
        "WEBVTT\n\n00:01.000 --> 00:02.000 align:start\n \nhello<00:01.500><c> you</c>\n \n\nno\n"
    )
    assert parse_webvtt(text) == (Cue(1000, 2000, "hello<00:01.500><c> you</c>", "align:start"),)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\n\nb", "a\nb"),
        ("<font color='red'>a</font>", "a"),
        ("{\\an8}top", "top"),
        ("I <3 you & me", "I &lt;3 you &amp; me"),
        ("AT&amp;T &lt;", "AT&amp;T &lt;"),
        ("Caf&eacute; &hellip; &Eacute; &#233; &#xe9;", "Café … É é é"),
        ("R&D; &notit; &lt", "R&amp;D; &amp;notit; &amp;lt"),
        ("<i>open", "<i>open</i>"),
        ("<b><i>crossed</b></i>", "<b><i>crossed</i></b>"),
        ("closed</i>", "closed"),
        ("<V.loud Ann>hi", "<v.loud Ann>hi</v>"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("<img src=x onerror=y>", None),
        ("<i> </i>", None),
        ("bell\x07", "bell"),
    ],
)
def test_cue_text_holds_what_players_understand(text: str, cleaned: str | None) -> None:
    cues = parse_subrip(f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n")
    assert [cue.text for cue in cues] == ([] if cleaned is None else [cleaned])


def test_what_ends_before_it_begins_is_left_out_and_the_rest_is_in_order() -> None:
    text = "".join(
        f"{start} --> {end}\n{start}\n\n"
        for start, end in [
            ("00:00:05,000", "00:00:06,000"),
            ("00:00:03,000", "00:00:02,000"),
            ("00:00:01,000", "00:00:02,000"),
            ("9999:00:00,000", "9999:00:01,000"),
        ]
    )
    assert [cue.start_ms for cue in parse_subrip(text)] == [1000, 5000]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"WEBVTT\n",
        b"<!doctype html><script>00:01</script>",
        b"x" * (MAX_BYTES + 1),
        b"00:00:01,000 --> 00:00:02,000\n" + b"x" * (MAX_CUE_CHARACTERS + 1),
        b"00:00:01,000 --> 00:00:02,000\n" + b"&" * (MAX_CUE_CHARACTERS // 2),
        b"00:00:01,000 --> 00:00:02,000\nx\n" * (MAX_CUES + 1),
    ],
)
def test_refusals(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_subtitles(data)


def test_whoever_hears_of_what_is_refused_keeps_the_rest() -> None:
    heard: list[str] = []
    long = f"00:00:01,000 --> 00:00:02,000\n{'x' * (MAX_CUE_CHARACTERS + 1)}\n"
    text = long + "00:00:01,000 --> 00:00:02,000\nx\n" * (MAX_CUES + 2)
    for parse in (parse_subrip, parse_webvtt):
        heard.clear()
        assert len(parse(text, heard.append)) == MAX_CUES
        too_long, *too_many = heard
        assert too_long == "A cue may have 4000 characters at most."
        assert too_many == 2 * ["Subtitles may have 20000 cues at most."]


def test_a_shift_cuts_what_would_be_before_the_beginning() -> None:
    assert shift_cues(CUES, -1000) == (Cue(0, 1000, CUES[0].text), Cue(1500, 2500, "Bé"))
    assert shift_cues(CUES, -2000) == (Cue(500, 1500, "Bé"),)


def test_times_inside_cues_move_with_them() -> None:
    (cue,) = parse_webvtt(
        "WEBVTT\n\n00:01.000 --> 01:00:09.000\na<00:02.000> b<01:00:00.500> &lt;00:03.000>\n"
    )
    (later,) = shift_cues([cue], 60_000)
    assert later.text == "a<00:01:02.000> b<01:01:00.500> &lt;00:03.000&gt;"
    (sooner,) = shift_cues([cue], -2000)
    assert sooner == Cue(0, 3_607_000, "a b<00:59:58.500> &lt;00:03.000&gt;")


@given(TEXTS.map(lambda text: text.encode("utf-8", "replace")) | st.binary(max_size=200))
def test_nothing_but_a_refusal_is_raised_and_what_is_written_reads_the_same(data: bytes) -> None:
    try:
        cues = read_subtitles(data)
    except InvalidInput:
        return
    text = render_webvtt(cues)
    assert parse_webvtt(text) == cues
    assert read_subtitles(text.encode()) == cues
    assert not re.search(r"\n\n\n|[\0\r]", text)
    assert text.count("-->") == len(cues)


@given(TEXTS)
def test_a_text_of_either_format_has_only_known_tags_that_nest(text: str) -> None:
    for cue in (*parse_webvtt(text), *parse_subrip(text)):
        is_open: list[str] = []
        for close, tag in re.findall(r"<(/?)([a-z]+)[^<>]*>", cue.text):
            assert tag in {"b", "c", "i", "lang", "ruby", "rt", "u", "v"}
            assert not close or is_open.pop() == tag
            is_open += [] if close else [tag]
        assert is_open == []
