"""The mixes of a sound: gapless, in time, as loud as was asked for."""

import asyncio
import re
import subprocess
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from packager.core.boxes import read_boxes
from packager.core.mix import STEREO, sound_argv
from packager.core.renditions import plan_sounds
from packager.core.source import AudioTrack, SourceInfo
from packager.inspection import inspect_source
from packager.settings import PackagerSettings
from packager.sound import SoundSource, encode_sound, finish_sound
from packager.workshop import Workshop
from sample_media.generate import generate
from streamer.core.keys import media_key, source_key
from streamer.core.options import PackagingOptions
from streamer.shared.directory_store import DirectoryStore
from streamer.shared.object_store import ObjectInfo
from streamer.shared.settings import SharedSettings
from tests.integration.packager.described import describe, write
from tests.processes import children, command
from tests.segments import read_segment

VIDEO = "testvideo1"
SEGMENT_SECONDS = Fraction(4)
NOTHING = PackagingOptions()

Encode = Callable[..., Coroutine[Any, Any, dict[str, list[bytes]]]]


@pytest.fixture
def encode(settings: SharedSettings) -> Encode:
    """Encodes every sound of a clip; returns their init segments and segments by name."""

    async def encode(
        clip: str, seconds: int, asked: PackagingOptions = NOTHING, **chosen: Any
    ) -> dict[str, list[bytes]]:
        path = await asyncio.to_thread(generate, clip)
        settings.data_dir.mkdir()
        async with AsyncExitStack() as stack:
            workshop = await Workshop.open(PackagerSettings(shared=settings, **chosen), stack)
            await workshop.catalog.create_video(
                VIDEO, title="x", now=datetime.now(UTC), options=asked
            )
            stored = await workshop.store.put_file(source_key(VIDEO), path)
            await workshop.catalog.accept_source(VIDEO, size_bytes=stored.size_bytes)
            async with workshop.sources.open(VIDEO) as opened:
                source = (await inspect_source(workshop, VIDEO, 1, opened)).info
            for planned in plan_sounds(source.audios):
                name = planned.rendition.name
                sound = SoundSource(
                    str(path), source, planned.audio, planned.mix, name, SEGMENT_SECONDS
                )
                end = await encode_sound(workshop, VIDEO, sound)
                await finish_sound(workshop, VIDEO, sound, end, Fraction(seconds))
            return await read_all(workshop)

    return encode


async def read_all(workshop: Workshop) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for rendition in await workshop.catalog.renditions(VIDEO):
        segments = await workshop.catalog.segments(VIDEO, rendition.name)
        for name in [rendition.init_name, *(segment.name for segment in segments)]:
            if name is not None:
                async with workshop.store.get(media_key(VIDEO, name)) as body:
                    data = b"".join([piece async for piece in body.chunks])
                found.setdefault(rendition.name, []).append(data)
    return found


def loudness(track: list[bytes], target: Path) -> tuple[float, float]:
    """Integrated loudness in LUFS, and the highest peak in dB (EBU R 128)."""
    target.write_bytes(b"".join(track))
    report = subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-nostats", "-nostdin", "-i", str(target)),
            *("-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"),
        ],
        check=True, capture_output=True, text=True, timeout=60,
    ).stderr  # fmt: skip
    integrated = re.findall(r"I:\s+(-?[0-9.]+) LUFS", report)
    peak = re.findall(r"Peak:\s+(-?[0-9.]+) dBFS", report)
    return float(integrated[-1]), float(peak[-1])


def decode(track: list[bytes], target: Path, *options: str) -> memoryview:
    """Samples of a track that decodes without a complaint, mono, 8000 a second."""
    target.write_bytes(b"".join(track))
    decoded = subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-xerror", "-i", str(target)),
            *(*options, "-ac", "1", "-ar", "8000", "-f", "s16le", "-"),
        ],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert decoded.stderr == b""
    return memoryview(decoded.stdout).cast("h")


def hertz(samples: memoryview) -> float:
    """How often these samples, 8000 a second, swing up through zero in a second."""
    return sum(a < 0 <= b for a, b in pairwise(samples)) * 8000 / len(samples)


async def test_stereo_and_surround_are_gapless_and_tell_their_priming(encode: Encode) -> None:
    # A second longer than the sound: the rest is silence.
    tracks = await encode("surround_51", 5)
    assert tracks.keys() == {"audio", "audio-51"}
    for init, *segments in tracks.values():
        edit = list(read_boxes(init))[1].child("trak", "edts", "elst").payload
        assert int.from_bytes(edit[12:16], "big") == 1024
        position = 0
        for segment in segments:
            fragment = read_segment(segment)
            assert fragment.start_ticks == position
            position += sum(sample.duration_ticks for sample in fragment.samples)
        assert position / 48_000 == pytest.approx(5 + 1024 / 48_000, abs=0.022)


async def test_silence_that_is_added_can_be_decoded(encode: Encode, tmp_path: Path) -> None:
    for track in (await encode("surround_51", 6)).values():
        samples = decode(track, tmp_path / "track")
        assert len(samples) == pytest.approx(6 * 8000, abs=200)
        assert max(map(abs, samples[8000:30_000])) > 2000
        assert set(samples[5 * 8000 :]) == {0}


@pytest.mark.parametrize("target", [-16, -30])
async def test_each_mix_is_as_loud_as_was_asked_for(
    encode: Encode, tmp_path: Path, target: int
) -> None:
    tracks = await encode("surround_51", 4, loudness_lufs=target)
    for track in tracks.values():
        assert loudness(track, tmp_path / "track")[0] == pytest.approx(target, abs=0.5)


