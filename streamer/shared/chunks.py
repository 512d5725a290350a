"""The catalog's chunks: work that any worker of their release may claim, the most urgent first.

A claimed chunk belongs to its worker until that finishes it, fails, or is found dead. Chunks are
gone with their video, their version, or when nobody needs them any more; a worker that encodes one
notices and stops.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from streamer.core.chunks import (
    ChunkOrder,
    ChunkState,
    ChunkStatus,
    ClaimedChunk,
    deadline,
    may_begin,
)
from streamer.core.errors import NotFound
from streamer.core.video import Video, VideoState
from streamer.shared.records import Records, check_text, read_video
from streamer.shared.tables import attempts, chunks, recipes, videos, workers

ChunkKey = tuple[str, int, int]
"""A chunk's video, version and number."""


class Chunks(Records):
    """The chunks of versions in the making."""

    async def begin_version(
        self, video_id: str, version: int, recipe: str, *, now: datetime
    ) -> str:
        """Keep the recipe of a version; returns the one that was kept before, if there is any.

        Raises:
            NotFound: The video was deleted.
        """
        row = {"video_id": video_id, "version": version, "recipe": recipe, "begun_at": now}
        async with self._database.writing() as connection:
            await read_video(connection, video_id, lock=True)
            statement = self._database.insert(recipes).on_conflict_do_nothing()
            await connection.execute(statement, [row])
            return str((await _read_recipe(connection, video_id, version)).recipe)

    async def revise_version(self, video_id: str, version: int, recipe: str) -> None:
        """Replace the recipe of a version, before the chunks that it changes are added."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(recipes)
                .where(recipes.c.video_id == video_id, recipes.c.version == version)
                .values(recipe=recipe)
            )

    async def add_chunks(self, video_id: str, version: int, orders: Sequence[ChunkOrder]) -> None:
        """Let workers encode chunks; those that are known already stay as they are.

        Raises:
            NotFound: The video was deleted, or the version is made or given up.
        """
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            begun_at = (await _read_recipe(connection, video_id, version)).begun_at
            rows = [_new_row(video, version, order, begun_at, self._release) for order in orders]
            if rows:
                statement = self._database.insert(chunks).on_conflict_do_nothing()
                await connection.execute(statement, rows)

    async def revise_needs(
        self, video_id: str, version: int, needed_bytes: Mapping[int, int]
    ) -> None:
        """Let chunks that wait, by their numbers, wait for other amounts of their source."""
        async with self._database.writing() as connection:
            for number, bytes_ in needed_bytes.items():
                await connection.execute(
                    update(chunks)
                    .where(_is((video_id, version, number)), chunks.c.state == ChunkState.WAITING)
                    .values(needed_bytes=bytes_)
                )

    async def claim_chunk(
        self,
        worker_id: str,
        *,
        before: datetime | None = None,
        but_suspects: bool = False,
    ) -> ClaimedChunk | None:
        """The waiting chunk with the earliest deadline, now this worker's; None when there is none.

        What this worker tried last is left to others of its release, as long as such are known:
        those that die are forgotten. None too while the next one must wait to be encoded alone.
        `before` leaves out what is not needed before then, `but_suspects` versions of which a chunk
        waits for another try.
        """
        choice = _may_claim(worker_id, self._release)
        if before is not None:
            choice = and_(choice, chunks.c.deadline < before)
        if but_suspects:
            choice = and_(choice, ~_waits_for_another_try())
        async with self._database.reading() as connection:
            # Without a lock, which is all there is to do most of the time.
            if await _next_waiting(connection, choice, lock=False) is None:
                return None
        async with self._database.writing() as connection:
            own = await _next_waiting(connection, choice, lock=True)
            if own is None:
                return None
            if not await _may_begin(connection, own, worker_id):
                return None
            claimed = await connection.execute(
                update(chunks)
                .where(_is(own))
                .values(state=ChunkState.RUNNING, worker=worker_id, tries=chunks.c.tries + 1)
                .returning(chunks)
            )
            row = claimed.one()
            recipe = (await _read_recipe(connection, row.video_id, row.version)).recipe
            return _to_claim(row, recipe)

    async def own_chunks(self, worker_id: str, frames: Mapping[ChunkKey, int]) -> set[ChunkKey]:
        """The chunks that are still this worker's; notes how many frames of each are encoded."""
        query = (
            select(chunks.c.video_id, chunks.c.version, chunks.c.number)
            .join(videos, videos.c.id == chunks.c.video_id)
            .where(
                chunks.c.worker == worker_id,
                chunks.c.state == ChunkState.RUNNING,
                videos.c.deleted_at.is_(None),
            )
        )
        async with self._database.reading() as connection:
            own = {
                (row.video_id, row.version, row.number) for row in await connection.execute(query)
            }
        if noted := [key for key in frames if key in own]:
            async with self._database.writing() as connection:
                for key in noted:
                    # It may have been finished since: then its frames are final.
                    await connection.execute(
                        update(chunks)
                        .where(_is(key), chunks.c.state == ChunkState.RUNNING)
                        .values(frames=frames[key])
                    )
        return own

    async def finish_chunk(
        self, claim: ClaimedChunk, worker_id: str, *, frames: int, is_damaged: bool = False
    ) -> None:
        """A chunk is encoded and published; nothing happens if it is not this worker's any more."""
        await self._settle(
            claim, worker_id, state=ChunkState.DONE, frames=frames, is_damaged=is_damaged
        )

    async def fail_chunk(
        self, claim: ClaimedChunk, worker_id: str, *, reason: str, most_tries: int
    ) -> bool:
        """A worker could not encode its chunk: it waits for another try, or has failed for good.

        Returns whether it was this worker's, of a video that was not deleted.
        """
        state = ChunkState.FAILED if claim.tries >= most_tries else ChunkState.WAITING
        return await self._settle(
            claim, worker_id, state=state, reason=check_text(reason), frames=0
        )

    async def give_up_chunks(
        self, video_id: str, version: int, numbers: Collection[int], *, reason: str
    ) -> None:
        """Chunks that wait have failed for good; those that are encoded go on."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(chunks)
                .where(
                    chunks.c.video_id == video_id,
                    chunks.c.version == version,
                    chunks.c.number.in_(numbers),
                    chunks.c.state == ChunkState.WAITING,
                )
                .values(state=ChunkState.FAILED, reason=check_text(reason))
            )

    async def release_chunks(self, worker_id: str, *, reason: str, most_tries: int) -> None:
        """A worker is dead: its chunks wait for another try, or have failed for good."""
        own = and_(chunks.c.worker == worker_id, chunks.c.state == ChunkState.RUNNING)
        async with self._database.writing() as connection:
            await connection.execute(
                update(chunks)
                .where(own, chunks.c.tries >= most_tries)
                .values(state=ChunkState.FAILED, reason=check_text(reason))
            )
            await connection.execute(
                update(chunks).where(own).values(state=ChunkState.WAITING, frames=0)
            )

    async def return_chunk(
        self, claim: ClaimedChunk, worker_id: str, *, needed_bytes: int | None = None
    ) -> None:
        """A worker gives a chunk back that it could not get to; the try does not count.

        From now on it waits for `needed_bytes` of its source.
        """
        await self._settle(
            claim,
            worker_id,
            state=ChunkState.WAITING,
            worker=None,
            tries=claim.tries - 1,
            frames=0,
            needed_bytes=claim.order.needed_bytes if needed_bytes is None else needed_bytes,
        )

    async def chunk_statuses(self, video_id: str, version: int) -> list[ChunkStatus]:
        """All chunks of a version, in the order of the plan.

        Raises:
            NotFound: The video was deleted.
        """
        columns = (chunks.c.number, chunks.c.state, chunks.c.frames, chunks.c.reason)
        query = (
            select(*columns, chunks.c.is_damaged)
            .where(chunks.c.video_id == video_id, chunks.c.version == version)
            .order_by(chunks.c.number)
        )
        async with self._database.reading() as connection:
            await read_video(connection, video_id)
            return [
                ChunkStatus(
                    row.number, ChunkState(row.state), row.frames, row.reason, row.is_damaged
                )
                for row in await connection.execute(query)
            ]

    async def drop_chunks(self, video_id: str, version: int, *, from_segment: int = 0) -> None:
        """Forget the chunks of a version that begin at a segment or behind it."""
        async with self._database.writing() as connection:
            await connection.execute(
                delete(chunks).where(
                    chunks.c.video_id == video_id,
                    chunks.c.version == version,
                    chunks.c.start >= from_segment,
                )
            )

    async def end_version(self, video_id: str, version: int) -> None:
        """Forget a version's recipe, chunks and attempts: it is made, or given up."""
        async with self._database.writing() as connection:
            await forget_recipe(connection, video_id, version)

    async def _settle(self, claim: ClaimedChunk, worker_id: str, **values: Any) -> bool:
        exists = select(videos.c.id).where(
            videos.c.id == claim.video_id, videos.c.deleted_at.is_(None)
        )
        own = and_(
            _is((claim.video_id, claim.version, claim.order.number)),
            chunks.c.worker == worker_id,
            chunks.c.state == ChunkState.RUNNING,
            exists.exists(),
        )
        async with self._database.writing() as connection:
            settled = await connection.execute(update(chunks).where(own).values(values))
        return settled.rowcount > 0


