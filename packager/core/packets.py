"""How MPEG streams are cut into packets with times in them, whatever their kind."""

from collections.abc import Iterator
from typing import Protocol

from packager.core.program import ProgramPackets
from packager.core.stamps import WRAP_TICKS, Stamp, StampKind, set_time
from packager.core.transport import TransportPackets


class Packets(Protocol):
    """How packets lie in a stream."""

    @property
    def fewest_bytes(self) -> int:
        """A byte is certain to begin no packet if so many follow, and none is found there."""
        ...

    def head_stop(self, data: bytes | bytearray) -> int:
        """How much of a stream's beginning must be read before any entry."""
        ...

    def next(self, data: bytes | bytearray, start: int) -> int | None:
        """Where packets go on, at or behind a byte."""
        ...

    def synced_stop(self, data: bytes | bytearray, start: int) -> int:
        """Where the whole packets end that follow each other from `start` on.

        One that is not followed by another may be cut off, unless the data ends there.
        """
        ...

    def followed_stop(self, data: bytes | bytearray, start: int) -> int:
        """The same, but for the last packet, unless another follows it."""
        ...

    def whole_stop(self, data: bytes | bytearray, begin: int, stop: int) -> int:
        """Where the packet ends that begins at a byte; there, if none is whole before `stop`."""
        ...

    def entries(
        self, data: bytes | bytearray, start: int, stop: int
    ) -> Iterator[tuple[int, Stamp]]:
        """Where it may be entered between two packets, and when the pictures there are shown."""
        ...

    def unit_begins(self, data: bytes | bytearray, start: int, stop: int) -> Iterator[int]:
        """The packets between two packets, in which a unit begins: a picture, some sound."""
        ...

    def stamped(self, data: bytes | bytearray, start: int, stop: int) -> Iterator[int]:
        """The packets between two packets, that may hold a time."""
        ...

    def stamps(self, data: bytes | bytearray, begin: int) -> list[Stamp]:
        """The times in the packet that begins at a byte, in their order."""
        ...

    def pictures(self, data: bytes | bytearray, start: int, stop: int) -> bytes:
        """What is coded between two packets; nothing where every picture has a time."""
        ...

    def set_clock(self, data: bytearray, position: int, ticks: int) -> None:
        """Write what the clock says, where that lies."""
        ...


KINDS: tuple[Packets, ...] = (
    TransportPackets(),
    TransportPackets(192, ahead=4),
    TransportPackets(204),
    ProgramPackets(),
)
FEWEST_BYTES = 1024
"""With so many at its beginning, it is certain whether and how a stream consists of packets."""


def find_packets(data: bytes | bytearray) -> Packets | None:
    """How packets lie in a stream that begins so; None if they do not begin at once."""
    head = data[:FEWEST_BYTES]
    return next((packets for packets in KINDS if packets.next(head, 0) == 0), None)


def packet_runs(packets: Packets, data: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Where whole packets follow each other, from their beginning to their end."""
    start = packets.next(data, 0)
    while start is not None:
        stop = packets.synced_stop(data, start)
        yield start, stop
        start = packets.next(data, max(stop, start + 1))


def add_ticks(packets: Packets, data: bytearray, stamp: Stamp, ticks: int) -> None:
    """Correct a time that was read."""
    write = packets.set_clock if stamp.kind is StampKind.CLOCK else set_time
    write(data, stamp.position, (stamp.ticks + ticks) % WRAP_TICKS)
