"""Fuzz the request parser: `python -m tests.fuzz.fuzz_head --seconds 60 [--seed 7]`.

Requests are put together from what parsers are known to disagree on, then damaged. For each:
the parser reads it or refuses it and does nothing else; however the bytes are cut, the result is
the same; and what h11 accepts too, it reads alike.
"""

import argparse
import random
import sys
import time
from dataclasses import dataclass

import h11

from edge.core.chunked import ChunkedDecoder, ChunkError
from edge.core.head import FieldBlock, Refusal, read_block, read_head

_METHODS = [b"GET", b"POST", b"HEAD", b"get", b"PRI", b"G\x00T", b"", b"OPTIONS", b"M-SEARCH"]
_TARGETS = [b"/", b"/a?b=c", b"*", b"http://e/a", b"/%00%0d%0a", b"/a b", b"/\x7f", b"", b"/a#b"]
_VERSIONS = [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"http/1.1", b"HTTP/1.10", b"", b"HTTP/0.9"]
_ENDS = [b"\r\n", b"\n", b"\r", b"\r\r\n", b" \r\n", b"\r\n ", b"\x00"]
_FIELDS = [
    b"Host: e",
    b"Host: f:80",
    b"Host:",
    b"Content-Length: 4",
    b"Content-Length: 04",
    b"Content-Length: +4",
    b"Content-Length: 4, 4",
    b"Content-Length : 4",
    b"Content-Length: 99999999999999999999",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: Chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding\x00: chunked",
    b"Connection: close",
    b"Connection: keep-alive, Host",
    b"Expect: 100-continue",
    b"X: \xff\x80",
    b"X: a\x00b",
    b" folded",
    b": nameless",
    b"nonsense",
    b"",
]
_BODIES = [
    b"",
    b"abcd",
    b"4\r\nabcd\r\n0\r\n\r\n",
    b"4;x=y\r\nabcd\r\n0\r\nT: v\r\n\r\n",
    b"4\nabcd\n0\n\n",
]


@dataclass(frozen=True)
class Reading:
    """What a parser makes of a request; the body as far as it came."""

    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    body: bytes | None


def request(chance: random.Random) -> bytes:
    """A request that is nearly right."""
    line = b" ".join(_mostly(chance, choices) for choices in (_METHODS, _TARGETS, _VERSIONS))
    fields = [_mostly(chance, _FIELDS), *chance.choices(_FIELDS, k=chance.randrange(4))]
    head = b"".join(part + _mostly(chance, _ENDS, 0.95) for part in (line, *fields))
    data = bytearray(head + b"\r\n" + chance.choice(_BODIES))
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def read(data: bytes) -> Reading | Refusal | None:
    """What our parser makes of it; None: the head has not ended."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    line, _, block_bytes = data[: end + 2].partition(b"\r\n")
    block = read_block(block_bytes)
    head = block if isinstance(block, Refusal) else read_head(line, block)
    if isinstance(head, Refusal):
        return head
    body = _body(head.block, data[end + 4 :])
    return Reading(head.method, head.target, head.fields.items, body)


def read_in_pieces(data: bytes, cuts: list[int]) -> bytes | None:
    """The body of a chunked message that comes in pieces; None: it is malformed."""
    decoder, body, begin = ChunkedDecoder(), b"", 0
    try:
        for end in (*sorted(cuts), len(data)):
            if not decoder.is_complete:
                body += decoder.feed(data[begin:end])
            begin = end
    except ChunkError:
        return None
    return body


def read_by_h11(data: bytes) -> Reading | None:
    """What h11 makes of it; None: it refuses, or waits for more."""
    peer = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    head, body = None, b""
    try:
        peer.receive_data(data)
        while True:
            event = peer.next_event()
            if isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif head is None:
                return None
            else:
                break
    except h11.RemoteProtocolError:
        if head is None:
            return None
        body = b"\x00malformed"
    fields = tuple((name.decode(), value.decode("latin-1")) for name, value in head.headers)
    seen = None if body == b"\x00malformed" else body
    return Reading(head.method.decode(), head.target.decode(), fields, seen)


def check(data: bytes, chance: random.Random) -> bool:
    """Whether both accept it.

    Raises:
        AssertionError: The readings differ, or the parser's depend on how bytes are cut.
    """
    ours = read(data)
    body = data.partition(b"\r\n\r\n")[2]
    cuts = [chance.randrange(len(body) + 1) for _ in range(4)]
    assert read_in_pieces(body, cuts) == read_in_pieces(body, [])
    if not isinstance(ours, Reading):
        return False
    theirs = read_by_h11(data)
    if theirs is None:
        return False
    assert (ours.method, ours.target) == (theirs.method, theirs.target)
    assert _comparable(ours.fields) == _comparable(theirs.fields)
    if ours.body is not None and theirs.body is not None:
        assert ours.body == theirs.body
    return True


def _comparable(fields: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """The fields; h11 writes the framing in its own way: lower case."""
    return [(n, v.lower() if n == "transfer-encoding" else v) for n, v in fields]


def _mostly(chance: random.Random, choices: list[bytes], share: float = 0.7) -> bytes:
    return choices[0] if chance.random() < share else chance.choice(choices)


def _body(block: FieldBlock, data: bytes) -> bytes | None:
    if block.is_chunked:
        return read_in_pieces(data, [])
    return data[: block.content_length or 0]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--seed", type=int, default=None)
    given = options.parse_args()
    seed = random.randrange(2**32) if given.seed is None else given.seed
    chance, tried, accepted = random.Random(seed), 0, 0
    end = time.monotonic() + given.seconds
    while time.monotonic() < end:
        data = request(chance)
        try:
            accepted += check(data, chance)
        except Exception:
            sys.stderr.write(f"seed {seed}, request {tried}: {data!r}\n")
            raise
        tried += 1
    sys.stdout.write(f"seed {seed}: {tried} requests, {accepted} read alike by both\n")


if __name__ == "__main__":
    main()
