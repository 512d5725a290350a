import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streamer.core.errors import NotFound, StorageFull
from streamer.origin.errors import Locked
from streamer.origin.staging import Staging, UploadRecord

UPLOAD = UploadRecord("abcdefgh", length_bytes=6, metadata="filename YQ==")


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "uploads")


async def append(staging: Staging, data: bytes) -> None:
    part = await staging.open(UPLOAD.id)
    await part.write(data)
    await part.sync()
    part.close()


async def test_bytes_and_record_outlive_the_process(staging: Staging, tmp_path: Path) -> None:
    await staging.create(UPLOAD)
    await append(staging, b"abc")
    status = await Staging(tmp_path / "uploads").status(UPLOAD.id)
    assert (status.record, status.offset, status.is_complete) == (UPLOAD, 3, False)
    await append(staging, b"def")
    assert (await staging.status(UPLOAD.id)).is_complete
    assert staging.path(UPLOAD.id).read_bytes() == b"abcdef"


async def test_one_writer_at_a_time_across_processes(staging: Staging, tmp_path: Path) -> None:
    await staging.create(UPLOAD)
    part = await staging.open(UPLOAD.id)
    with pytest.raises(Locked):
        await Staging(tmp_path / "uploads").open(UPLOAD.id)
    part.close()
    (await staging.open(UPLOAD.id)).close()


async def test_beginning_again_drops_what_there_was(staging: Staging) -> None:
    await staging.create(UPLOAD)
    await append(staging, b"abc")
    record = UploadRecord(UPLOAD.id, length_bytes=None, resumable=False)
    part = await staging.begin_again(record)
    with pytest.raises(Locked):
        await staging.begin_again(record)
    await part.write(b"de")
    part.close()
    status = await staging.status(UPLOAD.id)
    assert (status.record, status.offset) == (record, 2)
    assert staging.path(UPLOAD.id).read_bytes() == b"de"


async def test_unverified_bytes_do_not_count_and_are_dropped(staging: Staging) -> None:
    await staging.create(UPLOAD)
    await append(staging, b"abc")
    unverified = UploadRecord(UPLOAD.id, 6, unverified_from=3)
    await staging.change(unverified)
    await append_raw(staging, b"XX")
    assert (await staging.status(UPLOAD.id)).offset == 3
    part = await staging.open(UPLOAD.id)
    assert part.offset == 3
    part.close()
    assert (await staging.status(UPLOAD.id)).record.unverified_from is None
    assert staging.path(UPLOAD.id).read_bytes() == b"abc"


async def append_raw(staging: Staging, data: bytes) -> None:
    with staging.path(UPLOAD.id).open("ab") as file:
        file.write(data)


async def test_removal(staging: Staging, tmp_path: Path) -> None:
    await staging.create(UPLOAD)
    await staging.remove(UPLOAD.id)
    await staging.remove(UPLOAD.id)
    assert list((tmp_path / "uploads").iterdir()) == []
    for call in (staging.status, staging.open):
        with pytest.raises(NotFound):
            await call(UPLOAD.id)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow while the block runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_keeps_nothing_of_a_new_upload(staging: Staging, tmp_path: Path) -> None:
    with full_disk(), pytest.raises(StorageFull):
        await staging.create(UPLOAD)
    assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_full_disk_leaves_the_record_as_it_was(staging: Staging, tmp_path: Path) -> None:
    await staging.create(UPLOAD)
    with full_disk(), pytest.raises(StorageFull):
        await staging.change(UploadRecord(UPLOAD.id, 7))
    assert (await staging.status(UPLOAD.id)).record == UPLOAD
    names = {path.name for path in (tmp_path / "uploads").iterdir()}
    assert names == {"abcdefgh.part", "abcdefgh.json"}


@pytest.mark.parametrize("upload_id", ["", "../escape", "a/b", "ABCDEFGH", "abcdefgh\n", "a" * 99])
async def test_ids_never_leave_the_directory(staging: Staging, upload_id: str) -> None:
    with pytest.raises(NotFound):
        await staging.status(upload_id)
    with pytest.raises(NotFound):
        staging.path(upload_id)


@pytest.mark.parametrize("name", ["straystray.part", "straystray.json.new", "abcdefgh.json.new"])
async def test_strays_of_a_crash_are_removed_when_old(
    staging: Staging, tmp_path: Path, name: str
) -> None:
    stray = tmp_path / "uploads" / name
    await staging.create(UPLOAD)
    stray.write_bytes(b"x")
    now = datetime.now(UTC)
    await staging.remove_strays(before=now - timedelta(hours=1))
    assert stray.exists()
    await staging.remove_strays(before=now + timedelta(hours=1))
    assert not stray.exists()
    assert [status.record for status in await staging.statuses()] == [UPLOAD]
