"""Where uploads go, noted between runs of a command."""

import resource
from contextlib import suppress
from pathlib import Path

import pytest

from streamer.upload_note import upload_note

SERVER = "http://127.0.0.1:8080/"
LOCATION = f"{SERVER}api/v1/uploads/abcdefgh"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(directory))
    return directory


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"pictures")
    return path


def interrupt(server: str, path: Path, request: dict[str, object]) -> None:
    with suppress(KeyboardInterrupt), upload_note(server, path, request) as note:
        note.keep(LOCATION)
        raise KeyboardInterrupt


def found(server: str, path: Path, request: dict[str, object]) -> str | None:
    with upload_note(server, path, request) as note:
        return note.location


@pytest.mark.usefixtures("home")
def test_what_was_interrupted_is_known(film: Path) -> None:
    interrupt(SERVER, film, {"title": "Film"})
    assert found(SERVER, film, {"title": "Film"}) == LOCATION


def test_what_is_done_is_forgotten(home: Path, film: Path) -> None:
    with upload_note(SERVER, film, {}) as note:
        note.keep(LOCATION)
    assert found(SERVER, film, {}) is None
    assert [path for path in home.rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("home")
def test_another_server_request_or_content_is_another_upload(film: Path) -> None:
    interrupt(SERVER, film, {"title": "Film"})
    assert found("http://127.0.0.1:9090/", film, {"title": "Film"}) is None
    assert found(SERVER, film, {"title": "Another"}) is None
    film.write_bytes(b"other pictures")
    assert found(SERVER, film, {"title": "Film"}) is None


def test_what_another_command_uploads_just_now_is_left_to_it(home: Path, film: Path) -> None:
    interrupt(SERVER, film, {})
    with upload_note(SERVER, film, {}) as first, upload_note(SERVER, film, {}) as second:
        assert (first.location, second.location) == (LOCATION, None)
        second.keep(f"{LOCATION}2")
        assert [path.read_text() for path in home.rglob("*") if path.is_file()] == [LOCATION]


def test_what_was_never_begun_leaves_nothing(home: Path, film: Path) -> None:
    with suppress(KeyboardInterrupt), upload_note(SERVER, film, {}):
        raise KeyboardInterrupt
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_full_disk_ends_no_upload(home: Path, film: Path) -> None:
    with upload_note(SERVER, film, {}) as note:
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
        try:
            note.keep(LOCATION)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_where_nothing_can_be_noted_uploads_go_on(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
    interrupt(SERVER, film, {})
    assert found(SERVER, film, {}) is None