async def forget_recipe(connection: AsyncConnection, video_id: str, version: int) -> None:
    """Forget a version's recipe, chunks and attempts."""
    for table in (recipes, attempts):
        await connection.execute(
            delete(table).where(table.c.video_id == video_id, table.c.version == version)
        )


async def change_deadlines(connection: AsyncConnection, video_id: str, priority: int) -> None:
    """Give the waiting chunks of a locked video the deadlines of another priority."""
    query = (
        select(chunks, recipes.c.begun_at)
        .join(
            recipes,
            and_(
                recipes.c.video_id == chunks.c.video_id,
                recipes.c.version == chunks.c.version,
            ),
        )
        .where(chunks.c.video_id == video_id, chunks.c.state == ChunkState.WAITING)
    )
    for row in (await connection.execute(query)).all():
        await connection.execute(
            update(chunks)
            .where(_is((row.video_id, row.version, row.number)))
            .values(deadline=deadline(row.begun_at, row.needed_seconds, priority))
        )


def _may_claim(worker_id: str, release: int) -> ColumnElement[bool]:
    others = select(workers.c.id).where(workers.c.id != worker_id, workers.c.release == release)
    return and_(
        chunks.c.release == release,
        or_(chunks.c.worker.is_(None), chunks.c.worker != worker_id, ~others.exists()),
    )


