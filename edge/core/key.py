"""Cache keys: the target in origin-form, without what must not tell objects apart."""

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


def path_of(key: bytes) -> str:
    """The path of a key, without its query."""
    return key.partition(b"?")[0].decode("ascii")
