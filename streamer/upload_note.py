"""Where an upload goes, noted on this machine until it is done: the same command goes on with it.

A note is a file named by what is uploaded whither, locked by the process that uploads.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any


class UploadNote:
    """What is known of one upload.

    Attributes:
        location: Where it goes, if an earlier process or this one began it.
    """

    def __init__(self, file: FileIO | None = None) -> None:
        self._file = file
        self.location = file.readall().decode() or None if file else None

    def keep(self, location: str) -> None:
        """Note where it goes, if there is room."""
        self.location = location
        if self._file:
            with suppress(OSError):
                self._file.seek(0)
                self._file.truncate()
                self._file.write(location.encode())


@contextmanager
def upload_note(server: str, path: Path, request: Mapping[str, Any]) -> Iterator[UploadNote]:
    """The note of a file's upload; it is kept when the block is left by an exception.

    A changed file, another server or another request is another upload. What another process
    uploads just now, or what cannot be noted here, has an empty note that keeps nothing.

    Raises:
        OSError: The file is not there.
    """
    stat = path.stat()
    what = [server, str(path.resolve()), stat.st_size, stat.st_mtime_ns, dict(request)]
    name = hashlib.sha256(json.dumps(what).encode()).hexdigest()
    try:
        file = _open_locked(_directory() / name)
    except (OSError, RuntimeError):  # RuntimeError: nobody knows where home is
        yield UploadNote()
        return
    with file:
        note = UploadNote(file)
        try:
            yield note
            note.location = None
        finally:
            if note.location is None:
                Path(str(file.name)).unlink(missing_ok=True)


def _directory() -> Path:
    """Where notes are (XDG Base Directory Specification, `XDG_STATE_HOME`)."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "streamer" / "uploads"


def _open_locked(path: Path) -> FileIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = FileIO(path, "a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    if not os.fstat(file.fileno()).st_nlink:
        file.close()
        raise FileNotFoundError(path)  # another process was done with it meanwhile
    file.seek(0)
    return file
