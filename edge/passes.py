"""How much of what upstreams can carry goes to requests that are forwarded for one viewer alone.

Such an answer may go on for as long as its viewer likes, an event stream for instance, and a
request for as long as its body takes. What many wait for must not wait behind them, and one viewer
must not keep all others out.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from edge.core.addresses import Networks, is_within, network_of

_PLACES = 4
"""How many answers may be sent, for each connection that may be open for what is stored."""


class Passes:
    """The bounds on requests that are forwarded for one viewer alone.

    Args:
        connections: How many connections may be open to each upstream for what is stored.
        queue_seconds: How long a request waits.
        proxies: Whose requests are those of many viewers.
    """

    def __init__(self, connections: int, queue_seconds: float, proxies: Networks = ()) -> None:
        self._places = _Bound(_PLACES * connections, connections)
        self._turns = _Bound(max(1, connections * 3 // 4), max(1, connections // 4))
        self._queue_seconds = queue_seconds
        self._proxies = proxies

    def has_room(self, viewer: str) -> bool:
        """Whether `place` would let an address in at once; it is empty within this machine."""
        return not any(one.locked() for one in self._places.on(self._known(viewer)))

    @asynccontextmanager
    async def place(self, viewer: str) -> AsyncIterator[bool]:
        """A place until the answer has been sent; False if there was none in time."""
        async with self._held(self._places, viewer) as is_held:
            yield is_held

    @asynccontextmanager
    async def turn(self, viewer: str) -> AsyncIterator[bool]:
        """A turn to ask until the answer begins; False if there was none in time."""
        async with self._held(self._turns, viewer) as is_held:
            yield is_held

    @asynccontextmanager
    async def _held(self, bound: "_Bound", viewer: str) -> AsyncIterator[bool]:
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._queue_seconds):
                    for one in bound.on(self._known(viewer)):
                        await held.enter_async_context(one)
                is_held = True
            except TimeoutError:
                is_held = False
            yield is_held

    def _known(self, viewer: str) -> str | None:
        """What counts as one viewer; None: an address of many."""
        is_of_many = not viewer or is_within(viewer, self._proxies)
        return None if is_of_many else network_of(viewer)


class _Bound:
    """A number of places, of which one viewer may have a part."""

    def __init__(self, limit: int, limit_per_viewer: int) -> None:
        self._all = asyncio.Semaphore(limit)
        self._limit_per_viewer = limit_per_viewer
        self._own: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def on(self, viewer: str | None) -> list[asyncio.Semaphore]:
        """What a viewer has to hold, in this order; it lives as long as somebody holds it."""
        if viewer is None:
            return [self._all]
        own = self._own.get(viewer)
        if own is None:
            own = self._own[viewer] = asyncio.Semaphore(self._limit_per_viewer)
        return [own, self._all]
