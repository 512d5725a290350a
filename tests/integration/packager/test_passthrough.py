"""A source that conforms becomes the highest rendition bit for bit; any other is encoded."""

import asyncio
import struct
import subprocess
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import imageio_ffmpeg
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from packager.core.boxes import read_boxes
from packager.core.copying import REORDER_FRAMES
from packager.core.fmp4 import read_segment
from packager.core.h264 import PPS, SPS, nal_units
from packager.core.plan import frame_grid
from streamer.core.keys import media_key
from streamer.core.video import VideoState
from tests.integration.packager.conftest import StartWorker
from tests.integration.packager.installation import Installation

VIDEO = "testvideo1"
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
# Eleven segments, the last of them short: three chunks.
RATE, FRAMES, SEGMENT_FRAMES = 10, 410, 40
SEGMENTS = 11
OWN, LOWER = "360p", "240p"
ON_GRID = ("-g", "40", "-keyint_min", "40", "-sc_threshold", "0")
B_FRAMES = ("-bf", "3")


def encode(target: Path, *options: str) -> Path:
    picture = f"testsrc2=size=640x360:rate={RATE}:duration={FRAMES // RATE}"
    run_ffmpeg(
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=d={FRAMES // RATE}"),
        *("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"),
        *("-colorspace", "bt709", *options, "-c:a", "aac", str(target)),
    )
    return target


def remux(source: Path, target: Path) -> Path:
    run_ffmpeg("-i", str(source), "-map", "0", "-c", "copy", str(target))
    return target


def with_long_end(source: Path, target: Path) -> Path:
    """The last frame is shown as long as five."""
    duration = f"if(eq(N\\,{FRAMES - 1})\\,5*DURATION\\,DURATION)"
    stamps = ("-bsf:v", f"setts=pts=PTS:dts=DTS:duration={duration}")
    run_ffmpeg("-i", str(source), "-map", "0:v", "-c", "copy", *stamps, str(target))
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


async def segments_of(installation: Installation, rendition: str) -> list[bytes]:
    found = await installation.catalog.segments(VIDEO, rendition)
    return [await read(installation, segment.name) for segment in found]


async def read(installation: Installation, name: str) -> bytes:
    async with installation.store.get(media_key(VIDEO, name)) as body:
        return b"".join([piece async for piece in body.chunks])


async def init_of(installation: Installation, rendition: str) -> bytes:
    renditions = await installation.catalog.renditions(VIDEO)
    return await read(
        installation, next(r.init_name or "" for r in renditions if r.name == rendition)
    )


async def package(
    installation: Installation,
    start_worker: StartWorker,
    path: Path,
    *,
    frames: int = FRAMES,
    **environment: str,
) -> tuple[str, ...]:
    """The warnings of a source that was packaged, and has so many frames."""
    start_worker(PACKAGER_PASSTHROUGH="true", **environment)
    await installation.hand_over_file(VIDEO, path)
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert video.duration_seconds == frames / RATE
    counts = await installation.segment_counts(VIDEO)
    assert (counts[LOWER], counts[OWN]) == (SEGMENTS, SEGMENTS)
    return video.warnings


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".flv"])
async def test_every_frame_is_the_source_s_own(
    installation: Installation, start_worker: StartWorker, tmp_path: Path, suffix: str
) -> None:
    made = await asyncio.to_thread(encode, tmp_path / "made.mp4", *ON_GRID, *B_FRAMES)
    path = await asyncio.to_thread(remux, made, tmp_path / f"source{suffix}")
    assert await package(installation, start_worker, path) == ()
    track = await installation.track(VIDEO, OWN)
    expected = await asyncio.to_thread(shown, "-i", str(path))
    assert len(expected) == FRAMES
    assert await asyncio.to_thread(shown, "-i", "pipe:0", data=track) == expected
    for segment in await segments_of(installation, OWN):
        for sample in read_segment(segment).samples:
            assert {SPS, PPS}.isdisjoint(kind for kind, _ in nal_units(sample.data))
    (own,) = [r for r in await installation.catalog.renditions(VIDEO) if r.name == OWN]
    assert own.codecs.startswith("avc1.64")


