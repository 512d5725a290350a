"""Everybody who can be asked for what is not stored here, tried in the order of `edge.core.route`.

A request is sent to the first healthy candidate; without an answer, or with one that says that the
upstream could not reach what it needs, to the next, within one deadline.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from copy import copy
from dataclasses import replace

from edge.core.breaker import Limits
from edge.core.fields import Fields
from edge.core.forward import with_public_host
from edge.core.key import target_of
from edge.core.loop import marked, passed_nodes
from edge.core.retry import another_may_do, backoff_seconds, is_repeatable
from edge.core.route import Tiers, candidates
from edge.errors import BodyTruncated
from edge.exposition import Family
from edge.position import Position, Telling, untold
from edge.settings import EdgeSettings
from edge.traffic import Traffic, families
from edge.upstream import (
    FailureKind,
    Source,
    Upstream,
    UpstreamFailure,
    UpstreamLimits,
    UpstreamResponse,
)

_ROUND_PAUSE_SECONDS = 0.1


class Upstreams:
    """The upstreams of a node.

    Args:
        tiers: Their names, in tiers.
        sources: Them, by name.
        node: This node in `CDN-Loop`, a token.
        public_host: The host, with its port, that viewers reach it at; empty: not known.
        breaker: When one of them is left alone.
        total_seconds: The deadline for an answer's head, over all that are tried.
    """

    def __init__(
        self,
        tiers: Tiers,
        sources: Mapping[str, Source],
        *,
        node: str,
        public_host: str,
        breaker: Limits,
        total_seconds: float,
    ) -> None:
        self.tiers = tiers
        self._node = node
        self._public_host = public_host
        self._total_seconds = total_seconds
        self._breaker = breaker
        self.traffic = {name: Traffic(source, breaker) for name, source in sources.items()}

    async def ask(
        self,
        method: str,
        target: str,
        fields: Fields,
        body: AsyncIterator[bytes] | None = None,
        *,
        key: bytes | None = None,
    ) -> UpstreamResponse | UpstreamFailure:
        """Send a request and wait for the head of its answer. Redirects are answers.

        Args:
            method: The method.
            target: What is asked for, in origin-form.
            fields: The header section, without hop-by-hop fields.
            body: The request's content.
            key: What chooses among equals; by default the target.
        """
        key = target.encode("ascii") if key is None else key
        names = self._candidates(key, fields)
        if not names:
            return UpstreamFailure(FailureKind.OPEN)
        sent = with_public_host(marked(untold(fields), self._node), self._public_host)
        request = _Request(method, target, sent, body)
        attempt = _Attempt(key, request, [self.traffic[name] for name in names])
        try:
            async with asyncio.timeout(None if body is not None else self._total_seconds):
                return await attempt.run()
        except TimeoutError:
            return attempt.take() or UpstreamFailure(FailureKind.TIMEOUT)
        finally:
            attempt.close()

    def toward(self, origins: Mapping[str, Source]) -> "Upstreams":
        """The same workers and parents in front of other origins."""
        other = copy(self)
        other.tiers = replace(self.tiers, origins=tuple(origins))
        new = {name: Traffic(source, self._breaker) for name, source in origins.items()}
        other.traffic = {**self.traffic, **new}
        return other

    def directly(self) -> "Upstreams":
        """The same without parents."""
        other = copy(self)
        other.tiers = replace(self.tiers, parents=(), sibling=None)
        return other

    def would_ask(self, key: bytes) -> list[str]:
        """Whom a viewer's request for a key would be sent to, in order, as things are."""
        return self._candidates(target_of(key), Fields())

    def families(self) -> Iterator[Family]:
        """What was asked of every upstream and what came of it, for the metrics."""
        return families(self.traffic)

    def _candidates(self, key: bytes, fields: Fields) -> list[str]:
        through = passed_nodes(fields)
        return candidates(
            self.tiers,
            key,
            from_edge=bool(through - {self._node}),
            is_healthy=lambda name: self.traffic[name].is_healthy,
        )


