"""The plain HTTP port beside an HTTPS one: it sends everybody there (RFC 9110 §15.4.9)."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.fields import Fields
from edge.request import Request
from edge.response import Response

_PORT = re.compile(r":[0-9]*$")
_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answers every request with the same URL under `https`.

    Attributes:
        port: Where HTTPS is.
        covers: Whether a host is one of ours; others get 421.
    """

    port: int
    covers: Callable[[str], bool]

    async def handle(self, request: Request, response: Response) -> None:
        """Answer."""
        host = _PORT.sub("", request.head.block.host or "")
        if not self.covers(host.strip("[]")):
            text = b"no certificate is for this host\n"
            fields = Fields((("content-type", "text/plain"), ("cache-control", "no-store")))
            response.start(421, "Misdirected Request", fields, len(text))
            await response.write_whole(text)
            return
        port = "" if self.port == _HTTPS_PORT else f":{self.port}"
        location = f"https://{host}{port}{request.head.target}"
        fields = Fields((("location", location), ("cache-control", "no-store")))
        response.start(308, "Permanent Redirect", fields, 0)
        response.finish()
        response.result = "redirect"
