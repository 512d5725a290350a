"""A queue of jobs that takes no results for a while: it takes longer, and that is all."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from streamer.core.video import VideoState
from streamer.shared.jobs import jobs_url
from streamer.shared.settings import SharedSettings
from tests.integration.packager.conftest import StartWorker
from tests.integration.packager.installation import FINAL, Installation, eventually
from tests.servers import Postgres

pytestmark = pytest.mark.slow

VIDEO = "testvideo1"
# SQLite says that it is full where the next row's number would be too large.
FULL = (
    "CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT)",
    "INSERT INTO numbered VALUES (9223372036854775807)",
    "CREATE TRIGGER full_up BEFORE INSERT ON operation_outputs"
    " BEGIN INSERT INTO numbered VALUES (NULL); END",
)
ROOM = ("DROP TRIGGER full_up",)
CANCELLED = (
    "CREATE FUNCTION dbos.cancel() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'cancelled' USING ERRCODE = '57014'; END $$",
    "CREATE TRIGGER cancelled BEFORE INSERT ON dbos.operation_outputs"
    " FOR EACH ROW EXECUTE FUNCTION dbos.cancel()",
)
AGAIN = ("DROP TRIGGER cancelled ON dbos.operation_outputs",)
OUTAGES = {"sqlite": (FULL, ROOM), "postgresql": (CANCELLED, AGAIN)}


@pytest.fixture(params=["sqlite", "postgresql"])
def own_postgres(request: pytest.FixtureRequest) -> Postgres | None:
    """The server that holds catalog and queue, unless SQLite does."""
    if request.param == "sqlite":
        return None
    server: Postgres = request.getfixturevalue("postgres")
    return server


@pytest.fixture
async def settings(own_postgres: Postgres | None, tmp_path: Path) -> SharedSettings:
    url = await own_postgres.create_database() if own_postgres else ""
    return SharedSettings(data_dir=tmp_path / "data", database_url=url)


@contextmanager
def outage(settings: SharedSettings) -> Iterator[None]:
    """No step's result can be recorded."""
    url = make_url(jobs_url(settings))
    begin, end = OUTAGES[url.get_backend_name()]
    if settings.database_url:
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    execute(engine, begin)
    yield
    execute(engine, end)
    engine.dispose()


def execute(engine: Engine, statements: Sequence[str]) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


async def test_results_that_cannot_be_recorded_for_a_while_fail_no_video(
    installation: Installation, start_worker: StartWorker, tmp_path: Path
) -> None:
    async def has_met_it() -> bool:
        video = await installation.catalog.get_video(VIDEO)
        log = (tmp_path / "worker.log").read_text()
        return video.state in FINAL or "the job queue is asked again" in log

    with outage(installation.settings):
        start_worker()
        await installation.hand_over(VIDEO, "plain")
        await eventually(has_met_it)
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
