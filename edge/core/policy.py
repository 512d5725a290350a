"""What a shared cache does with a request and with a response (RFC 9111), as values.

`decide` looks at a request and the stored responses of its key; `examine` looks at a response and
says whether it may be stored. Nothing here performs either.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import StrEnum

from edge.core.behaviours import COOKIE_PREFIX, DEFAULT, Behaviour, cookies
from edge.core.fields import Fields, members, preferred_codings, preferred_languages
from streamer.core.cache_status import Forward
from streamer.core.freshness import (
    MAX_SECONDS,
    CacheControl,
    Freshness,
    NegativeSeconds,
    assess,
    delta_seconds,
    parse_cache_control,
)
from streamer.core.targeted import directives_for_us

MAX_VARIANTS = 64
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# RFC 5861 §4.
SERVER_ERRORS = frozenset({500, 502, 503, 504})
_NEARLY_DONE_BYTES = 1024 * 1024
# The final status codes of RFC 9110 §15 and of the registered extensions that say nothing about
# caching: those whose meaning this cache knows (RFC 9111 §5.2.2.3).
_UNDERSTOOD = frozenset(
    {*range(200, 206), *range(300, 304), 305, 307, 308, *range(400, 418), 421, 422, 425, 426}
    | {428, 429, 431, 451, *range(500, 506), 511}
)
# What varies by these is of use to nobody else: every viewer has an address of its own.
_OF_ONE = frozenset({"*", "x-forwarded-for"})
# What a 304 does not change: it describes the stored content, or what selects it (RFC 9111 §3.2).
_KEPT_ON_UPDATE = frozenset(
    {"content-encoding", "content-length", "content-md5", "content-range", "vary"}
)


@dataclass(frozen=True, slots=True)
class Query:
    """What the policy looks at in a request.

    `sent` is the header section that goes on to the origin, whose answers vary by it: this cache
    adds and replaces fields. None: it is the same.
    """

    method: str
    fields: Fields
    sent: Fields | None = None

    @property
    def selecting(self) -> Fields:
        """The fields that select among variants."""
        return self.fields if self.sent is None else self.sent


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response as it is stored: everything but its body.

    `vary` holds the request fields that selected it, with their normalised values (RFC 9111 §4.1),
    `behaviour` the digest of the behaviour by which it was judged.
    """

    status: int
    reason: str
    fields: Fields
    freshness: Freshness
    vary: tuple[tuple[str, str | None], ...] = ()
    behaviour: str = ""

    def matches(self, fields: Fields) -> bool:
        """Whether a request that goes to the origin with these fields selects this response."""
        return all(nominated(fields, name) == value for name, value in self.vary)


@dataclass(frozen=True, slots=True)
class Serve:
    """Answer from the variant at `index`; validate it in the background where `refresh` is set."""

    index: int
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class Revalidate:
    """Ask the origin whether the variant at `index` is still good (RFC 9111 §4.3)."""

    index: int
    why: Forward


@dataclass(frozen=True, slots=True)
class Fetch:
    """Get the whole object; whoever else asks meanwhile gets the same answer."""

    why: Forward


@dataclass(frozen=True, slots=True)
class Pass:
    """Forward the request as it is and its answer unstored."""

    why: Forward


@dataclass(frozen=True, slots=True)
class OnlyIfCached:
    """There is nothing to serve and the client forbids asking the origin: 504 (§5.2.1.7)."""


Decision = Serve | Revalidate | Fetch | Pass | OnlyIfCached


class Refused(StrEnum):
    """Why a response is not stored."""

    METHOD = "method"
    STATUS = "status"
    NO_STORE = "no-store"
    PRIVATE = "private"
    AUTHORIZATION = "authorization"
    SET_COOKIE = "set-cookie"
    VARY = "vary"
    USELESS = "no-freshness"
    TOO_LARGE = "too-large"
    NO_ROOM = "no-room"
    CHANGED = "changed"
    NO_RANGES = "no-ranges"

    @property
    def is_momentary(self) -> bool:
        """Whether it says nothing about the next request for the same key."""
        return self in (Refused.AUTHORIZATION, Refused.NO_ROOM, Refused.STATUS)


