"""What the catalog promises of chunks, on SQLite and on a real PostgreSQL server."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from streamer.core.chunks import ChunkOrder, ChunkState, ChunkStatus, ClaimedChunk, deadline
from streamer.core.errors import NotFound
from streamer.shared.catalog import Catalog

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ID, OTHER_ID = "video000", "video001"
HERE, THERE = "here", "there"
MOST_TRIES = 3


def order(number: int, needed_seconds: float = 0.0, needed_bytes: int = 0) -> ChunkOrder:
    return ChunkOrder(
        number, number, number + 1, ("240p",), needed_seconds, needed_bytes=needed_bytes
    )


async def offer(
    catalog: Catalog, *orders: ChunkOrder, video_id: str = ID, begun_at: datetime = NOW
) -> None:
    """Chunks of a video whose source is there."""
    await catalog.create_video(video_id, title="A film", now=NOW)
    await catalog.accept_source(video_id, size_bytes=1)
    await catalog.begin_version(video_id, 1, "a recipe", now=begun_at)
    await catalog.add_chunks(video_id, 1, orders)


async def claim_certainly(catalog: Catalog, worker_id: str = HERE) -> ClaimedChunk:
    claimed = await catalog.claim_chunk(worker_id)
    assert claimed is not None
    return claimed


async def states(catalog: Catalog, video_id: str = ID) -> list[ChunkState]:
    return [status.state for status in await catalog.chunk_statuses(video_id, 1)]


async def test_a_failure_counts_as_long_as_the_chunk_is_the_worker_s_and_the_video_there(
    catalog: Catalog,
) -> None:
    await offer(catalog, order(0))
    for is_deleted in (False, True):
        claimed = await claim_certainly(catalog)
        if is_deleted:
            await catalog.delete_video(ID, now=NOW)
        counts = [
            await catalog.fail_chunk(claimed, worker, reason="broken", most_tries=MOST_TRIES)
            for worker in (THERE, HERE, HERE)
        ]
        assert counts == [False, not is_deleted, False]


async def test_chunks_that_wait_are_given_up_and_others_go_on(catalog: Catalog) -> None:
    await offer(catalog, *(order(number, number) for number in range(4)))
    done, running = [await claim_certainly(catalog) for _ in range(2)]
    await catalog.finish_chunk(done, HERE, frames=100)
    await catalog.give_up_chunks(ID, 1, [0, 1, 2], reason="broken")
    assert await states(catalog) == [
        ChunkState.DONE, ChunkState.RUNNING, ChunkState.FAILED, ChunkState.WAITING,
    ]  # fmt: skip
    assert (await catalog.chunk_statuses(ID, 1))[2].reason == "broken"
    await catalog.finish_chunk(running, HERE, frames=100)
    await catalog.add_chunks(ID, 1, [order(2)])
    assert (await states(catalog))[1:3] == [ChunkState.DONE, ChunkState.FAILED]


async def test_a_version_that_was_ended_takes_no_chunks(catalog: Catalog) -> None:
    await offer(catalog, order(0))
    await catalog.end_version(ID, 1)
    with pytest.raises(NotFound, match="not in the making"):
        await catalog.add_chunks(ID, 1, [order(1)])


async def test_the_chunk_that_is_needed_first_is_claimed_first_whoever_s_it_is(
    catalog: Catalog,
) -> None:
    await offer(catalog, order(0, 20.0), order(1, 60.0))
    begun_at = NOW + timedelta(seconds=30)
    await offer(catalog, order(0, 0.0), order(1, 40.0), video_id=OTHER_ID, begun_at=begun_at)
    claimed = [await claim_certainly(catalog) for _ in range(4)]
    assert [(c.video_id, c.order.number) for c in claimed] == [
        (ID, 0), (OTHER_ID, 0), (ID, 1), (OTHER_ID, 1),
    ]  # fmt: skip
    assert claimed[1] == ClaimedChunk(OTHER_ID, 1, order(0, 0.0), "a recipe", begun_at, tries=1)
    assert await catalog.claim_chunk(HERE) is None


async def test_how_long_the_last_picture_is_held_is_part_of_the_order(catalog: Catalog) -> None:
    held = replace(order(0), held_to=263)
    await offer(catalog, held)
    assert (await claim_certainly(catalog)).order == held


async def test_no_chunk_is_two_workers_at_once(catalog: Catalog, other: Catalog) -> None:
    await offer(catalog, *(order(number, number) for number in range(12)))

    async def claim_all(connection: Catalog, worker_id: str) -> list[int]:
        numbers = []
        # What another has locked is passed over: nothing to be had now is not the end.
        while ChunkState.WAITING in await states(connection):
            if claimed := await connection.claim_chunk(worker_id):
                numbers.append(claimed.order.number)
        return numbers

    mine, theirs = await asyncio.gather(claim_all(catalog, HERE), claim_all(other, THERE))
    assert sorted(mine + theirs) == list(range(12))


async def test_a_chunk_is_claimed_by_its_own_release_alone(
    catalog: Catalog, newer: Catalog
) -> None:
    await offer(catalog, order(0))
    await offer(newer, order(0), video_id=OTHER_ID)
    for release, own in ((newer, OTHER_ID), (catalog, ID)):
        assert (await claim_certainly(release)).video_id == own
        assert await release.claim_chunk(HERE) is None


async def test_releases_that_know_of_no_others_see_no_chunk(catalog: Catalog) -> None:
    await offer(catalog, order(0), order(1))
    await claim_certainly(catalog)
    async with catalog._database.reading() as connection:
        seen = "SELECT number FROM chunks WHERE state IN ('waiting', 'running')"
        assert (await connection.execute(text(seen))).all() == []


async def test_a_failed_chunk_is_not_left_to_another_release(
    catalog: Catalog, newer: Catalog
) -> None:
    await offer(catalog, order(0))
    await catalog.worker_heartbeat(HERE, now=NOW)
    await newer.worker_heartbeat(THERE, now=NOW)
    claimed = await claim_certainly(catalog)
    await catalog.fail_chunk(claimed, HERE, reason="out of luck", most_tries=MOST_TRIES)
    assert (await claim_certainly(catalog)).tries == 2


async def test_suspects_are_left_out_with_all_their_chunks(catalog: Catalog) -> None:
    await offer(catalog, order(0), order(1))
    await offer(catalog, order(0, 1.0), video_id=OTHER_ID)
    suspect = await claim_certainly(catalog)
    await catalog.fail_chunk(suspect, HERE, reason="out of luck", most_tries=MOST_TRIES)
    claimed = await catalog.claim_chunk(THERE, but_suspects=True)
    assert claimed is not None
    assert claimed.video_id == OTHER_ID


async def test_only_what_is_needed_before_a_time_is_claimed(catalog: Catalog) -> None:
    await offer(catalog, order(0, 20.0), order(1, 60.0))

    async def claim_before(seconds: float) -> ClaimedChunk | None:
        before = NOW + timedelta(seconds=seconds)
        return await catalog.claim_chunk(HERE, before=before)

    assert await claim_before(20.0) is None
    claimed = await claim_before(20.1)
    assert claimed is not None
    assert claimed.order.number == 0
    assert await claim_before(60.0) is None


async def test_chunks_that_are_known_stay_as_they_are(catalog: Catalog) -> None:
    await offer(catalog, order(0), order(1, 4.0))
    claimed = await claim_certainly(catalog)
    await catalog.finish_chunk(claimed, HERE, frames=100, is_damaged=True)
    assert await catalog.begin_version(ID, 1, "another", now=NOW + timedelta(1)) == "a recipe"
    await catalog.add_chunks(ID, 1, [order(0), order(1, 4.0), order(2, 8.0)])
    assert await catalog.chunk_statuses(ID, 1) == [
        ChunkStatus(0, ChunkState.DONE, 100, None, is_damaged=True),
        ChunkStatus(1, ChunkState.WAITING, 0, None),
        ChunkStatus(2, ChunkState.WAITING, 0, None),
    ]
    await claim_certainly(catalog)
    assert (await claim_certainly(catalog)).deadline == deadline(NOW, 8.0, 1)


async def test_a_failed_chunk_is_tried_again_and_fails_for_good_after_the_last_try(
    catalog: Catalog,
) -> None:
    await offer(catalog, order(0))
    for tries in range(1, MOST_TRIES + 1):
        claimed = await claim_certainly(catalog)
        assert claimed.tries == tries
        await catalog.fail_chunk(claimed, HERE, reason="out of luck", most_tries=MOST_TRIES)
    assert await catalog.claim_chunk(HERE) is None
    assert await catalog.chunk_statuses(ID, 1) == [
        ChunkStatus(0, ChunkState.FAILED, 0, "out of luck")
    ]


async def test_a_failed_chunk_is_left_to_others_that_live(catalog: Catalog) -> None:
    await offer(catalog, order(0))
    await catalog.worker_heartbeat(HERE, now=NOW)
    await catalog.worker_heartbeat(THERE, now=NOW)
    claimed = await claim_certainly(catalog)
    await catalog.fail_chunk(claimed, HERE, reason="out of luck", most_tries=MOST_TRIES)
    assert await catalog.claim_chunk(HERE) is None
    assert (await claim_certainly(catalog, THERE)).tries == 2
    await catalog.release_chunks(THERE, reason="died", most_tries=MOST_TRIES)
    assert await catalog.claim_chunk(THERE) is None
    await catalog.forget_worker(HERE)
    assert (await claim_certainly(catalog, THERE)).tries == 3


async def test_a_dead_worker_s_chunks_wait_again_each_death_being_a_try(catalog: Catalog) -> None:
    await offer(catalog, order(0), order(1, 4.0))
    for worker_id in ("first", "second"):
        assert (await claim_certainly(catalog, worker_id)).order.number == 0
        await catalog.release_chunks(worker_id, reason="died", most_tries=MOST_TRIES)
        assert await states(catalog) == [ChunkState.WAITING] * 2
    await claim_certainly(catalog, "third")
    await catalog.release_chunks("third", reason="died", most_tries=MOST_TRIES)
    assert await states(catalog) == [ChunkState.FAILED, ChunkState.WAITING]
    assert (await catalog.chunk_statuses(ID, 1))[0].reason == "died"


async def test_what_a_lost_worker_says_later_changes_nothing(catalog: Catalog) -> None:
    await offer(catalog, order(0))
    lost = await claim_certainly(catalog)
    await catalog.release_chunks(HERE, reason="died", most_tries=MOST_TRIES)
    assert (await claim_certainly(catalog, THERE)).tries == 2
    await catalog.finish_chunk(lost, HERE, frames=7)
    await catalog.fail_chunk(lost, HERE, reason="out of luck", most_tries=1)
    await catalog.return_chunk(lost, HERE)
    assert await catalog.own_chunks(HERE, {(ID, 1, 0): 9}) == set()
    assert await catalog.chunk_statuses(ID, 1) == [ChunkStatus(0, ChunkState.RUNNING, 0, None)]


async def test_a_chunk_that_is_given_back_was_not_tried(catalog: Catalog) -> None:
    await offer(catalog, order(0))
    await catalog.worker_heartbeat(THERE, now=NOW)
    await catalog.return_chunk(await claim_certainly(catalog), HERE)
    assert (await claim_certainly(catalog)).tries == 1


async def test_a_chunk_waits_until_its_part_of_the_source_has_arrived(catalog: Catalog) -> None:
    await catalog.create_video(ID, title="A film", now=NOW)
    await catalog.begin_version(ID, 1, "a recipe", now=NOW)
    await catalog.add_chunks(ID, 1, [order(0, 4.0, needed_bytes=50), order(1, needed_bytes=90)])
    assert await catalog.claim_chunk(HERE) is None
    await catalog.note_received(ID, received_bytes=50, length_bytes=100)
    assert (await claim_certainly(catalog)).order.number == 0
    assert await catalog.claim_chunk(HERE) is None
    await catalog.accept_source(ID, size_bytes=100)
    assert (await claim_certainly(catalog)).order.number == 1


async def test_a_chunk_that_is_given_back_may_wait_for_more_of_the_source(
    catalog: Catalog,
) -> None:
    await catalog.create_video(ID, title="A film", now=NOW)
    await catalog.begin_version(ID, 1, "a recipe", now=NOW)
    await catalog.add_chunks(ID, 1, [order(0, needed_bytes=50)])
    await catalog.note_received(ID, received_bytes=50, length_bytes=100)
    await catalog.return_chunk(await claim_certainly(catalog), HERE, needed_bytes=80)
    assert await catalog.claim_chunk(HERE) is None
    await catalog.note_received(ID, received_bytes=80, length_bytes=100)
    assert (await claim_certainly(catalog)).tries == 1


async def test_what_waiting_chunks_need_of_the_source_is_corrected(catalog: Catalog) -> None:
    await catalog.create_video(ID, title="A film", now=NOW)
    await catalog.begin_version(ID, 1, "a recipe", now=NOW)
    needs = {0: 10, 1: 90, 2: 50}
    await catalog.add_chunks(
        ID, 1, [order(number, number, needed_bytes=bytes_) for number, bytes_ in needs.items()]
    )
    await catalog.note_received(ID, received_bytes=50, length_bytes=100)
    assert (await claim_certainly(catalog)).order.number == 0
    await catalog.revise_needs(ID, 1, {0: 60, 1: 50, 2: 60})
    assert (await claim_certainly(catalog)).order == order(1, 1, needed_bytes=50)
    assert await catalog.claim_chunk(HERE) is None
    assert await states(catalog) == [ChunkState.RUNNING] * 2 + [ChunkState.WAITING]


async def test_own_chunks_tell_how_far_they_are_while_their_video_exists(catalog: Catalog) -> None:
    await offer(catalog, order(0), order(1, 4.0), order(2, 8.0))
    await claim_certainly(catalog)
    done = await claim_certainly(catalog)
    await catalog.finish_chunk(done, HERE, frames=100)
    assert await catalog.own_chunks(HERE, {(ID, 1, 0): 9, (ID, 1, 1): 5}) == {(ID, 1, 0)}
    assert [status.frames for status in await catalog.chunk_statuses(ID, 1)] == [9, 100, 0]
    await catalog.delete_video(ID, now=NOW)
    assert await catalog.own_chunks(HERE, {}) == set()
    assert await catalog.claim_chunk(HERE) is None
    with pytest.raises(NotFound):
        await catalog.chunk_statuses(ID, 1)
    with pytest.raises(NotFound):
        await catalog.add_chunks(ID, 1, [order(3)])


async def test_chunks_are_gone_when_nobody_needs_them(catalog: Catalog) -> None:
    await offer(catalog, order(0), order(1, 4.0), order(2, 8.0))
    await catalog.drop_chunks(ID, 1, from_segment=2)
    assert len(await states(catalog)) == 2
    claimed = await claim_certainly(catalog)
    await catalog.end_version(ID, 1)
    assert await states(catalog) == []
    assert await catalog.own_chunks(HERE, {}) == set()
    await catalog.finish_chunk(claimed, HERE, frames=100)
    assert await states(catalog) == []


async def test_what_was_tried_before_is_encoded_alone(catalog: Catalog) -> None:
    await offer(catalog, order(0), order(1, 4.0), order(2, 8.0))
    await claim_certainly(catalog, THERE)
    await claim_certainly(catalog, THERE)
    await catalog.release_chunks(THERE, reason="died", most_tries=MOST_TRIES)
    first = await claim_certainly(catalog)
    assert await catalog.claim_chunk(HERE) is None
    await catalog.finish_chunk(first, HERE, frames=100)
    second = await claim_certainly(catalog)
    assert second.order.number == 1
    assert await catalog.claim_chunk(HERE) is None, "nothing begins beside it"
    await catalog.finish_chunk(second, HERE, frames=100)
    assert (await claim_certainly(catalog)).order.number == 2
