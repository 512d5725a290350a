"""What the files that the settings name say: read at the start and with each SIGHUP, never between.

A file that is changed meanwhile changes nothing, and one that is wrong when it is read again stays
as it was. That holds for the workers of a node too, also for one that has to be started anew: they
are given what the files said, and read none themselves.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from edge.behaviour_file import Read, read_behaviours
from edge.certificates import Certificates, Pair
from edge.metrics import Counters
from edge.settings import EdgeSettings
from streamer.core.errors import StreamerError

_log = logging.getLogger(__name__)


class InForce:
    """The files of a node, as they were when they were last right.

    Args:
        settings: Which there are.
        counters: Where it is counted that files were wrong when they were read again.

    Raises:
        BadBehaviours: The file of behaviours cannot be used.
        BadCertificate: A certificate or its key cannot be used.
    """

    def __init__(self, settings: EdgeSettings, counters: Counters) -> None:
        self._counters = counters
        self._uses = _uses(settings)
        self._said = {kind: _said_to(use) for kind, use in self._uses.items()}

    def reread(self) -> list[str]:
        """Read all again; returns the kinds of files that were right."""
        right = []
        for kind, use in self._uses.items():
            try:
                self._said[kind] = _said_to(use)
            except StreamerError as error:
                self._count(kind)
                _log.error("the %s stay as they were: %s", kind, error.detail)
            else:
                right.append(kind)
        return right

    def read(self, path: Path) -> bytes:
        """What a file said."""
        return next(said[path] for said in self._said.values() if path in said)

    def told(self) -> dict[str, str]:
        """What all of them said, by path, as `read_from` takes it."""
        return {
            str(path): text.decode("latin-1")
            for said in self._said.values()
            for path, text in said.items()
        }

    def _count(self, kind: str) -> None:
        self._counters.behaviour_reloads_failed += kind == "behaviours"
        self._counters.certificate_reloads_failed += kind == "certificates"


def read_from(told: Mapping[str, str]) -> Read:
    """Reads what another process has read."""
    return lambda path: told[str(path)].encode("latin-1")


async def follow(
    files: InForce, hangup: asyncio.Event, take_in: Callable[[], Awaitable[None]]
) -> None:
    """Read files again with every hangup and have that taken in, until cancelled."""
    while True:
        await hangup.wait()
        hangup.clear()
        right = await asyncio.to_thread(files.reread)
        if right:
            await take_in()
        for kind in right:
            _log.info("the %s were read again", kind)


def _uses(settings: EdgeSettings) -> dict[str, Callable[[Read], object]]:
    """What reads the files, and raises a StreamerError if they are wrong, by kind."""
    uses: dict[str, Callable[[Read], object]] = {}
    if settings.behaviours is not None:
        uses["behaviours"] = partial(read_behaviours, settings.behaviours)
    if settings.tls_cert:
        uses["certificates"] = partial(_use_certificates, settings.tls_pairs)
    return uses


def _use_certificates(pairs: Sequence[Pair], read: Read) -> None:
    """Read certificates, and say once for all workers what is odd about them."""
    for doubt in Certificates(pairs, read).doubts:
        _log.warning("certificates: %s", doubt)


def _said_to(use: Callable[[Read], object]) -> dict[Path, bytes]:
    """What files said to who used them."""
    said: dict[Path, bytes] = {}

    def read(path: Path) -> bytes:
        said[path] = path.read_bytes()
        return said[path]

    use(read)
    return said
