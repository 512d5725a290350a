"""Whether a source's own pictures can be a rendition as they are, without encoding them again.

They must be what our encoders would make of them: H.264 that browsers play, on the grid frame for
frame, an IDR frame at every segment boundary, no reference across it, and a bit rate that is worth
its rung. What ffprobe says is looked at first, then every frame of the source.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from packager.core.copying import REORDER_FRAMES, CopiedFrame
from packager.core.h264 import IDR_SLICE, PPS, SLICES, SPS, SequenceParameters, nal_units, read_sps
from packager.core.ladder import Rung
from packager.core.plan import Grid

# Constrained Baseline, Main and High, to level 5.2.
_PROFILES = frozenset({66, 77, 100})
_HIGHEST_LEVEL = 52
_UNSTATED = frozenset({None, "unknown", "unspecified"})
_BT709 = _UNSTATED | {"bt709"}
_SQUARE = frozenset({None, "1:1", "0:1", "N/A"})
# What a container may say beside its pictures that does not change how they look.
_HARMLESS_SIDE_DATA = frozenset({"CPB properties"})
# More cannot be told of a picture whose samples are encrypted.
_MOST_SLICES = 32
# A segment may have this much of its rung's cap. Ours stay below 1.4; above two, who can take the
# rung could take the next.
_MOST_OF_CAP = 2
# Matroska and FLV round to milliseconds.
_TOLERATED_SECONDS = Fraction(1, 1000)


class NotConformantError(Exception):
    """A source's pictures cannot be passed through; the message is the end of a sentence."""


