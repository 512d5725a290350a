"""Which tracks of an MP4 file hold no more than its chapters: their titles, or pictures of them."""

from collections.abc import Iterator

from packager.core.boxes import Box, MediaFormatError

_ID_BYTES = 4


def chapter_tracks(index: bytes) -> frozenset[int]:
    """The ids of the tracks that others refer to for chapters (ISO/IEC 14496-12 §8.3.3, `chap`).

    There are none where the index is damaged.

    Args:
        index: The payload of the `moov` box.
    """
    try:
        return frozenset(_named(Box("moov", index)))
    except MediaFormatError:
        return frozenset()


def _named(movie: Box) -> Iterator[int]:
    for track in _children(movie, "trak"):
        for references in _children(track, "tref"):
            for chapters in _children(references, "chap"):
                ids = chapters.payload
                for start in range(0, len(ids), _ID_BYTES):
                    yield int.from_bytes(ids[start : start + _ID_BYTES], "big")


def _children(box: Box, kind: str) -> Iterator[Box]:
    return (child for child in box.children() if child.kind == kind)
