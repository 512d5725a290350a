from pathlib import Path

import pytest

from streamer.core.errors import InvalidInput, Unavailable
from streamer.shared.directory_store import DirectoryStore
from streamer.shared.s3 import S3Store
from streamer.shared.stores import open_store


async def test_a_file_url_is_a_directory(tmp_path: Path) -> None:
    root = tmp_path / "my store"
    store = open_store(root.as_uri())
    assert isinstance(store, DirectoryStore)
    assert store.local_path("videos/key") == root / "videos/key"
    await store.close()


@pytest.mark.parametrize("style", ["auto", "path", "virtual"])
async def test_an_s3_url_is_a_bucket(style: str) -> None:
    store = open_store("s3://bucket/some/prefix/", s3_addressing_style=style)
    assert isinstance(store, S3Store)
    assert store.local_path("videos/key") is None
    await store.close()


@pytest.mark.parametrize(
    "url", ["", "data", "file:", "file://", "file://host/dir", "s3:", "s3://", "http://host/bucket"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        open_store(url)


def test_a_wrong_addressing_style_is_refused() -> None:
    with pytest.raises(InvalidInput):
        open_store("s3://bucket", s3_addressing_style="sideways")


def test_a_wrong_endpoint_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not a url")
    with pytest.raises(InvalidInput):
        open_store("s3://bucket")


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_PROFILE", "nobodys"), ("AWS_CONFIG_FILE", "/etc/passwd")]
)
def test_a_wrong_profile_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput):
        open_store("s3://bucket")


def test_a_root_that_is_a_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        open_store((tmp_path / "file").as_uri())


async def test_a_root_that_vanished_is_unavailable(tmp_path: Path) -> None:
    store = open_store((tmp_path / "store").as_uri())
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        await store.check()
    await store.close()
