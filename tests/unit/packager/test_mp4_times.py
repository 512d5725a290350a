import pytest

from packager.core.boxes import write_box, write_full_box
from packager.core.mp4_times import decoding_seconds


def index(*runs: tuple[int, int], version: int = 0, timescale: int = 1000) -> bytes:
    """Of a sound without a table, and of a picture."""
    times = bytes(16 if version else 8)
    header = write_full_box("mdhd", version, 0, times, timescale.to_bytes(4, "big"), bytes(8))
    table = b"".join(number.to_bytes(4, "big") for run in runs for number in run)
    stts = write_full_box("stts", 0, 0, len(runs).to_bytes(4, "big"), table)
    media = write_box("mdia", header, write_box("minf", write_box("stbl", stts)))
    return write_box("trak") + write_box("udta") + write_box("trak", media)


@pytest.mark.parametrize("version", [0, 1])
def test_when_samples_follow_each_other(version: int) -> None:
    moov = index((2, 1000), (3, 40), version=version)
    assert decoding_seconds(moov, 1) == pytest.approx([0, 1, 2, 2.04, 2.08])


@pytest.mark.parametrize(
    "moov",
    [
        pytest.param(b"", id="no-index"),
        pytest.param(index(), id="in-fragments"),
        pytest.param(index((1, 1), timescale=0), id="no-clock"),
        pytest.param(index((1 << 31, 1)), id="absurd"),
        pytest.param(index((2, 1000))[:-3], id="cut-off"),
    ],
)
def test_what_is_not_told(moov: bytes) -> None:
    assert decoding_seconds(moov, 1) is None
    assert decoding_seconds(moov, 0) is None
