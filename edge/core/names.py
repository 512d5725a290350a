"""Which certificate a viewer gets, by the name it asks for (RFC 6066 §3, RFC 9525 §6.3)."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def by_name(chosen: Mapping[str, T], name: str) -> T | None:
    """What `chosen` has for a host name: under itself, or under a wildcard for its first label.

    The keys are in lower case; case and the root's dot in `name` do not matter.
    """
    name = name.lower().removesuffix(".")
    _, _, parent = name.partition(".")
    found = chosen.get(name)
    return found if found is not None or not parent else chosen.get(f"*.{parent}")
