"""Every sample clip through a real worker: what it becomes, or why it is refused."""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import pytest
import pytest_asyncio

from sample_media.bar_code import NoBarCodeError, read_frame_number
from sample_media.clips import CLIPS
from sample_media.generate import generate
from streamer.core.keys import media_key, source_key
from streamer.core.video import Chapter, MediaKind, Rendition, Segment, Video, VideoState
from streamer.core.webvtt import parse_webvtt
from streamer.processes import Child
from streamer.shared.catalog import Catalog
from streamer.shared.jobs import Jobs
from streamer.shared.object_store import ObjectStore
from streamer.shared.settings import SharedSettings
from streamer.shared.stores import open_store

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

DEADLINE_SECONDS = 600
FINAL = (VideoState.READY, VideoState.FAILED)
AUDIO_FRAME_SECONDS = 1024 / 48_000
SAMPLES_PER_SECOND = 48_000
LOUD = 2000
GRAY = ("-f", "rawvideo", "-pix_fmt", "gray")


@dataclass(frozen=True, slots=True)
class Stream:
    """What a clip must become.

    `numbers` are the source's frame numbers in the order shown, None where the picture has no
    readable ones; then `frames` says how many there are. `size` is the highest rendition's.
    """

    size: tuple[int, int] = (320, 180)
    rate: Fraction = Fraction(25)
    numbers: Sequence[int] | None = range(100)
    frames: int = 100
    sound: bool = True

    @property
    def frame_count(self) -> int:
        return self.frames if self.numbers is None else len(self.numbers)


# Slots whose frame the source left out show the one before.
VFR_NUMBERS = [n if n < 60 or n % 3 else n - 1 for n in range(120)]
BURST_NUMBERS = [n if n >= 300 else n - n % 60 for n in range(480)]

