"""Renditions and segments as a packager would publish them."""

from fractions import Fraction

from streamer.core.manifests import Track, published_tracks
from streamer.core.video import MediaKind, Rendition, Segment

DIGEST = "0123456789ab"


def video(name: str, width: int, height: int) -> Rendition:
    return Rendition(
        name,
        MediaKind.VIDEO,
        "avc1.64001f",
        timescale=30000,
        init_name=f"{name}/init-{DIGEST}.mp4",
        width=width,
        height=height,
        frame_rate=Fraction(30000, 1001),
    )


def audio(name: str, **changes: object) -> Rendition:
    fields: dict[str, object] = {"language": "en", "channels": 2, "is_default": True} | changes
    return Rendition(
        name,
        MediaKind.AUDIO,
        "mp4a.40.2",
        timescale=48000,
        init_name=f"{name}/init-{DIGEST}.mp4",
        **fields,  # type: ignore[arg-type]
    )


def subtitles(name: str, **changes: object) -> Rendition:
    fields: dict[str, object] = {"language": "en", "label": "English"} | changes
    return Rendition(name, MediaKind.SUBTITLES, "wvtt", timescale=1000, **fields)  # type: ignore[arg-type]


def text(rendition: Rendition, seconds: int) -> list[Segment]:
    name = f"{rendition.name}/000000-{DIGEST}.vtt"
    return [Segment(rendition.name, 0, name, seconds * 1000, 500)]


def segments(rendition: Rendition, *sizes: int) -> list[Segment]:
    ticks = 120 * 1001 if rendition.kind is MediaKind.VIDEO else 192512
    return [
        Segment(
            rendition.name, number, f"{rendition.name}/{number:06d}-{DIGEST}.m4s", ticks, size_bytes
        )
        for number, size_bytes in enumerate(sizes)
    ]


LOW, HIGH, SOUND = video("240p", 426, 240), video("720p", 1280, 720), audio("audio-eng")


def tracks(*renditions: Rendition, sizes: tuple[int, ...] = (100_000, 50_000)) -> list[Track]:
    return published_tracks(renditions, {item.name: segments(item, *sizes) for item in renditions})
