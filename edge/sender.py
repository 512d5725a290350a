"""Sending answers: what goes out for a stored entry, a growing one, a passed one, a failure.

Everything sent here carries this node's `Cache-Status` and, where it comes from the cache, `Age`.
"""

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace

from edge.cache import Cache
from edge.core.answer import Answer, answer
from edge.core.fields import Fields
from edge.core.multipart import Multipart
from edge.core.policy import StoredResponse
from edge.entry import Entry
from edge.errors import BodyTruncated
from edge.fill import Growing
from edge.request import Request
from edge.response import Response
from edge.upstream import UpstreamResponse
from streamer.core.cache_status import CacheStatus, Forward, append, render, render_own

_PHRASES = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    403: "Forbidden",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    508: "Loop Detected",
}


class Sender:
    """Sends the answers of one node.

    Args:
        name: This cache in `Cache-Status`.
        via: This node in `Via`.
        cache: Where bodies are.
        http_date: The present as an HTTP date.
    """

    def __init__(self, name: str, via: str, cache: Cache, http_date: Callable[[], str]) -> None:
        self.name = name
        self._via = via
        self._cache = cache
        self._http_date = http_date

    async def send_entry(
        self, request: Request, response: Response, entry: Entry, status: CacheStatus
    ) -> bool:
        """Send what a stored entry answers; False, and nothing sent, if its body was lost."""
        stored = entry.response
        given = answer(stored, request.query, entry.size_bytes)
        body = b""
        if given.has_content and request.head.method != "HEAD":
            read = await self._cache.read(entry)
            if read is None:
                return False
            body = read
        fields = self.labelled(given.fields, stored, status)
        if given.parts:
            await _send_parts(response, given, fields, entry.size_bytes, _at_once(body))
        elif given.span is None:
            response.start(given.status, given.reason, fields, entry.size_bytes)
            await response.write_whole(body)
        else:
            response.start(given.status, given.reason, fields, given.span.length)
            await response.write_whole(body[given.span.start : given.span.stop])
        return True

    def labelled(self, fields: Fields, stored: StoredResponse, status: CacheStatus) -> Fields:
        """The fields with this node's Age and Cache-Status."""
        now = time.time()
        member = render(replace(status, ttl_seconds=stored.freshness.ttl(now)))
        return fields.without({"age", "cache-status"}).plus(
            ("age", str(stored.freshness.age(now))),
            ("cache-status", append(fields.get("cache-status"), member)),
        )

    async def send_growing(
        self,
        request: Request,
        response: Response,
        outcome: Growing,
        status: CacheStatus,
    ) -> bool:
        """Send an object while it is stored; False, and nothing sent, if its beginning is gone."""
        stored, total_bytes = outcome.response, outcome.total_bytes
        if not outcome.body.is_retained:
            return False
        given = answer(stored, request.query, total_bytes)
        labelled = self.labelled(given.fields, stored, status)
        with outcome.body.reader() as reader:
            if given.parts and total_bytes is not None:
                await _send_parts(response, given, labelled, total_bytes, reader)
                return True
            span = given.span
            length = total_bytes if span is None else span.length
            response.start(given.status, given.reason, labelled, length)
            if not given.has_content:
                response.finish()
                return True
            with suppress(BodyTruncated):
                await response.follow(reader, span)
        return True

    async def send_passed(
        self,
        response: Response,
        upstream: UpstreamResponse,
        fields: Fields,
        pieces: AsyncIterator[bytes],
        why: Forward,
        detail: str | None,
    ) -> None:
        """Send the origin's answer on, unstored; `pieces` is its body."""
        own = CacheStatus(self.name, why, upstream.status, detail=detail)
        status = upstream.told or own
        listed = append(fields.get("cache-status"), render(status))
        sent = fields.without({"cache-status", "content-length"})
        response.start(
            upstream.status,
            upstream.reason,
            sent.plus(("cache-status", listed)),
            upstream.content_length,
        )
        await send_or_truncate(response, pieces)

    async def fail(self, response: Response, status: int, why: Forward | None, detail: str) -> None:
        """Answer that there is no answer."""
        phrase = _PHRASES.get(status, "Error")
        body = f"{phrase}\n".encode("ascii")
        own = render_own(self.name, detail)
        member = own if why is None else render(CacheStatus(self.name, why, detail=detail))
        fields = Fields(
            (
                ("content-type", "text/plain"),
                ("cache-control", "no-store"),
                ("date", self._http_date()),
                ("via", self._via),
                ("cache-status", member),
            )
        )
        response.start(status, phrase, fields, len(body))
        await response.write_whole(body)


async def _send_parts(
    response: Response,
    given: Answer,
    fields: Fields,
    total_bytes: int,
    whole: AsyncIterator[bytes],
) -> None:
    """Send several parts of a body that is there or arrives (RFC 9110 §15.3.7.2)."""
    content_type = given.fields.get("content-type")
    multipart = Multipart(given.parts, total_bytes, content_type, secrets.token_hex(16))
    typed = fields.without({"content-type"}).plus(("content-type", multipart.media_type))
    response.start(given.status, given.reason, typed, multipart.length)
    await send_or_truncate(response, multipart.pieces(whole))


async def _at_once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def send_or_truncate(response: Response, pieces: AsyncIterator[bytes]) -> None:
    """Send a body; one that is cut short leaves the response incomplete, which the viewer sees."""
    try:
        await response.write_all(pieces)
    except BodyTruncated:
        return
