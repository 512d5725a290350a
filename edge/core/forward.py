"""The header sections that this cache sends on: requests to the origin, responses to viewers."""

from edge.core.fields import Fields, preferred_codings
from edge.core.key import host_of

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
_REPLACED = frozenset(
    {
        "accept-encoding",
        "expect",
        "forwarded",
        "host",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    }
)
# What a viewer's request says about its own cache is not asked of the origin on behalf of all.
_ABOUT_CACHING = frozenset({"cache-control", "pragma"})


def fill_fields(fields: Fields, via: str, viewer: str | None, scheme: str = "http") -> Fields:
    """The request fields of a fetch whose answer many viewers may get."""
    shared = fields.end_to_end().without(
        _REPLACED | _ABOUT_SELECTION | _ABOUT_CACHING | {"content-length"}
    )
    return shared.plus(*_own(fields, via, viewer, scheme))


def stated_scheme(fields: Fields) -> str | None:
    """The scheme that request fields say the viewer used; None if they do not."""
    stated = (fields.get("x-forwarded-proto") or "").lower()
    return stated if stated in ("http", "https") else None


def inner_fill_fields(fields: Fields) -> Fields:
    """The same for a request from another worker of this node, which has made them before."""
    return fields.end_to_end().without({"host"} | _ABOUT_SELECTION | _ABOUT_CACHING)


def pass_fields(fields: Fields, via: str, viewer: str | None, scheme: str = "http") -> Fields:
    """The request fields of a request that is forwarded for one viewer only."""
    return fields.end_to_end().without(_REPLACED).plus(*_own(fields, via, viewer, scheme))


def toward(fields: Fields, key: bytes) -> Fields:
    """The fields of a request for a key, which name its host where keys tell hosts apart."""
    host = host_of(key)
    return fields if host is None else fields.plus(("host", host))


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


def _own(fields: Fields, via: str, viewer: str | None, scheme: str) -> list[tuple[str, str]]:
    addresses = ", ".join(filter(None, (fields.get("x-forwarded-for"), viewer)))
    items = [
        ("accept-encoding", preferred_codings(fields.get("accept-encoding"))),
        ("via", ", ".join(filter(None, (fields.get("via"), via)))),
        ("x-forwarded-proto", scheme),
    ]
    return [*items, ("x-forwarded-for", addresses)] if addresses else items
