"""Forgetting what is stored for keys, in this process and in the other workers of the node."""

from collections.abc import Iterable

from edge.cache import Cache
from edge.fills import Fills
from edge.team import Team


class Forgetting:
    """Forgets keys.

    Args:
        cache: What is stored here.
        fills: What is being fetched here.
        team: The other workers of this node; None: there are none.
    """

    def __init__(self, cache: Cache, fills: Fills, team: Team | None) -> None:
        self._cache = cache
        self._fills = fills
        self._team = team

    def here(self, keys: Iterable[bytes]) -> None:
        """Forget keys in this process."""
        for key in keys:
            self._cache.invalidate(key)
            self._fills.invalidate(key)

    async def everywhere(self, keys: Iterable[bytes]) -> None:
        """Forget keys in all workers; they are forgotten when this returns."""
        if self._team is None:
            self.here(keys)
        else:
            await self._team.forget(keys, self.here)
