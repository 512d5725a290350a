"""What ffprobe does not say of an MP4 file: where its index is, what is missing or encrypted."""

from dataclasses import dataclass

from packager.core.boxes import LARGE_HEADER_BYTES, MediaFormatError, box_length
from packager.core.damage import describe_cut_off
from packager.core.unreadable import refuse_encrypted_moov
from packager.source_bytes import SourceBytes

_LARGEST_MOOV_BYTES = 64 * 1024 * 1024
# Each is read alone. What is told by those behind is nothing that a viewer should wait for.
_MOST_BOXES = 100
_NEEDED = frozenset({b"moov", b"mdat"})


@dataclass(frozen=True, slots=True)
class Mp4Layout:
    """How a file lies; by default one that is no MP4.

    `index_first` says that the index comes first and is all there is, so that any part can be
    decoded as soon as its own bytes are there. `states_duration` says that it tells how long the
    file is, not only its first fragment. `warnings` tell of an end that is missing. `index` is the
    payload of its `moov` box, if that has arrived.
    """

    index_first: bool = False
    states_duration: bool = True
    warnings: tuple[str, ...] = ()
    index: bytes = b""


async def read_mp4_layout(data: SourceBytes) -> Mp4Layout:
    """Walk the file's top-level boxes (ISO/IEC 14496-12 §4.2), as far as they have arrived.

    What cannot be a box, as something behind the end of the film, ends the walk; so does the first
    fragment: there may be any number of them.

    Raises:
        SourceRejected: The samples are encrypted.
    """
    position = 0
    kinds: list[bytes] = []
    is_fragmented = states_duration = False
    needed_bytes = 0
    index = b""
    while len(kinds) < _MOST_BOXES and b"moof" not in kinds:
        header = await data.read_available(position, LARGE_HEADER_BYTES)
        try:
            length = box_length(header)
        except MediaFormatError:
            break
        if length is None or length[0] == 0:
            break
        kinds.append(header[4:8])
        if kinds[-1] == b"moov" and length[0] <= _LARGEST_MOOV_BYTES:
            moov = await data.read_available(position, length[0])
            refuse_encrypted_moov(moov)
            is_fragmented = b"mvex" in moov
            states_duration = not is_fragmented or b"mehd" in moov
            index = moov[length[1] :]
        position += length[0]
        if kinds[-1] in _NEEDED:
            needed_bytes = position
    before_media = kinds[: kinds.index(b"mdat")] if b"mdat" in kinds else kinds
    return Mp4Layout(
        index_first=b"moov" in before_media and not is_fragmented,
        states_duration=states_duration,
        warnings=tuple(describe_cut_off(needed_bytes, data.length_bytes)),
        index=index,
    )
