import pytest

from streamer.core.media_type import media_type_of


@pytest.mark.parametrize(
    ("content_type", "media_type"),
    [
        ("video/mp4", "video/mp4"),
        ("Text/HTML;Charset=UTF-8", "text/html"),
        (' text/html ; charset="a;b"', "text/html"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_type_is_told_without_case_and_parameters(
    content_type: str | None, media_type: str
) -> None:
    assert media_type_of(content_type) == media_type