READY = {
    "plain": Stream((640, 360)),
    "a_picture_more": Stream((640, 360), numbers=range(201)),
    "moov_last": Stream(),
    "numbered": Stream(numbers=range(500)),
    "beeps_flashes": Stream(rate=Fraction(30), numbers=None, frames=300),
    "beeps_vfr": Stream(rate=Fraction(30), numbers=None, frames=300),
    "beeps_51": Stream(rate=Fraction(30), numbers=None, frames=300),
    "beeps_start_offset": Stream(rate=Fraction(30), numbers=None, frames=300),
    "beeps_51_later": Stream(rate=Fraction(30), numbers=None, frames=300),
    "beeps_widening": Stream(rate=Fraction(30), numbers=None, frames=600),
    "beeps_changing": Stream(rate=Fraction(30), numbers=None, frames=600),
    "beeps_disc_rewound": Stream(rate=Fraction(30), numbers=None, frames=600),
    "beeps_dvd_rewound": Stream(rate=Fraction(30), numbers=None, frames=540),
    "beeps_interrupted": Stream(rate=Fraction(30), numbers=None, frames=900),
    "beeps_edit_list": Stream(rate=Fraction(30), numbers=None, frames=255),
    "beeps_matroska": Stream(rate=Fraction(30), numbers=None, frames=300),
    "portrait": Stream((360, 640)),
    "rotated": Stream((360, 640), numbers=None),
    "cropped": Stream((240, 180), numbers=None),
    "non_square_pixels": Stream((512, 288)),
    "odd_size": Stream((320, 180)),
    "tiny": Stream((96, 64)),
    "interlaced": Stream((360, 288), numbers=None),
    "vfr": Stream(rate=Fraction(30), numbers=VFR_NUMBERS),
    "bursts": Stream(rate=Fraction(60), numbers=BURST_NUMBERS),
    "paused": Stream(rate=Fraction(50), numbers=[*range(100), *[99] * 200, *range(300, 400)]),
    "fps_240": Stream(rate=Fraction(60), numbers=range(1, 480, 4)),
    "fps_60": Stream(rate=Fraction(60), numbers=range(240)),
    "fps_120": Stream(rate=Fraction(60), numbers=range(0, 480, 2)),
    "ntsc_2997": Stream(rate=Fraction(30000, 1001), numbers=range(300)),
    "stalled": Stream(numbers=[*range(75), *range(74, 100)]),
    "short": Stream(numbers=range(10)),
    "one_frame": Stream(numbers=range(1), sound=False),
    "start_offset": Stream(),
    "start_offset_matroska": Stream(),
    "edit_list": Stream(numbers=range(38, 100)),
    "late_audio": Stream(),
    "late_video": Stream(numbers=range(75)),
    "long_gop": Stream(numbers=range(300)),
    "open_gop": Stream(numbers=range(250)),
    "wrong_duration": Stream(),
    "absurd_duration": Stream(),
    "odd_end": Stream((640, 360)),
    "junk_at_the_end": Stream((640, 360)),
    "no_duration": Stream(),
    "growing": Stream(numbers=[*range(150)] * 2),
    "upright": Stream(numbers=[*range(150)] * 2),
    "film_and_news": Stream((360, 288), numbers=None, frames=300),
    "dimming": Stream(numbers=[*range(150)] * 2),
    "hdr_pq": Stream(),
    "hlg": Stream(),
    "ten_bit_422": Stream(),
    "no_audio": Stream(sound=False),
    "surround_51": Stream(),
    "mono_44100": Stream(),
    "languages": Stream(),
    "subtitles": Stream(),
    "substation": Stream(numbers=range(75)),
    "chapters": Stream(),
    "mov_text": Stream(),
    "many_streams": Stream(),
    "two_videos": Stream(),
    "cover_art": Stream(),
    "timecode": Stream(),
    "mkv_vp9": Stream(),
    "webm_av1": Stream(),
    "avi": Stream(),
    "animated": Stream(sound=False),
    "fragmented": Stream(),
    # The last frame of sound ends in one more picture.
    "still_and_song": Stream((640, 360), numbers=[0] * 526),
    "screen_recording": Stream(numbers=[*range(125), *[124] * 101]),
    "fading_out": Stream(numbers=[*range(50), *[49] * 30]),
}
# What is told of a clip that loses nothing by it.
TOLD = {
    "wrong_duration": "The file says that it lasts 1:20",
    "still_and_song": "The last picture, at 0:00, stands still while the sound goes on.",
    "screen_recording": "The last picture, at 0:05, stands still while the sound goes on.",
    "fading_out": "The last picture, at 0:02, stands still while the sound goes on.",
    "late_video": "The sound before the first picture, 0:03 of it, is left out.",
    "substation": "The sound before the first picture, 0:01 of it, is left out.",
    "two_videos": "Of 2 pictures one is shown.",
}

FAILED = {
    "noise_inside": "encode_failed",
    "moov_less": "truncated",
    "encrypted": "encrypted",
    "still_picture": "not_a_video",
    "garbage": "not_a_video",
    "empty": "not_a_video",
    "html": "not_a_video",
    "playlist_named_mp4": "not_a_video",
    "ffconcat_named_mp4": "not_a_video",
}

# How many of the first and of the last frames must be as they were; what is told of the others.
DAMAGED = {
    "truncated": (50, 0, ["% of it is missing"]),
    "truncated_matroska": (60, 0, []),
    "without_a_key_frame": (190, 100, ["Some pictures between 0:0"]),
    "corrupted": (
        130,
        250,
        ["Some pictures between 0:04 and", "Some of the sound could not"],
    ),
}

SOUND_ALONE = "audio_only"
# Packaged by other tests: the demo's, and those in packager/.
ELSEWHERE = {
    *("demo", "demo_60s", "minute", "minute_matroska", "longer_than_stated"),
    *("long_vp9", "small", "large", "portrait_later", "hdr", "sdr", "film", "news"),
    *("beeps_right", "beeps_right_later", "spatial", "spatial_and_speech"),
    *("beeps_rewound", "beeps_hours_later", "beeps_disc", "beeps_dvd"),
    *(n for n in CLIPS if n.startswith(("patches_", "greys_", "stated_"))),
}


