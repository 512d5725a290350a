import pytest

from packager.core.boxes import write_box
from packager.core.chapter_tracks import chapter_tracks


def track(**references: tuple[int, ...]) -> bytes:
    boxes = (
        write_box(kind, *(number.to_bytes(4, "big") for number in ids))
        for kind, ids in references.items()
    )
    return write_box("trak", write_box("tkhd"), write_box("tref", *boxes))


def test_what_tracks_refer_to_for_chapters() -> None:
    others = write_box("mvhd") + write_box("trak", write_box("tkhd"))
    assert chapter_tracks(others + track(subt=(9,), chap=(4, 5)) + track(chap=(4,))) == {4, 5}


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(b"", id="no-index"),
        pytest.param(track(subt=(3,)), id="other-references"),
        pytest.param(track(chap=()), id="empty"),
        pytest.param(track(chap=(4,))[:-1], id="cut-off"),
    ],
)
def test_no_track_is_of_chapters(index: bytes) -> None:
    assert chapter_tracks(index) == frozenset()
