"""Content codings: whether a client takes gzip (RFC 9110 §12.5.3)."""

import re

_CODING = re.compile(
    r"[ \t]*(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)"
    r"(?:[ \t]*;[ \t]*q=(?P<weight>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*",
    re.IGNORECASE,
)


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether `Accept-Encoding` lists gzip, by name or `*`, with a weight above 0."""
    weights: dict[str, float] = {}
    for item in (accept_encoding or "").split(","):
        if match := _CODING.fullmatch(item):
            weights[match["name"].lower()] = float(match["weight"] or 1)
    named = weights.get("gzip", weights.get("x-gzip"))
    return (weights.get("*", 0.0) if named is None else named) > 0
