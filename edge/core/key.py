"""Cache keys: the target in origin-form, without what must not tell objects apart.

What no target can say follows after a space, which no target holds: the *scope*, where objects of
different hosts or behind signatures are told apart (`edge.core.behaviours`). The parts of a large
object have keys of their own: the object's, a space, and what tells them apart.
"""

CMCD = "CMCD"
SIGNED = b"signed"
ELSEWHERE = "*"
"""The host of all hosts that share their objects."""

_HOST = b"host="


def without_cmcd(target: str) -> str:
    """A target without what a player says about itself (CTA-5004): it differs every time."""
    path, separator, query = target.partition("?")
    if CMCD not in query:
        return target
    kept = [part for part in query.split("&") if part.partition("=")[0] != CMCD]
    return path + separator * bool(kept) + "&".join(kept)


def host_scope(host: str) -> bytes:
    """What follows a target where objects of several hosts are told apart."""
    return b" " + _HOST + host.encode("ascii")


def scoped(target: bytes, scope: bytes, *, is_signed: bool) -> bytes:
    """The key of a target in a host's scope; `is_signed`: not to be had without a signature."""
    if not is_signed:
        return target + scope
    return target + scope + (b";" if scope else b" ") + SIGNED


def target_of(key: bytes) -> bytes:
    """The target that a key, also that of a large object's part, belongs to."""
    return key.partition(b" ")[0]


def host_of(key: bytes) -> str | None:
    """The host, with its port, in whose scope a key is; None: it is in none."""
    scope = key.partition(b" ")[2].partition(b" ")[0].partition(b";")[0]
    return scope.removeprefix(_HOST).decode("ascii") if scope.startswith(_HOST) else None


def path_of(key: bytes) -> str:
    """The path of a key, without its query."""
    return target_of(key).partition(b"?")[0].decode("ascii")


def without_query(key: bytes) -> bytes:
    """What a key has in common with those that differ from it in their query only."""
    target, space, scope = key.partition(b" ")
    return target.partition(b"?")[0] + space + scope


def is_plain(key: bytes) -> bool:
    """Whether a target and its host say all that a key does."""
    _, separator, scope = key.partition(b" ")
    if not separator:
        return True
    return scope.startswith(_HOST) and b";" not in scope and b" " not in scope


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
