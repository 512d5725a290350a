"""The colours that a stream of pictures states, or that players assume of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# PQ and HLG (ITU-R BT.2100).
_HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})
# BT.2020, DCI-P3 and Display P3.
_WIDE_PRIMARIES = frozenset({"bt2020", "smpte431", "smpte432"})
_MATRICES = {
    "bt709": "bt709",
    "bt470bg": "bt601",
    "smpte170m": "bt601",
    "fcc": "fcc",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020c",
    "ycgco": "ycgco",
    "chroma-derived-nc": "chroma-derived-nc",
    "chroma-derived-c": "chroma-derived-c",
}
# Of light that is coded as PQ or HLG.
_HDR_MATRICES = {"ictcp": "ictcp", "ipt-c2": "ictcp"}
# What swscale reads of those that a stream may state, and the curves it does not.
_USUAL_MATRICES = frozenset(
    {"gbr", "bt709", "bt470bg", "smpte170m", "fcc", "smpte240m", "bt2020nc", "unknown"}
)
_ODD_TRANSFERS = frozenset({"log100", "log316", "vlog"})
# IPT of Dolby's, of which ICtCp is a sibling; such streams do not state it.
_DOLBY_VISION_5 = {
    "color_space": "ipt-c2",
    "color_transfer": "smpte2084",
    "color_primaries": "bt2020",
}
_HD_LINES = 720


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours of a stream of pictures.

    Attributes:
        matrix: The name swscale gives the colour matrix, or ffmpeg's own where it has none.
        are_odd: Whether swscale refuses what the pictures state.
        hdr_transfer: The curve of HDR, ffmpeg's name; None: SDR.
        wide_primaries: The primaries if they are not BT.709's; of HDR that does not say, BT.2020's.
        caveat: A sentence about what cannot be shown as it is meant.
    """

    matrix: str
    are_odd: bool
    hdr_transfer: str | None
    wide_primaries: str | None
    caveat: str | None


def read_colours(stream: Mapping[str, Any]) -> Colours:
    """The colours of a stream that ffprobe describes."""
    caveat = None
    if _is_dolby_vision_5(stream):
        stream = {**stream, **_DOLBY_VISION_5}
        caveat = "The colours are close to those of Dolby Vision, but not the same."
    stated = str(stream.get("color_transfer"))
    hdr_transfer = stated if stated in _HDR_TRANSFERS else None
    return Colours(
        matrix=_matrix(stream, is_hdr=hdr_transfer is not None),
        are_odd=stream.get("color_space", "unknown") not in _USUAL_MATRICES
        or stated in _ODD_TRANSFERS,
        hdr_transfer=hdr_transfer,
        wide_primaries=_wide_primaries(stream, is_hdr=hdr_transfer is not None),
        caveat=caveat,
    )


def _is_dolby_vision_5(stream: Mapping[str, Any]) -> bool:
    """Whether the pictures have Dolby's own colours, as no other decoder shows them."""
    return any(data.get("dv_profile") == 5 for data in stream.get("side_data_list", []))


def _matrix(stream: Mapping[str, Any], *, is_hdr: bool) -> str:
    known = _MATRICES | _HDR_MATRICES if is_hdr else _MATRICES
    tagged = known.get(str(stream.get("color_space")))
    if tagged is not None:
        return tagged
    if is_hdr:
        return "bt2020"
    return "bt709" if int(stream["height"]) >= _HD_LINES else "bt601"


def _wide_primaries(stream: Mapping[str, Any], *, is_hdr: bool) -> str | None:
    primaries = stream.get("color_primaries")
    if primaries in _WIDE_PRIMARIES:
        return str(primaries)
    return "bt2020" if is_hdr and primaries != "bt709" else None
