"""A real origin on a port of its own: uvicorn, SQLite, a directory store, a queue that records."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from streamer.core.errors import Unavailable
from streamer.core.video import Video
from streamer.origin.services import Services
from streamer.origin.settings import OriginSettings
from streamer.server import build_app, serve
from streamer.shared.catalog import Catalog
from streamer.shared.directory_store import DirectoryStore
from streamer.shared.object_store import ObjectInfo

DEADLINE_SECONDS = 10.0
MINUTE = timedelta(minutes=1)
TUS = {"Tus-Resumable": "1.0.0"}
BODY = {**TUS, "Content-Type": "application/offset+octet-stream"}


class RecordingJobs:
    """A queue that nobody works on; it remembers what it was asked."""

    def __init__(self) -> None:
        self.packaged: list[str] = []
        self.cancelled: list[str] = []
        self.forgotten: list[str] = []
        self.is_down = False
        self.bug: BaseException | None = None

    async def package(self, video_id: str, version: int = 1, *, arrives: bool = False) -> None:
        await self.check()
        if self.bug is not None:
            raise self.bug
        job = _job(video_id, version)
        if job not in self.packaged:
            self.packaged.append(job)

    async def cancel(self, video_id: str) -> None:
        await self.check()
        self.cancelled.append(video_id)

    async def forget(self, video_id: str) -> None:
        await self.check()
        self.forgotten.append(video_id)

    async def forget_version(self, video_id: str, version: int) -> None:
        await self.check()
        self.forgotten.append(_job(video_id, version))

    async def stranded(self, living: Collection[str]) -> list[tuple[str, int]]:
        await self.check()
        return []

    async def ended(self, versions: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
        await self.check()
        return []

    async def withdraw(self, video_id: str, version: int) -> None:
        raise AssertionError("nothing is stranded here")

    async def check(self) -> None:
        if self.is_down:
            raise Unavailable("the queue is down")


def _job(video_id: str, version: int) -> str:
    return video_id if version == 1 else f"{video_id}-v{version}"


class SwitchedStore(DirectoryStore):
    """A directory store that takes no files, and gives none up, while it is down."""

    is_down = False

    async def put_file(self, key: str, path: Path, *, move: bool = False) -> ObjectInfo:
        await self.check()
        return await super().put_file(key, path, move=move)

    async def delete(self, key: str) -> None:
        await self.check()
        await super().delete(key)

    async def check(self) -> None:
        if self.is_down:
            raise Unavailable("the store is down")
        await super().check()


@dataclass
class Origin:
    url: str
    client: httpx.AsyncClient
    app: FastAPI
    settings: OriginSettings
    catalog: Catalog
    store: SwitchedStore
    jobs: RecordingJobs
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 80

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    async def create_upload(self, length: int, **headers: str) -> str:
        """The path of a new upload."""
        answer = await self.client.post(
            "/api/v1/uploads", headers={**TUS, "Upload-Length": str(length), **headers}
        )
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    async def patch(self, path: str, offset: int, body: bytes, **headers: str) -> httpx.Response:
        return await self.client.patch(
            path, content=body, headers={**BODY, "Upload-Offset": str(offset), **headers}
        )

    async def offset(self, path: str) -> int:
        answer = await self.client.head(path, headers=TUS)
        assert answer.status_code == 200
        return int(answer.headers["Upload-Offset"])

    async def source(self, video_id: str) -> bytes:
        async with self.store.get(f"videos/{video_id}/source") as body:
            return b"".join([chunk async for chunk in body.chunks])

    def has_bytes(self, upload_id: str) -> bool:
        """Whether anything of the upload is left on this machine's disk."""
        return any(self.settings.uploads_dir.glob(f"{upload_id}*"))

    async def video(self, video_id: str) -> Video:
        return await self.catalog.get_video(video_id)


OpenOrigin = Callable[..., AbstractAsyncContextManager[Origin]]


def now() -> datetime:
    return datetime.now(UTC)


def id_of(path: str) -> str:
    return path.rsplit("/", 1)[-1]


async def eventually(condition: Callable[[], object]) -> None:
    """Return once `condition` holds; fail after a deadline."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def opened(
    directory: Path,
    make_store: Callable[[Path], SwitchedStore] = SwitchedStore,
    /,
    **changes: object,
) -> AsyncIterator[Origin]:
    """An origin over a data directory, with settings of the test's choice."""
    values = {"port": 0, "data_dir": directory, "shutdown_seconds": 2, **changes}
    settings = OriginSettings(**values)  # type: ignore[arg-type]
    catalog = await Catalog.open(settings.catalog_url)
    store, jobs = make_store(directory / "store"), RecordingJobs()
    app = build_app(settings, store=store, catalog=catalog, jobs=jobs)
    urls: asyncio.Queue[str] = asyncio.Queue()
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(app, settings, stop=stop, on_listening=urls.put_nowait))
    try:
        url = await urls.get()
        async with httpx.AsyncClient(base_url=url, timeout=DEADLINE_SECONDS) as client:
            yield Origin(url, client, app, settings, catalog, store, jobs, stop)
    finally:
        stop.set()
        await serving
        await catalog.close()
        await store.close()


@pytest.fixture
def open_origin(tmp_path: Path) -> OpenOrigin:
    """Opens origins over one data directory of the test's own."""
    return partial(opened, tmp_path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def origin(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Origin]:
    """An origin that the tests of a module share."""
    async with opened(tmp_path_factory.mktemp("origin")) as one:
        yield one


def with_token(token: str) -> dict[str, object]:
    return {"api_token": SecretStr(token)}
