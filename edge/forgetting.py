"""Forgetting what is stored for keys, in this process and in the other workers of the node."""

from collections.abc import Iterable
from functools import partial

from edge.arriving import Arrival, Arriving
from edge.cache import Cache
from edge.team import Team


class Forgetting:
    """Forgets keys.

    Args:
        cache: What is stored here.
        arriving: What is on its way into it.
        team: The other workers of this node; None: there are none.
    """

    def __init__(self, cache: Cache, arriving: Arriving, team: Team | None) -> None:
        self._cache = cache
        self._arriving = arriving
        self._team = team

    def here(self, keys: Iterable[bytes], spared: Arrival | None = None) -> None:
        """Forget keys in this process, but not what is on its way and `spared`."""
        for key in keys:
            self._cache.invalidate(key)
            self._arriving.invalidate(key, spared)

    async def everywhere(self, keys: Iterable[bytes], spared: Arrival | None = None) -> None:
        """Forget keys in all workers; they are forgotten when this returns."""
        if self._team is None:
            self.here(keys, spared)
        else:
            await self._team.forget(keys, partial(self.here, spared=spared))
