"""What the node knows of a URL and would do with a request for it, as plain values."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from edge.cache import Cache
from edge.core.behaviours import Behaviour
from edge.core.fields import Fields
from edge.core.key import is_large
from edge.core.policy import Fetch, OnlyIfCached, Pass, Query, Revalidate, Serve, decide
from edge.core.prefetch import Outlook, PlaylistIndex
from edge.core.refusals import Refusal
from edge.entry import Entry
from edge.fill import Fill
from edge.fills import Fills
from edge.rules import Rules

_WOULD = {
    Serve: "serve",
    Revalidate: "revalidate",
    Fetch: "fetch",
    Pass: "pass",
    OnlyIfCached: "fail",
}


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains what is done for a URL; asking changes nothing.

    Args:
        rules: The behaviours in force.
        cache: What is stored.
        fills: What is being fetched, and what was not stored.
        index: What prefetch knows.
        would_ask: Whom a request for a key goes to, in order.
    """

    rules: Rules
    cache: Cache
    fills: Fills
    index: PlaylistIndex
    would_ask: Callable[[bytes], Sequence[str]]

    def explain(self, target: str, host: str | None) -> dict[str, object]:
        """What is known of a target in origin-form, asked for with a Host."""
        key = self.rules.key(host, target)
        now = time.time()
        entries = self.cache.selectable(key)
        behaviour = self.rules.of_key(key)
        refusal, outlook = self.fills.refusals.last(key), self.index.outlook(key, now)
        return {
            "key": key.decode("ascii"),
            "behaviour": _behaviour(behaviour),
            "would": self._would(behaviour, key, now),
            "stored": [_entry(entry, now) for entry in entries],
            "last_refusal": None if refusal is None else _refusal(refusal, now),
            "fetching": [_fill(fill) for fill in self.fills.of(key)],
            "upstreams": list(self.would_ask(key)),
            "prefetch": None if outlook is None else _outlook(outlook, now),
        }

    def _would(self, behaviour: Behaviour, key: bytes, now: float) -> str:
        """What a plain GET comes to, without any fields that tell variants apart."""
        if behaviour.is_passed:
            return _WOULD[Pass]
        stored = [entry.response for entry in self.cache.selectable(key)]
        return _WOULD[type(decide(Query("GET", Fields()), stored, now))]


def _behaviour(behaviour: Behaviour) -> dict[str, object]:
    return {
        "path": behaviour.path,
        "hosts": list(behaviour.hosts),
        "origin": behaviour.origin,
        "passed": behaviour.is_passed,
        "ttl": asdict(behaviour.ttl),
        "varies_by": sorted(behaviour.varies_by),
        "signed": bool(behaviour.signed_by),
    }


def _entry(entry: Entry, now: float) -> dict[str, object]:
    freshness = entry.response.freshness
    return {
        "status": entry.response.status,
        "size_bytes": entry.size_bytes,
        "vary": dict(entry.response.vary),
        "age_seconds": freshness.age(now),
        "ttl_seconds": round(freshness.fresh_until - now, 3),
        "fresh": freshness.is_usable(now),
        "must_revalidate": freshness.must_revalidate or freshness.always_validate,
        "in_memory": entry.body is not None,
        "on_disk": entry.file is not None,
        "in_slices": is_large(entry.key),
        "prefetched_unused": entry.is_unused,
    }


def _refusal(refusal: Refusal, now: float) -> dict[str, object]:
    ago = round(max(0.0, now - refusal.at), 3)
    return {"why": str(refusal.why), "status": refusal.status, "seconds_ago": ago}


def _fill(fill: Fill) -> dict[str, object]:
    return {"viewers": fill.viewers, "ahead": fill.is_ahead, "answered": fill.outcome.done()}


def _outlook(outlook: Outlook, now: float) -> dict[str, object]:
    track, segment, watched_at = outlook.track, outlook.segment, outlook.watched_at
    starts_seconds = track.timeline.starts_seconds
    return {
        "playlist": track.playlist_key.decode("ascii"),
        "segment": segment,
        "segments": track.count,
        "starts_seconds": None if segment is None else round(starts_seconds[segment], 3),
        "ended": track.has_ended,
        "watched_seconds_ago": None if watched_at is None else round(now - watched_at, 3),
        "next": [key.decode("ascii") for key in outlook.plan.fetches],
    }
