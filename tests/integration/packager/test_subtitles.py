"""The subtitles inside a source: what is published of them, and what is told of the rest."""

import asyncio
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import imageio_ffmpeg

from packager.core.renditions import plan_subtitles
from packager.core.source import SourceInfo
from packager.inspection import inspect_source
from packager.subtitles import extract_subtitles
from packager.workshop import Workshop
from streamer.core.keys import media_key, source_key
from streamer.core.webvtt import MAX_BYTES, MAX_CUE_CHARACTERS, MAX_CUES, Cue, parse_webvtt

VIDEO = "testvideo1"
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=1")


async def extract(
    workshop: Workshop, target: Path, texts: Sequence[str], suffix: str, *options: str
) -> tuple[dict[str, tuple[Cue, ...]], list[str]]:
    """The published cues, by rendition, of a source with these texts; and what is told."""
    source = await put(workshop, target, texts, suffix, *options)
    planned = plan_subtitles(source.subtitles)
    told = await extract_subtitles(workshop, VIDEO, str(target), source, planned)
    return await published(workshop), told


async def put(
    workshop: Workshop, target: Path, texts: Sequence[str], suffix: str, *options: str
) -> SourceInfo:
    """A source with these texts, as it is inspected."""
    await asyncio.to_thread(make, target, texts, suffix, *options)
    await workshop.catalog.create_video(VIDEO, title="x", now=datetime.now(UTC))
    stored = await workshop.store.put_file(source_key(VIDEO), target)
    await workshop.catalog.accept_source(VIDEO, size_bytes=stored.size_bytes)
    async with workshop.sources.open(VIDEO) as opened:
        return (await inspect_source(workshop, VIDEO, 1, opened)).info


async def published(workshop: Workshop) -> dict[str, tuple[Cue, ...]]:
    found = {}
    for name, segments in (await workshop.catalog.all_segments(VIDEO)).items():
        async with workshop.store.get(media_key(VIDEO, segments[0].name)) as body:
            data = b"".join([piece async for piece in body.chunks])
        found[name] = parse_webvtt(data.decode())
    return found


def make(target: Path, texts: Sequence[str], suffix: str, *options: str) -> None:
    inputs: list[str] = []
    maps = ["-map", "0:v"]
    for number, text in enumerate(texts, start=1):
        path = target.parent / f"{number}.{suffix}"
        path.write_text(text)
        inputs += ["-i", str(path)]
        maps += ["-map", str(number)]
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    command = [*ffmpeg, *PICTURE, *inputs, *maps, "-c:s", "copy", *options, str(target)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def subrip(*texts: str) -> str:
    """A text a millisecond, from the first one on."""
    return "".join(
        f"{n}\n00:00:{n // 1000:02d},{n % 1000:03d} --> 00:01:00,000\n{text}\n\n"
        for n, text in enumerate(texts)
    )


async def test_what_is_more_than_is_allowed_is_left_out_and_told(
    empty_workshop: Workshop, tmp_path: Path
) -> None:
    texts = [
        subrip(*["x"] * (MAX_CUES + 3)),
        subrip("a", "x" * (MAX_CUE_CHARACTERS + 1), "b"),
        subrip(*["x" * 500] * (MAX_BYTES // 500)),
        subrip("<i></i>"),
        subrip("good"),
    ]
    found, told = await extract(empty_workshop, tmp_path / "source.mkv", texts, "srt")
    assert {name: len(cues) for name, cues in found.items()} == {
        "sub": MAX_CUES,
        "sub-2": 2,
        "sub-5": 1,
    }
    assert told == [
        "3 of the texts of sub were left out: Subtitles may have 20000 cues at most.",
        "1 of the texts of sub-2 was left out: A cue may have 4000 characters at most.",
        "sub-3 was left out: Subtitles may have 4194304 bytes at most.",
        "sub-4 was left out: there is no text in it.",
    ]


async def test_a_track_that_cannot_be_read_takes_no_other_with_it(
    empty_workshop: Workshop, tmp_path: Path
) -> None:
    path = tmp_path / "source.mkv"
    source = await put(empty_workshop, path, [subrip("one"), subrip("two")], "srt")
    one, two = plan_subtitles(source.subtitles)
    gone = replace(two, track=replace(two.track, index=9))
    told = await extract_subtitles(empty_workshop, VIDEO, str(path), source, [gone, one])
    assert list(await published(empty_workshop)) == ["sub"]
    assert told == ["sub-2 was left out: reading failed."]


async def test_webvtt_keeps_places_speakers_classes_and_times(
    empty_workshop: Workshop, tmp_path: Path
) -> None:
    text = (
        "WEBVTT\n\nid\n00:00:00.500 --> 00:00:04.000 line:0 align:start\n"
        "One <00:00:02.000>two &eacute; <v Bob>hey</v>\n\n"
        "00:00:06.000 --> 00:00:07.000\n<c.yellow>A --&gt; B</c>\n"
    )
    found, told = await extract(empty_workshop, tmp_path / "source.mkv", [text], "vtt")
    assert found == {
        "sub": (
            Cue(500, 4000, "One <00:00:02.000>two é <v Bob>hey</v>", "line:0 align:start"),
            Cue(6000, 7000, "<c.yellow>A --&gt; B</c>"),
        )
    }
    assert told == []
