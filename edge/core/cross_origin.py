"""What lets pages of other sites read answers with their cookies (Fetch, the CORS protocol)."""

from collections.abc import Collection

from edge.core.fields import Fields
from edge.core.head import RequestHead

_ALLOW_ORIGIN = "access-control-allow-origin"
_ALLOW_CREDENTIALS = "access-control-allow-credentials"


def allowed_origin(fields: Fields, origins: Collection[str]) -> str | None:
    """The site whose page makes a request, if it is one of these."""
    origin = fields.get("origin")
    return origin if origin in origins else None


def is_preflight(head: RequestHead) -> bool:
    """Whether a browser asks what its page may ask for; it sends no cookies with that."""
    return head.method == "OPTIONS" and "access-control-request-method" in head.fields.combined


def for_sites(fields: Fields, asked: Fields, origins: Collection[str]) -> Fields:
    """An answer's fields, where pages of some sites may read it with their cookies.

    `*` would not do for them: browsers take it for answers to requests without cookies only. So
    answers differ, and browsers must not take one for another either.

    Args:
        fields: Those that everybody gets.
        asked: The request's.
        origins: The sites.
    """
    varies = [value for value in (fields.get("vary"), "Origin") if value]
    fields = fields.without({"vary"}).plus(("vary", ", ".join(varies)))
    origin = allowed_origin(asked, origins)
    if origin is None:
        return fields
    return fields.without({_ALLOW_ORIGIN, _ALLOW_CREDENTIALS}).plus(
        (_ALLOW_ORIGIN, origin), (_ALLOW_CREDENTIALS, "true")
    )
