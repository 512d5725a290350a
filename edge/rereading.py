"""Going by another file of behaviours while viewers are served."""

import asyncio
from pathlib import Path

from edge.arriving import Arriving
from edge.basis import Basis
from edge.behaviour_file import BehaviourFile, Read, read_behaviours
from edge.cache import Cache
from edge.core.behaviours import Behaviours
from edge.core.key import host_of
from edge.origins import Origins
from edge.rules import Rules

_SLICE = 4096


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
    """

    def __init__(
        self,
        path: Path,
        file: BehaviourFile,
        rules: Rules,
        origins: Origins,
        cache: Cache,
        arriving: Arriving,
    ) -> None:
        self._path = path
        self._file = file
        self._rules = rules
        self._origins = origins
        self._cache = cache
        self._arriving = arriving

    async def take_in(self, read: Read) -> None:
        """Go by what the file says now; it is right."""
        await self._adopt(await asyncio.to_thread(read_behaviours, self._path, read))

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


def make_rereading(basis: Basis, cache: Cache, origins: Origins) -> Rereading | None:
    """What makes a node go by another file; None: it has none."""
    path = basis.settings.behaviours
    if path is None:
        return None
    return Rereading(path, basis.file, basis.rules, origins, cache, basis.arriving)


def differs(key: bytes, old: Behaviours, new: Behaviours) -> bool:
    """Whether something else is done for a key than was before."""
    host = host_of(key)
    is_other = old.of_key(key).digest != new.of_key(key).digest
    return is_other or old.scope(host) != new.scope(host)
