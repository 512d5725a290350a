"""Byte ranges: from a `Range` header to spans of a representation (RFC 9110 §14).

Three results must stay distinct, because each has its own answer: spans (206), an unsatisfiable
range (416 with `Content-Range: bytes */N`) and a header that a server must or may ignore (200).
"""

import re
from dataclasses import dataclass

MAX_RANGES = 16
_MAX_HEADER_CHARS = 1024
_INT_RANGE = re.compile(r"([0-9]+)-([0-9]*)")
_SUFFIX_RANGE = re.compile(r"-([0-9]+)")


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` to `stop`, exclusive. Never empty."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """The header is well-formed, but none of its ranges lies in the representation."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """The header is malformed, of another unit, or asks for more ranges than is reasonable."""


def parse_range(header: str, size: int) -> tuple[Span, ...] | Unsatisfiable | Ignore:
    """What a `Range` header selects from a representation of `size` bytes.

    Returns:
        Spans in the order they were asked for; in ascending order and merged when some of them
        overlap or touch (RFC 9110 §15.3.7.2). At most `MAX_RANGES` are accepted, so that a small
        request cannot cause a large answer (RFC 9110 §17.15).
    """
    unit, separator, ranges = header.partition("=")
    if not separator or unit.strip().lower() != "bytes" or len(header) > _MAX_HEADER_CHARS:
        return Ignore()
    specs = [spec.strip(" \t") for spec in ranges.split(",") if spec.strip(" \t")]
    if not 0 < len(specs) <= MAX_RANGES:
        return Ignore()
    selected = [_select(spec, size) for spec in specs]
    if any(isinstance(item, Ignore) for item in selected):
        return Ignore()
    spans = tuple(item for item in selected if isinstance(item, Span))
    return _merge(spans) if spans else Unsatisfiable()


def content_range(span: Span, size: int) -> str:
    """The `Content-Range` of a part (RFC 9110 §14.4)."""
    return f"bytes {span.start}-{span.stop - 1}/{size}"


def unsatisfied_content_range(size: int) -> str:
    """The `Content-Range` of a 416 answer (RFC 9110 §15.5.17)."""
    return f"bytes */{size}"


def _select(spec: str, size: int) -> Span | Unsatisfiable | Ignore:
    if suffix := _SUFFIX_RANGE.fullmatch(spec):
        return _select_suffix(int(suffix[1]), size)
    match = _INT_RANGE.fullmatch(spec)
    if match is None:
        return Ignore()
    start = int(match[1])
    stop = int(match[2]) + 1 if match[2] else None
    if stop is not None and stop <= start:
        return Ignore()
    if start >= size:
        return Unsatisfiable()
    return Span(start, size if stop is None else min(stop, size))


def _select_suffix(length: int, size: int) -> Span | Unsatisfiable:
    if length == 0 or size == 0:
        return Unsatisfiable()
    return Span(max(0, size - length), size)


def _merge(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if merged and span.start <= merged[-1].stop:
            merged[-1] = Span(merged[-1].start, max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    return spans if len(merged) == len(spans) else tuple(merged)
