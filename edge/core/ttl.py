"""Bounds on freshness that an operator sets, with the meanings of CloudFront's TTL settings.

For an answer below 400:

    the origin says                       freshness lifetime
    a lifetime (s-maxage, max-age,        that, but at least `minimum` and at most `maximum`
      Expires)
    nothing                               `default`, within the same bounds; without a `default` the
                                          heuristic one (RFC 9111 §4.2.2), within the same bounds
    no-store, private or no-cache         `minimum` if that is above 0: the directive is overruled;
                                          else the directive is obeyed

An error answer (400 and above) gets the lifetime its origin states, else the one of `negative` for
its status or the class of it, and never more than `maximum`; its directives are always obeyed.
Lifetimes count from the moment at which the answer's age is zero. All are in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edge.core.fields import Fields
from streamer.core.freshness import CacheControl, Freshness
from streamer.core.targeted import directives_for_us

FIRST_ERROR = 400

_FORBIDDING = frozenset({"no-store", "private", "no-cache"})
_LIFETIMES = frozenset({"s-maxage", "max-age"})


@dataclass(frozen=True, slots=True)
class TtlRule:
    """Bounds on lifetimes. `negative` is by status, as `404`, and by class, as `4xx`."""

    minimum: float = 0.0
    maximum: float | None = None
    default: float | None = None
    negative: Mapping[str, float] = field(default_factory=dict)

    def judged(self, status: int, fields: Fields) -> Fields:
        """The fields that decide whether and for how long an answer is stored.

        Those received, unless the origin forbids storing and the rule overrules it, or the origin
        says nothing and the rule does.
        """
        control, is_targeted = directives_for_us(fields.combined)
        if any(control.is_unqualified(name) for name in _FORBIDDING):
            is_overruled = self.minimum > 0 and status < FIRST_ERROR
            return _stating(fields, control, self.minimum) if is_overruled else fields
        if not _LIFETIMES.isdisjoint(control.directives) or (
            "expires" in fields.combined and not is_targeted
        ):
            return fields
        lifetime = self._unstated(status)
        return fields if lifetime is None else _stating(fields, control, lifetime)

    def bounded(self, status: int, freshness: Freshness) -> Freshness:
        """A freshness within the bounds."""
        if freshness.always_validate:
            return freshness
        lifetime = freshness.lifetime_seconds
        if status < FIRST_ERROR:
            lifetime = max(lifetime, self.minimum)
        if self.maximum is not None:
            lifetime = min(lifetime, self.maximum)
        return replace(freshness, lifetime_seconds=lifetime)

    def _unstated(self, status: int) -> float | None:
        if status < FIRST_ERROR:
            return self.default
        return self.negative.get(str(status), self.negative.get(f"{status // 100}xx"))


UNRULED = TtlRule()


def _stating(fields: Fields, control: CacheControl, lifetime_seconds: float) -> Fields:
    """The fields with a lifetime in place of what is said about storing."""
    left = [
        name if argument is None else f'{name}="{argument}"'
        for name, argument in control.directives.items()
        if name not in _LIFETIMES and (argument or name not in _FORBIDDING)
    ]
    value = ", ".join([*left, f"max-age={int(lifetime_seconds)}"])
    return fields.without({"cache-control", "expires", "cdn-cache-control"}).plus(
        ("cache-control", value)
    )