def decide(
    query: Query, variants: Sequence[StoredResponse], now: float, *, stale_seconds: float = 0.0
) -> Decision:
    """How to answer a request, given the responses stored for its key (RFC 9111 §4).

    Args:
        query: The request.
        variants: The responses, the newest first.
        now: The present.
        stale_seconds: How long past its lifetime a response may be used at most, where it does not
            say so itself.
    """
    if query.method not in ("GET", "HEAD"):
        return Pass(Forward.METHOD)
    control = _request_control(query.fields)
    if "no-store" in control:
        return Pass(Forward.REQUEST)
    index = select(query.selecting, variants)
    if index is None:
        decision = _without_stored(query, Forward.VARY_MISS if variants else Forward.URI_MISS)
    else:
        freshness = variants[index].freshness
        decision = _with_stored(query, control, freshness, index, now, stale_seconds)
    if "only-if-cached" in control and not isinstance(decision, Serve):
        return OnlyIfCached()
    return decision


def select(fields: Fields, variants: Sequence[StoredResponse]) -> int | None:
    """The index of the variant that a request selects; the newest comes first (§4.1).

    Args:
        fields: Those that go on to the origin.
        variants: What is stored.
    """
    values: dict[str, str | None] = {}
    for index, stored in enumerate(variants):
        for name, _ in stored.vary:
            if name not in values:
                values[name] = nominated(fields, name)
        if all(values[name] == value for name, value in stored.vary):
            return index
    return None


def nominated(fields: Fields, name: str) -> str | None:
    """The normalised value of a request field that `Vary` names."""
    if name.startswith(COOKIE_PREFIX):
        return cookies(fields).get(name.removeprefix(COOKIE_PREFIX))
    value = fields.get(name)
    if name == "accept-encoding":
        return preferred_codings(value)
    if value is None:
        return None
    if name == "accept-language":
        return preferred_languages(value)
    return ",".join(part.strip(" \t") for part in value.split(","))


def examine(
    query: Query,
    status: int,
    reason: str,
    fields: Fields,
    *,
    request_time: float,
    response_time: float,
    negative_seconds: NegativeSeconds,
    behaviour: Behaviour = DEFAULT,
) -> StoredResponse | Refused:
    """What would be stored of a response, or why nothing may be (RFC 9111 §3).

    Args:
        query: The request that the response answers.
        status: Its status code.
        reason: Its reason phrase.
        fields: Its end-to-end fields.
        request_time: When the request was sent.
        response_time: When its head was received.
        negative_seconds: The lifetimes of error answers without one of their own.
        behaviour: What is set for its path.
    """
    judged = behaviour.ttl.judged(status, fields)
    control, is_targeted = directives_for_us(judged.combined)
    fields = fields.without(_listed(control))
    refused = _refusal(query, status, fields, control)
    if refused is not None:
        return refused
    names = members(fields.get("vary")) | behaviour.varies_by
    freshness = assess(
        status,
        _about_freshness(judged.without(_listed(control)), is_targeted=is_targeted),
        control,
        request_time=request_time,
        response_time=response_time,
        negative_seconds=negative_seconds,
        is_personal=_is_personal(query, names, behaviour),
    )
    if freshness is None:
        return Refused.USELESS
    freshness = behaviour.ttl.bounded(status, freshness)
    has_validator = "etag" in fields.combined or "last-modified" in fields.combined
    if not has_validator and (freshness.lifetime_seconds <= 0 or freshness.always_validate):
        return Refused.USELESS
    vary = tuple((name, nominated(query.fields, name)) for name in sorted(names))
    return StoredResponse(status, reason, fields, freshness, vary, behaviour.digest)


def unshared(query: Query, fields: Fields, behaviour: Behaviour = DEFAULT) -> Refused | None:
    """Why a 200 to a GET with these fields, passed for one viewer, could not have been stored."""
    examined = examine(
        query,
        200,
        "OK",
        fields,
        request_time=0.0,
        response_time=0.0,
        negative_seconds={},
        behaviour=behaviour,
    )
    return examined if isinstance(examined, Refused) else None


