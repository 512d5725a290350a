"""When the samples of an MP4 file follow each other, as its index tells."""

import struct
from collections.abc import Sequence
from itertools import accumulate, chain, repeat

from packager.core.boxes import Box, MediaFormatError

# Those of nine hours at 60 a second. A file may claim any number.
_MOST_SAMPLES = 2_000_000
# Behind times of 64 bits in version 1, of 32 before.
_TIMESCALE_AT = 12, 20


def decoding_seconds(index: bytes, number: int) -> Sequence[float] | None:
    """When the samples of a track are decoded, in seconds (ISO/IEC 14496-12 §8.6.1.2).

    None where that is not told: the index is in fragments, or damaged.

    Args:
        index: The payload of the `moov` box.
        number: The track's, among all.
    """
    try:
        tracks = [box for box in Box("moov", index).children() if box.kind == "trak"]
        media = tracks[number].child("mdia")
        header, table = media.child("mdhd").payload, media.child("minf", "stbl", "stts").payload
        (ticks_per_second,) = struct.unpack_from(">I", header, _TIMESCALE_AT[header[0]])
        runs = list(struct.iter_unpack(">II", table[8:]))
    except (MediaFormatError, IndexError, struct.error):
        return None
    if not runs or not ticks_per_second or sum(count for count, _ in runs) > _MOST_SAMPLES:
        return None
    intervals = chain.from_iterable(repeat(ticks, count) for count, ticks in runs)
    decoded = accumulate(intervals, initial=0)
    return [ticks / ticks_per_second for ticks in decoded][:-1]
