"""Hand-over of packaging jobs from the origin to the packager's workers.

A job is a DBOS workflow for one version of a video, enqueued in DBOS's system database: a SQLite
file beside the catalog's, or the PostgreSQL server that holds the catalog.

A job takes its turn of a worker for as long as its source arrives. So those of sources that still
do have a queue of their own, and no whole video waits behind them.
"""

import sqlite3
from collections.abc import Collection, Generator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy
from dbos import DBOS, DBOSClient, EnqueueOptions, WorkflowStatus

from streamer.core.errors import Unavailable
from streamer.shared.postgresql_url import LIVENESS
from streamer.shared.reasons import own_words
from streamer.shared.release import RELEASE
from streamer.shared.settings import SharedSettings

APPLICATION = "streamer"
APPLICATION_VERSION = str(RELEASE)
QUEUE = "package"
ARRIVING_QUEUE = "package_arriving"
WORKFLOW = "package_video"
_SQLITE_FILE = "jobs.db"
_CONNECTION = {**LIVENESS, "connect_timeout": "10"}
_UNDER_WAY = ["ENQUEUED", "PENDING"]
_ENDED = ["SUCCESS", "ERROR", "CANCELLED"]


class Jobs:
    """The sending side of the queue."""

    def __init__(self, client: DBOSClient) -> None:
        self._client = client

    @classmethod
    def open(cls, settings: SharedSettings) -> "Jobs":
        """The queue of an installation, created where there is none.

        Raises:
            Unavailable: The database does not answer.
        """
        url = jobs_url(settings)
        with _translate():
            prepare_jobs(url)
            client = DBOSClient(
                system_database_url=url,
                application_name=APPLICATION,
                retry_connection_errors=False,
            )
        return cls(client)

    async def package(self, video_id: str, version: int = 1, *, arrives: bool = False) -> None:
        """Have a worker make a version of a video; repeating changes nothing.

        What waited as one whose source `arrives` does so no more when it is repeated without that.

        Raises:
            Unavailable: The database does not answer; nothing was enqueued.
        """
        job_id = _job_id(video_id, version)
        options: EnqueueOptions = {
            "workflow_name": WORKFLOW,
            "queue_name": ARRIVING_QUEUE if arrives else QUEUE,
            "workflow_id": job_id,
            "app_version": APPLICATION_VERSION,
        }
        with _translate():
            known = await self._client.list_workflows_async(
                workflow_ids=[job_id], load_input=False, load_output=False
            )
            if not known:
                await self._client.enqueue_async(options, video_id, version)
            elif not arrives and _waits_in(known[0], ARRIVING_QUEUE):
                await self._client.resume_workflow_async(job_id, queue_name=QUEUE)

    async def cancel(self, video_id: str) -> None:
        """Stop the work on all versions of a video: its processes end within seconds.

        None running is no error.

        Raises:
            Unavailable: The database does not answer.
        """
        with _translate():
            await self._client.cancel_workflows_async(await self._ids(video_id, _UNDER_WAY))

    async def forget(self, video_id: str) -> None:
        """Remove what is recorded of the work on all versions of a video, once all of it has ended.

        Raises:
            Unavailable: The database does not answer.
        """
        with _translate():
            await self._client.delete_workflows_async(await self._ids(video_id))

    async def forget_version(self, video_id: str, version: int) -> None:
        """Remove what is recorded of the work on one version; nothing happens while it goes on.

        Raises:
            Unavailable: The database does not answer.
        """
        with _translate():
            ended = await self._ended([_job_id(video_id, version)])
            await self._client.delete_workflows_async(ended)

    async def ended(self, versions: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
        """Those of these videos and versions whose jobs have ended, in whichever way.

        Raises:
            Unavailable: The database does not answer.
        """
        if not versions:
            return []
        with _translate():
            ended = await self._ended([_job_id(*version) for version in versions])
        return [_read_job_id(job_id) for job_id in ended]

    async def stranded(self, living: Collection[str]) -> list[tuple[str, int]]:
        """Videos and versions whose jobs are an earlier release's, with no worker at them.

        Args:
            living: The ids of the workers that are not known to be dead.

        Raises:
            Unavailable: The database does not answer.
        """
        with _translate():
            jobs = await self._client.list_workflows_async(
                name=WORKFLOW,
                status=["ENQUEUED", "PENDING"],
                load_input=False,
                load_output=False,
            )
        return [
            _read_job_id(job.workflow_id)
            for job in jobs
            if int(job.app_version or 0) < int(APPLICATION_VERSION)
            and (job.status == "ENQUEUED" or job.executor_id not in living)
        ]

    async def withdraw(self, video_id: str, version: int) -> None:
        """Stop the work on one version of a video; none running is no error.

        Raises:
            Unavailable: The database does not answer.
        """
        with _translate():
            await self._client.cancel_workflows_async([_job_id(video_id, version)])

    async def check(self) -> None:
        """Return when the database answers; raise Unavailable when it does not."""
        with _translate():
            await self._client.check_connection_async()

    def close(self) -> None:
        """Close every connection."""
        self._client.destroy()

    async def _ended(self, job_ids: list[str]) -> list[str]:
        jobs = await self._client.list_workflows_async(
            workflow_ids=job_ids, status=_ENDED, load_input=False, load_output=False
        )
        return [job.workflow_id for job in jobs]

    async def _ids(self, video_id: str, status: list[str] | None = None) -> list[str]:
        """The jobs of all versions of a video, as far as they stand so; the first one's anyway."""
        later = await self._client.list_workflows_async(
            workflow_id_prefix=f"{video_id}-v", status=status, load_input=False, load_output=False
        )
        return [video_id, *(job.workflow_id for job in later)]


def _waits_in(job: WorkflowStatus, queue: str) -> bool:
    return job.status == "ENQUEUED" and job.queue_name == queue


def _job_id(video_id: str, version: int) -> str:
    return video_id if version == 1 else f"{video_id}-v{version}"


def _read_job_id(job_id: str) -> tuple[str, int]:
    video_id, _, version = job_id.partition("-v")
    return video_id, int(version or 1)


def jobs_url(settings: SharedSettings) -> str:
    """The URL of DBOS's system database."""
    catalog = sqlalchemy.make_url(settings.catalog_url)
    if catalog.get_backend_name() == "sqlite":
        return f"sqlite:///{Path(catalog.database or '').with_name(_SQLITE_FILE)}"
    # psycopg reads no text in the encoding SQL_ASCII.
    parameters = {**_CONNECTION, **catalog.query, "client_encoding": "utf8"}
    plain = catalog.set(drivername="postgresql", query=parameters)
    return plain.render_as_string(hide_password=False)


def prepare_jobs(url: str) -> None:
    """Create the system database, or bring it up to date.

    Raises:
        Unavailable: It does not answer.
    """
    target = sqlalchemy.make_url(url)
    if target.get_backend_name() == "sqlite" and target.database:
        path = Path(target.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            # Readers and the writer do not wait for one another; the file remembers this mode.
            connection.execute("PRAGMA journal_mode=WAL")
    with _translate():
        DBOS.migrate(url)


@contextmanager
def _translate() -> Generator[None]:
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise Unavailable("the job queue does not answer", reason=own_words(error)) from error
