"""A stored object as the hot path meets it."""

import time

from edge.clock import Clock
from edge.core.eviction import Slot
from edge.core.key import is_plain
from edge.core.policy import StoredResponse
from edge.disk import StoredFile
from streamer.core.cache_status import CacheStatus, append, render
from streamer.core.purge import parse_tags

Identity = tuple[bytes, tuple[tuple[str, str | None], ...]]

_OVERHEAD_BYTES = 1024
_BODILESS = frozenset({204, 304})


class Entry:
    """One stored response with its body in memory, on disk or both.

    Attributes:
        hot_until: Until when a plain request may be answered with it in place; 0: never.
        codings: The normalised Accept-Encoding it was selected by; None: it does not vary.
        due: When the prefetcher next wants to hear that a viewer fetched it.
        is_unused: It was fetched ahead and no viewer has asked for it yet.
        is_live: It is still in the index.
        file: Where it is on the disk, also after it has left the index to sleep there.
        tags: What it may be purged by.
        used_at: When it was stored, or last told to be used, on a clock that only goes on.
    """

    __slots__ = (
        "_base",
        "_head",
        "_head_second",
        "_name",
        "_upstream_status",
        "body",
        "codings",
        "due",
        "file",
        "hot_until",
        "is_live",
        "is_unused",
        "key",
        "response",
        "size_bytes",
        "slot",
        "tags",
        "used_at",
    )

    def __init__(self, name: str, key: bytes, response: StoredResponse, size_bytes: int) -> None:
        self._name = name
        self.key = key
        self.size_bytes = size_bytes
        self.body: bytes | None = None
        self.slot: Slot[Identity] | None = None
        self.file: StoredFile | None = None
        self.due = 0.0
        self.used_at = time.monotonic()
        self.is_unused = False
        self.is_live = True
        self.renew(response)

    @property
    def identity(self) -> Identity:
        """What tells it apart from every other entry."""
        return self.key, self.response.vary

    @property
    def memory_bytes(self) -> int:
        """What it takes in memory with its body."""
        return self.size_bytes + len(self._base) * 3 + _OVERHEAD_BYTES

    def renew(self, response: StoredResponse) -> None:
        """Take a new response head for the same body."""
        self.response = response
        self.tags = parse_tags(response.fields.combined)
        self._upstream_status = response.fields.get("cache-status")
        self._base = render_base(response, self.size_bytes)
        self._head = b""
        self._head_second = -1
        names = [name for name, _ in response.vary]
        self.codings = response.vary[0][1] if names == ["accept-encoding"] else None
        self.settle()

    def settle(self) -> None:
        """Recompute `hot_until` after a change of the body, the response or the use."""
        freshness = self.response.freshness
        is_hot = (
            self.body is not None
            and self.is_live
            and not self.is_unused
            and not freshness.always_validate
            # What is never fresh is not so either for a clock that was set back.
            and freshness.lifetime_seconds > 0
            and len(self.response.vary) == (self.codings is not None)
            and is_plain(self.key)
        )
        self.hot_until = freshness.fresh_until if is_hot else 0.0

    def hit_head(self, clock: Clock) -> bytes:
        """The head of a hit: rendered once a second, since only Age and ttl change."""
        if self._head_second != clock.second:
            self._head_second = clock.second
            freshness = self.response.freshness
            status = CacheStatus(self._name, ttl_seconds=freshness.ttl(clock.now))
            self._head = b"%sage: %d\r\ncache-status: %s\r\n\r\n" % (
                self._base,
                freshness.age(clock.now),
                append(self._upstream_status, render(status)).encode("latin-1"),
            )
        return self._head


def render_base(response: StoredResponse, size_bytes: int) -> bytes:
    """The part of a hit's head that does not change."""
    fields = response.fields.without({"age", "cache-status", "content-length"})
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in fields.items]
    if response.status not in _BODILESS:
        lines.append(f"content-length: {size_bytes}")
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
