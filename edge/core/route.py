"""Whom to ask for a key: rendezvous hashing, also known as highest random weight.

Every node and every worker orders the same names alike, without talking to one another. When a name
disappears, only the keys it came first for go elsewhere, evenly to all others.
"""

from collections.abc import Sequence
from hashlib import blake2b


def rank(key: bytes, names: Sequence[str]) -> list[str]:
    """The names in the order in which they shall be asked for a key.

    Equal in every process and on every platform; the order of `names` does not matter.
    """
    return sorted(names, key=lambda name: (_weight(key, name), name), reverse=True)


def _weight(key: bytes, name: str) -> bytes:
    """A number that is random, but fixed for a key and a name."""
    name_bytes = name.encode("utf-8")
    return blake2b(b"%d:%b%b" % (len(name_bytes), name_bytes, key), digest_size=8).digest()
