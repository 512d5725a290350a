"""The API keeps to its OpenAPI document, whatever it is asked: schemathesis finds nothing.

PostgreSQL is behind it, which takes less than SQLite does.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from streamer.core.video import VideoState
from streamer.origin.uploads import new_video_id
from streamer.shared.catalog import Catalog
from tests.integration.origin.conftest import TUS, id_of, now
from tests.integration.origin.process import origin_process
from tests.servers import Postgres
from tests.unit.core.published import LOW, SOUND, segments

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
DEADLINE_SECONDS = 120


@dataclass(frozen=True)
class Target:
    """An origin, and the ids of what is in it."""

    url: str
    video_id: str
    upload_id: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> AsyncIterator[Target]:
    directory = tmp_path_factory.mktemp("schema")
    database = await postgres.create_database()
    video_id = await make_ready(database)
    async with (
        origin_process(directory, STREAMER_DATABASE_URL=database) as process,
        httpx.AsyncClient(base_url=process.url) as client,
    ):
        made = await client.post("/api/v1/uploads", headers={**TUS, "Upload-Length": "1000"})
        yield Target(process.url, video_id, id_of(made.headers["Location"]))


async def make_ready(database: str) -> str:
    """A ready video with two renditions, straight in the catalog."""
    catalog = await Catalog.open(database)
    video_id = new_video_id()
    await catalog.create_video(video_id, title="clip", now=now())
    await catalog.accept_source(video_id, size_bytes=100)
    await catalog.begin_packaging(video_id, duration_seconds=4.0, renditions=[LOW, SOUND])
    for rendition in (LOW, SOUND):
        await catalog.publish(
            video_id,
            segments(rendition, 1000),
            init_names={rendition.name: rendition.init_name or ""},
            now=now(),
        )
    video = await catalog.finish(video_id, duration_seconds=4.0, now=now())
    assert video.state is VideoState.READY
    await catalog.close()
    return video_id


async def examine(target: Target, directory: Path, config: str, *options: str) -> None:
    """Fail with what schemathesis reports, if that is anything."""
    file = directory / "schemathesis.toml"
    await asyncio.to_thread(file.write_text, config)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(file)),
        *("run", f"{target.url}/openapi.json", "--checks", ",".join(CHECKS), "--seed", "1"),
        *("--max-examples", "8", "--phases", "examples,coverage,fuzzing", "--no-color"),
        *options,
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            report, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, report.decode()


async def test_of_anything(target: Target, tmp_path: Path) -> None:
    await examine(target, tmp_path, "")


async def test_of_what_is_there(target: Target, tmp_path: Path) -> None:
    config = f'''
[parameters]
"path.video_id" = "{target.video_id}"
"path.upload_id" = "{target.upload_id}"
"path.rendition" = "{LOW.name}"
'''
    # What removes it, and what follows it until nothing more happens.
    without = ("delete_video", "terminate_upload", "follow_video")
    options = [part for name in without for part in ("--exclude-operation-id", name)]
    await examine(target, tmp_path, config, *options)