SUBTITLES = [(500, 2000, "First line"), (2500, 3500, "Second")]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The installation that packages every clip."""

    catalog: Catalog
    store: ObjectStore
    ids: dict[str, str]

    async def outcome(self, name: str) -> Video:
        """The clip's video once its state is final."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                video = await self.catalog.get_video(self.ids[name])
                if video.state in FINAL:
                    return video
                await asyncio.sleep(0.1)

    async def renditions(self, name: str, kind: MediaKind) -> list[Rendition]:
        found = await self.catalog.renditions(self.ids[name])
        return [rendition for rendition in found if rendition.kind is kind]

    async def segments(self, name: str, rendition: Rendition) -> list[Segment]:
        return await self.catalog.segments(self.ids[name], rendition.name)

    async def track(self, name: str, rendition: Rendition, target: Path) -> Path:
        """A rendition as one file: its init segment and all its segments."""
        assert rendition.init_name is not None
        segments = await self.segments(name, rendition)
        with target.open("wb") as file:
            for media_name in [rendition.init_name, *(segment.name for segment in segments)]:
                async with self.store.get(media_key(self.ids[name], media_name)) as body:
                    async for piece in body.chunks:
                        file.write(piece)
        return target


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    """Every clip handed over at once to one worker; the tests wait for theirs."""
    settings = SharedSettings(data_dir=tmp_path_factory.mktemp("matrix"))
    environment = {**os.environ, "STREAMER_DATA_DIR": str(settings.data_dir)}
    async with AsyncExitStack() as stack:
        catalog = await Catalog.open(settings.catalog_url)
        stack.push_async_callback(catalog.close)
        store = open_store(settings.store_url)
        stack.push_async_callback(store.close)
        jobs = Jobs.open(settings)
        stack.callback(jobs.close)
        await stack.enter_async_context(Child(["worker"], environment=environment))
        names = [*READY, *DAMAGED, *FAILED, SOUND_ALONE]
        matrix = Matrix(catalog, store, {name: f"clip{n:04d}" for n, name in enumerate(names)})
        for name in names:
            await hand_over(matrix, jobs, name)
        yield matrix


async def hand_over(matrix: Matrix, jobs: Jobs, name: str) -> None:
    """What the origin does with an upload that is complete."""
    video_id = matrix.ids[name]
    clip = await asyncio.to_thread(generate, name)
    stored = await matrix.store.put_file(source_key(video_id), clip)
    await matrix.catalog.create_video(video_id, title=name, now=datetime.now(UTC))
    await matrix.catalog.accept_source(video_id, size_bytes=stored.size_bytes)
    await jobs.package(video_id)


async def test_every_clip_is_in_the_matrix() -> None:
    assert READY.keys() | DAMAGED.keys() | FAILED.keys() | {SOUND_ALONE} | ELSEWHERE == CLIPS.keys()


@pytest.mark.parametrize("name", READY)
async def test_a_clip_becomes_a_stream(name: str, matrix: Matrix, tmp_path: Path) -> None:
    expected = READY[name]
    video = await matrix.outcome(name)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert len(video.warnings) == (name in TOLD)
    assert "".join(video.warnings).startswith(TOLD.get(name, ""))
    assert video.has_poster
    seconds = expected.frame_count / expected.rate
    assert video.duration_seconds == pytest.approx(float(seconds), abs=AUDIO_FRAME_SECONDS)
    pictures = await matrix.renditions(name, MediaKind.VIDEO)
    assert (pictures[-1].width, pictures[-1].height) == expected.size
    for rendition in pictures:
        assert rendition.frame_rate == expected.rate
        assert await total_seconds(matrix, name, rendition) == seconds
        assert_same_shape(rendition, expected.size)
    if expected.numbers is not None:
        for rendition in {pictures[0], pictures[-1]}:
            track = await matrix.track(name, rendition, tmp_path / rendition.name)
            assert numbers_shown(track, rendition) == list(expected.numbers)


@pytest.mark.parametrize("name", READY)
async def test_the_sound_is_as_long_as_the_picture(name: str, matrix: Matrix) -> None:
    await matrix.outcome(name)
    sounds = await matrix.renditions(name, MediaKind.AUDIO)
    assert bool(sounds) == READY[name].sound
    seconds = READY[name].frame_count / READY[name].rate
    for rendition in sounds:
        assert await total_seconds(matrix, name, rendition) == pytest.approx(
            float(seconds), abs=2 * AUDIO_FRAME_SECONDS
        )