def withheld(fields: Fields, stored: StoredResponse) -> Fields:
    """The fields of an answer that only the request it answers may have (§5.2.2.4, §5.2.2.7).

    Args:
        fields: Its end-to-end fields.
        stored: What was stored of it.
    """
    return fields.without(stored.fields.combined.keys() | _KEPT_ON_UPDATE)


def freshened(
    stored: StoredResponse,
    query: Query,
    fields: Fields,
    *,
    request_time: float,
    response_time: float,
    negative_seconds: NegativeSeconds,
    behaviour: Behaviour = DEFAULT,
) -> StoredResponse | Refused:
    """A stored response that a 304, or a 200 to HEAD, confirmed (RFC 9111 §3.2, §4.3.4, §4.3.5).

    The answer is judged as a whole one is: `Refused` says why it may not update what many share.
    A cookie that it sets is for the request it answers.

    Args:
        stored: The response.
        query: A GET with the fields of the request that confirmed it.
        fields: The end-to-end fields of the answer.
        request_time: When the request was sent.
        response_time: When the answer's head was received.
        negative_seconds: The lifetimes of error answers without one of their own.
        behaviour: What is set for its path.
    """
    updates = fields.without(_KEPT_ON_UPDATE)
    names = {name for name, _ in updates.items} | {"age"}
    merged = stored.fields.without(names).plus(*updates.items)
    judged = behaviour.ttl.judged(stored.status, merged)
    control, is_targeted = directives_for_us(judged.combined)
    merged = merged.without(_listed(control) | {"set-cookie"})
    refused = _refusal(query, stored.status, merged, control)
    if refused is not None:
        return refused
    freshness = assess(
        stored.status,
        _about_freshness(judged.without(_listed(control)), is_targeted=is_targeted),
        control,
        request_time=request_time,
        response_time=response_time,
        negative_seconds=negative_seconds,
        is_personal=_is_personal(query, {name for name, _ in stored.vary}, behaviour),
    )
    # A 304 that says nothing about freshness gives none: the response is good for this once.
    freshness = freshness or Freshness(born_at=response_time, lifetime_seconds=0.0)
    bounded = behaviour.ttl.bounded(stored.status, freshness)
    return replace(stored, fields=merged, freshness=bounded, behaviour=behaviour.digest)


def confirms(stored: StoredResponse, fields: Fields) -> bool:
    """Whether a 304 with these fields is about this response (RFC 9111 §4.3.4)."""
    etag, modified = fields.get("etag"), fields.get("last-modified")
    if etag is not None:
        return etag == stored.fields.get("etag")
    return modified is None or stored.fields.get("last-modified") in (None, modified)


def confirmed_by_head(stored: StoredResponse, fields: Fields, size_bytes: int | None) -> bool:
    """Whether a 200 to HEAD is about this response, so that it updates it (RFC 9111 §4.3.5).

    Args:
        stored: The response.
        fields: The end-to-end fields of the answer to HEAD.
        size_bytes: The length of the stored body; None where it is not to be compared.
    """
    length = fields.get("content-length")
    if None not in (length, size_bytes) and length != str(size_bytes):
        return False
    names = ("etag", "last-modified")
    return all(fields.get(name) in (None, stored.fields.get(name)) for name in names)


def validation_fields(stored: StoredResponse) -> tuple[tuple[str, str], ...]:
    """The request fields that make a request for a stored response conditional (§4.3.1)."""
    etag, modified = stored.fields.get("etag"), stored.fields.get("last-modified")
    conditions = (("if-none-match", etag), ("if-modified-since", modified))
    return tuple((name, value) for name, value in conditions if value is not None)


def invalidates(method: str, status: int) -> bool:
    """Whether an answered request makes what is stored for its target invalid (§4.4)."""
    return method not in SAFE_METHODS and 200 <= status < 400


def worth_finishing(received_bytes: int, total_bytes: int | None) -> bool:
    """Whether a fill that nobody waits for is near enough to its end to be completed."""
    if total_bytes is None:
        return False
    return total_bytes - received_bytes <= max(_NEARLY_DONE_BYTES, received_bytes)


