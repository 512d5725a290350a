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


@pytest.mark.parametrize(
    "token", ["geh\xe9im", "secret\n", " secret", "se\x00cret", "\u201csecret\u201d"]
)
def test_tokens_that_not_all_clients_can_send_are_refused(token: str) -> None:
    with pytest.raises(ValidationError, match="printable ASCII"):
        OriginSettings(api_token=SecretStr(token))


@pytest.mark.parametrize("url", ["ftp://a", "https://a/b", "//a", "https://a b"])
def test_playback_base_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        OriginSettings(playback_base_url=url)


def test_webhooks_come_as_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMER_WEBHOOK_URLS", "https://a.example/x?y=1, http://[::1]:8080,")
    monkeypatch.setenv("STREAMER_WEBHOOK_SECRET", "secret")
    assert OriginSettings().webhook_urls == ("https://a.example/x?y=1", "http://[::1]:8080")


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a", "a.example", "https://", "https://a/#b", "http://a b"),
        *("https://hooks..example.com/a", f"https://{'a' * 70}.example", "https://ä..example"),
        *("https://:80/a", "https://a:99999/", "https://[::1/a"),
    ],
)
def test_webhooks_that_are_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="http"):
        OriginSettings(webhook_urls=(url,), webhook_secret=SecretStr("secret"))


def test_webhooks_need_a_secret() -> None:
    with pytest.raises(ValidationError, match="STREAMER_WEBHOOK_SECRET"):
        OriginSettings(webhook_urls=("https://a.example",))
    with pytest.raises(ValidationError, match="base64"):
        OriginSettings(webhook_secret=SecretStr("whsec_?"))


@pytest.mark.parametrize("seconds", ["inf", "nan", "1e300"])
@pytest.mark.parametrize(
    "name", ["upload_expiry", "upload_idle", "fetch_timeout", "old_version", "webhook_timeout"]
)
def test_times_without_an_end_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, seconds: str
) -> None:
    monkeypatch.setenv(f"STREAMER_{name.upper()}_SECONDS", seconds)
    with pytest.raises(ValidationError, match=f"{name}_seconds"):
        OriginSettings()
