"""One fetch of an object for everybody who asks for it meanwhile (RFC 9111 §4).

A fill belongs to no viewer: whoever started it may leave. Its outcome is known with the head of the
origin's answer:

    Growing    the answer is being stored; read it as it arrives
    Large      the object is stored in slices, which have fills of their own
    Confirmed  the stored response is still good (304)
    Released   the answer may not be shared; only the viewer that started it may take it
    Failed     there is no answer
"""

import asyncio
from dataclasses import dataclass, field

from edge.core.fields import Fields, preferred_codings
from edge.core.policy import Refused, StoredResponse, worth_finishing
from edge.core.slices import Part
from edge.entry import Entry
from edge.growing import GrowingBody
from edge.upstream import UpstreamResponse
from streamer.core.cache_status import CacheStatus
from streamer.core.purge import parse_tags

FillKey = tuple[bytes, str]

# Pages that many want are hardly ever slower, and cost their origin one request.
_SCOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class FillRequest:
    """What to fetch.

    `fields` is the header section for the origin, without conditions. `stale` is the entry to
    validate. `kept_until` marks a fetch ahead of viewers: when its object, unused, has lost its
    worth. `is_refresh` marks a look at a playlist that no viewer has asked for. `part` is the slice
    that is wanted of a large object.
    """

    key: bytes
    fields: Fields
    stale: Entry | None = None
    kept_until: float | None = None
    is_refresh: bool = False
    part: Part | None = None

    @property
    def fill_key(self) -> FillKey:
        """What requests must have in common to share a fill."""
        return self.key, preferred_codings(self.fields.get("accept-encoding"))


@dataclass(frozen=True, slots=True)
class Growing:
    """The answer is stored while `body` grows. `total_bytes` is None if the origin did not say.

    `withheld` are the fields that only the viewer that started the fill may have.
    """

    response: StoredResponse
    body: GrowingBody
    total_bytes: int | None
    withheld: Fields = field(default_factory=Fields)

    @property
    def is_nearly_done(self) -> bool:
        """Whether it is near enough to its end to be completed though nobody waits for it."""
        return worth_finishing(self.body.received_bytes, self.total_bytes)


@dataclass(frozen=True, slots=True)
class Large:
    """The object is stored in slices below `entry`; `response` may still become the first of them.

    Only the viewer that started the fill may take the response.
    """

    entry: Entry
    response: UpstreamResponse


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The origin says that the stored entry is still good.

    `withheld` are the fields that only the viewer that started the fill may have.
    """

    entry: Entry
    withheld: Fields = field(default_factory=Fields)


@dataclass(frozen=True, slots=True)
class Released:
    """The answer is not stored."""

    why: Refused
    response: UpstreamResponse
    fields: Fields


@dataclass(frozen=True, slots=True)
class Failed:
    """The origin did not answer, or with a server error where a stale response may stand in.

    `status` is what a viewer without a stale response gets, `detail` why. `forward_status` is the
    origin's, where it answered.
    """

    status: int
    detail: str
    forward_status: int | None = None


Outcome = Growing | Large | Confirmed | Released | Failed


@dataclass(eq=False, slots=True)
class Fill:
    """A fetch in flight and how many viewers want it.

    Attributes:
        starter: Who started it and may take an answer that is not shared; None: nobody.
        was_joined: Whether a viewer has asked for it, ever.
        is_kept: It is to be completed though nobody may wait for it any more.
        is_void: Its object was invalidated meanwhile: it must not be stored, nor be fresh again.
        told: What another worker of this node did for it; None: the answer comes from outside.
        scout_seconds: How old it becomes before one of those who wait is sent to ask as well.
    """

    request: FillRequest
    outcome: "asyncio.Future[Outcome]"
    starter: object | None
    viewers: int = 0
    was_joined: bool = False
    is_kept: bool = False
    is_void: bool = False
    told: CacheStatus | None = None
    scout_seconds: float = _SCOUT_SECONDS
    begun_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    task: "asyncio.Task[None] | None" = None

    @property
    def key(self) -> bytes:
        """What it is to be stored for."""
        return self.request.key

    @property
    def is_ahead(self) -> bool:
        """Whether it was begun ahead of all viewers."""
        return self.request.kept_until is not None

    @property
    def is_unasked(self) -> bool:
        """Whether it was begun without any viewer's request."""
        return self.is_ahead or self.request.is_refresh

    @property
    def is_uncertain(self) -> bool:
        """Whether nobody can tell yet if it is worth waiting for: it may come to a private answer.

        Of what was stored, or is fetched ahead, that is known.
        """
        return not (self.outcome.done() or self.request.stale or self.is_unasked)

    @property
    def is_worth_finishing(self) -> bool:
        """Whether it is completed though nobody waits for it. A stream is for its readers only."""
        is_kept = self.is_ahead or self.is_kept
        outcome = self.outcome.result() if self.outcome.done() else None
        if not isinstance(outcome, Growing):
            return is_kept
        return outcome.body.is_retained and (is_kept or outcome.is_nearly_done)

    def is_late(self, now: float) -> bool:
        """Whether no viewer waits for what was begun ahead of them and has lost its worth."""
        kept_until = self.request.kept_until
        return kept_until is not None and kept_until <= now and not self.viewers

    def is_outdated(self, now: float) -> bool:
        """Whether its object became stale while it arrives: whoever asks now begins anew.

        A slice is chosen by the validator of its object, whose head says whether it is fresh.
        """
        outcome = self.outcome.result() if self.outcome.done() else None
        if self.request.part is not None or not isinstance(outcome, Growing):
            return False
        freshness = outcome.response.freshness
        is_young = freshness.is_usable(now) or freshness.is_usable_meanwhile(now)
        return freshness.is_reusable and not is_young

    def may_share(self, stored: StoredResponse, sent: Fields) -> bool:
        """Whether another than who started it may have what it came to.

        Who waited for the head of an answer gets it as fresh as the origin gives it, however long
        that took.

        Args:
            stored: What it came to.
            sent: The fields with which the other's request would go to the origin.
        """
        return stored.freshness.is_reusable and stored.matches(sent)

    @property
    def tags(self) -> frozenset[str] | None:
        """What its object may be purged by; None while the answer's head is still to come."""
        if not self.outcome.done():
            return None
        outcome = self.outcome.result()
        if not isinstance(outcome, Growing):
            return None
        return parse_tags(outcome.response.fields.combined)

    async def result(self) -> Outcome:
        """The outcome, once it is known. Giving up the waiting does no harm to others."""
        return await asyncio.shield(self.outcome)

    async def comes_within(self, seconds: float) -> bool:
        """Whether the outcome is known, now or before so many seconds have passed."""
        done, _ = await asyncio.wait({self.outcome}, timeout=seconds)
        return bool(done)

    def wants_scout(self) -> bool:
        """Whether who asks this, having waited, is to ask the origin as well.

        After five seconds it is one of them, and another each time as much time again has passed.
        """
        age = asyncio.get_running_loop().time() - self.begun_at
        if age < self.scout_seconds:
            return False
        self.scout_seconds = 2 * age
        return True

    def take(self, viewer: object) -> UpstreamResponse | None:
        """The answer that was left unread, once, for the viewer that started the fill."""
        if viewer is not self.starter or not self.outcome.done():
            return None
        outcome = self.outcome.result()
        self.starter = None
        return outcome.response if isinstance(outcome, Released | Large) else None
