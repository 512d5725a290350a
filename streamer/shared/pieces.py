"""A stream of bytes, cut anew."""

from collections.abc import AsyncIterator


async def regroup(chunks: AsyncIterator[bytes], piece_bytes: int) -> AsyncIterator[bytes]:
    """Yield the bytes of `chunks` in pieces of exactly `piece_bytes`; the last may be shorter.

    Holds one piece and one chunk at a time. An empty stream yields nothing.
    """
    buffer = bytearray()
    async for chunk in chunks:
        buffer += chunk
        while len(buffer) >= piece_bytes:
            yield bytes(buffer[:piece_bytes])
            del buffer[:piece_bytes]
    if buffer:
        yield bytes(buffer)
