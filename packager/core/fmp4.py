"""Fragmented MP4 (ISO/IEC 14496-12 §8.8): ffmpeg's fragments in, our own CMAF segments out.

ffmpeg's fragments are taken apart into samples and written anew, with decode times counted from
the video's first frame, so that chunks encoded by different runs join to one tick.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from packager.core.boxes import (
    Box,
    BoxReader,
    MediaFormatError,
    write_box,
    write_full_box,
)
from packager.core.init_segment import InitSegment, read_init

# trun and tfhd flags, §8.8.7 and §8.8.8
_BASE_DATA_OFFSET = 0x01
_DESCRIPTION_INDEX = 0x02
_DEFAULT_DURATION = 0x08
_DEFAULT_SIZE = 0x10
_DEFAULT_FLAGS = 0x20
_DEFAULT_BASE_IS_MOOF = 0x020000
_DATA_OFFSET = 0x01
_FIRST_SAMPLE_FLAGS = 0x04
_SAMPLE_DURATION = 0x100
_SAMPLE_SIZE = 0x200
_SAMPLE_FLAGS = 0x400
_SAMPLE_OFFSET = 0x800

_NOT_SYNC = 0x10000
_SEGMENT_BRANDS = b"msdh" + bytes(4) + b"msdhmsixcmfs"
_TRACK_ID = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """One frame of picture or sound.

    `offset_ticks` is presentation minus decode time; `flags` as in §8.8.3.1.
    """

    duration_ticks: int
    offset_ticks: int
    flags: int
    data: bytes

    @property
    def is_sync(self) -> bool:
        """Whether decoding can begin here."""
        return not self.flags & _NOT_SYNC


@dataclass(frozen=True, slots=True)
class Fragment:
    """A run of samples, and the decode time of the first in ticks."""

    start_ticks: int
    samples: tuple[Sample, ...]


class FragmentReader:
    """ffmpeg's fragmented MP4 with one track, read as it arrives.

    Attributes:
        init: The init segment, once it was read.
    """

    def __init__(self, *, start_ticks: int | None = None) -> None:
        self._start_ticks = start_ticks
        self._boxes = BoxReader()
        self._defaults = (0, 0, 0)
        self._moof: Box | None = None
        self.init: InitSegment | None = None

    def feed(self, data: bytes) -> list[Fragment]:
        """The fragments completed by `data`.

        Raises:
            MediaFormatError: It is not the fragmented MP4 that was asked for.
        """
        fragments = []
        for box in self._boxes.feed(data):
            if box.kind == "moov":
                self.init = read_init(box, start_ticks=self._start_ticks)
                self._defaults = _read_trex(box)
            elif box.kind == "moof":
                self._moof = box
            elif box.kind == "mdat" and self._moof is not None:
                fragments.append(_read_fragment(self._moof, box.payload, self._defaults))
                self._moof = None
        return fragments

    def finish(self) -> None:
        """Check that the stream ended where a fragment ends.

        Raises:
            MediaFormatError: It was cut off.
        """
        if not self._boxes.is_empty or self._moof is not None:
            raise MediaFormatError("the last fragment is cut off")


def write_segment(
    number: int,
    start_ticks: int,
    samples: Sequence[Sample],
    *,
    auxiliary: Callable[[int], bytes] = lambda offset: b"",
) -> bytes:
    """One CMAF segment of one fragment, with the decode time of its first sample.

    `auxiliary` makes more boxes of the track fragment, told where in the movie fragment they begin.
    """
    data = [sample.data for sample in samples]
    moof = _moof(number, start_ticks, samples, auxiliary, data_offset=0)
    moof = _moof(number, start_ticks, samples, auxiliary, data_offset=len(moof) + 8)
    return b"".join((write_box("styp", _SEGMENT_BRANDS), moof, write_box("mdat", *data)))


def align_samples(
    samples: Iterable[Sample], duration_ticks: int, delay_ticks: int
) -> tuple[Sample, ...]:
    """The samples with equal durations, the first presented `delay_ticks` after its decode time.

    B-frames make an encoder present later than it decodes; in a closed group of pictures the
    first frame is also shown first, so its offset is the delay of all. The init segment's edit
    takes `delay_ticks` away again.

    Raises:
        MediaFormatError: A frame would be presented before it is decoded.
    """
    group = tuple(samples)
    shift = delay_ticks - (group[0].offset_ticks if group else 0)
    if any(sample.offset_ticks + shift < 0 for sample in group):
        raise MediaFormatError("frames are reordered further than the init segment says")
    return tuple(
        Sample(duration_ticks, sample.offset_ticks + shift, sample.flags, sample.data)
        for sample in group
    )


def _moof(
    number: int,
    start_ticks: int,
    samples: Sequence[Sample],
    auxiliary: Callable[[int], bytes],
    *,
    data_offset: int,
) -> bytes:
    duration, flags = samples[0].duration_ticks, samples[-1].flags
    mfhd = write_full_box("mfhd", 0, 0, (number + 1).to_bytes(4, "big"))
    track = b"".join(
        (
            write_full_box(
                "tfhd",
                0,
                _DEFAULT_BASE_IS_MOOF | _DEFAULT_DURATION | _DEFAULT_FLAGS,
                struct.pack(">III", _TRACK_ID, duration, flags),
            ),
            write_full_box("tfdt", 1, 0, start_ticks.to_bytes(8, "big")),
            _trun(samples, duration, flags, data_offset),
        )
    )
    begin = len(write_box("moof", mfhd, write_box("traf", track)))
    return write_box("moof", mfhd, write_box("traf", track, auxiliary(begin)))


def _trun(samples: Sequence[Sample], duration: int, flags: int, data_offset: int) -> bytes:
    """The samples; what they share with the fragment's defaults is not said again."""
    columns = {_SAMPLE_SIZE: [len(sample.data) for sample in samples]}
    if any(sample.duration_ticks != duration for sample in samples):
        columns[_SAMPLE_DURATION] = [sample.duration_ticks for sample in samples]
    if any(sample.offset_ticks for sample in samples):
        columns[_SAMPLE_OFFSET] = [sample.offset_ticks for sample in samples]
    present, first = _DATA_OFFSET, b""
    if any(sample.flags != flags for sample in samples[1:]):
        columns[_SAMPLE_FLAGS] = [sample.flags for sample in samples]
    elif samples[0].flags != flags:
        present |= _FIRST_SAMPLE_FLAGS
        first = samples[0].flags.to_bytes(4, "big")
    ordered = sorted(columns)
    row = struct.Struct(">" + "".join("i" if flag == _SAMPLE_OFFSET else "I" for flag in ordered))
    return write_full_box(
        "trun",
        1,
        present | sum(ordered),
        struct.pack(">Ii", len(samples), data_offset),
        first,
        b"".join(
            row.pack(*values) for values in zip(*(columns[flag] for flag in ordered), strict=True)
        ),
    )


