"""Films that begin with still pictures and move later: at which rate they are shown."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from packager.inspection import inspect_source
from packager.workshop import Workshop
from streamer.core.keys import arriving_key, source_key
from tests.integration.packager.described import write

VIDEO = "testvideo1"
# A picture a second, then 30.
PICTURES = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=30:d=44,select='gte(t,40)+not(mod(n,30))'")
CODED = ("-fps_mode", "vfr", "-c:v", "libx264", "-preset", "ultrafast", "-g", "30")
FIRST = ("-movflags", "+faststart")
FRAGMENTED = ("-movflags", "+frag_keyframe+empty_moov+default_base_moof")
SLOW = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=5:d=16")


@pytest.fixture
async def workshop(empty_workshop: Workshop) -> Workshop:
    await empty_workshop.catalog.create_video(VIDEO, title="x", now=datetime.now(UTC))
    return empty_workshop


async def rate(workshop: Workshop) -> Fraction:
    async with workshop.sources.open(VIDEO) as source:
        recipe = (await inspect_source(workshop, VIDEO, 1, source)).recipe
    assert recipe is not None
    return recipe.grid.frame_rate


@pytest.mark.parametrize("is_small", [True, False])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("talk.ts", ()),
        ("talk.mp4", ()),
        ("fragmented.mp4", FRAGMENTED),
        # As browsers record.
        ("recorded.webm", ("-c:v", "libvpx", "-cpu-used", "8", "-live", "1")),
    ],
)
async def test_what_moves_later_loses_no_picture(
    workshop: Workshop,
    tmp_path: Path,
    name: str,
    options: tuple[str, ...],
    is_small: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not is_small:
        monkeypatch.setattr("packager.inspection._SMALL_BYTES", 0)
        monkeypatch.setattr("packager.inspection._BEGINNING_SECONDS", 20)
        monkeypatch.setattr("packager.inspection._WINDOW_SECONDS", Fraction(1, 2))
    path = write(tmp_path / name, *PICTURES, *CODED, *options)
    stored = await workshop.store.put_file(source_key(VIDEO), path)
    await workshop.catalog.accept_source(VIDEO, size_bytes=stored.size_bytes)
    assert await rate(workshop) == 30


async def test_the_index_tells_what_has_not_arrived(workshop: Workshop, tmp_path: Path) -> None:
    path = write(tmp_path / "talk.mp4", *PICTURES, *CODED, *FIRST)
    data = path.read_bytes()
    await workshop.store.put(arriving_key(VIDEO), data[: len(data) // 4])
    await workshop.catalog.note_received(
        VIDEO, received_bytes=len(data) // 4, length_bytes=len(data)
    )
    assert await rate(workshop) == 30


@pytest.mark.parametrize("suffix", [".ts", ".mp4", ".mkv"])
async def test_what_never_moves_faster_keeps_its_rate(
    workshop: Workshop, tmp_path: Path, suffix: str
) -> None:
    path = write(tmp_path / f"slow{suffix}", *SLOW, "-c:v", "libx264")
    stored = await workshop.store.put_file(source_key(VIDEO), path)
    await workshop.catalog.accept_source(VIDEO, size_bytes=stored.size_bytes)
    assert await rate(workshop) == 5


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
async def test_joined_recordings_keep_their_rate(
    workshop: Workshop, tmp_path: Path, suffix: str
) -> None:
    steady = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=25:d=6", "-c:v", "mpeg2video", "-bf", "2")
    first = write(tmp_path / f"first{suffix}", *steady)
    # Its pictures are between the others'.
    second = write(
        tmp_path / f"second{suffix}", *steady, "-muxdelay", "0.713", "-muxpreload", "0.513"
    )
    path = tmp_path / f"joined{suffix}"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    stored = await workshop.store.put_file(source_key(VIDEO), path)
    await workshop.catalog.accept_source(VIDEO, size_bytes=stored.size_bytes)
    assert await rate(workshop) == 25


async def test_a_rate_is_compared_with_the_first_pictures_however_late(
    workshop: Workshop, tmp_path: Path
) -> None:
    pictures = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=25:d=4", "-c:v", "libx264", "-bf", "0")
    whole = write(tmp_path / "whole.mkv", *pictures)
    # Twice as fast as it says, from the eighth second on.
    late = ("-itsoffset", "16", "-i", str(whole), "-f", "lavfi", "-i", "sine=d=10")
    path = write(tmp_path / "late.mkv", *late, "-c:v", "copy", "-bsf:v", "setts=ts=TS/2")
    stored = await workshop.store.put_file(source_key(VIDEO), path)
    await workshop.catalog.accept_source(VIDEO, size_bytes=stored.size_bytes)
    assert await rate(workshop) == 50
