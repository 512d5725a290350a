"""Whom to ask for a key: rendezvous hashing, also known as highest random weight.

Every node and every worker orders the same names alike, without talking to one another. When a name
disappears, only the keys it came first for go elsewhere, evenly to all others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

_PARENTS_ASKED = 2


@dataclass(frozen=True, slots=True)
class Tiers:
    """Who can be asked, by name.

    Attributes:
        parents: Siblings or shields, and
        sibling: which of them this is, if it is one.
        origins: The origin, then those that stand in for it, in order.
    """

    origins: tuple[str, ...]
    parents: tuple[str, ...] = ()
    sibling: str | None = None


def rank(key: bytes, names: Sequence[str]) -> list[str]:
    """The names in the order in which they shall be asked for a key.

    Equal in every process and on every platform; the order of `names` does not matter.
    """
    return sorted(names, key=lambda name: (_weight(key, name), name), reverse=True)


def above(key: bytes, names: Sequence[str], own: str | None) -> list[str]:
    """The names that come before one's own for a key.

    As everybody asks only those above, nobody waits for one who waits for him.
    """
    ranked = rank(key, names)
    return ranked[: ranked.index(own)] if own in ranked else ranked


def candidates(
    tiers: Tiers,
    key: bytes,
    *,
    from_edge: bool,
    is_healthy: Callable[[str], bool],
) -> list[str]:
    """Whom to ask for a key, best first.

    Args:
        tiers: Who is there.
        key: The key.
        from_edge: The request comes from another node, which has chosen this one among the parents.
        is_healthy: Whether somebody may be asked at present.
    """
    parents = [] if from_edge else above(key, tiers.parents, tiers.sibling)
    healthy = [name for name in parents if is_healthy(name)][:_PARENTS_ASKED]
    return [*healthy, *filter(is_healthy, tiers.origins)]


def _weight(key: bytes, name: str) -> bytes:
    """A number that is random, but fixed for a key and a name."""
    name_bytes = name.encode("utf-8")
    return blake2b(b"%d:%b%b" % (len(name_bytes), name_bytes, key), digest_size=8).digest()
