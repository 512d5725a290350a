"""Cache keys: the target in origin-form, without what must not tell objects apart.

The parts of a large object have keys of their own: the object's, a space, which no target holds,
and what tells them apart.
"""

CMCD = "CMCD"


def cache_key(target: str) -> bytes:
    """The key of a target; it is also the target that is asked of the origin.

    The `CMCD` query parameter (CTA-5004) differs with every request of a player, so it is dropped.
    """
    path, separator, query = target.partition("?")
    if CMCD not in query:
        return target.encode("ascii")
    kept = [part for part in query.split("&") if part.partition("=")[0] != CMCD]
    return (path + separator * bool(kept) + "&".join(kept)).encode("ascii")


def target_of(key: bytes) -> bytes:
    """The target that a key, also that of a large object's part, belongs to."""
    return key.partition(b" ")[0]


def path_of(key: bytes) -> str:
    """The path of a key, without its query."""
    return target_of(key).partition(b"?")[0].decode("ascii")


def large_key(key: bytes) -> bytes:
    """The key of a large object's head."""
    return key + b" "


def slice_key(key: bytes, version: str, number: int) -> bytes:
    """The key of one slice of one version of a large object."""
    return b"%s %s.%d" % (key, version.encode("ascii"), number)


def is_large(key: bytes) -> bool:
    """Whether a key is that of a large object's head."""
    return key.endswith(b" ")


def object_of(head_key: bytes) -> bytes:
    """The key of the large object whose head this is the key of."""
    return head_key.removesuffix(b" ")
