"""The secret that playback tokens are signed with."""

import os
import secrets
from pathlib import Path

from streamer.core.errors import Unavailable

_FILE = "playback-secret"
_BYTES = 32


def load_secret(stated: str, data_dir: Path) -> bytes:
    """The stated secret, or one that is made once and kept in the data directory.

    Raises:
        Unavailable: It cannot be read or written there.
    """
    if stated:
        return stated.encode()
    path = data_dir / _FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        _make(path)
        return path.read_bytes()
    except OSError as error:
        raise Unavailable("the secret of playback tokens cannot be kept") from error


def _make(path: Path) -> None:
    """Make the file unless it is there; whoever is first decides."""
    aside = path.with_name(f"{_FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_BYTES))
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
