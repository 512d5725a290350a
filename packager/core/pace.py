"""Which renditions are encoded as fast as they play.

Who starts at once must never wait. So only those grow in step while a video is made; the larger
ones, which would hold them up, come when these are complete.
"""

from collections.abc import Sequence

from packager.core.arrival import Arrival
from packager.core.encoders import SOFTWARE
from packager.core.ladder import Rung
from packager.core.plan import LEAD_SECONDS, Grid
from packager.core.source import VideoTrack
from streamer.core.options import Preset

# What one processor of a rented machine does in a second: the pixels of all renditions that it
# encodes, those of the source that it decodes and scales, or deinterlaces, those of the largest
# rendition that it brings from HDR to SDR. How these compare matters more than what they are: how
# fast a machine is, and how hard a source, its first chunk tells.
_ENCODED_PIXELS = {Preset.FAST: 74e6, Preset.BALANCED: 36e6, Preset.QUALITY: 24e6}
_DECODED_PIXELS = 450e6
_DECODED_HDR_PIXELS = 150e6
_DEINTERLACED_PIXELS = 1000e6
_TONEMAPPED_PIXELS = 90e6
# What it needs to start ffmpeg.
_START_SECONDS = 0.06
# With less, the lead would be over before the other renditions of its moments are there.
_MARGIN = 1.2
# What receiving an upload over a line of 20 Mbit/s takes of a machine that also encodes it.
_RECEIVING_PROCESSORS = 0.3


def processors_to_encode(processors: float, speed: float, arrival: Arrival) -> float:
    """What there is to encode a source, in processors that are as fast as assumed.

    Of one that still arrives when its lead is over: less what receiving it takes.
    """
    arrives = arrival.seconds_left > LEAD_SECONDS
    return processors * speed - (_RECEIVING_PROCESSORS if arrives else 0.0)


def measured_speed(
    video: VideoTrack, rung: Rung, preset: Preset, frames: int, used_seconds: float | None
) -> float:
    """How fast a processor is at a source: 1 is as fast as assumed, 0.5 takes twice as long.

    The first 4 s of the lowest rung told how long whole ladders take: of seven clips in thirteen to
    6 %, of the others two thirds to one and a half times of it.

    Args:
        video: The source's pictures.
        rung: The rung that was encoded, alone.
        preset: How.
        frames: How many frames of it.
        used_seconds: The processor time it took; None: not known.
    """
    if not used_seconds:
        return 1.0
    return (_START_SECONDS + frames * _processors_needed(video, [rung], preset)) / used_seconds


def count_in_time(
    video: VideoTrack, rungs: Sequence[Rung], grid: Grid, preset: Preset, processors: float
) -> int:
    """How many of the rungs, lowest first, these processors encode in time; at least one.

    `processors` are as fast as assumed. How fast hardware encodes is not known: all of them.
    """
    if any(rung.encoder not in SOFTWARE.values() for rung in rungs):
        return len(rungs)
    rate = float(grid.frame_rate)
    for count in range(len(rungs), 1, -1):
        if _processors_needed(video, rungs[:count], preset) * rate * _MARGIN <= processors:
            return count
    return 1


def _processors_needed(video: VideoTrack, rungs: Sequence[Rung], preset: Preset) -> float:
    """To encode one frame a second."""
    pixels = video.width * video.height
    if video.hdr_transfer is None:
        needed = pixels / _DECODED_PIXELS
    else:
        needed = pixels / _DECODED_HDR_PIXELS + rungs[-1].pixels / _TONEMAPPED_PIXELS
    if video.interlaced:
        needed += pixels / _DEINTERLACED_PIXELS
    return needed + sum(rung.pixels for rung in rungs) / _ENCODED_PIXELS[preset]
