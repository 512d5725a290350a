"""Videos of a catalog, brought to a state, for the tests of its contract."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

from streamer.core.keys import rendition_name
from streamer.core.options import PackagingOptions, Preset
from streamer.core.video import (
    EVERY_VERSION,
    ContentKey,
    MediaKind,
    Rendition,
    Segment,
    Video,
    VideoState,
)
from streamer.shared.catalog import Catalog

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ID = "video000"
LOW = Rendition(
    "240p",
    MediaKind.VIDEO,
    "avc1.64001f",
    30000,
    width=426,
    height=240,
    frame_rate=Fraction(30000, 1001),
)
HIGH = replace(LOW, name="1080p", width=1920, height=1080)
SOUND = Rendition(
    "audio-eng",
    MediaKind.AUDIO,
    "mp4a.40.2",
    48000,
    language="en",
    label="English",
    channels=6,
    is_default=True,
)
OTHER_SOUND = replace(SOUND, name="audio-deu", language="de", label="Deutsch", is_default=False)
FAST = PackagingOptions(preset=Preset.FAST)
KEY, OTHER_KEY = ContentKey(b"i" * 16, b"k" * 16), ContentKey(b"j" * 16, b"l" * 16)
Step = Callable[[Catalog], Awaitable[object]]
UPLOADED = Rendition(
    "uploaded-de",
    MediaKind.SUBTITLES,
    "wvtt",
    1000,
    language="de",
    label="Deutsch",
    is_default=True,
    version=EVERY_VERSION,
)
TEXT = Segment("uploaded-de", 0, "uploaded-de/000000-1.vtt", 4000, 80)
URL = "https://hooks.example/a"


def in_version(rendition: Rendition, version: int) -> Rendition:
    return replace(rendition, name=rendition_name(rendition.name, version), version=version)


LOW_2, SOUND_2 = in_version(LOW, 2), in_version(SOUND, 2)


def segment(rendition: Rendition, number: int, size_bytes: int = 1000) -> Segment:
    name = f"{rendition.name}/{number:06d}.m4s"
    return Segment(rendition.name, number, name, 4 * rendition.timescale, size_bytes)


async def upload(catalog: Catalog, video_id: str = ID, now: datetime = NOW) -> Video:
    return await catalog.create_video(video_id, title="A film", now=now)


async def probe(catalog: Catalog) -> Video:
    await upload(catalog)
    return await catalog.accept_source(ID, size_bytes=5_000_000_000)


async def package(catalog: Catalog, *renditions: Rendition) -> Video:
    await probe(catalog)
    return await catalog.begin_packaging(
        ID, duration_seconds=60.5, renditions=renditions or (LOW, HIGH, SOUND)
    )


async def publish(catalog: Catalog, *segments: Segment, now: datetime = NOW) -> None:
    names = {segment.rendition for segment in segments}
    await catalog.publish(
        ID, segments, init_names={name: f"{name}/init.mp4" for name in names}, now=now
    )


async def make_ready(catalog: Catalog) -> Video:
    await package(catalog)
    return await catalog.finish(ID, duration_seconds=60.4, now=NOW)


async def make_failed(catalog: Catalog) -> None:
    await package(catalog)
    await catalog.fail(ID, code="truncated", message="The file ends early.")


async def make_playing(catalog: Catalog) -> None:
    """A ready video with a segment of each rendition."""
    await package(catalog, LOW, SOUND)
    await publish(catalog, segment(LOW, 0), segment(SOUND, 0))
    await catalog.finish(ID, duration_seconds=4.0, now=NOW)


async def begin_anew(catalog: Catalog, options: PackagingOptions = FAST) -> None:
    await make_playing(catalog)
    await catalog.repackage(ID, options)
    await catalog.begin_packaging(ID, duration_seconds=4.0, renditions=(LOW_2, SOUND_2), version=2)


def names(renditions: list[Rendition]) -> list[str]:
    return [rendition.name for rendition in renditions]


async def renew(catalog: Catalog) -> None:
    await catalog.renew_version(ID, 1)


async def events(catalog: Catalog) -> list[str]:
    """The types of all events of the one video, in their order."""
    await catalog.spread_events([URL])
    types = []
    while found := await catalog.claim_deliveries([URL], now=NOW, lease_seconds=60, limit=100):
        [delivery] = found
        types.append(delivery.event.type.value)
        await catalog.note_delivered(delivery, now=NOW)
    return types


STATES: dict[VideoState, Step] = {
    VideoState.UPLOADING: upload,
    VideoState.PROBING: probe,
    VideoState.PACKAGING: package,
    VideoState.READY: make_ready,
    VideoState.FAILED: make_failed,
}