async def test_what_an_upload_asks_for_comes_before_the_setting(
    encode: Encode, tmp_path: Path
) -> None:
    tracks = await encode("mono_44100", 4, PackagingOptions(loudness_lufs=-24), loudness_lufs=-16)
    assert loudness(tracks["audio"], tmp_path / "track")[0] == pytest.approx(-24, abs=0.5)


async def test_a_sound_that_is_made_louder_does_not_clip(encode: Encode, tmp_path: Path) -> None:
    tracks = await encode("beeps_flashes", 10, loudness_lufs=-5)
    _, peak_db = loudness(tracks["audio"], tmp_path / "track")
    assert peak_db < 0.5


async def test_six_loud_channels_fit_into_two(encode: Encode, tmp_path: Path) -> None:
    # Each is at 0.6: five of them, added as they should be, make 1.4, which is 3 dB too much.
    # AAC overshoots where a beep begins.
    tracks = await encode("beeps_51", 10)
    _, peak_db = loudness(tracks["audio"], tmp_path / "track")
    assert -1.5 < peak_db < 2


@pytest.mark.parametrize(("clip", "right_hertz"), [("spatial", None), ("spatial_and_speech", 600)])
async def test_a_sphere_of_sound_is_heard_in_stereo(
    encode: Encode, tmp_path: Path, clip: str, right_hertz: int | None
) -> None:
    tracks = await encode(clip, 4)
    assert tracks.keys() == {"audio"}, "it is nothing for six loudspeakers"
    left, right = (
        decode(tracks["audio"], tmp_path / "track", "-af", f"pan=mono|c0=c{channel}")[8000:24_000]
        for channel in (0, 1)
    )
    assert hertz(left) == pytest.approx(440, abs=1)
    if right_hertz is None:
        assert max(map(abs, right)) < 100
    else:
        assert hertz(right) == pytest.approx(right_hertz, abs=1)


async def test_loudness_is_left_alone_unless_it_was_asked_for(
    encode: Encode, tmp_path: Path
) -> None:
    tracks = await encode("mono_44100", 4)
    # A sine of 440 Hz and -18 dB on one channel, heard on both sides as loud.
    assert loudness(tracks["audio"], tmp_path / "track")[0] == pytest.approx(-18.8, abs=0.3)


@pytest.mark.parametrize("suffix", [".ts", ".mkv", ".mp4"])
async def test_what_follows_a_small_hole_is_heard_in_time(tmp_path: Path, suffix: str) -> None:
    beeps = "aevalsrc=0.5*sin(440*2*PI*t)*gte(mod(t\\,1)\\,0.8):s=48000:d=3"
    sound = write(tmp_path / "sound.mkv", "-f", "lavfi", "-i", beeps, "-c:a", "aac")
    # Four frames.
    lost = ("-i", str(sound), "-c", "copy", "-bsf:a", "noise=drop='between(pts*tb,1.3,1.38)'")
    path = write(tmp_path / f"holed{suffix}", *lost)
    source = await describe(path)
    assert source.audio is not None
    mixed = tmp_path / "mixed.mp4"
    argv = sound_argv(str(path), source, source.audio, STEREO, str(mixed))
    await asyncio.to_thread(
        subprocess.run, [imageio_ffmpeg.get_ffmpeg_exe(), *argv], check=True, capture_output=True
    )
    samples = decode([mixed.read_bytes()], tmp_path / "track")
    loud = [n / 8000 for n, sample in enumerate(samples) if abs(sample) > 2000]
    begins = [later for earlier, later in pairwise([-1, *loud]) if later - earlier > 0.5]
    assert [b - a for a, b in pairwise(begins)] == pytest.approx([1, 1], abs=0.01)


class FailingOnce(DirectoryStore):
    """A directory that refuses one segment of sound, when the ffmpeg that made it has ended."""

    has_failed = False

    async def put(self, key: str, data: bytes, *, only_if_absent: bool = False) -> ObjectInfo:
        if not self.has_failed and "/audio/" in key and key.endswith(".m4s"):
            self.has_failed = True
            while any("atrim" in " ".join(command(child)) for child in children()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            raise RuntimeError("out of luck")
        return await super().put(key, data, only_if_absent=only_if_absent)


async def test_no_segment_is_lost_with_a_run_that_failed(
    encode: Encode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FailingOnce(tmp_path / "store")
    monkeypatch.setattr("packager.workshop.open_store", lambda *_, **__: store)
    program = tmp_path / "ffmpeg"
    program.write_text(f'#!/bin/sh\n{imageio_ffmpeg.get_ffmpeg_exe()} "$@"\nexit 1\n')
    program.chmod(0o755)
    tracks = await encode("beeps_flashes", 10, ffmpeg=str(program))
    assert store.has_failed
    assert len(tracks["audio"]) == 4, "an init segment, and segments of 4, 4 and 2 seconds"


def test_no_sound_goes_on_a_second_longer_than_the_file_however_late_it_begins() -> None:
    audio = AudioTrack(0, Fraction(20), 2)
    source = SourceInfo(29.0, Fraction(0), Fraction(0), True, None, (audio,))
    sound = SoundSource("late.mp4", source, audio, STEREO, "audio", SEGMENT_SECONDS)
    assert sound.within_file(Fraction(28)) == 28
    assert sound.within_file(Fraction(60)) == 30
    unstated = replace(sound, source=replace(source, is_duration_guessed=True))
    assert unstated.within_file(Fraction(60)) == 60