@pytest.mark.parametrize("options", [("-bf", "0"), B_FRAMES, ("-g", "20", "-keyint_min", "20")])
async def test_time_is_the_grid_s_to_the_tick(
    installation: Installation,
    start_worker: StartWorker,
    tmp_path: Path,
    options: tuple[str, ...],
) -> None:
    path = await asyncio.to_thread(encode, tmp_path / "source.mp4", *ON_GRID, *options)
    assert await package(installation, start_worker, path) == ()
    ticks = frame_grid(Fraction(RATE)).frame_ticks
    fragments = [read_segment(segment) for segment in await segments_of(installation, OWN)]
    segment_ticks = SEGMENT_FRAMES * ticks
    assert [f.start_ticks for f in fragments] == [n * segment_ticks for n in range(SEGMENTS)]
    assert all(fragment.samples[0].is_sync for fragment in fragments)
    samples = [sample for fragment in fragments for sample in fragment.samples]
    assert {sample.duration_ticks for sample in samples} == {ticks}
    decoded = accumulate((sample.duration_ticks for sample in samples), initial=0)
    presented = [at + sample.offset_ticks for at, sample in zip(decoded, samples, strict=False)]
    first = REORDER_FRAMES * ticks
    assert sorted(presented) == [first + number * ticks for number in range(FRAMES)]
    moov = list(read_boxes(await init_of(installation, OWN)))[1]
    assert int.from_bytes(moov.child("trak", "edts", "elst").payload[12:16], "big") == first


@pytest.mark.parametrize("method", ["aes-128", "sample-aes"])
async def test_it_is_encrypted_as_the_others_are(
    installation: Installation, start_worker: StartWorker, tmp_path: Path, method: str
) -> None:
    path = await asyncio.to_thread(encode, tmp_path / "source.mp4", *ON_GRID, *B_FRAMES)
    warnings = await package(installation, start_worker, path, PACKAGER_ENCRYPTION=method)
    assert warnings == ()
    content_key = await installation.catalog.content_key(VIDEO, 1)
    assert content_key is not None
    segments = await segments_of(installation, OWN)
    arguments: tuple[str, ...] = ()
    if method == "aes-128":
        segments = [decrypt(data, number, content_key.key) for number, data in enumerate(segments)]
    else:
        arguments = ("-decryption_key", content_key.key.hex())
    track = await init_of(installation, OWN) + b"".join(segments)
    (tmp_path / "track.mp4").write_bytes(track)
    found = await asyncio.to_thread(shown, *arguments, "-i", str(tmp_path / "track.mp4"))
    assert found == await asyncio.to_thread(shown, "-i", str(path))


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
    installation: Installation,
    start_worker: StartWorker,
    tmp_path: Path,
    options: tuple[str, ...],
    reason: str,
) -> None:
    path = await asyncio.to_thread(encode, tmp_path / "source.mp4", *options)
    warnings = await package(installation, start_worker, path)
    assert warnings == (f"The pictures were not passed through: {reason}.",)
    track = await installation.track(VIDEO, OWN)
    frames = await asyncio.to_thread(shown, "-i", "pipe:0", data=track)
    assert len(frames) == FRAMES
    assert frames != await asyncio.to_thread(shown, "-i", str(path))


async def test_a_source_that_holds_its_last_picture_is_encoded(
    installation: Installation, start_worker: StartWorker, tmp_path: Path
) -> None:
    made = await asyncio.to_thread(encode, tmp_path / "made.mp4", *ON_GRID, *B_FRAMES)
    path = await asyncio.to_thread(with_long_end, made, tmp_path / "source.mp4")
    (warning,) = await package(installation, start_worker, path, frames=FRAMES + 4)
    assert "the last picture is shown longer than the others" in warning


async def test_a_last_picture_that_cannot_be_decoded_is_no_obstacle(
    installation: Installation, start_worker: StartWorker, tmp_path: Path
) -> None:
    made = await asyncio.to_thread(encode, tmp_path / "made.mp4", *ON_GRID, *B_FRAMES)
    path = await asyncio.to_thread(with_broken_end, made, tmp_path / "source.mp4")
    await package(installation, start_worker, path, frames=FRAMES - 1)
