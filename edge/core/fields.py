"""Header fields as values: lookup, what is hop-by-hop, and normalised content negotiation."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What caching goes by is meant for all who get it, whatever `Connection` says (RFC 9110 §7.6.1).
_FOR_ALL = frozenset(
    {
        "age",
        "cache-control",
        "cache-tag",
        "cdn-cache-control",
        "date",
        "etag",
        "expires",
        "last-modified",
        "pragma",
        "set-cookie",
        "surrogate-key",
        "vary",
    }
)
_CODINGS = ("br", "gzip")
_WEIGHT = re.compile(r"[ \t]*q=([01](?:\.[0-9]{0,3})?)[ \t]*")
_ZERO_WEIGHT = re.compile(r";[ \t]*q=0(?:\.0{0,3})?[ \t]*$", re.IGNORECASE)


@dataclass(frozen=True)
class Fields:
    """A header section: names in lower case, in the order received."""

    items: tuple[tuple[str, str], ...] = ()

    @cached_property
    def combined(self) -> Mapping[str, str]:
        """Values by name, those of equal names joined with commas (RFC 9110 §5.3)."""
        combined: dict[str, str] = {}
        for name, value in self.items:
            combined[name] = f"{combined[name]}, {value}" if name in combined else value
        return combined

    def get(self, name: str) -> str | None:
        """The combined value of a field."""
        return self.combined.get(name)

    def without(self, names: Collection[str]) -> "Fields":
        """The section without the fields named."""
        return Fields(tuple(item for item in self.items if item[0] not in names))

    def plus(self, *items: tuple[str, str]) -> "Fields":
        """The section with `items` added at its end."""
        return Fields(self.items + items)

    def end_to_end(self) -> "Fields":
        """The section without hop-by-hop fields and those `Connection` lists (RFC 9110 §7.6.1)."""
        return self.without(HOP_BY_HOP | (members(self.get("connection")) - _FOR_ALL))


def from_pairs(pairs: Iterable[tuple[bytes, bytes]]) -> Fields:
    """A section from raw names and values."""
    return Fields(tuple((n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in pairs))


def members(value: str | None) -> frozenset[str]:
    """The members of a comma-separated list of tokens, in lower case."""
    if value is None:
        return frozenset()
    return frozenset(part.strip(" \t").lower() for part in value.split(",")) - {""}


def preferred_languages(accept_language: str) -> str:
    """`Accept-Language` with its ranges in lower case, the most wanted first (RFC 9110 §12.5.4).

    Neither their case nor the order of equally wanted ones means anything.
    """
    ranges = [part.partition(";") for part in accept_language.lower().split(",") if part.strip()]
    weighed = [(_weight(parameters), tag.strip(" \t")) for tag, _, parameters in ranges]
    weighed.sort(key=lambda one: (-one[0], one[1]))
    return ",".join(tag if weight == 1 else f"{tag};q={weight:g}" for weight, tag in weighed)


def _weight(parameters: str) -> float:
    match = _WEIGHT.fullmatch(parameters)
    return float(match[1]) if match else 1.0


def preferred_codings(accept_encoding: str | None) -> str:
    """`Accept-Encoding` reduced to what caches need to tell apart.

    Returns:
        The accepted ones of br and gzip, sorted, or `identity`. Requests with equal results get
        equal responses (RFC 9111 §4.1 allows the normalisation).
    """
    if accept_encoding is None:
        return "identity"
    accepted = {
        part.partition(";")[0].strip(" \t").lower()
        for part in accept_encoding.split(",")
        if not _ZERO_WEIGHT.search(part)
    }
    return ", ".join(coding for coding in _CODINGS if coding in accepted) or "identity"