def _read_trex(moov: Box) -> tuple[int, int, int]:
    duration, size, flags = struct.unpack(">III", moov.child("mvex", "trex").payload[12:24])
    return duration, size, flags


def _read_fragment(moof: Box, media: bytes, defaults: tuple[int, int, int]) -> Fragment:
    traf = moof.child("traf")
    tfdt = traf.child("tfdt").payload
    start = int.from_bytes(tfdt[4:12] if tfdt[0] else tfdt[4:8], "big")
    defaults = _read_tfhd(traf.child("tfhd").payload, defaults)
    samples: list[Sample] = []
    position = 0
    for trun in (box for box in traf.children() if box.kind == "trun"):
        for duration, size, flags, offset in _read_trun(trun.payload, defaults):
            samples.append(Sample(duration, offset, flags, media[position : position + size]))
            position += size
    if position != len(media) or not samples:
        raise MediaFormatError("the samples do not fill their mdat")
    return Fragment(start, tuple(samples))


def _read_tfhd(payload: bytes, defaults: tuple[int, int, int]) -> tuple[int, int, int]:
    present = int.from_bytes(payload[1:4], "big")
    position = 8 + 8 * bool(present & _BASE_DATA_OFFSET) + 4 * bool(present & _DESCRIPTION_INDEX)
    values = list(defaults)
    for index, flag in enumerate((_DEFAULT_DURATION, _DEFAULT_SIZE, _DEFAULT_FLAGS)):
        if present & flag:
            values[index] = int.from_bytes(payload[position : position + 4], "big")
            position += 4
    return values[0], values[1], values[2]


def _read_trun(
    payload: bytes, defaults: tuple[int, int, int]
) -> Iterable[tuple[int, int, int, int]]:
    present = int.from_bytes(payload[1:4], "big")
    count = int.from_bytes(payload[4:8], "big")
    position = 8 + 4 * bool(present & _DATA_OFFSET)
    first_flags: int | None = None
    if present & _FIRST_SAMPLE_FLAGS:
        first_flags = int.from_bytes(payload[position : position + 4], "big")
        position += 4
    for number in range(count):
        row = [*defaults, 0]
        for index, flag in enumerate(
            (_SAMPLE_DURATION, _SAMPLE_SIZE, _SAMPLE_FLAGS, _SAMPLE_OFFSET)
        ):
            if present & flag:
                signed = flag == _SAMPLE_OFFSET
                row[index] = int.from_bytes(payload[position : position + 4], "big", signed=signed)
                position += 4
        if number == 0 and first_flags is not None:
            row[2] = first_flags
        yield row[0], row[1], row[2], row[3]
