"""What is done for which path, as the cache behaviours of CDNs: in order, the first match counts.

A behaviour decides what of a request tells objects apart, and only that is forwarded: so no stored
answer can depend on what is not in its key.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from urllib.parse import unquote_plus

from edge.core.fields import Fields
from edge.core.key import ELSEWHERE, host_of, host_scope, scoped, target_of, without_cmcd
from edge.core.ttl import UNRULED, TtlRule
from streamer.core.paths import normal_path, readings
from streamer.core.signing import COOKIES, carries_signature, without_signature
from streamer.core.wildcard import compiled

COOKIE_PREFIX = "cookie:"

_REMEMBERED = 512
# Servers do not agree on the meaning of paths with any of these.
_ODD = re.compile(r"[%;\\]|//|/\.")
# Those of either scheme: who names one means the host without it.
_DEFAULT_PORTS = frozenset({"80", "443"})


@dataclass(frozen=True, slots=True)
class QueryRule:
    """Which query parameters are kept: those named, or where `keeps_others`, all others."""

    names: frozenset[str] = frozenset()
    keeps_others: bool = True

    def applied(self, target: str) -> str:
        """A target with the parameters that are kept, in their order."""
        path, separator, query = target.partition("?")
        if not separator or (self.keeps_others and not self.names):
            return target
        kept = [part for part in query.split("&") if self._keeps(part)]
        return path + separator * bool(kept) + "&".join(kept)

    def _keeps(self, part: str) -> bool:
        return (unquote_plus(part.partition("=")[0]) in self.names) is not self.keeps_others


WHOLE_QUERY = QueryRule()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What is done for the paths that a pattern covers.

    Attributes:
        path: The pattern: `*` is any number of characters, `?` is one.
        hosts: Patterns of the hosts that it is for; none: all.
        origin: The name of whom to ask; None: the node's origin.
        is_passed: Nothing is stored; every request is forwarded.
        ttl: Bounds on freshness.
        query: What is kept of the query.
        varies_by: The fields, and cookies as `cookie:NAME`, that tell answers apart as if the
            origin had listed them in `Vary`.
        signed_by: Public keys in PEM, by id; where there are any, requests must be signed.
        allow_origins: The sites whose pages may send a signature's cookies.
        digest: What tells it, with whom it names, from all others; empty where nothing is said.
    """

    path: str = "*"
    hosts: tuple[str, ...] = ()
    origin: str | None = None
    is_passed: bool = False
    ttl: TtlRule = UNRULED
    query: QueryRule = WHOLE_QUERY
    varies_by: frozenset[str] = frozenset()
    signed_by: Mapping[str, bytes] = field(default_factory=dict)
    allow_origins: frozenset[str] = frozenset()
    digest: str = ""

    def target(self, target: str) -> str:
        """What of a target tells objects apart and is forwarded; an empty query is none."""
        target = without_cmcd(target)
        if self.signed_by:
            target = without_signature(target)
        path, _, query = self.query.applied(target).partition("?")
        return f"{path}?{query}" if query else path

    def shared(self, fields: Fields) -> Fields:
        """The fields of a request that many share.

        With no cookies but those that tell apart. Where none do, with all but a signature's; or
        with none, if freshness is not the origin's to state, which may have answered to them.
        """
        wanted = {_cookie_name(name) for name in self.varies_by if name.startswith(COOKIE_PREFIX)}
        if wanted or self.ttl.minimum > 0 or self.ttl.default is not None:
            return _with_cookies(fields, lambda name: name in wanted)
        if self.signed_by:
            return _with_cookies(fields, lambda name: name not in COOKIES)
        return fields


DEFAULT = Behaviour()


