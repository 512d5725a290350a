"""What one worker has to say to the other workers of its node."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from edge.control_client import ControlClient
from edge.core.fields import Fields
from edge.core.key import target_of
from edge.core.recent import Recent
from edge.place import Place

_MAX_UNDER_WAY = 256
_SAID_SECONDS = 5.0
_SAID_KEYS = 8192

Forget = Callable[[Iterable[bytes]], None]


class Team:
    """The other workers, as one of them sees them.

    What it says is either waited for, so that it holds from then on, or on its way: a worker that
    does not answer has died, or is about to.

    Args:
        place: Which worker this is.
        clients: The others, by number.
    """

    def __init__(self, place: Place, clients: Mapping[int, ControlClient]) -> None:
        self._place = place
        self._clients = clients
        self._said = Recent(_SAID_SECONDS, _SAID_KEYS)
        self._under_way: set[asyncio.Task[None]] = set()

    def owns(self, key: bytes) -> bool:
        """Whether this worker fetches and stores a key for all."""
        return self._place.owns(key)

    async def forget(self, keys: Iterable[bytes], forget_here: Forget) -> None:
        """Make all workers forget what they store for some keys.

        The owner of a key comes first: nobody can get a copy from it any more when the others
        forget theirs.
        """
        by_owner: dict[int, list[bytes]] = defaultdict(list)
        for key in keys:
            by_owner[self._place.owner(target_of(key))].append(key)
        await asyncio.gather(
            *(self._forget(owner, owned, forget_here) for owner, owned in by_owner.items())
        )
        everywhere = [key for owned in by_owner.values() for key in owned]
        await asyncio.gather(
            *(self._forget(n, everywhere, forget_here) for n in range(self._place.count))
        )

    def fetch_ahead(
        self, keys: Iterable[bytes], fields: Fields, scheme: str, patience_seconds: float
    ) -> None:
        """Have keys of others fetched ahead of a viewer by those who own them."""
        now = time.time()
        by_owner: dict[int, list[str]] = defaultdict(list)
        for key in keys:
            if not self._said.has(key, now):
                self._said.add(key, now)
                by_owner[self._place.owner(target_of(key))].append(key.decode("ascii"))
        for owner, owned in by_owner.items():
            message = {
                "keys": owned,
                "fields": fields.items,
                "scheme": scheme,
                "patience_seconds": patience_seconds,
            }
            self._send(owner, "/ahead", message)

    def learned(self, key: bytes, fields: Fields, body: bytes) -> None:
        """Tell everybody of a playlist: its viewers may ask any worker for its segments."""
        message = {
            "key": key.decode("ascii"),
            "fields": fields.items,
            "body": body.decode("latin-1"),
        }
        for number in self._clients:
            self._send(number, "/playlist", message)

    async def close(self) -> None:
        """Give up what is on its way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _forget(self, number: int, keys: list[bytes], forget_here: Forget) -> None:
        if number == self._place.number:
            forget_here(keys)
        else:
            await self._clients[number].post("/forget", {"keys": [k.decode("ascii") for k in keys]})

    def _send(self, number: int, path: str, message: Mapping[str, Any]) -> None:
        if len(self._under_way) >= _MAX_UNDER_WAY:
            return
        task = asyncio.create_task(self._post(number, path, message))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _post(self, number: int, path: str, message: Mapping[str, Any]) -> None:
        await self._clients[number].post(path, message)


@asynccontextmanager
async def open_team(place: Place) -> AsyncIterator[Team]:
    """The other workers."""
    async with AsyncExitStack() as stack:
        clients = {}
        for number in place.others:
            client = ControlClient(place.control_socket(number))
            clients[number] = await stack.enter_async_context(client)
        team = Team(place, clients)
        stack.push_async_callback(team.close)
        yield team
