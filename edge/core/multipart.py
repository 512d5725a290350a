"""Several parts of one representation in one answer (RFC 9110 §14.6, RFC 2046 §5.1)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from streamer.core.byte_range import Span, content_range

# What a part costs beside its bytes: a gap that is shorter is cheaper sent (RFC 9110 §15.3.7.2).
PART_OVERHEAD_BYTES = 80


def ordered(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans as they are sent: ascending, since an object that still arrives is read forwards.

    Those with less between them than another part would cost are joined.
    """
    joined: list[Span] = []
    for span in sorted(spans, key=lambda one: one.start):
        if joined and span.start - joined[-1].stop < PART_OVERHEAD_BYTES:
            joined[-1] = Span(joined[-1].start, max(joined[-1].stop, span.stop))
        else:
            joined.append(span)
    return tuple(joined)


@dataclass(frozen=True, slots=True)
class Multipart:
    """A content of type multipart/byteranges.

    Attributes:
        spans: The parts, ascending and apart.
        total_bytes: The length of the whole representation.
        content_type: The representation's.
        boundary: What separates the parts; it must not be foreseeable by who wrote the content.
    """

    spans: tuple[Span, ...]
    total_bytes: int
    content_type: str | None
    boundary: str

    @property
    def media_type(self) -> str:
        """The `Content-Type` of the answer."""
        return f"multipart/byteranges; boundary={self.boundary}"

    @property
    def length(self) -> int:
        """How many bytes it has."""
        parts = sum(len(self._opening(span)) + span.length for span in self.spans)
        return parts + len(self._closing())

    async def pieces(self, whole: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The content, made from the representation as it arrives."""
        opened = None
        async for span, piece in cut_each(whole, self.spans):
            if span is not opened:
                opened = span
                yield self._opening(span)
            yield piece
        yield self._closing()

    def _opening(self, span: Span) -> bytes:
        lines = [f"\r\n--{self.boundary}"]
        if self.content_type is not None:
            lines.append(f"content-type: {self.content_type}")
        lines.append(f"content-range: {content_range(span, self.total_bytes)}")
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")

    def _closing(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode("ascii")


async def cut_each(
    pieces: AsyncIterator[bytes], spans: Sequence[Span]
) -> AsyncIterator[tuple[Span, bytes]]:
    """The bytes of each span, ascending and apart, of what `pieces` yields."""
    position, number = 0, 0
    async for piece in pieces:
        first, position = position, position + len(piece)
        while number < len(spans) and spans[number].start < position:
            span = spans[number]
            yield span, piece[max(0, span.start - first) : span.stop - first]
            if span.stop > position:
                break
            number += 1
        if number == len(spans):
            return
