"""Whether this machine has what the settings name: tried when a worker starts."""

import logging
import shutil
from collections.abc import AsyncIterator

from packager.core.encode import trial_argv
from packager.core.encoders import encoder_name
from packager.ffmpeg import Ffmpeg, FfmpegError
from streamer.core.errors import InvalidInput
from streamer.core.options import VideoCodec

_log = logging.getLogger("packager")


async def try_tools(ffmpeg: Ffmpeg, hardware: str) -> None:
    """Look for the programs, and encode a picture as they will be made to.

    Raises:
        InvalidInput: A program is not there, or not able to.
        Unavailable: No process can be started now.
    """
    for program in (ffmpeg.ffmpeg, ffmpeg.ffprobe):
        if shutil.which(program) is None:
            raise InvalidInput(f"there is no program {program!r}")
    encoder = encoder_name(VideoCodec.H264, hardware)
    if shortages := ffmpeg.confinement.describe_shortages():
        _log.warning("the limits of this process bound ffmpeg: %s", shortages)
    try:
        await ffmpeg.run(lambda targets: trial_argv(encoder, targets[0]), [_leave])
    except FfmpegError as error:
        raise InvalidInput(f"{encoder} does not work here: {error.report}") from error


async def _leave(pieces: AsyncIterator[bytes]) -> None:
    async for _ in pieces:
        pass
