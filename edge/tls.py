"""TLS between the TCP connection and the HTTP one.

uvloop has TLS of its own, which encrypts a whole body at once and keeps as much memory for the
connection ever after. Here a body is encrypted as the viewer takes it, and what it waits for is
still shared with everybody else who gets the same.
"""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from edge.http import Connection
from edge.metrics import Counters

# How much is encrypted at once: about as much as the kernel takes, in pieces that stay in the
# processor's cache on their way.
_STEP_BYTES = 256 * 1024
_PIECE_BYTES = 64 * 1024
_RECORD_BYTES = 16 * 1024
# Replies to what only TLS sees (key updates) may pile up so far at a viewer that reads nothing.
_MAX_OWED_BYTES = 1024 * 1024
_NOT_TLS = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 20\r\n"
    b"connection: close\r\n\r\nThis port is HTTPS.\n"
)


@dataclass(frozen=True, slots=True)
class Tls:
    """What the connections of a listener share.

    Attributes:
        context: Where certificates come from.
        counters: Where failed handshakes are counted.
        outgoing: Where OpenSSL leaves what is to be sent. Every use of it ends with taking that
            out, so one buffer does for all connections.
    """

    context: ssl.SSLContext
    counters: Counters
    outgoing: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """The protocol of a TCP connection, the transport of an HTTP connection.

    Args:
        shared: What it shares with others.
        connection: The HTTP connection; it is told at once of the TCP connection, so that its
            bounds hold for the handshake too, and of the end of the handshake by `secured`.
    """

    __slots__ = (
        "_closes",
        "_connection",
        "_ends",
        "_incoming",
        "_is_blocked",
        "_is_paused",
        "_is_secure",
        "_shared",
        "_tcp",
        "_tls",
        "_unsent",
        "_unsent_bytes",
        "_viewer_is_slow",
    )

    def __init__(self, shared: Tls, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self._shared = shared
        self._incoming = ssl.MemoryBIO()
        self._tls = shared.context.wrap_bio(self._incoming, shared.outgoing, server_side=True)
        self._tcp: asyncio.Transport
        self._unsent: list[memoryview] = []
        self._unsent_bytes = 0
        self._is_secure = False
        self._is_paused = False
        self._is_blocked = False
        self._viewer_is_slow = False
        self._ends = False
        self._closes = False

    # What TCP tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the viewer speaks first."""
        self._tcp = cast(asyncio.Transport, transport)
        self._connection.connection_made(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Pass it on."""
        self._ends = True
        self._unsent = []
        self._connection.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Decrypt what has come."""
        if self._ends:
            return
        self._incoming.write(data)
        if self._is_secure or self._shake_hands():
            self._read()

    def eof_received(self) -> bool:
        """The viewer has gone."""
        return self._connection.eof_received()

    def pause_writing(self) -> None:
        """The kernel takes no more."""
        self._is_blocked = True
        if not self._viewer_is_slow:
            self._viewer_is_slow = True
            self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Encrypt what the kernel takes now."""
        self._is_blocked = False
        self._send()
        if self._viewer_is_slow and not self._is_blocked:
            self._viewer_is_slow = False
            self._connection.resume_writing()

    # What HTTP asks of us.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        self.writelines((data,))

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Send bytes; they must not change any more."""
        if self._ends:
            return
        for data in list_of_data:
            if data:
                self._unsent.append(memoryview(data))
                self._unsent_bytes += len(data)
        self._send()

    def write_eof(self) -> None:
        """Send no more; nothing that still comes is read."""
        if not self._ends:
            self._ends = True
            self._send()

    def can_write_eof(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """End the connection when everything is sent."""
        self._closes = True
        self.write_eof()
        if not self._unsent:
            self._tcp.close()

    def abort(self) -> None:
        """End the connection now."""
        self._tcp.abort()

    def is_closing(self) -> bool:
        """Whether the end has begun."""
        return self._closes or self._tcp.is_closing()

    def pause_reading(self) -> None:
        """Take nothing more in."""
        self._is_paused = True
        self._tcp.pause_reading()

    def resume_reading(self) -> None:
        """Go on, with what was decrypted meanwhile."""
        self._is_paused = False
        self._tcp.resume_reading()
        if self._incoming.pending or self._tls.pending():
            asyncio.get_running_loop().call_soon(self._read)

    def get_write_buffer_size(self) -> int:
        """What neither the kernel nor the viewer has taken."""
        return self._unsent_bytes + self._tcp.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`ssl_object` after the handshake, or what TCP says."""
        if name == "ssl_object":
            return self._tls if self._is_secure else default
        return self._tcp.get_extra_info(name, default)

    def _shake_hands(self) -> bool:
        """Go on with the handshake; whether it is done."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._drain()
            return False
        except ssl.SSLError as error:
            self._fail(error)
            return False
        self._is_secure = True
        self._drain()
        self._connection.secured()
        return True

    def _read(self) -> None:
        """Hand on what can be decrypted."""
        while not (self._is_paused or self._ends):
            data = self._decrypt()
            if data is None:
                return
            if data:
                self._connection.data_received(data)
            else:  # the viewer said goodbye
                self._connection.eof_received()
                self.close()

    def _decrypt(self) -> bytes | None:
        """What the next record holds; empty at the end; None: it has not all come, or it is bad."""
        if not (self._incoming.pending or self._tls.pending()):
            return None
        data: bytes | None = None
        try:
            data = self._tls.read(_RECORD_BYTES)
        except ssl.SSLWantReadError:
            self._drain()
        except ssl.SSLError as error:
            self._fail(error)
        else:
            self._drain()
        if self._tcp.get_write_buffer_size() > _MAX_OWED_BYTES:
            self._tcp.abort()
        return data

    def _send(self) -> None:
        """Encrypt and hand over as much as the kernel takes."""
        if not self._is_secure:
            if self._ends:
                self._tcp.abort()
            return
        while self._unsent and not self._is_blocked:
            self._tcp.writelines(self._encrypt())
        if self._ends and not self._unsent:
            self._say_goodbye()

    def _encrypt(self) -> list[bytes]:
        """The records of the next step."""
        records: list[bytes] = []
        room = _STEP_BYTES
        unsent, encrypt, take = self._unsent, self._tls.write, self._shared.outgoing.read
        while unsent and room > 0:
            rest = unsent[0]
            piece = rest[:_PIECE_BYTES]
            encrypt(piece)
            records.append(take())
            room -= len(piece)
            if len(piece) == len(rest):
                del unsent[0]
            else:
                unsent[0] = rest[_PIECE_BYTES:]
        self._unsent_bytes -= _STEP_BYTES - room
        return records

    def _say_goodbye(self) -> None:
        """Tell the viewer that this was all (RFC 8446 §6.1), then TCP."""
        with suppress(ssl.SSLError):  # it has not said goodbye yet
            self._tls.unwrap()
        self._drain()
        if self._closes:
            self._tcp.close()
        elif not self._tcp.is_closing():
            self._tcp.write_eof()

    def _drain(self) -> None:
        """Send what TLS itself has to say."""
        said = self._shared.outgoing.read()
        if said and not self._tcp.is_closing():
            self._tcp.write(said)

    def _fail(self, error: ssl.SSLError) -> None:
        """End what is no TLS, or none that we speak; the alert says why."""
        if not self._is_secure:
            self._shared.counters.tls_handshakes_failed += 1
        self._ends = self._closes = True
        self._drain()
        if error.reason == "HTTP_REQUEST":
            self._tcp.write(_NOT_TLS)
        self._tcp.close()
