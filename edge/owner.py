"""Fetching for one worker of several: from the worker that owns the key, else from outside."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from edge.basis import Basis
from edge.core.breaker import Limits
from edge.core.fields import Fields
from edge.core.inner import OTHER_BEHAVIOURS, inner_fields, outer_fields, read_told
from edge.exposition import Family
from edge.place import Place
from edge.position import BEHIND, Telling
from edge.rules import Rules
from edge.traffic import Traffic, families
from edge.upstream import (
    FailureKind,
    Source,
    Upstream,
    UpstreamFailure,
    UpstreamLimits,
    UpstreamResponse,
)
from streamer.core.cache_status import CacheStatus

_CONNECT_SECONDS = 5.0
_CONNECTIONS = 1024
# The owner answers in the end, be it that it got no answer itself.
_MARGIN_SECONDS = 5.0
# What one of the two has yet to do before the owner's answer is right here.
_NOT_YET = frozenset({BEHIND, OTHER_BEHAVIOURS})


class OwnerFirst:
    """Asks the worker that owns a key; when there is none to be had, or it is this one, outside.

    Args:
        place: This worker.
        workers: The others, by number.
        outside: What the owner of a key asks.
        rules: What this worker goes by.
        name: The node in `Cache-Status`.
        via: The node in `Via`.
    """

    def __init__(
        self,
        place: Place,
        workers: Mapping[int, Traffic],
        outside: Source,
        rules: Rules,
        *,
        name: str,
        via: str,
    ) -> None:
        self._place = place
        self._workers = workers
        self._outside = outside
        self._rules = rules
        self._name = name
        self._via = via

    async def ask(
        self, method: str, target: str, fields: Fields, body: AsyncIterator[bytes] | None = None
    ) -> UpstreamResponse | UpstreamFailure:
        """Send a request for an object and wait for the head of its answer."""
        worker = self._workers.get(self._place.owner(target.encode("ascii")))
        if worker is not None and worker.is_healthy:
            told = inner_fields(fields, self._rules.current.digest)
            answer = await self._ask_worker(worker, method, target, told)
            if answer is not None:
                return answer
        return await self._outside.ask(method, target, outer_fields(fields), body)

    def families(self) -> Iterator[Family]:
        """What was asked of the other workers, for the metrics."""
        return families({f"worker-{number}": one for number, one in self._workers.items()})

    async def _ask_worker(
        self, worker: Traffic, method: str, target: str, fields: Fields
    ) -> UpstreamResponse | UpstreamFailure | None:
        """The owner's answer, or why it got none; None if it is not there to answer."""
        with worker.watched(target.encode("ascii")) as exchange:
            answer = await worker.source.ask(method, target, fields)
            exchange.end(answer)
        if isinstance(answer, UpstreamFailure):
            return None
        told = read_told(answer.fields, self._name, self._via)
        if told is None or told.status.detail in _NOT_YET:
            answer.close()
            return None
        failure = told.failure(answer.status)
        if failure is None:
            return _OwnersAnswer(answer, told.fields, told.status)
        answer.close()
        return UpstreamFailure(_kind(failure), is_told=True)


@dataclass(frozen=True, slots=True)
class _OwnersAnswer:
    """An answer as the owner received it."""

    answer: UpstreamResponse
    fields: Fields
    told: CacheStatus

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def reason(self) -> str:
        return self.answer.reason

    @property
    def content_length(self) -> int | None:
        return self.answer.content_length

    @property
    def is_whole(self) -> bool:
        return self.answer.is_whole

    def pieces(self) -> AsyncIterator[bytes]:
        return self.answer.pieces()

    def free_slot(self) -> None:
        self.answer.free_slot()

    def close(self) -> None:
        self.answer.close()


@asynccontextmanager
async def open_owner_first(
    basis: Basis, place: Place, outside: Source
) -> AsyncIterator[OwnerFirst]:
    """The other workers, which are told how far this one is, then `outside`."""
    settings = basis.settings
    limits = UpstreamLimits(
        connect_seconds=_CONNECT_SECONDS,
        head_seconds=settings.fetch_timeout_seconds + _MARGIN_SECONDS,
        read_seconds=settings.read_timeout_seconds + _MARGIN_SECONDS,
        connections=_CONNECTIONS,
        queue_seconds=settings.upstream_queue_seconds,
    )
    breaker = Limits(failures=settings.breaker_failures)
    async with AsyncExitStack() as stack:
        workers = {}
        for number in place.others:
            socket = place.objects_socket(number)
            upstream = Upstream("http://worker", limits, socket=socket, forwards_host=True)
            await stack.enter_async_context(upstream)
            workers[number] = Traffic(Telling(upstream, basis.position), breaker)
        yield OwnerFirst(place, workers, outside, basis.rules, name=settings.name, via=basis.via)


def _kind(failure: str) -> FailureKind:
    try:
        return FailureKind(failure)
    except ValueError:
        return FailureKind.PROTOCOL
