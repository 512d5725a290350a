"""Which workers died: those whose heartbeats have not changed for long.

How long is told by the listener's clock alone. The clocks of two hosts are never compared.
"""

import math
from collections.abc import Mapping
from datetime import datetime


class FailureDetector:
    """Listens to heartbeats.

    Args:
        silent_seconds: A worker is dead when nothing new was heard of it for longer.
    """

    def __init__(self, silent_seconds: float) -> None:
        self._silent_seconds = silent_seconds
        self._listened_at = -math.inf
        self._since: dict[tuple[str, datetime], float] = {}

    def dead(self, heartbeats: Mapping[str, datetime], *, now: float) -> set[str]:
        """The dead among the workers with these last heartbeats, at `now` of any steady clock.

        Who could not be heard while this one did not listen has a chance to speak first.
        """
        if now - self._listened_at > self._silent_seconds / 2:
            self._since = {}
        self._listened_at = now
        self._since = {last: self._since.get(last, now) for last in heartbeats.items()}
        return {
            worker_id
            for (worker_id, _), since in self._since.items()
            if now - since > self._silent_seconds
        }