def _waits_for_another_try() -> ColumnElement[bool]:
    tried = chunks.alias()
    return (
        select(tried.c.number)
        .where(
            tried.c.video_id == chunks.c.video_id,
            tried.c.version == chunks.c.version,
            tried.c.state == ChunkState.WAITING,
            tried.c.tries > 0,
        )
        .exists()
    )


async def _next_waiting(
    connection: AsyncConnection, choice: ColumnElement[bool], *, lock: bool
) -> ChunkKey | None:
    query = (
        select(chunks.c.video_id, chunks.c.version, chunks.c.number)
        .join(videos, videos.c.id == chunks.c.video_id)
        .where(
            chunks.c.state == ChunkState.WAITING,
            videos.c.deleted_at.is_(None),
            or_(
                videos.c.state != VideoState.UPLOADING,
                videos.c.received_bytes >= chunks.c.needed_bytes,
            ),
            choice,
        )
        .order_by(chunks.c.deadline, chunks.c.video_id, chunks.c.number)
        .limit(1)
    )
    if lock:
        query = query.with_for_update(of=chunks, skip_locked=True)
    row = (await connection.execute(query)).first()
    return None if row is None else (row.video_id, row.version, row.number)


async def _may_begin(connection: AsyncConnection, key: ChunkKey, worker_id: str) -> bool:
    running = select(chunks.c.tries).where(
        chunks.c.worker == worker_id, chunks.c.state == ChunkState.RUNNING
    )
    tries = (await connection.execute(select(chunks.c.tries).where(_is(key)))).scalar_one()
    return may_begin(tries, list((await connection.execute(running)).scalars()))


async def _read_recipe(connection: AsyncConnection, video_id: str, version: int) -> Row[Any]:
    query = select(recipes).where(recipes.c.video_id == video_id, recipes.c.version == version)
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound("this version is not in the making")
    return row


def _is(key: ChunkKey) -> ColumnElement[bool]:
    video_id, version, number = key
    return and_(
        chunks.c.video_id == video_id, chunks.c.version == version, chunks.c.number == number
    )


def _new_row(
    video: Video, version: int, order: ChunkOrder, begun_at: datetime, release: int
) -> Mapping[str, Any]:
    return {
        "video_id": video.id,
        "version": version,
        "number": order.number,
        "start": order.start,
        "stop": order.stop,
        "renditions": list(order.renditions),
        "needed_seconds": order.needed_seconds,
        "needed_bytes": order.needed_bytes,
        "held_to": order.held_to,
        "deadline": deadline(begun_at, order.needed_seconds, video.priority),
        "state": ChunkState.WAITING,
        "tries": 0,
        "frames": 0,
        "release": release,
    }


def _to_claim(row: Row[Any], recipe: str) -> ClaimedChunk:
    return ClaimedChunk(
        video_id=row.video_id,
        version=row.version,
        order=ChunkOrder(
            number=row.number,
            start=row.start,
            stop=row.stop,
            renditions=tuple(row.renditions),
            needed_seconds=row.needed_seconds,
            needed_bytes=row.needed_bytes,
            held_to=row.held_to,
        ),
        recipe=recipe,
        deadline=row.deadline,
        tries=row.tries,
    )
