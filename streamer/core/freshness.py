"""How long a stored response may be used (RFC 9111 §4.2, RFC 5861), as a shared cache sees it.

Times are seconds since the epoch; durations are seconds. Header fields come as a mapping from
lower-case names to combined values (RFC 9110 §5.3).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from streamer.core.conditional import parse_http_date

MAX_SECONDS = 2**31
HEURISTIC_FRACTION = 0.1
HEURISTIC_LIMIT_SECONDS = 86400.0
# RFC 9110 §15.1; 206 is left out because partial responses are not stored.
HEURISTICALLY_CACHEABLE = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
NEGATIVE = frozenset({404, 405, 410, 414, 501})

NegativeSeconds = Mapping[int, float]
"""Freshness lifetimes of error answers that state none, by status."""

_QUALIFIABLE = frozenset({"no-cache", "private"})
_DIRECTIVE = re.compile(
    r"""[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)        # name
        (?:=(?:"((?:[^"\\]|\\.)*)(?:"|$)|([^\s",;]*)))?   # quoted or bare argument
        [^,]*(?:,|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class CacheControl:
    """The directives of a `Cache-Control` field, names in lower case (RFC 9111 §5.2)."""

    directives: Mapping[str, str | None]

    def __contains__(self, name: str) -> bool:
        return name in self.directives

    def fields(self, name: str) -> frozenset[str]:
        """The field names that a qualified directive lists, in lower case (§5.2.2.4, §5.2.2.7).

        Returns:
            Nothing where it is absent or holds for the response as a whole.
        """
        names = (self.directives.get(name) or "").split(",")
        return frozenset(field.strip(" \t").lower() for field in names) - {""}

    def is_unqualified(self, name: str) -> bool:
        """Whether a directive holds for the response as a whole."""
        return name in self.directives and not self.fields(name)

    def seconds(self, name: str) -> int | None:
        """The delta-seconds of a directive; None when absent, 0 when it is no number (§4.2.1)."""
        if name not in self.directives:
            return None
        return delta_seconds(self.directives[name] or "")


@dataclass(frozen=True, slots=True)
class Freshness:
    """Until when, and on what terms, a stored response may answer without asking the origin.

    Attributes:
        born_at: The time at which its age is zero, so that `age(now)` is RFC 9111 §4.2.3.
        lifetime_seconds: The freshness lifetime.
        is_explicit: Whether the origin stated that lifetime.
        must_revalidate: Never to be served stale (must-revalidate, proxy-revalidate; s-maxage where
            nothing is said about stale use).
        always_validate: Never to be served without validation (no-cache).
        is_immutable: Not to be validated while fresh (RFC 8246).
        stale_while_revalidate_seconds: How long past the lifetime it may be served meanwhile.
        stale_if_error_seconds: How long past it when the origin fails; None: not stated.
    """

    born_at: float
    lifetime_seconds: float
    is_explicit: bool = True
    must_revalidate: bool = False
    always_validate: bool = False
    is_immutable: bool = False
    stale_while_revalidate_seconds: int = 0
    stale_if_error_seconds: int | None = None

    @property
    def fresh_until(self) -> float:
        """The time at which it becomes stale."""
        return self.born_at + self.lifetime_seconds

    def age(self, now: float) -> int:
        """Its `Age` in whole seconds."""
        return max(0, int(now - self.born_at))

    def ttl(self, now: float) -> int:
        """The seconds of its lifetime that are left; negative when it is stale (RFC 9211 §2.4)."""
        return int(self.lifetime_seconds) - self.age(now)

    def is_usable(self, now: float) -> bool:
        """Whether it may be served without asking the origin."""
        return not self.always_validate and self._is_younger(now, self.lifetime_seconds)

    @property
    def is_reusable(self) -> bool:
        """Whether requests other than its own may have it unvalidated, while it is young enough."""
        meanwhile = 0 if self.must_revalidate else self.stale_while_revalidate_seconds
        return not self.always_validate and (self.lifetime_seconds > 0 or meanwhile > 0)

    def is_usable_meanwhile(self, now: float) -> bool:
        """Whether it may be served while it is validated in the background (RFC 5861 §3)."""
        return self.is_usable_within(now, self.stale_while_revalidate_seconds)

    def is_usable_within(self, now: float, seconds: float) -> bool:
        """Whether a client that accepts it so many seconds stale may have it (§5.2.1.2)."""
        if self.always_validate or self.must_revalidate:
            return False
        return self._is_younger(now, self.lifetime_seconds + seconds)

    def is_usable_on_error(self, now: float, default_seconds: float) -> bool:
        """Whether it may stand in for an origin that fails (RFC 5861 §4, RFC 9111 §4.2.4).

        Args:
            now: The present.
            default_seconds: How long past its lifetime where the response does not say. What was
                never fresh has to say so.
        """
        seconds: float | None = self.stale_if_error_seconds
        if seconds is None:
            seconds = default_seconds if self.lifetime_seconds > 0 else 0.0
        return self.is_usable_within(now, seconds)

    def _is_younger(self, now: float, seconds: float) -> bool:
        """Whether its age is below so many seconds. It is never negative, as a clock may be set."""
        return max(0.0, now - self.born_at) < seconds


def parse_cache_control(value: str | None) -> CacheControl:
    """The directives of a combined `Cache-Control` value.

    The first of equal names counts. Of those that may list fields, the lists add up, and one
    without a list holds for everything.
    """
    directives: dict[str, str | None] = {}
    position = 0
    while value and position < len(value):
        match = _DIRECTIVE.match(value, position)
        if match is None:
            position = _next_member(value, position)
            continue
        name, quoted, bare = match.groups()
        _add(directives, name.lower(), bare if quoted is None else quoted)
        position = match.end()
    return CacheControl(directives)


def _add(directives: dict[str, str | None], name: str, argument: str | None) -> None:
    known = directives.get(name)
    if name not in directives:
        directives[name] = argument
    elif name in _QUALIFIABLE:
        directives[name] = f"{known}, {argument}" if known and argument else None


def delta_seconds(text: str) -> int:
    """A delta-seconds value, at most 2**31; 0 when malformed (RFC 9111 §1.2.2)."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        return 0
    return min(int(digits[:12]), MAX_SECONDS)


def assess(
    status: int,
    fields: Mapping[str, str],
    control: CacheControl,
    *,
    request_time: float,
    response_time: float,
    negative_seconds: NegativeSeconds,
    is_personal: bool = False,
) -> Freshness | None:
    """The freshness of a response to a shared cache.

    Args:
        status: The status code.
        fields: The response's header fields; without Expires where that is not for us (RFC 9213).
        control: The directives that hold.
        request_time: When the request was sent.
        response_time: When the response's head was received.
        negative_seconds: The lifetimes of error answers whose origin states none.
        is_personal: Whether it may be for one viewer: it gets no heuristic lifetime, unless it is
            `public`.

    Strictly read, s-maxage forbids what stale-while-revalidate and stale-if-error beside it allow
    (§5.2.2.10). Who states both means both; what they do not allow it still forbids.

    Returns:
        None when neither an explicit nor a heuristic lifetime nor a validator gives the response
        any use to a cache.
    """
    explicit = _explicit_lifetime(control, fields, response_time)
    lifetime = explicit
    if lifetime is None and (status in HEURISTICALLY_CACHEABLE or "public" in control):
        if is_personal and "public" not in control:
            lifetime = 0.0 if "etag" in fields or "last-modified" in fields else None
        else:
            lifetime = _heuristic_lifetime(status, fields, response_time, negative_seconds)
    if lifetime is None:
        return None
    meanwhile = control.seconds("stale-while-revalidate")
    on_error = control.seconds("stale-if-error")
    if "s-maxage" in control and on_error is None:
        on_error = meanwhile
    return Freshness(
        born_at=response_time - _initial_age(fields, request_time, response_time),
        lifetime_seconds=lifetime,
        is_explicit=explicit is not None,
        must_revalidate="must-revalidate" in control
        or "proxy-revalidate" in control
        or ("s-maxage" in control and on_error is None),
        always_validate=control.is_unqualified("no-cache"),
        is_immutable="immutable" in control,
        stale_while_revalidate_seconds=meanwhile or 0,
        stale_if_error_seconds=on_error,
    )


def _explicit_lifetime(
    control: CacheControl, fields: Mapping[str, str], response_time: float
) -> float | None:
    """RFC 9111 §4.2.1: s-maxage, then max-age, then Expires minus Date."""
    for name in ("s-maxage", "max-age"):
        seconds = control.seconds(name)
        if seconds is not None:
            return float(seconds)
    if "expires" in fields:
        expires = _timestamp(fields["expires"])
        if expires is None:
            return 0.0
        return max(0.0, expires - _date(fields, response_time))
    return 0.0 if control.is_unqualified("no-cache") else None


def _heuristic_lifetime(
    status: int, fields: Mapping[str, str], response_time: float, negative_seconds: NegativeSeconds
) -> float | None:
    """RFC 9111 §4.2.2; zero (validate each time) when there is a validator but no date."""
    if status in NEGATIVE:
        return negative_seconds.get(status, 0.0)
    modified = _timestamp(fields.get("last-modified", ""))
    if modified is not None:
        unchanged = max(0.0, _date(fields, response_time) - modified)
        return min(HEURISTIC_LIMIT_SECONDS, unchanged * HEURISTIC_FRACTION)
    return 0.0 if "etag" in fields else None


def _initial_age(fields: Mapping[str, str], request_time: float, response_time: float) -> float:
    """The corrected initial age (RFC 9111 §4.2.3)."""
    apparent = max(0.0, response_time - _date(fields, response_time))
    age_value = delta_seconds(fields.get("age", "").partition(",")[0])
    corrected = age_value + max(0.0, response_time - request_time)
    # Date has whole seconds: a younger apparent age is rounding, not a cache on the way.
    return max(apparent if apparent >= 1.0 else 0.0, corrected)


def _date(fields: Mapping[str, str], default: float) -> float:
    date = _timestamp(fields.get("date", ""))
    return default if date is None else date


def _timestamp(text: str) -> float | None:
    moment = parse_http_date(text)
    return None if moment is None else moment.timestamp()


def _next_member(value: str, position: int) -> int:
    comma = value.find(",", position)
    return len(value) if comma < 0 else comma + 1