def find_obstacle(stream: Mapping[str, Any], matrix: str, *, is_turned: bool = False) -> str | None:
    """The first reason in ffprobe's JSON of a stream why it cannot be passed through, if any.

    `matrix` is the colour matrix that it is taken to be coded with; `is_turned` says that its
    pictures say themselves that they do not lie upright.
    """
    side_data = {str(data.get("side_data_type")) for data in stream.get("side_data_list", [])}
    stated = [stream.get(f"color_{name}") for name in ("space", "transfer", "primaries")]
    reasons = {
        "they are not H.264": stream.get("codec_name") != "h264",
        "they are not 8-bit 4:2:0": stream.get("pix_fmt") != "yuv420p",
        "their pixels are not square": stream.get("sample_aspect_ratio") not in _SQUARE,
        "the file wants them turned or changed": is_turned or bool(side_data - _HARMLESS_SIDE_DATA),
        "their colours are not those of BT.709": matrix != "bt709"
        or not _BT709.issuperset(stated)
        or stream.get("color_range") not in _UNSTATED | {"tv"},
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def describe_refusal(reason: str) -> str:
    """A sentence about a source that was to be passed through and is not."""
    return f"The pictures were not passed through: {reason}."


class ConformanceCheck:
    """Looks at every frame of a source, in decoding order.

    Args:
        grid: The grid of all renditions.
        rung: The rendition that the source is to become.
    """

    def __init__(self, grid: Grid, rung: Rung) -> None:
        self._grid = grid
        self._rung = rung
        self._most_bytes = rung.max_bps * _MOST_OF_CAP * grid.segment_seconds / 8
        self._drift_ticks = 1 + grid.timescale * _TOLERATED_SECONDS
        self._sets: set[bytes] = set()
        self._decoded = 0
        self._start = 0
        self._shown: set[int] = set()
        self._size_bytes = 0
        self._last_ticks = 0

    def look_at(self, frame: CopiedFrame) -> None:
        """Look at the next frame.

        Raises:
            NotConformantError: The source cannot be passed through.
            MediaFormatError: It is not H.264 as MP4 holds it.
        """
        if self._decoded % self._grid.segment_frames == 0:
            self._start = self._decoded
            self._shown.clear()
            self._size_bytes = 0
        self._check_time(frame, is_idr=self._look_inside(frame))
        self._shown.add(frame.number)
        self._last_ticks = frame.sample.duration_ticks
        self._size_bytes += len(frame.sample.data)
        if self._size_bytes > self._most_bytes:
            limit_mbps = self._rung.max_bps * _MOST_OF_CAP / 1e6
            raise NotConformantError(
                f"the bit rate at {self._at(self._start)} is above {limit_mbps:.1f} Mbit/s"
            )
        self._decoded += 1

    def finish(self) -> int:
        """The source has ended; returns how many frames it has.

        Raises:
            NotConformantError: It cannot be passed through.
        """
        if not self._decoded:
            raise NotConformantError("there are none that could be copied")
        missing = self._missing()
        if missing < max(self._shown):
            raise NotConformantError(f"no picture at {self._at(missing)}")
        if round(self._last_ticks / self._grid.frame_ticks) > 1:
            raise NotConformantError("the last picture is shown longer than the others")
        return self._decoded

    def _missing(self) -> int:
        """The first frame of this segment that has not come."""
        return next(n for n in range(self._start, self._decoded + 1) if n not in self._shown)

    def _check_time(self, frame: CopiedFrame, *, is_idr: bool) -> None:
        start, stop = self._start, self._start + self._grid.segment_frames
        self._check_place(frame)
        if frame.number >= stop and not (is_idr and frame.number == stop):
            raise self._without_key_frame(frame, stop)
        if frame.number >= stop or (not self._shown and is_idr and frame.number > start):
            raise NotConformantError(f"no picture at {self._at(self._missing())}")
        if frame.number < start or frame.number in self._shown:
            raise NotConformantError(f"two pictures at {self._at(frame.number)}")
        if not self._shown and not is_idr:
            raise self._without_key_frame(frame, start)

    def _check_place(self, frame: CopiedFrame) -> None:
        if frame.drift_ticks > self._drift_ticks:
            raise NotConformantError(
                f"the picture at {self._at(frame.number)} is not at a constant rate"
            )
        if frame.number < 0:
            raise NotConformantError("they begin before they are shown")
        if self._decoded - frame.number > REORDER_FRAMES:
            raise NotConformantError(
                f"the picture at {self._at(frame.number)} comes more than {REORDER_FRAMES} late"
            )

    def _look_inside(self, frame: CopiedFrame) -> bool:
        """Whether a frame is an IDR frame; its parameter sets must be those of the first."""
        kinds: list[int] = []
        for kind, unit in nal_units(frame.sample.data):
            if kind in SLICES:
                kinds.append(kind)
            elif kind in (SPS, PPS):
                self._note_set(frame, kind, unit)
        if not kinds:
            raise NotConformantError(f"no picture at {self._at(frame.number)}")
        if len(kinds) > _MOST_SLICES:
            raise NotConformantError(f"the picture at {self._at(frame.number)} has too many slices")
        return all(kind == IDR_SLICE for kind in kinds)

    def _note_set(self, frame: CopiedFrame, kind: int, unit: bytes) -> None:
        if unit in self._sets:
            return
        if self._decoded or (kind == SPS and any(s[0] & 0x1F == SPS for s in self._sets)):
            raise NotConformantError(f"they are coded otherwise from {self._at(frame.number)} on")
        self._sets.add(unit)
        if kind == SPS:
            self._check_parameters(read_sps(unit))

    def _check_parameters(self, sps: SequenceParameters) -> None:
        reasons = {
            "browsers do not play their profile or level": sps.profile not in _PROFILES
            or sps.level > _HIGHEST_LEVEL,
            "they are not 8-bit 4:2:0": (sps.chroma_format, sps.bit_depth) != (1, 8),
            "they are or may be interlaced": not sps.is_progressive,
            "they are not of the highest rendition's size": (sps.width, sps.height)
            != (self._rung.width, self._rung.height),
        }
        for reason, holds in reasons.items():
            if holds:
                raise NotConformantError(reason)

    def _without_key_frame(self, frame: CopiedFrame, number: int) -> NotConformantError:
        if frame.number == number and frame.sample.is_sync:
            return NotConformantError(f"the group of pictures at {self._at(number)} is open")
        return NotConformantError(f"no key frame at {self._at(number)}")

    def _at(self, number: int) -> str:
        return f"{float(self._grid.seconds(number)):.2f} s"
