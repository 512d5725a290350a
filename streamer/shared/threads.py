"""A bounded set of threads for calls that block."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from streamer.core.errors import Unavailable

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Threads:
    """Runs blocking calls away from the event loop.

    Args:
        count: The most calls that run at once; further ones wait.
        name: Prefix of the threads' names.
    """

    def __init__(self, count: int, name: str) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(self, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Return what `call` returns.

        A cancelled caller still waits until the call ends: nobody may close a file or a connection
        that a thread is using.
        """
        return await self.acquire(partial(call, *args, **kwargs), _keep)

    async def acquire(self, call: Callable[[], _T], release: Callable[[_T], object]) -> _T:
        """Return what `call` opens; when the caller is cancelled meanwhile, `release` closes it.

        Both run in a thread.

        Raises:
            Unavailable: There is no thread to be had.
        """
        loop = asyncio.get_running_loop()
        try:
            future = loop.run_in_executor(self._executor, call)
        except RuntimeError as error:
            raise Unavailable("no thread can be started", reason=str(error)) from error
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            if not future.cancelled() and future.exception() is None:
                await loop.run_in_executor(self._executor, release, future.result())
            raise

    def close(self) -> None:
        """Let the threads end once their calls did."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _keep(_result: object) -> None:
    """Release nothing: the result of a plain call is just dropped."""
