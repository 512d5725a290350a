"""Signed URLs and signed cookies, with the format of CloudFront's.

A *canned* policy lets one URL be used until a time: `Expires`, `Signature` and `Key-Pair-Id` are
added to it. A *custom* policy is a JSON document of its own, with patterns and more conditions, in
`Policy`. Signatures are RSA (PKCS #1 v1.5) with SHA-1 or, with `Hash-Algorithm=SHA256`, SHA-256.
Cookies say the same with `CloudFront-` before each name: one of a custom policy opens all that its
pattern covers, a stream's playlists and segments for instance. A signature in the URL goes first.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from streamer.core.paths import has_dot_segments
from streamer.core.wildcard import compiled

_NAMES = frozenset({"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"})
COOKIES: Mapping[str, str] = {f"CloudFront-{name}": name for name in sorted(_NAMES)}
"""The names of a signature's cookies, and what each of them is called in a URL."""
_HASHES: Mapping[str, type[HashAlgorithm]] = {"SHA1": SHA1, "SHA256": SHA256}
# The characters that stand in for those that a query must not hold.
_TO_BASE64 = str.maketrans("-_~", "+=/")
_FROM_BASE64 = str.maketrans("+=/", "-_~")
_SITE_AND_TARGET = re.compile(r"([^/]*://[^/]*)(/.*)")
_UP_TO_STAR = re.compile(r"((?:[^/]*://)?[^/*]*)(\*.*)")
# A `?` is one character, or the beginning of a query if what follows can be nothing else.
_BEFORE_QUERY = re.compile(r"\?(?=\*$|[^/?]*=)")


class Forbidden(StrEnum):
    """Why a signed request is refused."""

    MISSING = "signature-missing"
    MALFORMED = "signature-malformed"
    UNKNOWN_KEY = "signature-unknown-key"
    FORGED = "signature-forged"
    EXPIRED = "signature-expired"
    EARLY = "signature-not-yet-valid"
    RESOURCE = "signature-other-resource"
    ADDRESS = "signature-other-address"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says about its right to be made; `policy` is None for a canned policy."""

    key_id: str
    signature: bytes
    hash_name: str
    expires: int | None
    policy: bytes | None


@dataclass(frozen=True, slots=True)
class Policy:
    """When, for what and for whom a signature holds. Times are seconds since the epoch."""

    resource: str
    before: int
    after: int | None = None
    network: str | None = None

    def refusal(self, urls: tuple[str, ...], address: str, now: float) -> Forbidden | None:
        """Why a request is not covered; None: it is. `urls` are the names of what it wants."""
        if now >= self.before:
            return Forbidden.EXPIRED
        if self.after is not None and now < self.after:
            return Forbidden.EARLY
        if not any(_covers(self.resource, url) for url in urls):
            return Forbidden.RESOURCE
        if self.network is not None and not _is_in(address, self.network):
            return Forbidden.ADDRESS
        return None


Verify = Callable[[bytes, Signature, bytes], bool]


def carries_signature(target: str) -> bool:
    """Whether a target's query holds a signature and the id of its key."""
    query = target.partition("?")[2]
    return "Key-Pair-Id=" in query and _is_signed(_parameters(query))


def without_signature(target: str) -> str:
    """A target without its signature: the URL that was signed."""
    path, _, query = target.partition("?")
    kept = "&".join(part for part in query.split("&") if part.partition("=")[0] not in _NAMES)
    return f"{path}?{kept}" if kept else path


def check(
    target: str,
    cookies: Mapping[str, str],
    host: str,
    address: str,
    keys: Mapping[str, bytes],
    now: float,
    verify: Verify,
) -> Forbidden | None:
    """Why a request may not have what it wants; None: it may.

    Args:
        target: Its target, with the signature if that is in the URL.
        cookies: Its cookies of a signature (`COOKIES`), by what they are called in a URL.
        host: Its host: what is signed is an absolute URL, of either scheme.
        address: The viewer's.
        keys: Public keys in PEM, by id.
        now: The present.
        verify: Tells whether a signature is that of a key over a text (`verified`).
    """
    in_url = _parameters(target.partition("?")[2])
    parameters = in_url if _is_signed(in_url) else cookies
    if not _is_signed(parameters):
        return Forbidden.MISSING
    signature = read(parameters)
    if signature is None:
        return Forbidden.MALFORMED
    pem = keys.get(signature.key_id)
    if pem is None:
        return Forbidden.UNKNOWN_KEY
    own = without_signature(target)
    urls = (f"https://{host}{own}", f"http://{host}{own}")
    if signature.policy is None:
        return _check_canned(signature, pem, urls, now, verify)
    if not verify(pem, signature, signature.policy):
        return Forbidden.FORGED
    policy = parse_policy(signature.policy)
    return Forbidden.MALFORMED if policy is None else policy.refusal(urls, address, now)


