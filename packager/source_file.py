"""The uploaded file as a path that ffmpeg can open."""

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from os import SEEK_END
from pathlib import Path
from tempfile import mkdtemp

import aiofiles

from packager.workshop import Workshop
from streamer.core.errors import StorageFull
from streamer.core.keys import source_key

_SPARE_BYTES = 1 << 30
_HEAD_BYTES = 64


@asynccontextmanager
async def open_source_file(workshop: Workshop, video_id: str) -> AsyncGenerator[Path]:
    """The source's path: the store's own file, or a local copy that is removed afterwards.

    Raises:
        NotFound: There is no source.
        StorageFull: There is no room for a copy.
    """
    key = source_key(video_id)
    local = workshop.store.local_path(key)
    if local is not None:
        await workshop.store.head(key)
        yield local
        return
    scratch = workshop.settings.scratch_dir
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = Path(mkdtemp(prefix=f"{video_id}-", dir=scratch))
    try:
        yield await _copy(workshop, key, directory / "source")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _copy(workshop: Workshop, key: str, path: Path) -> Path:
    async with workshop.store.get(key) as body:
        if shutil.disk_usage(path.parent).free < body.info.size_bytes + _SPARE_BYTES:
            raise StorageFull("There is no room for a local copy of the source.")
        async with aiofiles.open(path, "wb") as file:
            async for piece in body.chunks:
                await file.write(piece)
    return path


async def read_head(path: Path) -> tuple[bytes, int]:
    """The first bytes of a file, and how many it has."""
    async with aiofiles.open(path, "rb") as file:
        head = await file.read(_HEAD_BYTES)
        return head, await file.seek(0, SEEK_END)
