"""A stream of bytes, cut anew."""

from collections.abc import AsyncIterator


async def regroup(chunks: AsyncIterator[bytes], piece_bytes: int) -> AsyncIterator[bytes]:
    """Yield the bytes of `chunks` in pieces of exactly `piece_bytes`; the last may be shorter.

    Holds one piece and one chunk at a time. An empty stream yields nothing.
    """
    parts: list[memoryview] = []
    missing = piece_bytes
    async for chunk in chunks:
        rest = memoryview(chunk)
        while len(rest) >= missing:
            parts.append(rest[:missing])
            rest, missing = rest[missing:], piece_bytes
            yield _join(parts)
        if rest:
            parts.append(rest)
            missing -= len(rest)
    if parts:
        yield _join(parts)


def _join(parts: list[memoryview]) -> bytes:
    """The parts as one, which leaves the list, so that nobody holds the bytes twice."""
    joined = b"".join(parts)
    parts.clear()
    return joined