def _request_control(fields: Fields) -> CacheControl:
    value = fields.get("cache-control")
    if value is None and "no-cache" in members(fields.get("pragma")):
        value = "no-cache"  # RFC 9111 §5.4
    return parse_cache_control(value)


def _without_stored(query: Query, why: Forward) -> Decision:
    return Pass(why) if query.method == "HEAD" else Fetch(why)


def _with_stored(
    query: Query,
    control: CacheControl,
    freshness: Freshness,
    index: int,
    now: float,
    stale_seconds: float,
) -> Decision:
    demands = _demands_validation(control, freshness, now)
    is_taken = freshness.is_usable(now) or _tolerates(control, freshness, now, stale_seconds)
    if is_taken and not demands:
        return Serve(index)
    if query.method == "HEAD":
        return Pass(Forward.REQUEST if demands else Forward.STALE)
    if freshness.is_usable_meanwhile(now) and not demands:
        return Serve(index, refresh=True)
    return Revalidate(index, Forward.REQUEST if freshness.is_usable(now) else Forward.STALE)


def _tolerates(
    control: CacheControl, freshness: Freshness, now: float, stale_seconds: float
) -> bool:
    """Whether the client says that it takes the response stale (§5.2.1.2), and may have it.

    It gets nothing that would not stand in for a failing origin, nor what was never fresh: that may
    be another's.
    """
    if "max-stale" not in control or freshness.lifetime_seconds <= 0:
        return False
    stated = control.directives["max-stale"]
    taken_seconds = MAX_SECONDS if stated is None else delta_seconds(stated)
    is_allowed = freshness.is_usable_on_error(now, stale_seconds)
    return is_allowed and freshness.is_usable_within(now, taken_seconds)


def _demands_validation(control: CacheControl, freshness: Freshness, now: float) -> bool:
    """Whether the request's directives forbid the stored response as it is (§5.2.1).

    A reload of an immutable response is not worth the origin's time (RFC 8246 §2).
    """
    if freshness.is_immutable and freshness.is_usable(now):
        return False
    if "no-cache" in control:
        return True
    max_age, min_fresh = control.seconds("max-age"), control.seconds("min-fresh")
    if max_age is not None and freshness.age(now) > max_age - (max_age == 0):
        return True
    return min_fresh is not None and freshness.fresh_until - now < min_fresh


def _is_personal(query: Query, names: Set[str], behaviour: Behaviour) -> bool:
    """Whether the origin was sent cookies that do not tell its answers apart.

    Args:
        query: The request.
        names: The fields and cookies that do.
        behaviour: What is set for its path.
    """
    tells_cookies = any(name == "cookie" or name.startswith(COOKIE_PREFIX) for name in names)
    return not tells_cookies and "cookie" in behaviour.shared(query.fields).combined


def _refusal(query: Query, status: int, fields: Fields, control: CacheControl) -> Refused | None:
    if query.method != "GET":
        return Refused.METHOD
    must_understand = "must-understand" in control
    if status < 200 or status in (206, 304) or (must_understand and status not in _UNDERSTOOD):
        return Refused.STATUS
    if "no-store" in control and not must_understand:
        return Refused.NO_STORE
    return _not_shared(query, fields, control)


def _not_shared(query: Query, fields: Fields, control: CacheControl) -> Refused | None:
    """Why a response is for one viewer only, or cannot be selected for another."""
    if control.is_unqualified("private"):
        return Refused.PRIVATE
    if "set-cookie" in fields.combined:
        return Refused.SET_COOKIE
    if not _OF_ONE.isdisjoint(members(fields.get("vary"))):
        return Refused.VARY
    # RFC 9111 §3.5
    if "authorization" in query.fields.combined and not any(
        name in control for name in ("public", "s-maxage", "must-revalidate")
    ):
        return Refused.AUTHORIZATION
    return None


def _listed(control: CacheControl) -> frozenset[str]:
    """The fields that may not be stored, or not be used again without validation."""
    return control.fields("private") | control.fields("no-cache")


def _about_freshness(fields: Fields, *, is_targeted: bool) -> Mapping[str, str]:
    """What is left to say how long a response is fresh (RFC 9213 §2.2)."""
    return fields.without({"expires"}).combined if is_targeted else fields.combined
