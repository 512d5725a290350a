"""How far a process stands back for others, as long as it does."""

import os
import threading
from contextlib import suppress
from dataclasses import dataclass

from packager.slots import Turn

_FARTHEST_NICE = 19


@dataclass(frozen=True, slots=True)
class Standing:
    """A process's share of the processors beside others.

    Attributes:
        nice: How far it stands back behind the worker itself, 0 to 19.
        turn: While it does not lead, the process stands back as far as it can. None: it leads.
    """

    nice: int = 0
    turn: Turn | None = None

    @property
    def nice_at_start(self) -> int:
        """What the process starts with."""
        if self.turn is None or self.turn.leads:
            return self.nice
        return _FARTHEST_NICE

    async def keep(self, process_group: int) -> None:
        """Give the process its share whenever that changes, until cancelled."""
        while self.turn is not None:
            change = self.turn.next_change
            own = os.getpriority(os.PRIO_PROCESS, 0)
            # It may have ended. Of a group, unlike of a process, Linux changes all threads.
            with suppress(OSError):
                nice = min(_FARTHEST_NICE, own + self.nice_at_start)
                os.setpriority(os.PRIO_PGRP, process_group, nice)
            await change.wait()


def may_come_forward() -> bool:
    """Whether this process may raise a priority that it lowered: setpriority(2), EPERM."""
    allowed = []

    def attempt() -> None:
        # Linux keeps priorities by thread: this one takes the trial with it.
        nice = os.nice(1) - 1
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, nice)
            allowed.append(True)

    trial = threading.Thread(target=attempt)
    trial.start()
    trial.join()
    return bool(allowed)
