"""Chunks encoded one by one join without a trace, wherever a search in the container ends."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path

import imageio_ffmpeg
import pytest

from packager.core.approach import approaches
from packager.core.boxes import BoxReader, read_boxes
from packager.core.mix import STEREO
from packager.core.plan import Chunk, plan_chunks, plan_later
from packager.inspection import inspect_source
from packager.picture import encode_chunk
from packager.picture_source import PictureSource
from packager.sound import SoundSource, encode_sound, finish_sound
from packager.workshop import Workshop
from sample_media.bar_code import read_frame_number
from sample_media.generate import generate
from streamer.core.keys import media_key, source_key
from streamer.core.options import VideoCodec
from tests.integration.packager.described import write
from tests.segments import read_segment

VIDEO = "testvideo1"
FRAMES = 500
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
GRAY = ("-f", "rawvideo", "-pix_fmt", "gray")


@pytest.fixture
async def workshop(empty_workshop: Workshop) -> Workshop:
    await empty_workshop.catalog.create_video(VIDEO, title="x", now=datetime.now(UTC))
    return empty_workshop


@dataclass(frozen=True, slots=True)
class Bench:
    """One source, ready to be encoded chunk by chunk."""

    workshop: Workshop
    pictures: PictureSource
    plan: tuple[Chunk, ...]

    @classmethod
    async def open(
        cls, workshop: Workshop, stack: AsyncExitStack, path: Path, *codecs: VideoCodec
    ) -> "Bench":
        settings = workshop.settings.model_copy(update={"codecs": codecs})
        workshop = replace(workshop, settings=settings)
        stored = await workshop.store.put_file(source_key(VIDEO), path)
        await workshop.catalog.accept_source(VIDEO, size_bytes=stored.size_bytes)
        opened = await stack.enter_async_context(workshop.sources.open(VIDEO))
        recipe = (await inspect_source(workshop, VIDEO, 1, opened)).recipe
        assert recipe is not None
        plan = plan_chunks(
            recipe.grid.segments_in(recipe.source.duration_seconds),
            [rung.name for rung in recipe.ladder],
        )
        return cls(workshop, PictureSource(opened, recipe), plan)

    async def encode(self, chunk: Chunk) -> int:
        encoded = await encode_chunk(self.workshop, VIDEO, self.pictures, chunk, lambda _: None)
        assert not encoded.is_damaged
        return encoded.frames

    async def segments(self, rendition: str) -> list[bytes]:
        found = await self.workshop.catalog.segments(VIDEO, rendition)
        return [await self.read(segment.name) for segment in found]

    async def init(self, rendition: str) -> bytes:
        renditions = await self.workshop.catalog.renditions(VIDEO)
        (name,) = [r.init_name for r in renditions if r.name == rendition]
        return await self.read(name or "")

    async def read(self, name: str) -> bytes:
        async with self.workshop.store.get(media_key(VIDEO, name)) as body:
            return b"".join([piece async for piece in body.chunks])


OpenBench = Callable[..., Awaitable[Bench]]


@pytest.fixture
async def open_bench(workshop: Workshop) -> AsyncIterator[OpenBench]:
    """Opens a file, for pictures in some further codecs."""
    async with AsyncExitStack() as stack:
        yield partial(Bench.open, workshop, stack)


def remux(clip: str, target: Path) -> Path:
    source = generate(clip)
    options = ("-v", "error", "-nostdin", "-i", str(source), "-map", "0", "-c", "copy")
    subprocess.run([FFMPEG, *options, str(target)], check=True, timeout=60)
    return target


def pull_down(target: Path, coding: tuple[str, ...], fields: tuple[int, ...]) -> Path:
    """The numbered pictures, each shown for so many fields of 1001/60000 s, by turns."""
    whole = target.with_name("whole.mkv")
    # MPEG-2 knows no rate of film.
    rate = "30000/1001" if "mpeg2video" in coding else "24000/1001"
    numbered = ("-r", rate, "-i", str(generate("numbered")), "-an", "-bf", "0", "-g", "12")
    write(whole, *numbered, *coding)
    before = "+".join(f"{count}*gt(mod(N,{len(fields)}),{n})" for n, count in enumerate(fields))
    shown = f"({sum(fields)}*floor(N/{len(fields)})+{before})*1001/60000"
    stamps = f"setts=ts='round(({shown})/TB)'"
    return write(target, "-i", str(whole), "-c", "copy", "-bsf:v", stamps)


def numbers_shown(track: bytes, width: int, height: int) -> list[int]:
    raw = subprocess.run(
        [FFMPEG, "-v", "error", "-i", "pipe:0", "-fps_mode", "passthrough", *GRAY, "-"],
        input=track, check=True, capture_output=True, timeout=60,
    ).stdout  # fmt: skip
    size = width * height
    return [
        read_frame_number(raw[start : start + size], width, height)
        for start in range(0, len(raw), size)
    ]


@pytest.mark.parametrize(
    ("suffix", "in_order"),
    [
        *((".mp4", False), (".ts", True)),
        *(
            pytest.param(suffix, in_order, marks=pytest.mark.slow)
            for suffix, in_order in (
                *((".mkv", False), (".mkv", True)),
                *((".ts", False), (".flv", False), (".flv", True)),
            )
        ),
    ],
)
async def test_no_frame_is_repeated_missing_or_shifted(
    open_bench: OpenBench, tmp_path: Path, suffix: str, in_order: bool
) -> None:
    path = await asyncio.to_thread(remux, "numbered", tmp_path / f"source{suffix}")
    bench = await open_bench(path)
    bench = replace(bench, pictures=replace(bench.pictures, in_order=in_order))
    assert await numbers_in_chunks(bench) == list(range(FRAMES))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "coding", "fields"),
    [
        # DVDs' film, of which every other picture shows a field twice.
        *((suffix, ("-c:v", "mpeg2video", "-q:v", "2"), (3, 2)) for suffix in (".mkv", ".ts")),
        # Every fourth picture is shown twice, which the stated rate does not say.
        (".mkv", ("-c:v", "libx264", "-preset", "ultrafast"), (4, 2, 2, 2)),
    ],
)
async def test_film_that_is_pulled_down_loses_no_picture(
    open_bench: OpenBench,
    tmp_path: Path,
    suffix: str,
    coding: tuple[str, ...],
    fields: tuple[int, ...],
) -> None:
    path = await asyncio.to_thread(pull_down, tmp_path / f"film{suffix}", coding, fields)
    numbers = await numbers_in_chunks(await open_bench(path))
    assert numbers == sorted(numbers)
    assert sorted(set(numbers)) == list(range(FRAMES))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
async def test_chunks_that_begin_with_a_key_frame_of_the_source(
    open_bench: OpenBench, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"source{suffix}"
    retimed = ("-r", "30000/1001", "-i", str(generate("numbered")), "-map", "0:v")
    encoded = ("-c:v", "libx264", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0")
    command = [FFMPEG, "-v", "error", "-nostdin", *retimed, *encoded, str(path)]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)
    bench = await open_bench(path)
    assert bench.pictures.recipe.grid.segment_frames == 120
    assert await numbers_in_chunks(bench) == list(range(FRAMES))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "in_order"), [(".ts", False), (".ts", True), (".flv", False), (".mkv", True)]
)
async def test_a_chunk_that_is_searched_for_is_decoded_from_a_key_frame_nearby(
    open_bench: OpenBench, tmp_path: Path, suffix: str, in_order: bool
) -> None:
    path = tmp_path / f"source{suffix}"
    encoded = ("-c:v", "libx264", "-g", "50", "-keyint_min", "50", "-sc_threshold", "0")
    command = [FFMPEG, "-v", "error", "-i", str(generate("numbered")), *encoded, str(path)]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)
    bench = await open_bench(path)
    info = replace(bench.pictures.recipe.source, has_entries=in_order)
    recipe = replace(bench.pictures.recipe, source=info)
    pictures = replace(bench.pictures, recipe=recipe, in_order=in_order)
    closest, *others = await pictures.ways_to(400, bench.workshop.ffmpeg)
    assert tuple(others) == approaches(info, recipe.grid, in_order=in_order)
    assert closest.margin_seconds == pytest.approx(2, abs=0.05)
    assert await numbers_in_chunks(replace(bench, pictures=pictures)) == list(range(FRAMES))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "encoded"),
    [
        (".ivf", ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k")),
        (".rm", ("-c:v", "rv20", "-q:v", "3")),
        (".y4m", ("-c:v", "wrapped_avframe")),
    ],
)
async def test_rare_containers_join_as_exactly(
    open_bench: OpenBench, tmp_path: Path, suffix: str, encoded: tuple[str, ...]
) -> None:
    path = tmp_path / f"source{suffix}"
    command = [FFMPEG, "-v", "error", "-i", str(generate("numbered")), "-an", *encoded, str(path)]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)
    assert await numbers_in_chunks(await open_bench(path)) == list(range(FRAMES))


async def numbers_in_chunks(bench: Bench) -> list[int]:
    assert len(bench.plan) >= 4
    # In any order: a chunk needs no other.
    frames = [await bench.encode(chunk) for chunk in reversed(bench.plan)]
    (rung,) = bench.pictures.recipe.ladder
    track = await bench.init(rung.name) + b"".join(await bench.segments(rung.name))
    numbers = numbers_shown(track, rung.width, rung.height)
    assert sum(frames) == len(numbers)
    return numbers


async def test_a_first_picture_that_comes_later_than_any_search_goes_stands_there_before(
    open_bench: OpenBench, tmp_path: Path
) -> None:
    late_seconds = 90
    bench = await open_bench(await asyncio.to_thread(coming_late, late_seconds, tmp_path))
    grid = bench.pictures.recipe.grid
    before = [it for it in bench.plan if it.stop * grid.segment_seconds <= late_seconds][-1]
    assert before.start * grid.segment_seconds > 60
    assert await bench.encode(before) == len(before.frames(grid))


def coming_late(seconds: int, directory: Path) -> Path:
    """The numbered clip, so long after sound has begun."""
    target = directory / "late.mp4"
    picture = ("-itsoffset", str(seconds), "-i", str(generate("numbered")))
    sound = ("-f", "lavfi", "-i", f"sine=d={seconds}")
    coded = ("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", str(target))
    subprocess.run([FFMPEG, "-v", "error", *picture, *sound, *coded], check=True, timeout=60)
    return target


def without_the_first_picture(target: Path, group_frames: int) -> Path:
    """The numbered clip, with so many frames to a group, of which the first cannot be decoded."""
    whole = target.with_name("whole.mp4")
    group = ("-g", str(group_frames), "-keyint_min", str(group_frames), "-sc_threshold", "0")
    encoded = ("-an", "-c:v", "libx264", "-preset", "ultrafast", *group, str(whole))
    subprocess.run([FFMPEG, "-v", "error", "-i", str(generate("numbered")), *encoded], check=True)
    dropped = ("-c", "copy", "-bsf:v", "noise=drop='eq(n,0)'", str(target))
    subprocess.run([FFMPEG, "-v", "error", "-i", str(whole), *dropped], check=True)
    return target


@pytest.mark.parametrize(
    ("suffix", "in_order"),
    [
        (".mp4", False),
        *(
            pytest.param(suffix, in_order, marks=pytest.mark.slow)
            for suffix, in_order in ((".ts", False), (".ts", True), (".mkv", True))
        ),
    ],
)
async def test_what_begins_inside_a_group_of_pictures_shows_the_first_whole_one_from_zero_on(
    open_bench: OpenBench, tmp_path: Path, suffix: str, in_order: bool
) -> None:
    target = tmp_path / f"source{suffix}"
    bench = await open_bench(await asyncio.to_thread(without_the_first_picture, target, 240))
    pictures = replace(bench.pictures, in_order=in_order)
    encoded = [
        await encode_chunk(bench.workshop, VIDEO, pictures, chunk, lambda _: None)
        for chunk in reversed(bench.plan)
    ]
    assert [chunk.is_damaged for chunk in encoded][1:] == [True, True, True]
    (rung,) = pictures.recipe.ladder
    track = await bench.init(rung.name) + b"".join(await bench.segments(rung.name))
    shown = numbers_shown(track, rung.width, rung.height)
    # One place before is the dropped picture's, in containers that begin at zero all the same.
    assert shown[-FRAMES + 1 :] == [*[240] * 239, *range(240, FRAMES)]
    assert sum(chunk.frames for chunk in encoded) == len(shown)


@pytest.mark.parametrize(("group_frames", "is_told"), [(20, False), (40, True)])
async def test_a_second_at_the_beginning_that_cannot_be_decoded_is_told(
    open_bench: OpenBench, tmp_path: Path, group_frames: int, is_told: bool
) -> None:
    target = tmp_path / "source.mkv"
    path = await asyncio.to_thread(without_the_first_picture, target, group_frames)
    bench = await open_bench(path)
    first = await encode_chunk(bench.workshop, VIDEO, bench.pictures, bench.plan[0], lambda _: None)
    assert (first.is_damaged, first.report) == (is_told, "")


@pytest.mark.parametrize(
    ("numbers", "options"),
    [
        pytest.param((0, 35, 75), ("-fps_mode", "passthrough"), id="slides"),
        pytest.param((0, 35, 77), ("-fps_mode", "passthrough"), id="slides-off-the-grid"),
        pytest.param((7,), ("-r", "240", "-frames:v", "1"), id="one-of-240-a-second"),
    ],
)
async def test_the_last_picture_is_shown_however_short_it_is(
    open_bench: OpenBench, tmp_path: Path, numbers: tuple[int, ...], options: tuple[str, ...]
) -> None:
    path = tmp_path / "source.mp4"
    chosen = f"select='{'+'.join(f'eq(n,{number})' for number in numbers)}',setpts=PTS-STARTPTS"
    encoded = ("-an", "-vf", chosen, *options, "-c:v", "libx264", "-bf", "0", str(path))
    command = [FFMPEG, "-v", "error", "-i", str(generate("numbered")), *encoded]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)
    bench = await open_bench(path)
    await bench.encode(bench.plan[0])
    (rung,) = bench.pictures.recipe.ladder
    track = await bench.init(rung.name) + b"".join(await bench.segments(rung.name))
    shown = numbers_shown(track, rung.width, rung.height)
    assert tuple(sorted(set(shown))) == numbers
    assert shown.count(numbers[-1]) == 1


async def test_time_stamps_are_continuous_to_the_tick(open_bench: OpenBench) -> None:
    bench = await open_bench(await asyncio.to_thread(generate, "ntsc_2997"))
    for chunk in bench.plan:
        await bench.encode(chunk)
    grid = bench.pictures.recipe.grid
    assert (grid.timescale, grid.frame_ticks, grid.segment_frames) == (30000, 1001, 120)
    position = 0
    presented = []
    for segment in await bench.segments(bench.pictures.recipe.ladder[0].name):
        fragment = read_segment(segment)
        assert fragment.start_ticks == position
        for sample in fragment.samples:
            presented.append(position + sample.offset_ticks)
            position += sample.duration_ticks
    # The init segment's edit takes the two frames of reordering away.
    first = 2 * grid.frame_ticks
    assert sorted(presented) == [first + number * grid.frame_ticks for number in range(300)]
    moov = list(read_boxes(await bench.init(bench.pictures.recipe.ladder[0].name)))[1]
    edit = moov.child("trak", "edts", "elst").payload
    assert int.from_bytes(edit[12:16], "big") == first


async def test_every_segment_begins_with_a_key_frame_and_has_no_other(
    open_bench: OpenBench,
) -> None:
    bench = await open_bench(await asyncio.to_thread(generate, "open_gop"))
    for chunk in bench.plan:
        await bench.encode(chunk)
    for segment in await bench.segments(bench.pictures.recipe.ladder[0].name):
        assert [s.is_sync for s in read_segment(segment).samples].index(False) == 1
        assert sum(sample.is_sync for sample in read_segment(segment).samples) == 1


async def test_a_published_chunk_is_not_encoded_again(
    workshop: Workshop, open_bench: OpenBench
) -> None:
    bench = await open_bench(await asyncio.to_thread(generate, "numbered"))
    frames = await bench.encode(bench.plan[0])
    asked: list[int] = []
    again = await encode_chunk(workshop, VIDEO, bench.pictures, bench.plan[0], asked.append)
    assert again.frames == frames == 100
    assert asked == []


async def test_sound_segments_follow_the_pictures_and_lose_nothing(
    workshop: Workshop, open_bench: OpenBench
) -> None:
    path = await asyncio.to_thread(generate, "ntsc_2997")
    bench = await open_bench(path)
    source = bench.pictures.recipe.source
    assert source.audio is not None
    seconds = bench.pictures.recipe.grid.segment_seconds
    sound = SoundSource(str(path), source, source.audio, STEREO, "audio", seconds)
    end = await encode_sound(workshop, VIDEO, sound)
    await finish_sound(workshop, VIDEO, sound, end, Fraction(300 * 1001, 30000))
    position = 0
    for number, segment in enumerate(await bench.segments("audio")):
        fragment = read_segment(segment)
        assert fragment.start_ticks == position
        heard = Fraction(position - 1024 * (number > 0), 48000)
        assert abs(heard - number * seconds) <= Fraction(512, 48000)
        position += sum(sample.duration_ticks for sample in fragment.samples)
    assert abs(Fraction(position - 1024, 48000) - Fraction(300 * 1001, 30000)) < Fraction(1, 40)


async def test_boxes_of_a_rendition_are_whole(open_bench: OpenBench) -> None:
    bench = await open_bench(await asyncio.to_thread(generate, "plain"))
    for chunk in bench.plan:
        await bench.encode(chunk)
    for rung in bench.pictures.recipe.ladder:
        reader = BoxReader()
        data = await bench.init(rung.name) + b"".join(await bench.segments(rung.name))
        kinds = [box.kind for box in reader.feed(data)]
        assert kinds == ["ftyp", "moov", "styp", "moof", "mdat"]
        assert reader.is_empty


@pytest.mark.slow
@pytest.mark.parametrize("codec", [VideoCodec.HEVC, VideoCodec.AV1])
async def test_further_codecs_join_as_exactly(
    workshop: Workshop, open_bench: OpenBench, codec: VideoCodec
) -> None:
    path = await asyncio.to_thread(generate, "numbered")
    bench = await open_bench(path, codec)
    (rung,) = bench.pictures.recipe.further
    frames = [await bench.encode(chunk) for chunk in plan_later(5, [rung.name], 1)]
    assert frames == [200, 100, 100, 100]
    segments = await bench.segments(rung.name)
    track = await bench.init(rung.name) + b"".join(segments)
    assert numbers_shown(track, rung.width, rung.height) == list(range(FRAMES))
    (found,) = [r for r in await workshop.catalog.renditions(VIDEO) if r.name == rung.name]
    assert found.codecs.partition(".")[0] == {"hevc": "hvc1", "av1": "av01"}[codec.value]
