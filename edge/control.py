"""A worker's control socket: what the supervisor and the other workers may ask and say.

It is a Unix socket in a directory that only this user may enter; nothing reaches it from outside.
"""

import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from edge.core.fields import Fields
from edge.exposition import Family

# The largest playlist, whose bytes may take six characters each.
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Control:
    """What a worker does when it is told.

    Attributes:
        families: Its metrics.
        forget: Forgets what is stored for keys.
        purge: Obeys one item of the log of purges.
        fetch_ahead: Fetches keys for a viewer with these fields and scheme, within so many seconds.
        learn: Takes in a playlist by key, response fields and body.
        take_in: Goes by what files say now, by path.
    """

    families: Callable[[], Iterable[Family]]
    forget: Callable[[Iterable[bytes]], None]
    purge: Callable[[dict[str, Any]], Awaitable[bool]]
    fetch_ahead: Callable[[Iterable[bytes], Fields, str, float], None]
    learn: Callable[[bytes, Fields, bytes], None]
    take_in: Callable[[dict[str, str]], Awaitable[None]]

    def add_to(self, app: web.Application) -> None:
        """Route messages to it."""
        app.router.add_get("/families", self._on_families)
        app.router.add_post("/forget", self._on_forget)
        app.router.add_post("/purge", self._on_purge)
        app.router.add_post("/ahead", self._on_ahead)
        app.router.add_post("/playlist", self._on_playlist)
        app.router.add_post("/files", self._on_files)

    async def _on_families(self, _: web.Request) -> web.Response:
        families = [asdict(family) for family in self.families()]
        return web.json_response({"pid": os.getpid(), "families": families})

    async def _on_forget(self, request: web.Request) -> web.Response:
        message = await _message(request)
        self.forget([key.encode("ascii") for key in message["keys"]])
        return web.json_response({})

    async def _on_purge(self, request: web.Request) -> web.Response:
        return web.json_response({"obeyed": await self.purge(await _message(request))})

    async def _on_ahead(self, request: web.Request) -> web.Response:
        message = await _message(request)
        keys = [key.encode("ascii") for key in message["keys"]]
        fields, scheme = _fields(message["fields"]), message["scheme"]
        self.fetch_ahead(keys, fields, scheme, message["patience_seconds"])
        return web.json_response({})

    async def _on_playlist(self, request: web.Request) -> web.Response:
        message = await _message(request)
        key, body = message["key"].encode("ascii"), message["body"].encode("latin-1")
        self.learn(key, _fields(message["fields"]), body)
        return web.json_response({})

    async def _on_files(self, request: web.Request) -> web.Response:
        await self.take_in(await _message(request))
        return web.json_response({})


async def _message(request: web.Request) -> Any:
    """What was said: more than the application takes elsewhere."""
    return await request.clone(client_max_size=_MAX_MESSAGE_BYTES).json()


def _fields(items: list[list[str]]) -> Fields:
    return Fields(tuple((name, value) for name, value in items))
