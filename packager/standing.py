"""How far a process stands back for others, and when it comes forward."""

import asyncio
import os
import threading
from contextlib import suppress
from dataclasses import dataclass

_FARTHEST_NICE = 19


@dataclass(frozen=True, slots=True)
class Standing:
    """A process's share of the processors beside others.

    Attributes:
        nice: How far it stands back behind the worker itself, 0 to 19.
        leads: Until it is set, the process stands back as far as it can. None: it is set.
    """

    nice: int = 0
    leads: asyncio.Event | None = None

    @property
    def nice_at_start(self) -> int:
        """What the process starts with."""
        if self.leads is None or self.leads.is_set():
            return self.nice
        return _FARTHEST_NICE

    async def come_forward(self, process_group: int) -> None:
        """Wait until the process leads, and give it its share."""
        if self.leads is None:
            return
        await self.leads.wait()
        nice = min(_FARTHEST_NICE, os.getpriority(os.PRIO_PROCESS, 0) + self.nice)
        # It may have ended. Of a group, unlike of a process, Linux changes all threads.
        with suppress(OSError):
            os.setpriority(os.PRIO_PGRP, process_group, nice)


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
