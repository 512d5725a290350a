"""One worker's place among the workers of a node."""

from dataclasses import dataclass
from pathlib import Path

from edge.core.key import target_of
from edge.core.route import rank
from edge.settings import EdgeSettings


@dataclass(frozen=True, slots=True)
class Place:
    """Which worker of which node this is.

    Attributes:
        node: The node's id.
        number: The worker's, from 0 on.
        count: How many there are.
        directory: Where their sockets are; only this user may enter it.
    """

    node: str
    number: int
    count: int
    directory: Path

    @property
    def others(self) -> list[int]:
        """The numbers of the other workers."""
        return [number for number in range(self.count) if number != self.number]

    def owner(self, key: bytes) -> int:
        """The worker that fetches and stores a key for all."""
        return owner(key, self.count)

    def owns(self, key: bytes) -> bool:
        """Whether this worker does."""
        return self.owner(key) == self.number

    def objects_socket(self, number: int) -> Path:
        """Where a worker answers the others."""
        return self.directory / f"{number}.objects"

    def control_socket(self, number: int) -> Path:
        """Where a worker is told what the others and the supervisor have to say."""
        return self.directory / f"{number}.control"


def owner(key: bytes, count: int) -> int:
    """The worker that fetches and stores a key for all: one for all keys of a target."""
    return int(rank(target_of(key), [str(number) for number in range(count)])[0])


def share(settings: EdgeSettings, count: int) -> EdgeSettings:
    """One worker's share of what the settings grant a node."""
    granted = {
        name: -(-getattr(settings, name) // count)
        for name in (
            "disk_files",
            "disk_size",
            "max_connections",
            "memory_size",
            "prefetch_concurrency",
            "upstream_connections",
        )
    }
    return settings.model_copy(update=granted)