# Of two videos, the frame numbers tell which is shown.
@pytest.mark.parametrize("name", [name for name in READY if name != "two_videos"])
async def test_the_first_picture_is_the_source_s_upright(
    name: str, matrix: Matrix, tmp_path: Path
) -> None:
    await matrix.outcome(name)
    rendition = (await matrix.renditions(name, MediaKind.VIDEO))[-1]
    shown = first_picture(await matrix.track(name, rendition, tmp_path / "track"))
    source = first_picture(generate(name))
    differences = [abs(a - b) for a, b in zip(shown, source, strict=True)]
    assert sum(differences) / len(differences) < 30


@pytest.mark.parametrize("name", DAMAGED)
async def test_of_a_damaged_clip_what_decodes_is_kept(
    name: str, matrix: Matrix, tmp_path: Path
) -> None:
    first, last, told = DAMAGED[name]
    video = await matrix.outcome(name)
    assert (video.state, video.error) == (VideoState.READY, None)
    for sentence in told:
        assert [warning for warning in video.warnings if sentence in warning]
    rendition = (await matrix.renditions(name, MediaKind.VIDEO))[-1]
    track = await matrix.track(name, rendition, tmp_path / "track")
    numbers = numbers_left(track, rendition)
    assert numbers[:first] == list(range(first))
    assert numbers[len(numbers) - last :] == list(range(len(numbers) - last, len(numbers)))
    (sound,) = await matrix.renditions(name, MediaKind.AUDIO)
    assert await total_seconds(matrix, name, sound) == pytest.approx(
        float(await total_seconds(matrix, name, rendition)), abs=2 * AUDIO_FRAME_SECONDS
    )


@pytest.mark.parametrize("name", FAILED)
async def test_a_clip_is_refused_with_its_reason(name: str, matrix: Matrix) -> None:
    video = await matrix.outcome(name)
    assert video.state is VideoState.FAILED
    assert video.error is not None
    assert video.error.code == FAILED[name]
    assert video.error.message.endswith(".")
    assert not re.search(r"(?<!\w)/", video.error.message), "no path of this machine is told"


async def test_what_cannot_be_decoded_at_all_tells_ffmpeg_s_last_words(matrix: Matrix) -> None:
    video = await matrix.outcome("noise_inside")
    assert video.error is not None
    assert "ffmpeg says: " in video.error.message


async def test_every_language_is_heard_the_default_one_first(
    matrix: Matrix, tmp_path: Path
) -> None:
    await matrix.outcome("languages")
    german, english = await matrix.renditions("languages", MediaKind.AUDIO)
    assert (german.name, german.language, german.label) == ("audio-deu", "deu", "Deutsch")
    assert (english.name, english.language, english.label) == ("audio-eng", "eng", "English")
    assert (german.is_default, english.is_default) == (True, False)
    for rendition, hertz in ((german, 600), (english, 300)):
        track = await matrix.track("languages", rendition, tmp_path / rendition.name)
        assert main_hertz(track, 0) == pytest.approx(hertz, abs=5)


