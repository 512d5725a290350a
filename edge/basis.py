"""What the parts of a node have in common."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

from edge.arriving import Arriving
from edge.behaviour_file import BehaviourFile, Read, read_behaviours
from edge.clock import Clock
from edge.disk import DirectoryLock
from edge.heartbeat import edge_id
from edge.in_force import InForce
from edge.metrics import Counters, Metrics
from edge.place import Place
from edge.position import Position
from edge.purges import read_position
from edge.rules import Rules
from edge.settings import EdgeSettings


@dataclass(frozen=True, slots=True)
class Basis:
    """Who a node is, and what all its parts look at or write down.

    Attributes:
        settings: How to serve.
        place: Which of several workers of the node this is; None: it is the node.
        id: The node's, equal in all its workers.
        clock: The present.
        metrics: What has happened.
        position: How far the log of purges is obeyed.
        files: What the files that the settings name say; None: the supervisor has read them.
        read: Reads them as they were at the start.
        file: What the file of behaviours said then; nothing if there is none.
        rules: The behaviours in force.
        arriving: What is on its way into the cache.
    """

    settings: EdgeSettings
    place: Place | None
    id: str
    clock: Clock
    metrics: Metrics
    position: Position
    files: InForce | None
    read: Read
    file: BehaviourFile
    rules: Rules
    arriving: Arriving

    @property
    def counters(self) -> Counters:
        """Where the parts count."""
        return self.metrics.counters

    @property
    def token(self) -> str:
        """The node in `CDN-Loop`."""
        return f"{self.settings.name}-{self.id[:8]}"

    @property
    def via(self) -> str:
        """The node in `Via`."""
        return f"1.1 {self.token}"


@asynccontextmanager
async def open_basis(
    settings: EdgeSettings, place: Place | None, read: Read | None
) -> AsyncIterator[Basis]:
    """The basis of a node, which holds its cache directory, or of a worker, whose supervisor does.

    Args:
        settings: How to serve.
        place: Which worker it is; None: it is the node.
        read: Reads what the supervisor has read of the files; None: they are read here.

    Raises:
        BadBehaviours: The file of behaviours cannot be used.
        BadCertificate: A certificate or its key cannot be used.
        Conflict: Another edge uses the cache directory.
    """
    with ExitStack() as stack:
        if place is None and settings.cache_dir is not None:
            stack.enter_context(await asyncio.to_thread(DirectoryLock, settings.cache_dir))
        metrics, files = Metrics(settings.region), None
        if read is None:
            files = await asyncio.to_thread(InForce, settings, metrics.counters)
            read = files.read
        file = BehaviourFile()
        if settings.behaviours is not None:
            file = await asyncio.to_thread(read_behaviours, settings.behaviours, read)
        rules = Rules(file.behaviours)
        yield Basis(
            settings=settings,
            place=place,
            id=edge_id(settings.cache_dir) if place is None else place.node,
            clock=Clock(),
            metrics=metrics,
            position=await asyncio.to_thread(read_position, settings.purge_position),
            files=files,
            read=read,
            file=file,
            rules=rules,
            arriving=Arriving(rules),
        )
