"""What answers that go to one viewer alone mean for what is stored."""

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from edge.arriving import Left
from edge.cache import Cache
from edge.core.changed import changed_targets, examine_post
from edge.core.fields import Fields
from edge.core.key import is_large, target_of
from edge.core.policy import (
    Query,
    Refused,
    StoredResponse,
    confirmed_by_head,
    freshened,
    invalidates,
    unshared,
)
from edge.core.recent import Recent
from edge.entry import Entry
from edge.request import Request
from edge.rules import Rules
from edge.upstream import UpstreamResponse

ALONE_KEYS = 8192
_PUBLIC_SECONDS = 600.0
_PUBLIC_KEYS = 8192


class Aftermath:
    """Draws the consequences.

    Args:
        cache: What is stored.
        rules: What is done for which path.
        forget: Makes the node forget what is stored for keys, or about to be, but for what the
            request leaves that has changed it.
        alone_seconds: How long requests for a key go to the origin one by one after an answer that
            could not be shared.
    """

    def __init__(
        self,
        cache: Cache,
        rules: Rules,
        forget: Callable[[Iterable[bytes], Left], Awaitable[None]],
        alone_seconds: float,
    ) -> None:
        self._cache = cache
        self._rules = rules
        self._forget = forget
        self._alone = Recent(alone_seconds, ALONE_KEYS)
        self._public = Recent(_PUBLIC_SECONDS, _PUBLIC_KEYS)

    def is_alone(self, request: Request) -> bool:
        """Whether a request for what is not stored neither waits for others nor is waited for.

        The whole is not asked for on behalf of somebody who has credentials and wants a part of it,
        unless the answer to such a request could be shared lately.
        """
        key, now, asked = request.key, time.time(), request.head.fields.combined
        is_for_one = "range" in asked and "authorization" in asked
        return self._alone.has(key, now) or (is_for_one and not self._public.has(key, now))

    def leave_alone(self, key: bytes) -> None:
        """An answer could not be shared: let those who ask for the same not wait for the next."""
        self._alone.add(key, time.time())

    async def follow(
        self,
        request: Request,
        answer: UpstreamResponse,
        fields: Fields,
        *,
        stored: Entry | None,
        sent: Fields,
        asked_at: float,
        left: Left,
    ) -> None:
        """Heed an answer that is about to be sent on.

        Args:
            request: What it answers.
            answer: Its head.
            fields: Its end-to-end fields.
            stored: The entry that the request selects.
            sent: The fields of the request as it was sent on.
            asked_at: When that was.
            left: Gets the response to store with the body of the answer, if there is one.
        """
        if invalidates(request.head.method, answer.status):
            await self._forget(self._changed(request, fields), left)
        if request.head.method == "GET":
            self._heed_get(request, answer.status, fields)
        if answer.status != 200:
            return
        match request.head.method:
            case "HEAD" if stored is not None:
                self._update(request, stored, fields, asked_at)
            case "POST":
                left.response = examine_post(
                    replace(request.query, sent=sent),
                    target_of(request.key).decode("ascii"),
                    answer.reason,
                    fields,
                    request_time=asked_at,
                    response_time=time.time(),
                    behaviour=self._rules.of_key(request.key),
                )

    def _heed_get(self, request: Request, status: int, fields: Fields) -> None:
        """Learn from an answer whether the next ones can be shared."""
        if status not in (200, 206):
            return
        key, now = request.key, time.time()
        why = unshared(request.query, fields, self._rules.of_key(key))
        if why is None:
            if status == 200:
                self._alone.discard(key)
            if "authorization" in request.head.fields.combined:
                self._public.add(key, now)
        elif status == 200 and self._alone.has(key, now) and not why.is_momentary:
            self.leave_alone(key)

    def _changed(self, request: Request, fields: Fields) -> set[bytes]:
        """The keys of what an unsafe request has changed (RFC 9111 §4.4)."""
        key, host = request.key, request.head.fields.get("host") or ""
        others = changed_targets(target_of(key).decode("ascii"), host, fields)
        return {key} | {self._rules.beside(key, other) or key for other in others}

    def _update(self, request: Request, stored: Entry, fields: Fields, asked_at: float) -> None:
        """Update what is stored by the answer to a HEAD, or forget it (RFC 9111 §4.3.5)."""
        size_bytes = None if is_large(stored.key) else stored.size_bytes
        if not confirmed_by_head(stored.response, fields, size_bytes):
            self._cache.drop(stored)
            return
        updated = freshened(
            stored.response,
            Query("GET", request.head.fields),
            fields,
            request_time=asked_at,
            response_time=time.time(),
            negative_seconds={},
            behaviour=self._rules.of_key(stored.key),
        )
        if isinstance(updated, StoredResponse):
            self._cache.renew(stored, updated)
        elif updated is not Refused.AUTHORIZATION:
            self._cache.drop(stored)
