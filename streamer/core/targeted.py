"""Cache control that is addressed to shared caches like this one (RFC 9213).

`CDN-Cache-Control` is a structured dictionary whose members are cache directives. Where it is
present and valid, `Cache-Control` and `Expires` are for others.
"""

from collections.abc import Mapping
from typing import cast

import http_sf

from streamer.core.freshness import CacheControl, parse_cache_control

TARGET = "cdn-cache-control"

_DELTA_SECONDS = frozenset({"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"})


_Members = dict[str, tuple[object, object]]


def directives_for_us(fields: Mapping[str, str]) -> tuple[CacheControl, bool]:
    """The directives that hold for this cache, and whether they are addressed to it (§2.2)."""
    targeted = parse_targeted(fields.get(TARGET))
    if targeted is not None:
        return targeted, True
    return parse_cache_control(fields.get("cache-control")), False


def parse_targeted(value: str | None) -> CacheControl | None:
    """The directives of a targeted field; None where it is absent, empty or invalid (§2.1).

    A number of seconds that is no integer counts as zero, as elsewhere (RFC 9111 §4.2.1).
    """
    if value is None:
        return None
    try:
        members = http_sf.parse(value.encode("latin-1"), tltype="dictionary")
    except http_sf.StructuredFieldError:
        return None
    values = {name: item for name, (item, _) in cast(_Members, members).items()}
    directives = {name: _argument(name, v) for name, v in values.items() if v is not False}
    return CacheControl(directives) if directives else None


def _argument(name: str, value: object) -> str | None:
    if value is True:
        return None
    if name in _DELTA_SECONDS and not isinstance(value, int):
        return ""
    return str(value)
