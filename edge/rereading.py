"""Reading the file of behaviours again while viewers are served."""

import asyncio
import logging
from pathlib import Path

from edge.behaviour_file import BadBehaviours, BehaviourFile, read_behaviours
from edge.cache import Cache
from edge.core.key import host_of, target_of
from edge.fills import Fills
from edge.metrics import Counters
from edge.origins import Origins
from edge.rules import Rules

_SLICE = 4096

_log = logging.getLogger(__name__)


class Rereading:
    """Puts what the file says now in the place of what it said.

    What is stored, or being fetched, under a behaviour that is another now is forgotten.

    Args:
        path: The file.
        file: What it said.
        rules: The behaviours in force.
        origins: Whom they name.
        cache: What is stored.
        fills: What is being fetched.
        counters: Where failures are counted.
    """

    def __init__(
        self,
        path: Path,
        file: BehaviourFile,
        rules: Rules,
        origins: Origins,
        cache: Cache,
        fills: Fills,
        counters: Counters,
    ) -> None:
        self._path = path
        self._file = file
        self._rules = rules
        self._origins = origins
        self._cache = cache
        self._fills = fills
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
        old, self._file = self._file, file
        await self._origins.adopt({**old.origins, **file.origins})
        self._rules.current = file.behaviours
        self._fills.void(lambda key: differs(key, old, file))
        for number, key in enumerate(list(self._cache.entries), start=1):
            if differs(key, old, file):
                self._cache.invalidate(key)
            if number % _SLICE == 0:
                await asyncio.sleep(0)  # viewers first


def differs(key: bytes, old: BehaviourFile, new: BehaviourFile) -> bool:
    """Whether something else is done for a key than was before."""
    host, target = host_of(key), target_of(key).decode("ascii")
    before, after = old.behaviours.of(host, target), new.behaviours.of(host, target)
    if before != after or old.behaviours.scope(host) != new.behaviours.scope(host):
        return True
    return after.origin is not None and old.origins[after.origin] != new.origins[after.origin]