async def test_surround_is_kept_beside_stereo(matrix: Matrix, tmp_path: Path) -> None:
    await matrix.outcome("surround_51")
    stereo, surround = await matrix.renditions("surround_51", MediaKind.AUDIO)
    assert (stereo.name, stereo.channels, stereo.is_default) == ("audio", 2, True)
    assert (surround.name, surround.channels, surround.is_default) == ("audio-51", 6, False)
    track = await matrix.track("surround_51", surround, tmp_path / "surround")
    # A tone of its own on each channel: 100 Hz on the first, 50 Hz more on every other.
    found = [main_hertz(track, channel) for channel in (0, 1, 2, 4, 5)]
    assert found == pytest.approx([100, 150, 200, 300, 350], abs=5)


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("subtitles", {"sub-eng": SUBTITLES}),
        ("mov_text", {"sub-eng": SUBTITLES}),
        ("many_streams", {"sub": SUBTITLES}),
        (
            "substation",
            {
                "sub-ger": [
                    (0, 1000, "First <i>slanted</i>\ntwo &amp; last"),
                    (1500, 2500, "Hard\N{NO-BREAK SPACE}space"),
                ],
                "sub": [(0, 1000, "First line"), (1500, 2500, "Second")],
            },
        ),
        ("plain", {}),
    ],
)
async def test_subtitles_become_webvtt_that_keeps_time_with_the_picture(
    name: str, texts: dict[str, list[tuple[int, int, str]]], matrix: Matrix, tmp_path: Path
) -> None:
    await matrix.outcome(name)
    found = {}
    for rendition in await matrix.renditions(name, MediaKind.SUBTITLES):
        (segment,) = await matrix.segments(name, rendition)
        async with matrix.store.get(media_key(matrix.ids[name], segment.name)) as body:
            data = b"".join([piece async for piece in body.chunks])
        cues = parse_webvtt(data.decode())
        found[rendition.name] = [(cue.start_ms, cue.end_ms, cue.text) for cue in cues]
    assert found == texts


async def test_chapters_are_known(matrix: Matrix) -> None:
    video = await matrix.outcome("chapters")
    assert video.chapters == (
        Chapter(0.0, 1.5, "Opening titles"),
        Chapter(1.5, 4.0, "Chapter 2"),
    )


async def test_sound_alone_becomes_a_stream(matrix: Matrix) -> None:
    video = await matrix.outcome(SOUND_ALONE)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert video.has_poster
    assert await matrix.renditions(SOUND_ALONE, MediaKind.VIDEO) == []
    (sound,) = await matrix.renditions(SOUND_ALONE, MediaKind.AUDIO)
    assert await total_seconds(matrix, SOUND_ALONE, sound) == pytest.approx(4, abs=0.05)


@pytest.mark.parametrize(
    ("name", "first", "count"),
    [
        ("beeps_flashes", 0.0, 10),
        ("beeps_vfr", 0.0, 10),
        ("beeps_51", 0.0, 10),
        ("beeps_start_offset", 0.0, 10),
        ("beeps_51_later", 0.0, 10),
        ("beeps_changing", 0.0, 20),
        ("beeps_widening", 0.0, 20),
        ("beeps_disc_rewound", 0.0, 20),
        ("beeps_dvd_rewound", 0.5, 18),
        ("beeps_interrupted", 0.0, 30),
        ("beeps_edit_list", 0.5, 8),
        ("beeps_matroska", 0.0, 10),
    ],
)
async def test_beeps_are_heard_when_flashes_are_seen(
    name: str, first: float, count: int, matrix: Matrix, tmp_path: Path
) -> None:
    await matrix.outcome(name)
    expected = [first + number for number in range(count)]
    (picture, *_) = await matrix.renditions(name, MediaKind.VIDEO)
    assert flash_seconds(await matrix.track(name, picture, tmp_path / "picture")) == (
        pytest.approx(expected, abs=0.001)
    )
    for sound in await matrix.renditions(name, MediaKind.AUDIO):
        beeps = beep_seconds(await matrix.track(name, sound, tmp_path / sound.name))
        assert beeps == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("name", ["interlaced", "film_and_news"])
async def test_fields_are_not_seen(name: str, matrix: Matrix, tmp_path: Path) -> None:
    await matrix.outcome(name)
    (rendition,) = await matrix.renditions(name, MediaKind.VIDEO)
    track = await matrix.track(name, rendition, tmp_path / "track")
    assert max(combing(generate(name))) > 1.2
    assert max(combing(track)) < 0.9


async def test_a_late_sound_stays_late(matrix: Matrix, tmp_path: Path) -> None:
    await matrix.outcome("late_audio")
    (sound,) = await matrix.renditions("late_audio", MediaKind.AUDIO)
    assert first_loud_second(await matrix.track("late_audio", sound, tmp_path / "sound")) == (
        pytest.approx(1.5, abs=0.03)
    )