def read(parameters: Mapping[str, str]) -> Signature | None:
    """The signature that parameters spell; None if it is malformed."""
    hash_name = parameters.get("Hash-Algorithm", "SHA1")
    signature, expires = _decode(parameters["Signature"]), parameters.get("Expires", "")
    if signature is None or hash_name not in _HASHES:
        return None
    if "Policy" in parameters:
        policy = _decode(parameters["Policy"])
        key_id = parameters["Key-Pair-Id"]
        return None if policy is None else Signature(key_id, signature, hash_name, None, policy)
    if re.fullmatch(r"[0-9]{1,12}", expires) is None:
        return None
    return Signature(parameters["Key-Pair-Id"], signature, hash_name, int(expires), None)


def canned_policy(url: str, expires: int) -> bytes:
    """The text that is signed for a URL with a canned policy."""
    statement = {
        "Resource": url,
        "Condition": {"DateLessThan": {"AWS:EpochTime": expires}},
    }
    return json.dumps({"Statement": [statement]}, separators=(",", ":")).encode("ascii")


def parse_policy(text: bytes) -> Policy | None:
    """A custom policy; None if it is none, or says what is not understood here."""
    try:
        (statement,) = json.loads(text)["Statement"]
        condition = statement["Condition"]
        return Policy(
            resource=_string(statement.get("Resource", "*")),
            before=_time(condition["DateLessThan"]),
            after=_time(condition["DateGreaterThan"]) if "DateGreaterThan" in condition else None,
            network=_network(condition["IpAddress"]) if "IpAddress" in condition else None,
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def verified(pem: bytes, signature: Signature, text: bytes) -> bool:
    """Whether a signature is that of a key over a text.

    Raises:
        ValueError: `pem` is no RSA public key.
    """
    try:
        read_key(pem).verify(signature.signature, text, PKCS1v15(), _HASHES[signature.hash_name]())
    except InvalidSignature:
        return False
    return True


def read_key(pem: bytes) -> RSAPublicKey:
    """An RSA public key in PEM.

    Raises:
        ValueError: It is none.
    """
    key = load_pem_public_key(pem)
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA public key")
    return key


def encode(data: bytes) -> str:
    """Bytes as they stand in a signed URL."""
    return base64.b64encode(data).decode("ascii").translate(_FROM_BASE64)


def _check_canned(
    signature: Signature, pem: bytes, urls: tuple[str, ...], now: float, verify: Verify
) -> Forbidden | None:
    expires = signature.expires or 0
    if not any(verify(pem, signature, canned_policy(url, expires)) for url in urls):
        return Forbidden.FORGED
    return Forbidden.EXPIRED if now >= expires else None


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.translate(_TO_BASE64), validate=True)
    except (binascii.Error, ValueError):
        return None


def _is_signed(parameters: Mapping[str, str]) -> bool:
    return {"Signature", "Key-Pair-Id"} <= parameters.keys()


def _parameters(query: str) -> dict[str, str]:
    """The parameters that belong to a signature; of equal names none counts."""
    found: dict[str, str] = {}
    repeated: set[str] = set()
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name in found:
            repeated.add(name)
        if name in _NAMES:
            found[name] = value
    return {name: value for name, value in found.items() if name not in repeated}


def _covers(resource: str, url: str) -> bool:
    """Whether a policy's pattern covers a URL, which must not lead out of it at the origin.

    Scheme and host, path and query are each compared with what the pattern says of them: a viewer
    is free to write the rest of a pattern into another part.
    """
    if has_dot_segments(url.partition("?")[0]):
        return False
    if resource == url:
        return True
    said, asked = _parts(resource), _parts(url)
    if said is None or asked is None:
        return False
    return _matches(said[0], asked[0]) and _covers_target(said[1], asked[1])


def _parts(pattern: str) -> tuple[str, str] | None:
    """What a pattern says of scheme and host, and of the target; None if it covers no URL.

    Where no path follows the host, the first `*` stands for the end of both.
    """
    parts = _SITE_AND_TARGET.fullmatch(pattern)
    if parts is not None:
        return parts[1], parts[2]
    parts = _UP_TO_STAR.fullmatch(pattern)
    return None if parts is None else (parts[1] + "*", parts[2])


def _covers_target(pattern: str, target: str) -> bool:
    """Whether a pattern covers a target; only a `*` at its end reaches into the query."""
    path, separator, query = target.partition("?")
    if (pattern.endswith("*") or not separator) and _matches(pattern, path):
        return True
    return bool(separator) and any(
        _matches(pattern[: mark.start()], path) and _matches(pattern[mark.end() :], query)
        for mark in _BEFORE_QUERY.finditer(pattern)
    )


def _matches(pattern: str, text: str) -> bool:
    return compiled((pattern,)).fullmatch(text) is not None


def _is_in(address: str, network: str) -> bool:
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


def _network(condition: Any) -> str:
    network = _string(condition["AWS:SourceIp"])
    ip_network(network, strict=False)
    return network


def _time(condition: Any) -> int:
    seconds = condition["AWS:EpochTime"]
    if not isinstance(seconds, int):
        raise TypeError("a time is a whole number of seconds")
    return seconds


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value
