"""Init segments: ffmpeg's track description, with our brands and the first presented moment."""

from dataclasses import dataclass

from packager.core.boxes import Box, MediaFormatError, write_box, write_full_box
from packager.core.codec_names import av1_codecs, hevc_codecs

_BRANDS = b"cmfc" + bytes(4) + b"cmfciso6mp41"
# Of a VisualSampleEntry and an AudioSampleEntry, before the boxes inside (§12.1.3, §12.2.3).
_VISUAL_ENTRY_BYTES = 78
_AUDIO_ENTRY_BYTES = 28
_FULL_BOX_BYTES = 4
# Each inside the one before: an ES, a decoder configuration and a decoder specific info
# descriptor (ISO/IEC 14496-1 §7.2.6), with the bytes of each before what is inside.
_ESDS_DESCRIPTORS = ((3, 3), (4, 13), (5, 0))


@dataclass(frozen=True, slots=True)
class InitSegment:
    """What a player needs before the first segment of a rendition.

    Attributes:
        data: Its bytes.
        codecs: Its entry in CODECS (RFC 6381).
        timescale: Ticks a second.
        start_ticks: The media time presented first (an edit list, ISO/IEC 14496-12 §8.6.6):
            what comes before is an encoder's priming or its reordering delay.
    """

    data: bytes
    codecs: str
    timescale: int
    start_ticks: int


def read_init(moov: Box, *, start_ticks: int | None = None) -> InitSegment:
    """The init segment for the track that `moov` describes.

    Args:
        moov: ffmpeg's movie box.
        start_ticks: The media time presented first; None keeps what ffmpeg says.

    Raises:
        MediaFormatError: It is not one track of a codec that is known here.
    """
    trak = moov.child("trak")
    media = trak.child("mdia")
    mdhd = media.child("mdhd").payload
    timescale = int.from_bytes(mdhd[20:24] if mdhd[0] else mdhd[12:16], "big")
    entry = next(media.child("minf", "stbl", "stsd").children(skip=8), None)
    if entry is None or timescale == 0:
        raise MediaFormatError("the track is not described")
    start = _edit_start(trak) if start_ticks is None else start_ticks
    return InitSegment(
        data=write_box("ftyp", _BRANDS) + _write_moov(moov, start),
        codecs=_codecs(entry),
        timescale=timescale,
        start_ticks=start,
    )


def _write_moov(moov: Box, start_ticks: int) -> bytes:
    boxes = (
        _write_trak(box, start_ticks) if box.kind == "trak" else write_box(box.kind, box.payload)
        for box in moov.children()
        # udta names the version of the muxer: it would change the bytes with every upgrade.
        if box.kind != "udta"
    )
    return write_box("moov", *boxes)


def _write_trak(trak: Box, start_ticks: int) -> bytes:
    boxes = [(box.kind, box.payload) for box in trak.children() if box.kind != "edts"]
    written = [write_box(kind, payload) for kind, payload in boxes]
    if start_ticks:
        after_header = 1 + [kind for kind, _ in boxes].index("tkhd")
        written.insert(after_header, _write_edit(start_ticks))
    return write_box("trak", *written)


def _write_edit(start_ticks: int) -> bytes:
    """One edit that lasts as long as the fragments do, from `start_ticks` at normal speed."""
    entry = (0).to_bytes(4, "big") + start_ticks.to_bytes(4, "big") + (1 << 16).to_bytes(4, "big")
    return write_box("edts", write_full_box("elst", 0, 0, (1).to_bytes(4, "big"), entry))


def _edit_start(trak: Box) -> int:
    edits = next((box for box in trak.children() if box.kind == "edts"), None)
    if edits is None:
        return 0
    elst = edits.child("elst").payload
    start = elst[16:24] if elst[0] else elst[12:16]
    return max(0, int.from_bytes(start, "big", signed=True))


def _codecs(entry: Box) -> str:
    match entry.kind:
        case "avc1":
            return f"avc1.{_inner(entry, _VISUAL_ENTRY_BYTES, 'avcC')[1:4].hex()}"
        case "hvc1":
            return hevc_codecs(_inner(entry, _VISUAL_ENTRY_BYTES, "hvcC"))
        case "av01":
            return av1_codecs(_inner(entry, _VISUAL_ENTRY_BYTES, "av1C"))
        case "mp4a":
            esds = _inner(entry, _AUDIO_ENTRY_BYTES, "esds")
            return f"mp4a.40.{_audio_object_type(esds)}"
    raise MediaFormatError(f"an unexpected codec {entry.kind}")


def _inner(entry: Box, skip: int, kind: str) -> bytes:
    for box in entry.children(skip=skip):
        if box.kind == kind:
            return box.payload
    raise MediaFormatError(f"no {kind} in {entry.kind}")


def _audio_object_type(esds: bytes) -> int:
    """The object type in the AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): 2 is AAC-LC."""
    position = _FULL_BOX_BYTES
    for tag, fixed_bytes in _ESDS_DESCRIPTORS:
        position = _enter_descriptor(esds, position, tag) + fixed_bytes
    if position >= len(esds):
        raise MediaFormatError("the sound is not described")
    return esds[position] >> 3


def _enter_descriptor(esds: bytes, position: int, tag: int) -> int:
    """Where the content of the descriptor at `position` begins (ISO/IEC 14496-1 §8.3.3)."""
    if esds[position : position + 1] != bytes([tag]):
        raise MediaFormatError("the sound is not described")
    position += 1
    while position < len(esds) and esds[position] & 0x80:
        position += 1
    return position + 1