class _Request:
    """One request; knows whether any of its body was taken, and whether it broke off."""

    def __init__(
        self, method: str, target: str, fields: Fields, body: AsyncIterator[bytes] | None
    ) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.has_begun_body = False
        self.is_cut_short = False
        self._body = body

    @property
    def is_repeatable(self) -> bool:
        return is_repeatable(self.method, has_begun_body=self.has_begun_body)

    async def send_to(self, source: Source) -> UpstreamResponse | UpstreamFailure:
        body = None if self._body is None else self._watched(self._body)
        return await source.ask(self.method, self.target, self.fields, body)

    async def _watched(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self.has_begun_body = True
        try:
            async for piece in body:
                yield piece
        except BodyTruncated:
            self.is_cut_short = True
            raise


class _Attempt:
    """Trying the candidates for one request. An error answer is kept until there is a better."""

    def __init__(self, key: bytes, request: _Request, candidates: Sequence[Traffic]) -> None:
        self._key = key
        self._request = request
        self._candidates = candidates
        self._kept: UpstreamResponse | None = None
        self._was_refused = True

    async def run(self) -> UpstreamResponse | UpstreamFailure:
        """Try all, and once more where none could be reached at all."""
        answer = await self._round()
        if isinstance(answer, UpstreamFailure) and self._was_refused:
            await asyncio.sleep(_pause_seconds())
            answer = await self._round()
        return answer

    def take(self) -> UpstreamResponse | None:
        """The error answer that was kept."""
        kept, self._kept = self._kept, None
        return kept

    def close(self) -> None:
        """Let go of what nobody took."""
        if self._kept is not None:
            self._kept.close()

    async def _round(self) -> UpstreamResponse | UpstreamFailure:
        answer: UpstreamResponse | UpstreamFailure = UpstreamFailure(FailureKind.OPEN)
        for place, traffic in enumerate(self._candidates, start=1):
            if not traffic.is_healthy:
                continue  # it has become ill since it was chosen
            answer = await self._try(traffic)
            if not self._goes_on(answer, is_last=place == len(self._candidates)):
                return answer
        return self.take() or answer

    async def _try(self, traffic: Traffic) -> UpstreamResponse | UpstreamFailure:
        with traffic.watched(self._key) as exchange:
            answer = await self._request.send_to(traffic.source)
            if isinstance(answer, UpstreamFailure) and self._request.is_cut_short:
                return answer
            return exchange.follow(answer)

    def _goes_on(self, answer: UpstreamResponse | UpstreamFailure, *, is_last: bool) -> bool:
        """Whether another candidate shall be asked."""
        if isinstance(answer, UpstreamFailure):
            self._was_refused &= answer.kind.is_unsent
            return self._request.is_repeatable or answer.kind.is_unsent
        if is_last or not another_may_do(self._request.method, answer.status):
            return False
        self.close()
        self._kept = answer
        return True


@asynccontextmanager
async def open_upstreams(
    settings: EdgeSettings, position: Position, *, node: str
) -> AsyncIterator[Upstreams]:
    """The upstreams that the settings name.

    Args:
        settings: Who there is.
        position: What parents are told.
        node: This node in `CDN-Loop`, equal in all its workers.
    """
    origins = _bare((settings.origin, *settings.backup_origins))
    parents, sibling = _bare(settings.parents), settings.own_url
    tiers = Tiers(origins, parents, sibling)
    limits = upstream_limits(settings)
    async with AsyncExitStack() as stack:
        sources: dict[str, Source] = {}
        for url in (*parents, *origins):
            if url != sibling and url not in sources:
                is_parent = url in parents
                upstream = Upstream(url, limits, forwards_host=is_parent)
                await stack.enter_async_context(upstream)
                sources[url] = Telling(upstream, position) if is_parent else upstream
        yield Upstreams(
            tiers,
            sources,
            node=node,
            public_host=settings.public_host,
            breaker=Limits(failures=settings.breaker_failures),
            total_seconds=settings.fetch_timeout_seconds,
        )


def upstream_limits(settings: EdgeSettings) -> UpstreamLimits:
    """The bounds of every upstream outside this node."""
    return UpstreamLimits(
        connect_seconds=settings.connect_timeout_seconds,
        head_seconds=settings.first_byte_timeout_seconds,
        read_seconds=settings.read_timeout_seconds,
        connections=settings.upstream_connections,
        queue_seconds=settings.upstream_queue_seconds,
    )


def _bare(urls: Sequence[str]) -> tuple[str, ...]:
    return tuple(url.rstrip("/") for url in urls)


def _pause_seconds() -> float:
    jitter = random.random()  # noqa: S311
    return backoff_seconds(1, _ROUND_PAUSE_SECONDS, _ROUND_PAUSE_SECONDS, jitter)
