from collections import Counter
from pathlib import Path

import pytest
from pydantic import SecretStr

from edge.core.key import large_key, slice_key
from edge.place import Place, owner, share
from edge.settings import EdgeSettings
from edge.worker import describe_worker, read_worker


def test_every_key_has_one_owner_and_all_have_about_as_many() -> None:
    counts = Counter(owner(b"/video/%d.m4s" % number, 4) for number in range(4000))
    assert set(counts) == {0, 1, 2, 3}
    assert all(800 < count < 1200 for count in counts.values())


def test_all_keys_of_a_target_have_the_same_owner() -> None:
    for number in range(50):
        key = b"/large/%d" % number
        parts = (large_key(key), slice_key(key, "v", 7), key + b" host=example.org")
        assert {owner(part, 8) for part in parts} == {owner(key, 8)}


def test_a_node_is_shared_out_among_its_workers() -> None:
    settings = EdgeSettings(memory_size=1024**3, disk_size=1024**4, prefetch_concurrency=4)
    one = share(settings, 3)
    assert 3 * one.memory_size >= settings.memory_size > 2 * one.memory_size
    assert one.prefetch_concurrency == 2
    assert share(settings, 1) == settings


def test_a_worker_is_told_everything_and_takes_nothing_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = EdgeSettings(
        api_token=SecretStr("secret"), cache_dir=tmp_path, parents=("http://shield",), workers=2
    )
    place = Place("0123456789abcdef", 1, 2, tmp_path)
    told = describe_worker(settings, place, {"/etc/edge.toml": "said"})
    monkeypatch.setenv("EDGE_REGION", "elsewhere")
    monkeypatch.setenv("EDGE_ACCESS_LOG", "/elsewhere")
    *described, read = read_worker(told, 1)
    assert described == [settings, place]
    assert read(Path("/etc/edge.toml")) == b"said"
    assert place.others == [0]
