"""A source that can only be read in order is entered behind what a chunk does not need."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import imageio_ffmpeg
import pytest

from packager.core.plan import Chunk
from packager.core.recipe import Recipe
from packager.entries import find_left_out, measure_seconds
from packager.inspection import inspect_source
from packager.picture import encode_chunk
from packager.picture_source import PictureSource
from packager.settings import PackagerSettings
from packager.workshop import Workshop
from sample_media.generate import generate
from streamer.core.keys import arriving_key, source_key, video_prefix
from streamer.shared.settings import SharedSettings

ENTERED, READ_AGAIN = "testvideo1", "testvideo2"
SECONDS = 60
LATE = Chunk(12, 14, ("180p",))
FRAMES = 80


@pytest.fixture
async def workshop(
    settings: SharedSettings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Workshop]:
    """Every look at a source is at a small part of it."""
    monkeypatch.setattr("packager.entries._WINDOW_BYTES", 64 * 1024)
    settings.data_dir.mkdir()
    async with AsyncExitStack() as stack:
        yield await Workshop.open(PackagerSettings(shared=settings), stack)


def make(target: Path, *options: str) -> Path:
    """The minute with a key frame every other second, in some container."""
    encode = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-c:a", "copy")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(generate("minute"))]
    subprocess.run([*command, *encode, *options, str(target)], check=True, timeout=60)
    return target


async def arrived(workshop: Workshop, video_id: str, path: Path) -> Recipe:
    """What becomes of a source of which all bytes are there, but the upload is not accepted."""
    await workshop.catalog.create_video(video_id, title="x", now=datetime.now(UTC))
    stored = await workshop.store.put_file(arriving_key(video_id), path)
    await workshop.catalog.note_received(
        video_id, received_bytes=stored.size_bytes, length_bytes=stored.size_bytes
    )
    return await plan(workshop, video_id)


async def received(workshop: Workshop, video_id: str, path: Path) -> Recipe:
    """What becomes of a source whose upload is accepted."""
    await workshop.catalog.create_video(video_id, title="x", now=datetime.now(UTC))
    stored = await workshop.store.put_file(source_key(video_id), path)
    await workshop.catalog.accept_source(video_id, size_bytes=stored.size_bytes)
    return await plan(workshop, video_id)


async def plan(workshop: Workshop, video_id: str) -> Recipe:
    async with workshop.sources.open(video_id) as source:
        recipe = (await inspect_source(workshop, video_id, 1, source)).recipe
    assert recipe is not None
    return recipe


async def encode(
    workshop: Workshop, video_id: str, recipe: Recipe, chunk: Chunk = LATE
) -> set[str]:
    """The names of what comes of a chunk: they carry digests."""
    async with workshop.sources.open(video_id) as source:
        pictures = PictureSource.of(source, recipe)
        encoded = await encode_chunk(workshop, video_id, pictures, chunk, lambda _: None)
    assert encoded.frames == FRAMES
    prefix = f"{video_prefix(video_id)}180p/"
    return {info.key.removeprefix(prefix) async for info in workshop.store.list(prefix)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("source.mkv", ()),
        ("recorded.mkv", ("-live", "1", "-cluster_time_limit", "900")),
        ("source.ts", ()),
        ("source.m2ts", ("-c:a", "ac3")),
        ("source.vob", ("-c:a", "ac3")),
        ("sound_first.vob", ("-c:a", "ac3", "-bsf:v", "setts=ts=TS+1/TB")),
        ("source.mp4", ("-movflags", "+frag_keyframe+empty_moov+default_base_moof")),
        ("absolute.mp4", ("-movflags", "+frag_keyframe+empty_moov")),
        ("indexed.mp4", ("-movflags", "+dash+frag_keyframe+empty_moov+global_sidx")),
    ],
)
async def test_what_comes_of_it_has_the_same_bytes(
    workshop: Workshop, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    path = await asyncio.to_thread(make, tmp_path / name, *options)
    for video_id in (ENTERED, READ_AGAIN):
        recipe = await arrived(workshop, video_id, path)
    assert recipe.source.has_entries
    async with workshop.sources.open(ENTERED) as source:
        begin = float(recipe.source.zero_seconds) + SECONDS / 2
        left_out = await find_left_out(source.data, source.clock, recipe.source, begin)
        size_bytes = source.data.length_bytes
    assert left_out is not None
    assert left_out.start < 0.1 * size_bytes
    assert 0.1 * size_bytes < left_out.stop < 0.5 * size_bytes
    found = await encode(workshop, ENTERED, recipe)
    assert found
    read_again = replace(recipe, source=replace(recipe.source, has_entries=False))
    assert found == await encode(workshop, READ_AGAIN, read_again)


@pytest.mark.parametrize("name", ["source.flv", "source.avi"])
async def test_what_cannot_be_entered_is_read_from_its_beginning(
    workshop: Workshop, tmp_path: Path, name: str
) -> None:
    path = await asyncio.to_thread(make, tmp_path / name)
    recipe = await arrived(workshop, ENTERED, path)
    assert not recipe.source.has_entries
    async with workshop.sources.open(ENTERED) as source:
        assert await find_left_out(source.data, source.clock, recipe.source, SECONDS / 2) is None


@pytest.fixture
async def twice(tmp_path: Path) -> Path:
    """The minute twice, in a stream whose clock jumps back in its middle."""
    path = await asyncio.to_thread(make, tmp_path / "source.ts")
    target = tmp_path / "twice.ts"
    await asyncio.to_thread(lambda: target.write_bytes(path.read_bytes() * 2))
    return target


@pytest.mark.parametrize("is_whole", [True, False])
async def test_it_is_entered_behind_a_jump_of_its_clock(
    workshop: Workshop, twice: Path, monkeypatch: pytest.MonkeyPatch, is_whole: bool
) -> None:
    monkeypatch.setattr("packager.clock_shifts._SAMPLE_BYTES", 16 * 1024)
    monkeypatch.setattr("packager.clock_shifts._SAMPLES", 9)
    for video_id in (ENTERED, READ_AGAIN):
        recipe = await (received if is_whole else arrived)(workshop, video_id, twice)
    assert bool(recipe.source.clock_shifts) == is_whole
    closely = 0.01 if is_whole else 0.2
    assert recipe.source.duration_seconds == pytest.approx(2 * SECONDS, rel=closely)
    async with workshop.sources.open(ENTERED) as source:
        begin = float(recipe.source.zero_seconds) + 1.5 * SECONDS
        left_out = await find_left_out(source.data, source.clock, recipe.source, begin)
        middle = source.data.length_bytes // 2
    assert left_out is not None
    assert left_out.stop > middle
    behind = replace(LATE, start=LATE.start + 15, stop=LATE.stop + 15)
    found = await encode(workshop, ENTERED, recipe, behind)
    assert found
    read_again = replace(recipe, source=replace(recipe.source, has_entries=False))
    assert found == await encode(workshop, READ_AGAIN, read_again, behind)


@pytest.mark.parametrize("name", ["source.mkv", "source.ts"])
async def test_its_length_is_measured_by_what_has_arrived(
    workshop: Workshop, tmp_path: Path, name: str
) -> None:
    path = await asyncio.to_thread(make, tmp_path / name)
    await arrived(workshop, ENTERED, path)
    length_bytes = (await workshop.catalog.get_video(ENTERED)).received_bytes
    measured = []
    for received_bytes in (300, length_bytes // 2, length_bytes):
        await workshop.catalog.note_received(
            ENTERED, received_bytes=received_bytes, length_bytes=length_bytes
        )
        async with workshop.sources.open(ENTERED) as source:
            measured.append(await measure_seconds(source.data))
    assert measured == [None, pytest.approx(SECONDS, rel=0.2), pytest.approx(SECONDS, rel=0.05)]