async def total_seconds(matrix: Matrix, name: str, rendition: Rendition) -> Fraction:
    segments = await matrix.segments(name, rendition)
    return Fraction(sum(segment.duration_ticks for segment in segments), rendition.timescale)


def assert_same_shape(rendition: Rendition, size: tuple[int, int]) -> None:
    assert rendition.width is not None
    assert rendition.height is not None
    assert rendition.width <= size[0]
    assert rendition.height <= size[1]
    # Sizes are even, so the narrow side may be off by one.
    assert rendition.width * size[1] / size[0] == pytest.approx(rendition.height, abs=2)


def decode(source: Path, *arguments: str) -> bytes:
    return subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-i", str(source)),
            *(*arguments, "-"),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout


def gray_frames(track: Path, width: int, height: int) -> list[bytes]:
    raw = decode(track, "-fps_mode", "passthrough", *GRAY)
    size = width * height
    return [raw[start : start + size] for start in range(0, len(raw), size)]


def numbers_shown(track: Path, rendition: Rendition) -> list[int]:
    width, height = rendition.width or 0, rendition.height or 0
    frames = gray_frames(track, width, height)
    return [read_frame_number(frame, width, height) for frame in frames]


def numbers_left(track: Path, rendition: Rendition) -> list[int | None]:
    """The same, None where a picture is so damaged that it has none."""
    width, height = rendition.width or 0, rendition.height or 0

    def read(frame: bytes) -> int | None:
        with suppress(NoBarCodeError):
            return read_frame_number(frame, width, height)
        return None

    return [read(frame) for frame in gray_frames(track, width, height)]


def first_picture(source: Path) -> bytes:
    options = ("-map", "0:V:0", "-frames:v", "1", "-vf", "scale=16:16", "-pix_fmt", "rgb24")
    return decode(source, *options, "-f", "rawvideo")


def flash_seconds(track: Path) -> list[float]:
    raw = decode(track, "-vf", "scale=1:1", "-fps_mode", "passthrough", *GRAY)
    return [n / 30 for n in range(len(raw)) if raw[n] > 128 and (n == 0 or raw[n - 1] <= 128)]


def samples(track: Path) -> memoryview:
    """The sound on the stream's own clock, mono, from time 0."""
    raw = decode(track, "-af", "aresample=async=1:first_pts=0", "-ac", "1", "-f", "s16le")
    return memoryview(raw).cast("h")


def beep_seconds(track: Path) -> list[float]:
    """When it becomes loud after half a second of silence."""
    starts: list[float] = []
    last_loud = -SAMPLES_PER_SECOND
    for position, sample in enumerate(samples(track)):
        if abs(sample) > LOUD:
            if position - last_loud > SAMPLES_PER_SECOND / 2:
                starts.append(position / SAMPLES_PER_SECOND)
            last_loud = position
    return starts


def first_loud_second(track: Path) -> float:
    return next(n for n, sample in enumerate(samples(track)) if abs(sample) > LOUD) / (
        SAMPLES_PER_SECOND
    )


def main_hertz(track: Path, channel: int) -> float:
    """How often the tone of a channel swings up through zero in a second, after the first one."""
    raw = decode(track, "-af", f"pan=mono|c0=c{channel}", "-f", "s16le")
    tone = memoryview(raw).cast("h")[SAMPLES_PER_SECOND : 3 * SAMPLES_PER_SECOND]
    return sum(a < 0 <= b for a, b in pairwise(tone)) / 2


def combing(track: Path) -> list[float]:
    """How much lines differ from the next one, compared with the one after it, by picture.

    Where fields of different moments are woven, a line is more like the one after the next.
    """
    width, height = 360, 288
    raw = decode(track, "-vf", f"scale={width}:{height}", "-fps_mode", "passthrough", *GRAY)
    found = []
    for number in range(10, len(raw) // (width * height), 15):
        picture = raw[number * width * height : (number + 1) * width * height]
        # Below the frame number, which differs from field to field.
        below = picture[len(picture) // 4 :]
        next_one, one_after = (
            sum(abs(a - b) for a, b in zip(below, below[lines * width :], strict=False))
            for lines in (1, 2)
        )
        found.append(next_one / one_after)
    return found
