"""Files that cannot be converted, recognised by their bytes."""

import re

from packager.core.report import quote_report
from streamer.core.errors import SourceRejected

# Boxes that describe protected samples (ISO/IEC 23001-7, 14496-12 §8.12).
_PROTECTION_BOXES = (b"encv", b"enca", b"schm", b"tenc")
_MP4_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})

# Pictures without a container: what H.264 and HEVC begin with behind a start code (ITU-T H.264
# B.1), sequences of MPEG-1, 2 and 4, and the temporal delimiter of AV1.
_RAW_BEGINNING = re.compile(
    rb"\x00{2,3}\x01[\x06\x09\x27\x67\x40\x42\x46\xb0\xb3\xb5\xb6]|\x12\x00"
)


def explain_unreadable(head: bytes, size_bytes: int, report: str) -> SourceRejected:
    """Why ffprobe could not open a file, from its first bytes, its size and what ffprobe said."""
    if size_bytes == 0:
        return SourceRejected("The file is empty.", code="not_a_video")
    if head[4:8] in _MP4_FIRST_BOXES:
        return SourceRejected(
            "The file is cut off: the index of this MP4 is missing. Upload the whole file again.",
            code="truncated",
        )
    if _RAW_BEGINNING.match(head):
        return SourceRejected(
            "The file is a stream of pictures that does not say when they are shown."
            " Put it into a container, such as MP4 or Matroska, and upload that.",
            code="not_a_video",
        )
    return SourceRejected(
        f"The file is not a video in a format known here.{quote_report(report)}",
        code="not_a_video",
    )


def explain_encrypted() -> SourceRejected:
    """Why a protected file is refused."""
    return SourceRejected("The video is encrypted (DRM) and cannot be converted.", code="encrypted")


def refuse_encrypted_moov(moov: bytes) -> None:
    """Refuse an MP4 whose movie box describes protected samples.

    Raises:
        SourceRejected: It does.
    """
    if b"sinf" in moov and any(kind in moov for kind in _PROTECTION_BOXES):
        raise explain_encrypted()
