"""What is measured of published renditions: again only when something was published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streamer.core import bit_rate
from streamer.core.manifests import target_duration_seconds
from streamer.core.video import Extent, Rendition
from streamer.shared.catalog import Catalog

_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Measure:
    """The peak segment bit rate of a rendition, and how many segments can be played."""

    peak_bps: int = 0
    segments: int = 0


class Measures:
    """Measures renditions, and remembers what came of it; the oldest is forgotten."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[tuple[str, str], tuple[Extent, int, Measure]] = {}

    async def of(
        self, video_id: str, renditions: Sequence[Rendition], extents: Mapping[str, Extent]
    ) -> list[Measure]:
        """The measures of a video's renditions, of which so much is published, in their order."""
        target = target_duration_seconds(renditions, extents)
        return [
            await self._measure(video_id, rendition, extents.get(rendition.name), target)
            for rendition in renditions
        ]

    async def _measure(
        self, video_id: str, rendition: Rendition, extent: Extent | None, target_seconds: int
    ) -> Measure:
        if extent is None:
            return Measure()
        place = (video_id, rendition.name)
        *seen, measure = self._known.get(place, (None, 0, Measure()))
        if seen != [extent, target_seconds]:
            segments = await self._catalog.segments(video_id, rendition.name)
            peak = bit_rate.peak_bps(rendition, segments, target_duration_seconds=target_seconds)
            measure = Measure(peak, len(segments))
            self._known.pop(place, None)
            self._known[place] = (extent, target_seconds, measure)
            if len(self._known) > _MOST_REMEMBERED:
                del self._known[next(iter(self._known))]
        return measure
