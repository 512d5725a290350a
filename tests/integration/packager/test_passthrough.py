"""A source that conforms becomes the highest rendition bit for bit; any other is encoded."""

import asyncio
import struct
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, count
from pathlib import Path

import imageio_ffmpeg
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from packager.core.boxes import read_boxes
from packager.core.copying import REORDER_FRAMES
from packager.core.h264 import PPS, SPS, nal_units
from packager.core.plan import frame_grid
from streamer.core.keys import media_key
from streamer.core.options import Encryption, PackagingOptions
from streamer.core.video import Rendition, VideoState
from streamer.shared.settings import SharedSettings
from tests.integration.packager.installation import Installation, WorkerProcess
from tests.segments import read_segment

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
# Eleven segments, the last of them short: three chunks.
RATE, FRAMES, SEGMENT_FRAMES = 5, 205, 20
SEGMENTS = 11
OWN, LOWER = "360p", "240p"
ON_GRID = ("-g", "20", "-keyint_min", "20", "-sc_threshold", "0")
B_FRAMES = ("-bf", "3")


def encode(target: Path, *options: str) -> Path:
    picture = f"testsrc2=size=640x360:rate={RATE}:duration={FRAMES // RATE}"
    run_ffmpeg(
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=d={FRAMES // RATE}"),
        *("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"),
        *("-colorspace", "bt709", *options, "-c:a", "aac", str(target)),
    )
    return target


@pytest.fixture(scope="module")
def conforming(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("made") / "made.mp4", *ON_GRID, *B_FRAMES)


def remux(source: Path, target: Path) -> Path:
    run_ffmpeg("-i", str(source), "-map", "0", "-c", "copy", str(target))
    return target


def with_long_end(source: Path, target: Path) -> Path:
    """The last frame is shown as long as five."""
    duration = f"if(eq(N\\,{FRAMES - 1})\\,5*DURATION\\,DURATION)"
    stamps = ("-bsf:v", f"setts=pts=PTS:dts=DTS:duration={duration}")
    run_ffmpeg("-i", str(source), "-map", "0:v", "-c", "copy", *stamps, str(target))
    return target


def with_long_sound(source: Path, target: Path) -> Path:
    """Its sound goes on for a second."""
    sound = ("-f", "lavfi", "-i", f"sine=d={FRAMES // RATE + 1}")
    run_ffmpeg("-i", str(source), *sound, "-map", "0:v", "-map", "1:a", "-c:v", "copy", str(target))
    return target


def with_cut_end(source: Path, target: Path) -> Path:
    """The edit list leaves out the last two frames."""
    run_ffmpeg("-i", str(source), "-map", "0:v", "-c", "copy", str(target))
    data = bytearray(target.read_bytes())
    # Behind its version and the number of its edits: how long the first one lasts.
    position = data.index(b"elst") + 4 + 8
    (duration,) = struct.unpack_from(">I", data, position)
    struct.pack_into(">I", data, position, duration - duration * 2 // FRAMES)
    target.write_bytes(data)
    return target


def with_broken_end(source: Path, target: Path) -> Path:
    """The last frame cannot be decoded."""
    run_ffmpeg("-i", str(source), "-map", "0:v", "-c", "copy", str(target))
    data = target.read_bytes()
    # The index follows the media: its last table of sizes ends with the last frame's.
    position = data.index(b"stsz") + 4 + 8
    (count,) = struct.unpack_from(">I", data, position)
    (size,) = struct.unpack_from(">I", data, position + 4 * count)
    stop = data.index(b"moov") - 4
    noise = (b"\0\1\3" * size)[: size - 5]
    target.write_bytes(data[: stop - len(noise)] + noise + data[stop:])
    return target


def run_ffmpeg(*arguments: str, data: bytes = b"") -> bytes:
    command = [FFMPEG, "-v", "error", "-y", *arguments]
    return subprocess.run(command, input=data, check=True, capture_output=True, timeout=60).stdout


def shown(*arguments: str, data: bytes = b"") -> list[str]:
    """The digest of every frame in the order in which they are shown."""
    options = ("-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-")
    lines = run_ffmpeg(*arguments, *options, data=data).decode().splitlines()
    return [line.rpartition(",")[2].strip() for line in lines if not line.startswith("#")]


@dataclass(frozen=True, slots=True)
class Packaged:
    """What became of a source's own pictures."""

    installation: Installation
    video_id: str
    own: Rendition
    warnings: tuple[str, ...]

    async def init(self) -> bytes:
        return await self._read(self.own.init_name or "")

    async def segments(self) -> list[bytes]:
        found = await self.installation.catalog.segments(self.video_id, OWN)
        return [await self._read(segment.name) for segment in found]

    async def track(self) -> bytes:
        return await self.installation.track(self.video_id, OWN)

    async def _read(self, name: str) -> bytes:
        async with self.installation.store.get(media_key(self.video_id, name)) as body:
            return b"".join([piece async for piece in body.chunks])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """An installation with a worker."""
    directory = tmp_path_factory.mktemp("shared")
    settings = SharedSettings(data_dir=directory / "data")
    installation = await Installation.open(settings)
    environment = {"STREAMER_DATA_DIR": str(settings.data_dir)}
    worker = WorkerProcess(environment, directory / "worker.log")
    yield installation
    await worker.stop()
    await installation.close()


_numbers = count()


async def package(
    installation: Installation,
    path: Path,
    *,
    frames: int = FRAMES,
    encryption: Encryption | None = None,
) -> Packaged:
    """What becomes of a source that has so many frames."""
    video_id = f"passing{next(_numbers):03d}"
    options = PackagingOptions(passthrough=True, encryption=encryption)
    await installation.hand_over_file(video_id, path, options)
    video = await installation.outcome(video_id)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert video.duration_seconds == frames / RATE
    counts = await installation.segment_counts(video_id)
    assert (counts[LOWER], counts[OWN]) == (SEGMENTS, SEGMENTS)
    (own,) = [r for r in await installation.catalog.renditions(video_id) if r.name == OWN]
    return Packaged(installation, video_id, own, video.warnings)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".flv"])
