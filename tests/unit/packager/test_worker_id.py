import pytest

from packager.core.worker_id import WorkerId


def test_it_reads_back() -> None:
    worker = WorkerId("host-1", 4711, "ab12")
    assert WorkerId.parse(str(worker)) == worker


@pytest.mark.parametrize("text", ["", "local", "a/b/c", "a/1", "a/1/", "/1/x", "a/-1/x"])
def test_others_are_not_one(text: str) -> None:
    assert WorkerId.parse(text) is None
