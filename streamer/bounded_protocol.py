"""uvicorn's HTTP/1.1 with bounds on a request's head: how large it is, and how long it takes.

uvicorn keeps whatever it is sent until a head is complete, and waits for its end for ever. Its
own deadline is for connections between two requests.
"""

import asyncio
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from streamer.core.head_bounds import MAX_FIELDS, MAX_HEAD_BYTES, MAX_TARGET_BYTES
from streamer.shared.problems import problem_response

_HEAD_SECONDS = 15.0
_LINGER_SECONDS = 2.0
_MAX_BYTES = MAX_HEAD_BYTES + MAX_TARGET_BYTES


class _Refused(Exception):
    """Stops the parser: the request has been refused."""


class BoundedProtocol(HttpToolsProtocol):
    """One client's connection.

    A head over the bounds is a 431, one that is not complete in time a 408, a malformed request, or
    one that does not name its host, a 400. Each ends the connection.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._is_in_head = True
        self._is_refused = False
        self._unreported_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Expect the first head."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._drop_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what was sent; after a refusal nobody reads it."""
        if self._is_refused:
            return
        if self._is_in_head and self._deadline is None:
            self._expect_head()
        self._unreported_bytes += len(data)
        super().data_received(data)
        if self._unreported_bytes > _MAX_BYTES:
            self._refuse_size()
        elif self._deadline is None and self.cycle.response_complete:
            # The rest of a body that nobody waited for: uvicorn has forgotten its deadline.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head; those behind a body are none (RFC 9110 §6.5.1)."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the head is over the bounds or names no host."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > _MAX_BYTES or len(self.headers) > MAX_FIELDS:
            self._refuse_size()
            raise _Refused
        if not self._names_one_host():
            self.send_400_response("The request must name one host.")
            raise _Refused
        if not self._has_known_framing():
            self.send_400_response("The only transfer coding is chunked.")
            raise _Refused
        self._drop_deadline()
        self._is_in_head = False
        self._unreported_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._unreported_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Be ready for another head."""
        self._is_in_head = True
        self._unreported_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser cannot understand."""
        self._refuse(400, msg, code="invalid_input")

    def _names_one_host(self) -> bool:
        """RFC 9112 §3.2; HTTP/1.0 needs to name none."""
        count = sum(name == b"host" for name, _ in self.headers)
        return count == 1 or (count == 0 and self.parser.get_http_version() == "1.0")

    def _has_known_framing(self) -> bool:
        """RFC 9112 §6.1; the parser would find out about most others after the head."""
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        return not codings or [coding.lower() for coding in codings] == [b"chunked"]

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(_HEAD_SECONDS, self._expire)

    def _drop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        if self._is_answering:
            self._expect_head()
        elif self._unreported_bytes:
            self._refuse(408, "The request's head took too long.", code="head_timed_out")
        else:
            self.transport.close()

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _is_next_to_answer(self) -> bool:
        """Whether what is being received is the request whose answer would come next."""
        if self._is_in_head:
            return not self._is_answering
        return not (self.cycle.response_started or self.pipeline)

    def _refuse_size(self) -> None:
        self._refuse(431, "The request's head is too large.", code="head_too_large")

    def _refuse(self, status: int, detail: str, *, code: str) -> None:
        """Answer with a problem document and read no more, or end an answer in progress."""
        if self._is_refused:
            return
        self._is_refused = True
        if not self._is_next_to_answer:
            self.transport.close()
            return
        if self._is_answering:
            self._leave_unanswered()
        answer = problem_response(status, detail, code=code, headers={"Connection": "close"})
        fields = (b"%b: %b\r\n" % field for field in answer.raw_headers)
        self.transport.write(b"".join((STATUS_LINE[status], *fields, b"\r\n", answer.body)))
        self._linger()

    def _leave_unanswered(self) -> None:
        """Make it as if the client had left: what the application answers is not sent."""
        self.cycle.disconnected = True
        self.cycle.waiting_for_100_continue = False
        self.cycle.message_event.set()

    def _linger(self) -> None:
        """Close our side; a close with unread input would reset what was just sent."""
        self.flow.resume_reading()
        self.transport.write_eof()
        self._drop_deadline()
        self._deadline = self.loop.call_later(_LINGER_SECONDS, self.transport.close)
