"""What ffprobe does not say of an MP4 file: whether its end is missing, whether it is encrypted."""

from os import SEEK_END
from pathlib import Path

import aiofiles

from packager.core.boxes import box_length
from packager.core.damage import describe_cut_off
from packager.core.unreadable import refuse_encrypted_moov

_HEADER_BYTES = 16
_LARGEST_MOOV_BYTES = 64 * 1024 * 1024
_MOST_BOXES = 100_000


async def check_mp4(path: Path) -> list[str]:
    """Walk the file's top-level boxes (ISO/IEC 14496-12 §4.2).

    Returns:
        A warning if a box ends behind the end of the file.

    Raises:
        SourceRejected: The samples are encrypted.
    """
    async with aiofiles.open(path, "rb") as file:
        size_bytes = await file.seek(0, SEEK_END)
        position = 0
        for _ in range(_MOST_BOXES):
            await file.seek(position)
            header = await file.read(_HEADER_BYTES)
            length = box_length(header)
            if length is None or length[0] == 0:
                break
            if header[4:8] == b"moov" and length[0] <= _LARGEST_MOOV_BYTES:
                await file.seek(position)
                refuse_encrypted_moov(await file.read(length[0]))
            position += length[0]
    return describe_cut_off(position, size_bytes)
