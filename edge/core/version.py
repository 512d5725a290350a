"""Versions of a playlist: what is added to one that grows can be read without what was before."""

from dataclasses import dataclass
from hashlib import blake2b

from streamer.core.hls_attributes import PlaylistError
from streamer.core.playlist import MediaPlaylist, MultivariantPlaylist
from streamer.core.playlist_reader import parse_playlist

_DIGEST_BYTES = 16
_FIRST_SEGMENT = b"\n#EXTINF"
_INIT_SEGMENT = b"\n#EXT-X-MAP"
_BYTE_RANGE = b"\n#EXT-X-BYTERANGE"
# What tells more than about the segments beside it, and usually stands before or behind them all.
_ABOUT_ALL = (
    _INIT_SEGMENT,
    b"\n#EXT-X-TARGETDURATION",
    b"\n#EXT-X-PLAYLIST-TYPE",
    b"\n#EXT-X-ENDLIST",
)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a playlist was read: so many bytes of its list of segments, and what they said."""

    length_bytes: int
    digest: bytes


class Version:
    """The text of a playlist: a head, then its segments with the tags between them.

    Args:
        text: It, without content coding.
    """

    def __init__(self, text: bytes) -> None:
        head, tag, rest = text.partition(_FIRST_SEGMENT)
        self._head = head + b"\n"
        self._listed = tag[1:] + rest
        _, tag, rest = head.rpartition(_INIT_SEGMENT)
        self._init = tag and rest.partition(b"\n")[0]
        self._has_byte_ranges = _BYTE_RANGE in text

    def continues(self, mark: Mark) -> bool:
        """Whether it lists what was read up to a mark, whatever else its head says."""
        return self._mark(mark.length_bytes) == mark

    def after(self, mark: Mark | None) -> MediaPlaylist | MultivariantPlaylist:
        """The playlist without the segments that were read up to a mark; None: with all of them.

        Raises:
            PlaylistError: It is malformed.
        """
        start = 0 if mark is None else mark.length_bytes
        try:
            return parse_playlist((self._head + self._listed[start:]).decode())
        except UnicodeDecodeError as error:
            raise PlaylistError("a playlist is encoded in UTF-8") from error

    def end(self) -> Mark | None:
        """The mark behind its last segment; None where it cannot be read on from there.

        What follows may depend on what was before, and a last URI may still get longer.
        """
        stop = _stop_of_segments(self._listed)
        before, behind = self._listed[:stop], self._listed[stop:]
        is_open = any(line.strip() and line[:1] != b"#" for line in behind.splitlines())
        if is_open or self._has_byte_ranges or _INIT_SEGMENT in behind:
            return None
        return None if any(tag in before for tag in _ABOUT_ALL) else self._mark(stop)

    def _mark(self, length_bytes: int) -> Mark:
        listed = memoryview(self._listed)[:length_bytes]
        digest = blake2b(self._init, digest_size=_DIGEST_BYTES)
        digest.update(listed)
        return Mark(len(listed), digest.digest())


def _stop_of_segments(listed: bytes) -> int:
    """Where the last line ends that is a URI and will not get any longer."""
    stop = listed.rfind(b"\n") + 1
    while stop:
        start = listed.rfind(b"\n", 0, stop - 1) + 1
        if listed[start:stop].strip() and not listed.startswith(b"#", start):
            break
        stop = start
    return stop
