"""One step of a durable workflow."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from dbos import StepOptions, StepReservation

from streamer.core.errors import StreamerError

_log = logging.getLogger("packager")


def _is_worth_it(error: BaseException) -> bool:
    if not isinstance(error, StreamerError) or not error.retryable:
        return False
    _log.warning("a step is tried again: %s", error)
    return True


_OPTIONS: StepOptions = {
    "retries_allowed": True,
    "should_retry": _is_worth_it,
    # For as long as a store or a database may be away.
    "interval_seconds": 2.0,
    "backoff_rate": 1.0,
    "max_attempts": 10_000,
    # A deleted video's processes end within a second.
    "preemptible": True,
}
_P = ParamSpec("_P")
_T = TypeVar("_T")


async def run_step(
    reserved: StepReservation,
    work: Callable[_P, Coroutine[Any, Any, _T]],
    *args: _P.args,
    **kwargs: _P.kwargs,
) -> _T:
    """What `work` returns: from the record when an earlier run finished it."""
    return await reserved.run_async(_OPTIONS, work, *args, **kwargs)
