"""The hand-over of videos to the workers, as the origin needs it."""

from collections.abc import Collection
from typing import Protocol


class PackagingQueue(Protocol):
    """The durable hand-over to the workers, as `streamer.shared.jobs.Jobs` offers it."""

    async def package(self, video_id: str, version: int = 1, *, arrives: bool = False) -> None:
        """Enqueue a version of a video, whose source may still arrive; it may be repeated."""
        ...

    async def cancel(self, video_id: str) -> None:
        """End the work on a video."""
        ...

    async def forget(self, video_id: str) -> None:
        """Remove all records of the work on a video, which has ended."""
        ...

    async def forget_version(self, video_id: str, version: int) -> None:
        """Remove the records of the work on one version, if it has ended."""
        ...

    async def stranded(self, living: Collection[str]) -> list[tuple[str, int]]:
        """Videos and versions of jobs of an earlier release, with no living worker at them."""
        ...

    async def ended(self, versions: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
        """Those of these videos and versions whose jobs have ended."""
        ...

    async def withdraw(self, video_id: str, version: int) -> None:
        """End the work on one version of a video."""
        ...

    async def check(self) -> None:
        """Return when the queue answers; raise Unavailable when it does not."""
        ...
