"""The header sections that this cache sends on: requests to the origin, responses to viewers."""

from collections.abc import Collection

from edge.core.fields import Fields, preferred_codings
from edge.core.key import ELSEWHERE, host_of

# A fill asks for the whole object, whatever part or version its first viewer asked for.
_ABOUT_SELECTION = frozenset(
    {
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
    }
)
_FORWARDED_HOST = "x-forwarded-host"
_REPLACED = frozenset(
    {
        "accept-encoding",
        "expect",
        "forwarded",
        "host",
        "via",
        "x-forwarded-for",
        "x-forwarded-proto",
    }
)
# What only proxies have to say, and origins believe: who asks, and for which URL.
_CLAIM_PREFIX = "x-forwarded-"
_CLAIMS = frozenset(
    {
        "cf-connecting-ip",
        "cf-connecting-ipv6",
        "cf-visitor",
        "client-ip",
        "cloudfront-forwarded-proto",
        "cloudfront-viewer-address",
        "fastly-client-ip",
        "forwarded-for",
        "front-end-https",
        "true-client-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-forwarded",
        "x-host",
        "x-http-host-override",
        "x-original-forwarded-for",
        "x-original-host",
        "x-original-url",
        "x-real-ip",
        "x-rewrite-url",
        "x-scheme",
        "x-script-name",
        "x-url-scheme",
    }
)
_OTHER_METHODS = frozenset({"x-http-method", "x-http-method-override", "x-method-override"})
# What a viewer's request says about its own cache is not asked of the origin on behalf of all.
_ABOUT_CACHING = frozenset({"cache-control", "pragma"})


def fill_fields(
    fields: Fields,
    via: str,
    viewer: str | None,
    scheme: str = "http",
    *,
    keyed: Collection[str] = frozenset(),
) -> Fields:
    """The request fields of a fetch whose answer many viewers may get.

    Args:
        fields: Those of the request that it is for.
        via: This node in `Via`.
        viewer: The address of who asked; None: nobody did.
        scheme: How that viewer came.
        keyed: The fields that tell answers apart: what viewers claim in these is sent on.
    """
    kept = fields.end_to_end().without(
        _ABOUT_SELECTION | _ABOUT_CACHING | _unfounded(fields, _OTHER_METHODS, keyed)
    )
    return kept.without({"content-length"}).plus(*_own(fields, via, viewer, scheme))


def stated_scheme(fields: Fields) -> str | None:
    """The scheme that request fields say the viewer used; None if they do not."""
    stated = (fields.get("x-forwarded-proto") or "").lower()
    return stated if stated in ("http", "https") else None


def inner_fill_fields(fields: Fields) -> Fields:
    """The same for a request from another worker of this node, which has made them before."""
    return fields.end_to_end().without({"host"} | _ABOUT_SELECTION | _ABOUT_CACHING)


def pass_fields(
    fields: Fields,
    via: str,
    viewer: str | None,
    scheme: str = "http",
    *,
    keyed: Collection[str] = frozenset(),
) -> Fields:
    """The request fields of a request that is forwarded for one viewer only; see `fill_fields`."""
    kept = fields.end_to_end().without(_unfounded(fields, frozenset(), keyed))
    return kept.plus(*_own(fields, via, viewer, scheme))


def toward(fields: Fields, key: bytes) -> Fields:
    """The fields of a request for a key, which name its host where keys tell hosts apart."""
    host = host_of(key)
    if host is None:
        return fields
    fields = fields.plus(("host", host))
    return fields if host == ELSEWHERE else _forwarded_for_host(fields, host)


def with_public_host(fields: Fields, host: str) -> Fields:
    """The fields of a request that leaves this node, which name its own host if they name none.

    What a viewer says its host is does not go on, unless objects are told apart by it: the answer
    might name it to all others.
    """
    is_named = not host or _FORWARDED_HOST in fields.combined
    return fields if is_named else _forwarded_for_host(fields, host)


def _forwarded_for_host(fields: Fields, host: str) -> Fields:
    return fields.without({_FORWARDED_HOST}).plus((_FORWARDED_HOST, host))


def response_fields(fields: Fields, via: str, date: str) -> Fields:
    """The fields of a received response that are stored and sent on (RFC 9110 §6.6.1, §7.6)."""
    kept = fields.end_to_end()
    through = ", ".join(filter(None, (kept.get("via"), via)))
    kept = kept.without({"via"}).plus(("via", through))
    return kept if "date" in kept.combined else kept.plus(("date", date))


def has_looped(fields: Fields, via: str) -> bool:
    """Whether a request went through this very node before (RFC 9110 §7.6.3)."""
    through = fields.get("via")
    return through is not None and via in (part.strip() for part in through.split(","))


def _unfounded(fields: Fields, more: Collection[str], keyed: Collection[str]) -> frozenset[str]:
    """The names of what this cache says itself, and of what viewers have no right to say.

    Some servers take `_` in a name for `-`.
    """
    claims = {name for name, _ in fields.items if _is_claim(name.replace("_", "-"), more)}
    return _REPLACED | (claims - frozenset(keyed))


def _is_claim(name: str, more: Collection[str]) -> bool:
    return name.startswith(_CLAIM_PREFIX) or name in _CLAIMS or name in more


def _own(fields: Fields, via: str, viewer: str | None, scheme: str) -> list[tuple[str, str]]:
    addresses = ", ".join(filter(None, (fields.get("x-forwarded-for"), viewer)))
    items = [
        ("accept-encoding", preferred_codings(fields.get("accept-encoding"))),
        ("via", ", ".join(filter(None, (fields.get("via"), via)))),
        ("x-forwarded-proto", scheme),
    ]
    return [*items, ("x-forwarded-for", addresses)] if addresses else items
