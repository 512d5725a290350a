import pytest
from pydantic import SecretStr, ValidationError

from streamer.origin.settings import OriginSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    assert OriginSettings(host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com", "localhost.evil"])
def test_other_addresses_need_a_token(host: str) -> None:
    with pytest.raises(ValidationError, match="STREAMER_API_TOKEN"):
        OriginSettings(host=host)
    assert OriginSettings(host=host, api_token=SecretStr("secret")).host == host


@pytest.mark.parametrize("url", ["ftp://a", "https://a/b", "//a", "https://a b"])
def test_playback_base_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        OriginSettings(playback_base_url=url)
