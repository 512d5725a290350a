"""What is read of files that ffmpeg writes, by way of the real ffprobe."""

from pathlib import Path

import pytest

from tests.integration.packager.described import describe, write

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=2")
SOUND = ("-f", "lavfi", "-i", "sine=d=2")


@pytest.mark.parametrize("clock_seconds", [600, 86_400, 1_700_000_000])
async def test_a_recording_by_a_clock_lasts_as_long_as_it_is(
    tmp_path: Path, clock_seconds: int
) -> None:
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
    shifted = ("-output_ts_offset", str(clock_seconds))
    path = write(tmp_path / "recording.mkv", *PICTURE, *SOUND, *coded, *shifted)
    source = await describe(path)
    assert source.zero_seconds == clock_seconds
    assert source.duration_seconds == pytest.approx(2, abs=0.1)