class Behaviours:
    """The behaviours of a node; what none of them covers is done as without any.

    Args:
        listed: They, in order.

    Attributes:
        digest: What tells them, with whom they name, from all others.
    """

    def __init__(self, listed: Sequence[Behaviour] = ()) -> None:
        self._rules = [(compiled(b.hosts), compiled((b.path,)), b) for b in listed]
        self._hosts = compiled([host for b in listed for host in b.hosts])
        self._tells_hosts = any(b.hosts for b in listed)
        self._odd = lru_cache(_REMEMBERED)(self._read)
        told = " ".join(b.digest for b in listed).encode("ascii")
        self.digest = hashlib.blake2b(told, digest_size=16).hexdigest()

    def of(self, host: str | None, target: str) -> Behaviour:
        """The behaviour for a target.

        Nothing is stored for one that has another behaviour as some origins may read it.
        """
        return self._look_up(normal_host(host), target.partition("?")[0])[0]

    def hides(self, host: str | None, target: str) -> bool:
        """Whether a target needs no signature here, but as some origins may read it, it does."""
        return self._look_up(normal_host(host), target.partition("?")[0])[1]

    def of_key(self, key: bytes) -> Behaviour:
        """The behaviour for the object of a key."""
        return self.of(host_of(key), target_of(key).decode("ascii"))

    def scope(self, host: str | None) -> bytes:
        """What follows a target in the keys of a host's objects.

        Nothing, unless some behaviour is for some hosts only; hosts that none names share theirs.
        Ports tell objects apart where hosts do: an origin that is told both may say both.
        """
        if not self._tells_hosts:
            return b""
        is_named = self._hosts.fullmatch(normal_host(host)) is not None
        return host_scope(authority(host) if is_named else ELSEWHERE)

    def key(self, host: str | None, target: str) -> bytes:
        """The cache key of a target."""
        return self._key(self.of(host, target), host, target)

    def stores(self, key: bytes) -> bool:
        """Whether anything is stored for a key: requests for its target have it, and share it."""
        host, target = host_of(key), target_of(key).decode("ascii")
        own = self.key(host, target)
        is_own = key == own or key.startswith(own + b" ")
        return is_own and not is_unshared(self.of(host, target), own)

    def beside(self, key: bytes, target: str) -> bytes | None:
        """The key of a target that an object refers to; None if it can only be passed."""
        host = host_of(key)
        behaviour = self.of(host, target)
        other = self._key(behaviour, host, target)
        return None if is_unshared(behaviour, other) else other

    def _look_up(self, host: str, path: str) -> tuple[Behaviour, bool]:
        """The behaviour for a path, and whether it hides what needs a signature."""
        if not self._rules:
            return DEFAULT, False
        if _ODD.search(path) is None:
            return self._covering(host, path), False
        return self._odd(host, path)

    def _read(self, host: str, path: str) -> tuple[Behaviour, bool]:
        """The same where origins may take the path for others."""
        behaviour = self._covering(host, normal_path(path))
        others = [self._covering(host, read) for read in dict.fromkeys(readings(path))]
        hides = not behaviour.signed_by and any(other.signed_by for other in others)
        if any(other is not behaviour for other in others):
            behaviour = replace(behaviour, is_passed=True)
        return behaviour, hides

    def _covering(self, host: str, path: str) -> Behaviour:
        """The first behaviour that covers a path as it stands."""
        for hosts, paths, behaviour in self._rules:
            if paths.fullmatch(path) and (not behaviour.hosts or hosts.fullmatch(host)):
                return behaviour
        return DEFAULT

    def _key(self, behaviour: Behaviour, host: str | None, target: str) -> bytes:
        kept = behaviour.target(target).encode("ascii")
        return scoped(kept, self.scope(host), is_signed=bool(behaviour.signed_by))


def is_unshared(behaviour: Behaviour, key: bytes) -> bool:
    """Whether a request is for its viewer alone.

    What an origin answers to a signature must not reach those who have none.
    """
    return behaviour.is_passed or carries_signature(target_of(key).decode("ascii"))


def cookies(fields: Fields) -> dict[str, str]:
    """A request's cookies by name; of equal names the first (RFC 6265 §5.4)."""
    found: dict[str, str] = {}
    for part in (fields.get("cookie") or "").split(";"):
        name, separator, value = part.strip(" \t").partition("=")
        if separator:
            found.setdefault(name, value)
    return found


def normal_host(host: str | None) -> str:
    """A host as patterns are compared with it: without port and final dot, in lower case."""
    return _split_port(host)[0]


def authority(host: str | None) -> str:
    """A host as objects are told apart by it: normal, with a port that no scheme implies."""
    name, port = _split_port(host)
    return f"{name}:{port}" if port and port not in _DEFAULT_PORTS else name


def _split_port(host: str | None) -> tuple[str, str]:
    host = (host or "").lower()
    name, _, port = host.rpartition(":")
    if not name or not (port.isdigit() or not port):
        name, port = host, ""
    return name.rstrip("."), port


def _with_cookies(fields: Fields, is_kept: Callable[[str], bool]) -> Fields:
    named = sorted(cookies(fields).items())
    kept = "; ".join(f"{name}={value}" for name, value in named if is_kept(name))
    fields = fields.without({"cookie"})
    return fields.plus(("cookie", kept)) if kept else fields


def _cookie_name(name: str) -> str:
    return name.removeprefix(COOKIE_PREFIX)
