"""Whether the clock of an MPEG transport stream runs through, by samples of it."""

from contextlib import suppress

from packager.core.damage import describe_clock
from packager.core.transport_clock import ClockReference, jumps_back, read_clocks
from packager.source_bytes import SourceBytes
from streamer.core.errors import Unavailable

# A clock stands in the stream ten times a second at least: of 20 Mbit/s, once in 250 kB.
_SAMPLE_BYTES = 256 * 1024
_SAMPLES = 64


async def read_clock_warnings(data: SourceBytes) -> list[str]:
    """A sentence if a source is such a stream, and its clock jumps back between two samples.

    None if it cannot be read now: it has been packaged without.
    """
    references: list[ClockReference] = []
    step = max(_SAMPLE_BYTES, data.length_bytes // _SAMPLES)
    with suppress(Unavailable):
        for start in range(0, data.length_bytes, step):
            references += read_clocks(await data.read_available(start, _SAMPLE_BYTES))
            if not references:
                break
    return describe_clock(is_broken=jumps_back(references))
