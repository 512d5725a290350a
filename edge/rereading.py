"""Reading the file of behaviours again while viewers are served."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.arriving import Arriving
from edge.basis import Basis
from edge.behaviour_file import BadBehaviours, BehaviourFile, read_behaviours
from edge.cache import Cache
from edge.core.behaviours import Behaviours
from edge.core.key import host_of
from edge.hangup import on_hangup
from edge.metrics import Counters
from edge.origins import Origins
from edge.rules import Rules

_SLICE = 4096

_log = logging.getLogger(__name__)


class Rereading:
    """Puts what the file says now in the place of what it said.

    What is in memory, or on its way there, under a behaviour that is another now is forgotten; what
    sleeps on the disk is when it is woken.

    Args:
        path: The file.
        file: What it said.
        rules: The behaviours in force.
        origins: Whom they name.
        cache: What is stored.
        arriving: What is on its way into it.
        counters: Where failures are counted.
    """

    def __init__(
        self,
        path: Path,
        file: BehaviourFile,
        rules: Rules,
        origins: Origins,
        cache: Cache,
        arriving: Arriving,
        counters: Counters,
    ) -> None:
        self._path = path
        self._file = file
        self._rules = rules
        self._origins = origins
        self._cache = cache
        self._arriving = arriving
        self._counters = counters
        self._wanted = asyncio.Event()

    def want(self) -> None:
        """Have the file read again."""
        self._wanted.set()

    async def run(self) -> None:
        """Read it whenever that is wanted, until cancelled; a bad file changes nothing."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                file = await asyncio.to_thread(read_behaviours, self._path)
            except BadBehaviours as error:
                self._counters.behaviour_reloads_failed += 1
                _log.error("the behaviours stay as they were: %s", error.detail)
            else:
                await self._adopt(file)
                _log.info("the behaviours were read again")

    async def _adopt(self, file: BehaviourFile) -> None:
        await self._origins.adopt({**self._file.origins, **file.origins})
        self._file, before = file, self._rules.current
        self._rules.current, self._rules.is_settled = file.behaviours, False
        self._arriving.void(lambda key: differs(key, before, file.behaviours))
        for number, key in enumerate(list(self._cache.entries), start=1):
            if differs(key, before, file.behaviours):
                self._cache.invalidate(key)
            if number % _SLICE == 0:
                await asyncio.sleep(0)  # viewers first
        self._rules.is_settled = True


@contextmanager
def open_rereading(basis: Basis, cache: Cache, origins: Origins) -> Iterator[Rereading | None]:
    """Rereading with every hangup; None: there is no file."""
    path = basis.settings.behaviours
    if path is None:
        yield None
        return
    rereading = Rereading(
        path, basis.file, basis.rules, origins, cache, basis.arriving, basis.counters
    )
    with on_hangup(rereading.want):
        yield rereading


def differs(key: bytes, old: Behaviours, new: Behaviours) -> bool:
    """Whether something else is done for a key than was before."""
    host = host_of(key)
    is_other = old.of_key(key).digest != new.of_key(key).digest
    return is_other or old.scope(host) != new.scope(host)
