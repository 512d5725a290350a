"""Which workers died: those whose heartbeats have not changed for long.

How long is told by the listener's clock alone. The clocks of two hosts are never compared.
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime

_REMEMBERED_GAPS = 4


class FailureDetector:
    """Listens to heartbeats.

    Args:
        silent_seconds: A worker is dead when nothing new was heard of it for longer.
    """

    def __init__(self, silent_seconds: float) -> None:
        self._silent_seconds = silent_seconds
        self._longest_gap = silent_seconds / 2
        self._listened_at: float | None = None
        self._were_long: deque[bool] = deque(maxlen=_REMEMBERED_GAPS)
        self._silences: dict[tuple[str, datetime], float] = {}

    def dead(self, heartbeats: Mapping[str, datetime], *, now: float) -> set[str]:
        """The dead among the workers with these last heartbeats, at `now` of any steady clock.

        Call it every third of the silence or so. Where it is called after a long gap, who could
        not be heard meanwhile has a chance to speak first: all silences begin anew. Where long gaps
        come often, this one is slow by nature: then each counts for half the silence at most.
        """
        gap = 0.0 if self._listened_at is None else now - self._listened_at
        self._listened_at = now
        is_long = gap > self._longest_gap
        if is_long and not any(self._were_long):
            self._silences = {}
        self._were_long.append(is_long)
        passed = min(gap, self._longest_gap)
        self._silences = {
            last: self._silences[last] + passed if last in self._silences else 0.0
            for last in heartbeats.items()
        }
        return {
            worker_id
            for (worker_id, _), silence in self._silences.items()
            if silence > self._silent_seconds
        }
