"""The file format: whole and unchanged, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.fields import Fields
from edge.core.policy import StoredResponse
from edge.core.record import (
    PREAMBLE_BYTES,
    CorruptRecordError,
    RecordHead,
    check_body,
    decode_head,
    decode_preamble,
    encode_head,
)
from streamer.core.freshness import Freshness

RESPONSE = StoredResponse(
    200,
    "OK",
    Fields((("x", "\xe9"), ("x", "2"))),
    Freshness(1.5, 60.0, is_immutable=True, stale_if_error_seconds=9),
    (("accept-encoding", "gzip"), ("x", None)),
    "b7d1",
)


def _decode(data: bytes) -> tuple[RecordHead, bytes]:
    preamble = decode_preamble(data[:PREAMBLE_BYTES])
    end = PREAMBLE_BYTES + preamble.head_bytes
    head = decode_head(preamble, data[PREAMBLE_BYTES:end])
    check_body(head, data[end:])
    return head, data[end:]


@given(st.binary(max_size=100))
def test_what_is_written_is_read(body: bytes) -> None:
    head, read = _decode(encode_head(b"/k?q", RESPONSE, body) + body)
    assert (head.key, head.response, read) == (b"/k?q", RESPONSE, body)


@given(st.data())
def test_any_changed_or_missing_byte_is_noticed(data: st.DataObject) -> None:
    body = b"some body"
    whole = encode_head(b"/k", RESPONSE, body) + body
    place = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.integers(1, 255))
    changed = whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :]
    for damaged in (changed, whole[:place]):
        with pytest.raises(CorruptRecordError):
            _decode(damaged)
