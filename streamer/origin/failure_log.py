"""What is done again and again survives its failures, and says once why it fails."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from streamer.core.errors import StreamerError

_REPEAT_SECONDS = 600.0


class FailureLog:
    """Logs why something fails when it begins to, when the reason changes, and every ten minutes.

    A failure of this program's own tree is one line; any other has its traceback.

    Args:
        log: Where it is written.
        consequence: What the failure means, as "webhooks are sent later".
    """

    def __init__(self, log: logging.Logger, consequence: str) -> None:
        self._log = log
        self._consequence = consequence
        self._told: str | None = None
        self._told_at = 0.0

    @contextmanager
    def surviving(self) -> Iterator[None]:
        """Log what the block raises, and raise nothing."""
        try:
            yield
        except StreamerError as error:
            if self._is_news(str(error)):
                self._log.warning("%s: %s", self._consequence, error)
        except Exception as error:
            if self._is_news(type(error).__name__):
                self._log.exception("%s", self._consequence)
        else:
            self._told = None

    def _is_news(self, reason: str) -> bool:
        now = time.monotonic()
        if reason == self._told and now - self._told_at < _REPEAT_SECONDS:
            return False
        self._told, self._told_at = reason, now
        return True
