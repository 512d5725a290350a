import pytest

from streamer.core.content_coding import accepts_gzip


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.8", True),
        ("gzip ; q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("gzipped", False),
        ("gzip;q=2", False),
        ("identity;q=1, *;q=0.1", True),
    ],
)
def test_accepts_gzip(header: str | None, *, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted
