import pytest

from streamer.core.playback_token import is_valid, make_token

SECRET = b"secret"
TOKEN = make_token(SECRET, "video001", 2000)


def test_a_token_holds_until_its_time() -> None:
    assert is_valid(SECRET, "video001", TOKEN, now=1999.9)
    assert not is_valid(SECRET, "video001", TOKEN, now=2000)


@pytest.mark.parametrize(
    "token",
    ["", "2000", "2000.", TOKEN[:-1], TOKEN + "A", TOKEN.replace("2000", "9000"), "x" + TOKEN],
)
def test_another_token_is_none(token: str) -> None:
    assert not is_valid(SECRET, "video001", token, now=0)


def test_another_video_or_secret_is_none() -> None:
    assert not is_valid(SECRET, "video002", TOKEN, now=0)
    assert not is_valid(b"other", "video001", TOKEN, now=0)
