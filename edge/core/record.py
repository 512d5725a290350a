"""The file format of the disk tier: a fixed preamble, the stored response as JSON, the body.

Both parts carry a BLAKE2b digest, so that a file that was cut short or changed is never taken for
an object. The head is readable without the body.
"""

import hashlib
import json
import struct
from dataclasses import asdict, dataclass

from edge.core.fields import Fields
from edge.core.policy import StoredResponse
from streamer.core.freshness import Freshness

_MAGIC = b"edge-v1\n"
_PREAMBLE = struct.Struct(">8sIQ16s16s")
_MAX_HEAD_BYTES = 1024 * 1024

PREAMBLE_BYTES = _PREAMBLE.size


class CorruptRecordError(ValueError):
    """The bytes are not a whole, unchanged record."""


@dataclass(frozen=True, slots=True)
class Preamble:
    """Lengths and digests of the two parts that follow."""

    head_bytes: int
    body_bytes: int
    head_digest: bytes
    body_digest: bytes


@dataclass(frozen=True, slots=True)
class RecordHead:
    """What a file says about its object."""

    key: bytes
    response: StoredResponse
    body_bytes: int
    body_digest: bytes


def encode_response(key: bytes, response: StoredResponse) -> bytes:
    """A stored response and its key, as JSON."""
    value = {
        "key": key.decode("ascii"),
        "status": response.status,
        "reason": response.reason,
        "fields": response.fields.items,
        "vary": response.vary,
        "freshness": asdict(response.freshness),
        "behaviour": response.behaviour,
    }
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def decode_response(data: bytes) -> tuple[bytes, StoredResponse]:
    """The key and the stored response that `encode_response` was given."""
    value = json.loads(data)
    response = StoredResponse(
        status=value["status"],
        reason=value["reason"],
        fields=Fields(_pairs(value["fields"])),
        freshness=Freshness(**value["freshness"]),
        vary=tuple((name, wanted) for name, wanted in value["vary"]),
        behaviour=value["behaviour"],
    )
    return value["key"].encode("ascii"), response


def encode_head(key: bytes, response: StoredResponse, body: bytes) -> bytes:
    """Everything that precedes the body in its file."""
    head = encode_response(key, response)
    return _PREAMBLE.pack(_MAGIC, len(head), len(body), _digest(head), _digest(body)) + head


def decode_preamble(data: bytes) -> Preamble:
    """The preamble of a file.

    Raises:
        CorruptRecordError: It is no record of this version.
    """
    if len(data) != PREAMBLE_BYTES:
        raise CorruptRecordError("the file is too short")
    magic, head_bytes, body_bytes, head_digest, body_digest = _PREAMBLE.unpack(data)
    if magic != _MAGIC or head_bytes > _MAX_HEAD_BYTES:
        raise CorruptRecordError("not a record")
    return Preamble(head_bytes, body_bytes, head_digest, body_digest)


def decode_head(preamble: Preamble, data: bytes) -> RecordHead:
    """The head that follows the preamble.

    Raises:
        CorruptRecordError: It is short or was changed.
    """
    if len(data) != preamble.head_bytes or _digest(data) != preamble.head_digest:
        raise CorruptRecordError("the head is damaged")
    key, response = decode_response(data)
    return RecordHead(key, response, preamble.body_bytes, preamble.body_digest)


def check_body(head: RecordHead, body: bytes) -> None:
    """Return when `body` is what was stored.

    Raises:
        CorruptRecordError: It is not.
    """
    if len(body) != head.body_bytes or _digest(body) != head.body_digest:
        raise CorruptRecordError("the body is damaged")


def _pairs(items: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in items)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