async def test_every_frame_is_the_source_s_own(
    shared: Installation, conforming: Path, tmp_path: Path, suffix: str
) -> None:
    path = await asyncio.to_thread(remux, conforming, tmp_path / f"source{suffix}")
    packaged = await package(shared, path)
    assert packaged.warnings == ()
    track = await packaged.track()
    expected = await asyncio.to_thread(shown, "-i", str(path))
    assert len(expected) == FRAMES
    assert await asyncio.to_thread(shown, "-i", "pipe:0", data=track) == expected
    for segment in await packaged.segments():
        for sample in read_segment(segment).samples:
            assert {SPS, PPS}.isdisjoint(kind for kind, _ in nal_units(sample.data))
    assert packaged.own.codecs.startswith("avc1.64")


@pytest.mark.parametrize("options", [("-bf", "0"), B_FRAMES, ("-g", "10", "-keyint_min", "10")])
async def test_time_is_the_grid_s_to_the_tick(
    shared: Installation, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = await asyncio.to_thread(encode, tmp_path / "source.mp4", *ON_GRID, *options)
    packaged = await package(shared, path)
    assert packaged.warnings == ()
    ticks = frame_grid(Fraction(RATE)).frame_ticks
    fragments = [read_segment(segment) for segment in await packaged.segments()]
    segment_ticks = SEGMENT_FRAMES * ticks
    assert [f.start_ticks for f in fragments] == [n * segment_ticks for n in range(SEGMENTS)]
    assert all(fragment.samples[0].is_sync for fragment in fragments)
    samples = [sample for fragment in fragments for sample in fragment.samples]
    assert {sample.duration_ticks for sample in samples} == {ticks}
    decoded = accumulate((sample.duration_ticks for sample in samples), initial=0)
    presented = [at + sample.offset_ticks for at, sample in zip(decoded, samples, strict=False)]
    first = REORDER_FRAMES * ticks
    assert sorted(presented) == [first + number * ticks for number in range(FRAMES)]
    moov = list(read_boxes(await packaged.init()))[1]
    assert int.from_bytes(moov.child("trak", "edts", "elst").payload[12:16], "big") == first


@pytest.mark.parametrize("method", [Encryption.AES_128, Encryption.SAMPLE_AES])
async def test_it_is_encrypted_as_the_others_are(
    shared: Installation, conforming: Path, tmp_path: Path, method: Encryption
) -> None:
    packaged = await package(shared, conforming, encryption=method)
    assert packaged.warnings == ()
    content_key = await shared.catalog.content_key(packaged.video_id, 1)
    assert content_key is not None
    segments = await packaged.segments()
    arguments: tuple[str, ...] = ()
    if method is Encryption.AES_128:
        segments = [decrypt(data, number, content_key.key) for number, data in enumerate(segments)]
    else:
        arguments = ("-decryption_key", content_key.key.hex())
    track = await packaged.init() + b"".join(segments)
    (tmp_path / "track.mp4").write_bytes(track)
    found = await asyncio.to_thread(shown, *arguments, "-i", str(tmp_path / "track.mp4"))
    assert found == await asyncio.to_thread(shown, "-i", str(conforming))


def decrypt(data: bytes, number: int, key: bytes) -> bytes:
    decryptor = Cipher(AES(key), CBC(number.to_bytes(16, "big"))).decryptor()
    unpadder = PKCS7(AES.block_size).unpadder()
    padded = decryptor.update(data) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("-g", "250", "-sc_threshold", "0"), "no key frame at 4.00 s"),
        (
            (*ON_GRID, *B_FRAMES, "-x264-params", "open-gop=1"),
            "the group of pictures at 4.00 s is open",
        ),
        ((*ON_GRID, "-pix_fmt", "yuv444p"), "they are not 8-bit 4:2:0"),
    ],
)
async def test_any_other_source_is_encoded_and_its_warning_says_why(
    shared: Installation, tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    path = await asyncio.to_thread(encode, tmp_path / "source.mp4", *options)
    packaged = await package(shared, path)
    assert packaged.warnings == (f"The pictures were not passed through: {reason}.",)
    track = await packaged.track()
    frames = await asyncio.to_thread(shown, "-i", "pipe:0", data=track)
    assert len(frames) == FRAMES
    assert frames != await asyncio.to_thread(shown, "-i", str(path))


async def test_a_source_that_holds_its_last_picture_is_encoded(
    shared: Installation, conforming: Path, tmp_path: Path
) -> None:
    path = await asyncio.to_thread(with_long_end, conforming, tmp_path / "source.mp4")
    (warning,) = (await package(shared, path, frames=FRAMES + 4)).warnings
    assert "the last picture is shown longer than the others" in warning


async def test_a_source_whose_sound_goes_on_is_encoded(
    shared: Installation, conforming: Path, tmp_path: Path
) -> None:
    path = await asyncio.to_thread(with_long_sound, conforming, tmp_path / "source.mp4")
    # The last frame of sound ends in one more picture.
    refused, held = (await package(shared, path, frames=FRAMES + 6)).warnings
    assert "the sound goes on after the last of them" in refused
    assert "stands still while the sound goes on" in held


async def test_what_an_edit_list_leaves_out_stays_left_out(
    shared: Installation, conforming: Path, tmp_path: Path
) -> None:
    path = await asyncio.to_thread(with_cut_end, conforming, tmp_path / "source.mp4")
    packaged = await package(shared, path, frames=FRAMES - 2)
    assert packaged.warnings == (
        "The pictures were not passed through: the file leaves out some of them.",
    )
    track = await packaged.track()
    assert len(await asyncio.to_thread(shown, "-i", "pipe:0", data=track)) == FRAMES - 2


async def test_a_last_picture_that_cannot_be_decoded_is_no_obstacle(
    shared: Installation, conforming: Path, tmp_path: Path
) -> None:
    path = await asyncio.to_thread(with_broken_end, conforming, tmp_path / "source.mp4")
    await package(shared, path, frames=FRAMES - 1)
