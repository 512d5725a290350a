"""A clock that jumps is found by samples of a stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from packager.clock_shifts import find_shifts
from packager.core.mended import Shift
from packager.settings import PackagerSettings
from packager.sources import Source
from packager.workshop import Workshop
from sample_media.generate import generate
from streamer.core.keys import source_key
from streamer.shared.settings import SharedSettings

VIDEO = "testvideo1"
SECONDS, TICKS = 10, 90_000
# What a stream consists of, told before its first time.
TABLES_BYTES = 3 * 188


@pytest.fixture
async def source(settings: SharedSettings, request: pytest.FixtureRequest) -> AsyncIterator[Source]:
    """The clip that a test names."""
    settings.data_dir.mkdir()
    path = await asyncio.to_thread(generate, request.param)
    async with AsyncExitStack() as stack:
        workshop = await Workshop.open(PackagerSettings(shared=settings), stack)
        await workshop.catalog.create_video(VIDEO, title="x", now=datetime.now(UTC))
        stored = await workshop.store.put_file(source_key(VIDEO), path)
        await workshop.catalog.accept_source(VIDEO, size_bytes=stored.size_bytes)
        yield await stack.enter_async_context(workshop.sources.open(VIDEO))


def size_of(clip: str) -> int:
    return generate(clip).stat().st_size


@pytest.mark.parametrize("looks", ["all of it", "samples"])
@pytest.mark.parametrize(
    ("source", "jumps"),
    [
        ("beeps_start_offset", []),
        ("beeps_changing", []),
        ("beeps_rewound", [0]),
        ("beeps_interrupted", [15_000, 0]),
        ("beeps_flashes", []),
    ],
    indirect=["source"],
)
async def test_what_makes_it_run_on(
    source: Source, jumps: list[int], looks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if looks == "samples":
        monkeypatch.setattr("packager.clock_shifts._SAMPLE_BYTES", 8 * 1024)
        monkeypatch.setattr("packager.clock_shifts._SAMPLES", 8)
    part = await asyncio.to_thread(size_of, "beeps_start_offset")
    expected = tuple(
        Shift(number * part + TABLES_BYTES, (number * SECONDS - later) * TICKS % (1 << 33))
        for number, later in enumerate(jumps, start=1)
    )
    assert await find_shifts(source.data) == expected
    for stop in (part // 2, source.data.length_bytes):
        found = await source.clock.up_to(source.data, stop)
    assert found == expected


@pytest.mark.parametrize("source", ["beeps_start_offset"], indirect=True)
async def test_of_a_large_stream_that_runs_on_little_is_read(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("packager.clock_shifts._SAMPLE_BYTES", 2 * 1024)
    monkeypatch.setattr("packager.clock_shifts._SAMPLES", 8)
    monkeypatch.delattr("packager.clock_shifts.MendedClock")
    assert await find_shifts(source.data) == ()
