"""Elements of an EBML document, as Matroska is one (RFC 8794 §4 to §6)."""

from collections.abc import Iterator
from dataclasses import dataclass

_MOST_ID_BYTES, _MOST_SIZE_BYTES = 4, 8


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its id, where it begins, and from where to where its data lie.

    `stop` is None where the element does not say how long it is.
    """

    kind: int
    begin: int
    start: int
    stop: int | None


def read_element(data: bytes, position: int) -> Element | None:
    """The element that begins at a position; None if there is none, or not all of its header."""
    kind = _read_number(data, position, _MOST_ID_BYTES)
    if kind is None:
        return None
    size = _read_number(data, kind[1], _MOST_SIZE_BYTES)
    if size is None:
        return None
    (size_value, start), length = size, size[1] - kind[1]
    marker = 1 << 7 * length
    plain = size_value - marker
    is_unknown = plain == marker - 1
    return Element(kind[0], position, start, None if is_unknown else start + plain)


def read_elements(data: bytes, position: int) -> Iterator[Element]:
    """Elements that follow one another, up to one that does not say how long it is."""
    while (element := read_element(data, position)) is not None:
        yield element
        if element.stop is None:
            return
        position = element.stop


def as_number(data: bytes, element: Element) -> int:
    """An element's data as an unsigned integer (RFC 8794 §7.2)."""
    return int.from_bytes(data[element.start : element.stop], "big")


def _read_number(data: bytes, position: int, most_bytes: int) -> tuple[int, int] | None:
    """A number of variable size, with its marker, and where it ends (RFC 8794 §4)."""
    if position >= len(data) or not data[position]:
        return None
    length = 9 - data[position].bit_length()
    stop = position + length
    if length > most_bytes or stop > len(data):
        return None
    return int.from_bytes(data[position:stop], "big"), stop
