"""Where a source that can only be read in order may be entered, and the time there.

An entry is the beginning of a Matroska cluster (RFC 9559 §5.1.3), of a movie fragment (ISO/IEC
14496-12 §8.8.4) or of the packet of an MPEG stream in which pictures begin (ISO/IEC 13818-1
§2.4.3.7).
Read behind the source's head, what follows an entry is what would have been read there anyway.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from packager.core.boxes import (
    LARGE_HEADER_BYTES,
    Box,
    MediaFormatError,
    box_length,
    read_boxes,
)
from packager.core.ebml import as_number, read_element, read_elements
from packager.core.packets import Packets, find_packets, packet_runs
from packager.core.stamps import TICKS_PER_SECOND

_EBML, _SEGMENT, _INFO, _TIMESTAMP_SCALE = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x2AD7B1
_CLUSTER, _TIMESTAMP = 0x1F43B675, 0xE7
# A checksum, the cluster's position, the length of the one before, and nothing.
_BEFORE_TIMESTAMP = {0xBF, 0xA7, 0xAB, 0xEC}
_DEFAULT_SCALE_NANOSECONDS = 1_000_000
_FULL_BOX_BYTES = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A byte from which on a source may be read, and about when that is shown, by its clock."""

    position: int
    seconds: float


class Layout(Protocol):
    """How a source lies."""

    @property
    def head_bytes(self) -> int:
        """What must be read before any entry."""
        ...

    @property
    def is_fragmented(self) -> bool:
        """Whether its entries are movie fragments, which may say where in the file they lie."""
        ...

    def entries(self, data: bytes, position: int) -> Iterator[Entry]:
        """The entries in a piece of the source that begins at a position."""
        ...


def read_layout(head: bytes) -> Layout | None:
    """How a source lies, from its first bytes; None if it cannot be entered."""
    for read in (_read_matroska, _read_fragments, _read_packets):
        layout = read(head)
        if layout is not None:
            return layout
    return None


@dataclass(frozen=True, slots=True)
class _Matroska:
    head_bytes: int
    tick_seconds: float
    is_fragmented: bool = False

    def entries(self, data: bytes, position: int) -> Iterator[Entry]:
        mark = _CLUSTER.to_bytes(4, "big")
        found = data.find(mark)
        while found >= 0:
            ticks = _cluster_ticks(data, found)
            if ticks is not None:
                yield Entry(position + found, ticks * self.tick_seconds)
            found = data.find(mark, found + len(mark))


def _read_matroska(head: bytes) -> _Matroska | None:
    begin = read_element(head, 0)
    if begin is None or begin.kind != _EBML or begin.stop is None:
        return None
    segment = read_element(head, begin.stop)
    if segment is None or segment.kind != _SEGMENT:
        return None
    scale = _DEFAULT_SCALE_NANOSECONDS
    for element in read_elements(head, segment.start):
        if element.kind == _CLUSTER:
            return _Matroska(element.begin, scale / 1e9)
        if element.kind == _INFO:
            for child in read_elements(head[: element.stop], element.start):
                if child.kind == _TIMESTAMP_SCALE:
                    scale = as_number(head, child)
    return None


def _cluster_ticks(data: bytes, begin: int) -> int | None:
    """The time of a cluster; it stands before all blocks (RFC 9559 §5.1.3.1)."""
    cluster = read_element(data, begin)
    if cluster is None:
        return None
    for element in read_elements(data, cluster.start):
        if element.kind == _TIMESTAMP:
            is_whole = element.stop is not None and element.stop <= len(data)
            return as_number(data, element) if is_whole else None
        if element.kind not in _BEFORE_TIMESTAMP:
            break
    return None


@dataclass(frozen=True, slots=True)
class _Fragments:
    head_bytes: int
    timescales: Mapping[int, int]
    is_fragmented: bool = True

    def entries(self, data: bytes, position: int) -> Iterator[Entry]:
        found = data.find(b"moof")
        while found >= 0:
            begin = found - 4
            seconds = None if begin < 0 else self._seconds(data, begin)
            if seconds is not None:
                yield Entry(position + begin, seconds)
            found = data.find(b"moof", found + 4)

    def _seconds(self, data: bytes, begin: int) -> float | None:
        try:
            length = box_length(data[begin : begin + LARGE_HEADER_BYTES])
            if length is None or not 0 < length[0] <= len(data) - begin:
                return None
            (moof,) = read_boxes(data[begin : begin + length[0]])
            moof.child("mfhd")
            times = [self._track_seconds(box) for box in moof.children() if box.kind == "traf"]
        except MediaFormatError:
            return None
        known = [seconds for seconds in times if seconds is not None]
        return min(known) if known and len(known) == len(times) else None

    def _track_seconds(self, traf: Box) -> float | None:
        header, time = traf.child("tfhd").payload, traf.child("tfdt").payload
        timescale = self.timescales.get(int.from_bytes(header[4:8], "big"))
        if not timescale:
            return None
        size = 4 if time[:1] == b"\0" else 8
        ticks = int.from_bytes(time[_FULL_BOX_BYTES : _FULL_BOX_BYTES + size], "big")
        return ticks / timescale


def _read_fragments(head: bytes) -> _Fragments | None:
    position = 0
    try:
        while length := box_length(head[position : position + LARGE_HEADER_BYTES]):
            kind, stop = head[position + 4 : position + 8], position + length[0]
            if kind == b"mdat" or length[0] == 0 or stop > len(head):
                return None
            if kind == b"moov":
                (moov,) = read_boxes(head[position:stop])
                moov.child("mvex")
                tracks = [box for box in moov.children() if box.kind == "trak"]
                return _Fragments(stop, dict(map(_timescale, tracks)))
            position = stop
    except MediaFormatError:
        return None
    return None


def _timescale(trak: Box) -> tuple[int, int]:
    """A track's id and its ticks per second."""
    return _behind_times(trak.child("tkhd")), _behind_times(trak.child("mdia", "mdhd"))


def _behind_times(box: Box) -> int:
    """The number behind the times of creation and modification, which are as long as it says."""
    start = 12 if box.payload[:1] == b"\0" else 20
    return int.from_bytes(box.payload[start : start + 4], "big")


@dataclass(frozen=True, slots=True)
class _Packets:
    packets: Packets
    head_bytes: int
    is_fragmented: bool = False

    def entries(self, data: bytes, position: int) -> Iterator[Entry]:
        for start, stop in packet_runs(self.packets, data):
            for begin, stamp in self.packets.entries(data, start, stop):
                yield Entry(position + begin, stamp.ticks / TICKS_PER_SECOND)


def _read_packets(head: bytes) -> _Packets | None:
    packets = find_packets(head)
    return None if packets is None else _Packets(packets, packets.head_stop(head))
