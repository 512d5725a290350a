"""What viewers will ask for next, from the playlists that passed through and what they fetch.

A viewer that fetches segment n of a track gets the next ones fetched ahead, and what other tracks
of the presentation play at the same time, if somebody watches those too. Times are seconds.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.core.key import without_query
from edge.core.tracks import Beside, Presentation, Timeline, Track, presentation_of, timeline_of
from edge.core.version import Mark, Version
from streamer.core.playlist import MultivariantPlaylist

MAX_TRACKS = 2048
MAX_SEGMENTS = 200_000
_NEAR_SEGMENTS = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do ahead of a viewer.

    `fetches` are keys in the order they will be needed. `patience_seconds` is how long they may
    give way to viewers' own requests: later than that the viewer itself would wait for them.
    `refreshes` are growing playlists whose end is near; `refresh_seconds` is the interval between
    two looks at one.
    """

    fetches: tuple[bytes, ...] = ()
    patience_seconds: float = 0.0
    refreshes: tuple[bytes, ...] = ()
    refresh_seconds: float = 0.0


NOTHING = Plan()


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of a media playlist or one of its segments.

    `segment` counts from 0 and is None for the playlist itself; `watched_at` is when somebody last
    asked for the track; `plan` is what a request for the key would have fetched ahead.
    """

    track: Track
    segment: int | None
    watched_at: float | None
    plan: Plan


@dataclass(slots=True)
class _Watch:
    """When a track was last asked for, and for which of its segments (None: its playlist)."""

    at: float
    segment: bytes | None = None


class PlaylistIndex:
    """The tracks known, bounded, and how each is watched.

    Args:
        segments_ahead: How many segments to fetch ahead of each viewer.
        beside: What tells the keys of what playlists refer to, at present.
    """

    def __init__(self, segments_ahead: int, beside: Callable[[], Beside]) -> None:
        self._ahead = segments_ahead
        self._beside = beside
        self._tracks: OrderedDict[bytes, Track] = OrderedDict()
        self._presentations: OrderedDict[bytes, Presentation] = OrderedDict()
        self._presentation_by_playlist: dict[bytes, bytes] = {}
        self._last_by_path: dict[bytes, bytes] = {}
        self._places: dict[bytes, tuple[Timeline, int]] = {}
        self._segments = 0
        self._watches: dict[bytes, _Watch] = {}

    def knows(self, key: bytes) -> bool:
        """Whether a key is a segment or a media playlist of a known track."""
        return key in self._places or key in self._tracks

    def track(self, playlist_key: bytes) -> Track | None:
        """The track a media playlist describes."""
        return self._tracks.get(playlist_key)

    def learn(self, key: bytes, text: bytes) -> Sequence[bytes]:
        """Take in a playlist; a newer version replaces the older one.

        Only what it adds to what is known already is read, of this playlist or of one that differs
        in its query. Returns the segments that nothing was known of.

        Raises:
            PlaylistError: It is malformed.
        """
        beside, version = self._beside(), Version(text)
        begun, count, mark = self._begun(key, version, beside)
        playlist = version.after(mark)
        if isinstance(playlist, MultivariantPlaylist):
            self._learn_presentation(presentation_of(key, playlist, beside))
            return ()
        rest = timeline_of(key, playlist.segments, beside, begun.starts_seconds[count])
        known = len(begun.keys)
        timeline = begun.continued(count, rest)
        added = len(timeline.keys) - (known if timeline is begun else 0)
        self._learn_track(
            Track(
                playlist_key=key,
                timeline=timeline,
                count=count + len(rest.keys),
                target_seconds=float(max(1, playlist.target_duration_seconds)),
                has_ended=playlist.ended,
                begins_at_zero=playlist.ended or playlist.playlist_type is not None,
                mark=version.end(),
                beside=beside,
            ),
            added,
        )
        return timeline.keys[len(timeline.keys) - added :]

    def on_playlist(self, key: bytes, now: float) -> Plan:
        """The plan when a viewer fetched a media playlist.

        A viewer that opens a track needs its init segment and its first segment. One that looks
        again whether it has grown keeps its place, however long it has to wait.
        """
        track = self._tracks.get(key)
        if track is None or self._ahead == 0:
            return NOTHING
        plan = self.on_growth(key, now)
        if plan is not NOTHING:
            self._watches[key].at = now
            return plan
        self._watches[key] = _Watch(now)
        if not track.count or not track.begins_at_zero:
            return NOTHING
        return Plan(_with_inits(track, [0]), patience_seconds=track.target_seconds / 2)

    def on_growth(self, key: bytes, now: float) -> Plan:
        """The plan for those who watch a track, when its playlist may have grown."""
        track, watch = self._tracks.get(key), self._watches.get(key)
        if track is None or watch is None or now - watch.at > _horizon(track):
            return NOTHING
        index = self._index(key, watch.segment)
        return NOTHING if index is None else self._plan(track, index, now)

    def on_segment(self, key: bytes, now: float) -> Plan:
        """The plan when a viewer fetched a segment."""
        place = self._places.get(key)
        if place is None or self._ahead == 0:
            return NOTHING
        timeline, index = place
        playlist_key = timeline.learned_last
        self._tracks.move_to_end(playlist_key)
        self._watches[playlist_key] = _Watch(now, key)
        return self._plan(self._tracks[playlist_key], index, now)

    def outlook(self, key: bytes, now: float) -> Outlook | None:
        """What is known of a key; nothing changes by asking."""
        timeline, index = self._places.get(key, (None, None))
        playlist_key = key if timeline is None else timeline.learned_last
        track, watch = self._tracks.get(playlist_key), self._watches.get(playlist_key)
        if track is None:
            return None
        if index is None or self._ahead == 0:
            plan = self.on_growth(key, now)
        else:
            plan = self._plan(track, index, now)
        return Outlook(track, index, None if watch is None else watch.at, plan)

    def _plan(self, track: Track, index: int, now: float) -> Plan:
        stop = min(index + 1 + self._ahead, track.count)
        starts_seconds = track.timeline.starts_seconds
        needed = [(starts_seconds[i], track, i) for i in range(index + 1, stop)]
        start_seconds = starts_seconds[index]
        for other in self._companions(track, start_seconds, now):
            overlap = other.overlapping(start_seconds, starts_seconds[stop])
            needed += [(other.timeline.starts_seconds[i], other, i) for i in overlap]
        needed.sort(key=lambda item: item[0])
        fetches: dict[bytes, None] = {}
        for _, owner, i in needed:
            fetches.update(dict.fromkeys(_with_inits(owner, [i])))
        nears_end = index + 1 + self._ahead > track.count and not track.has_ended
        return Plan(
            tuple(fetches),
            patience_seconds=track.target_seconds / 2,
            refreshes=(track.playlist_key,) if nears_end else (),
            refresh_seconds=track.target_seconds / 4,
        )

    def _companions(self, track: Track, start_seconds: float, now: float) -> list[Track]:
        """The other tracks of the presentation that are watched now, near the same time."""
        presentation = self._presentations.get(
            self._presentation_by_playlist.get(track.playlist_key, b"")
        )
        if presentation is None:
            return []
        found = []
        for key in sorted(presentation.companions(track.playlist_key)):
            other, watch = self._tracks.get(key), self._watches.get(key)
            if other is None or watch is None or now - watch.at > _horizon(other):
                continue
            position = other.timeline.starts_seconds[self._index(key, watch.segment) or 0]
            if abs(position - start_seconds) <= _NEAR_SEGMENTS * other.target_seconds:
                found.append(other)
        return found

    def _index(self, playlist_key: bytes, segment: bytes | None) -> int | None:
        """Where a segment is in a track as it is now; a live window slides."""
        place = None if segment is None else self._places.get(segment)
        track = self._tracks[playlist_key]
        return place[1] if place is not None and place[0] is track.timeline else None

    def _learn_presentation(self, presentation: Presentation) -> None:
        self._presentations[presentation.key] = presentation
        self._presentations.move_to_end(presentation.key)
        for video, audio in presentation.audio_by_video.items():
            for key in (video, *audio):
                self._presentation_by_playlist[key] = presentation.key
        while len(self._presentations) > MAX_TRACKS:
            key, old = self._presentations.popitem(last=False)
            for playlist in {*old.audio_by_video, *frozenset().union(*old.audio_by_video.values())}:
                if self._presentation_by_playlist.get(playlist) == key:
                    del self._presentation_by_playlist[playlist]

    def _begun(
        self, key: bytes, version: Version, beside: Beside
    ) -> tuple[Timeline, int, Mark | None]:
        """What is known of a playlist, by itself or by one that differs from it in its query.

        Returns a timeline, how many of its segments the version begins with, and where these end.
        """
        last = self._last_by_path.get(without_query(key), key)
        tracks = [self._tracks[k] for k in (key, last) if k in self._tracks]
        for track in tracks:
            if track.mark is None or track.beside != beside:
                continue
            if version.continues(track.mark):
                return track.timeline, track.count, track.mark
        return (tracks[0].timeline if tracks else Timeline()), 0, None

    def _learn_track(self, track: Track, added: int) -> None:
        """Put a track in its place; its timeline has so many segments more than it had."""
        key, timeline = track.playlist_key, track.timeline
        self._place(timeline, added)
        old = self._tracks.get(key)
        if old is not None and old.timeline is not timeline:
            self._leave(old)
        timeline.playlist_keys.pop(key, None)
        timeline.playlist_keys[key] = None
        self._tracks[key] = track
        self._tracks.move_to_end(key)
        self._last_by_path[without_query(key)] = key
        self._segments += added
        while len(self._tracks) > MAX_TRACKS or (
            self._segments > MAX_SEGMENTS and len(self._tracks) > 1
        ):
            key, old = self._tracks.popitem(last=False)
            self._leave(old)
            self._watches.pop(key, None)
            if self._last_by_path.get(without_query(key)) == key:
                del self._last_by_path[without_query(key)]

    def _place(self, timeline: Timeline, added: int) -> None:
        """Make known where the last segments of a timeline are; and the others, if need be."""
        keys = timeline.keys
        start = len(keys) - added
        if start and not all(self._is_placed(keys[i], timeline) for i in (0, start - 1)):
            start = 0
        for index in range(start, len(keys)):
            self._places[keys[index]] = timeline, index

    def _is_placed(self, key: bytes, timeline: Timeline) -> bool:
        place = self._places.get(key)
        return place is not None and place[0] is timeline

    def _leave(self, track: Track) -> None:
        """Take a track from its timeline; what no other track lists is forgotten."""
        timeline = track.timeline
        del timeline.playlist_keys[track.playlist_key]
        if timeline.playlist_keys:
            return
        self._segments -= len(timeline.keys)
        for key in timeline.keys:
            if self._is_placed(key, timeline):
                del self._places[key]


def _horizon(track: Track) -> float:
    """How long after its last request a track counts as watched."""
    return 2 * track.target_seconds + 2.0


def _with_inits(track: Track, indices: list[int]) -> tuple[bytes, ...]:
    keys: list[bytes] = []
    for index in indices:
        init = track.timeline.init_keys[index]
        if init is not None:
            keys.append(init)
        keys.append(track.timeline.keys[index])
    return tuple(keys)
