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
        self._silences: dict[tuple[str, datetime], float] = {}

    def dead(self, heartbeats: Mapping[str, datetime], *, now: float) -> set[str]:
        """The dead among the workers with these last heartbeats, at `now` of any steady clock.

        Who could not be heard while this one did not listen has a chance to speak first: what
        passed since it listened last counts as a quarter of the silence at most.
        """
        passed = min(now - self._listened_at, self._silent_seconds / 4)
        self._listened_at = now
        self._silences = {
            last: self._silences[last] + passed if last in self._silences else 0.0
            for last in heartbeats.items()
        }
        return {
            worker_id
            for (worker_id, _), silence in self._silences.items()
            if silence > self._silent_seconds
        }
