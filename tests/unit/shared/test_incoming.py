import os
import time
from pathlib import Path

import pytest

from streamer.shared.incoming import Incoming, install, prune, write_all

DAY_SECONDS = 24 * 3600


def test_only_what_was_abandoned_a_day_ago_is_removed(tmp_path: Path) -> None:
    now = time.time()
    for name, age_seconds in (("old", DAY_SECONDS + 60), ("young", DAY_SECONDS - 60)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now - age_seconds, now - age_seconds))
    Incoming(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["young"]


def test_a_file_is_invisible_until_it_is_installed(tmp_path: Path) -> None:
    target = tmp_path / "objects" / "deep" / "key"
    with Incoming(tmp_path / "incoming").create() as file:
        write_all(file, b"bytes")
        assert not target.exists()
        install(file, Path(file.name), target)
    assert target.read_bytes() == b"bytes"
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_file_that_is_not_installed_is_removed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Incoming(tmp_path).create():
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_link_never_replaces(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"first")
    with (
        Incoming(tmp_path / "incoming").create() as file,
        pytest.raises(FileExistsError),
    ):
        install(file, Path(file.name), tmp_path / "key", only_if_absent=True)
    assert (tmp_path / "key").read_bytes() == b"first"


def test_prune_stops_at_what_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "file").touch()
    prune(tmp_path / "a" / "b" / "c", tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "file"]


def test_prune_keeps_the_root(tmp_path: Path) -> None:
    (tmp_path / "root" / "a").mkdir(parents=True)
    prune(tmp_path / "root" / "a", tmp_path / "root")
    assert list(tmp_path.iterdir()) == [tmp_path / "root"]
