"""Who may encode next when there are more chunks than processors."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Turn:
    """One who may work.

    Attributes:
        urgency: The lowest goes first.
        leads: Set once it may take what it needs; until then it works with what others leave.
    """

    urgency: float
    leads: asyncio.Event = field(default_factory=asyncio.Event)
    admitted: asyncio.Event = field(default_factory=asyncio.Event)

    def __lt__(self, other: "Turn") -> bool:
        return self.urgency < other.urgency


class Slots:
    """A bounded number of turns, given to the most urgent first, then to the earliest.

    Args:
        number: How many may lead at once.
        behind: How many more may work behind them, on what they leave of the processors.
    """

    def __init__(self, number: int, *, behind: int = 0) -> None:
        self._number = number
        self._behind_number = behind
        self._leading: list[Turn] = []
        self._behind: list[Turn] = []
        self._waiting: list[Turn] = []

    @property
    def capacity(self) -> int:
        """How many turns there are at a time."""
        return self._number + self._behind_number

    @asynccontextmanager
    async def turn(self, urgency: float) -> AsyncGenerator[Turn]:
        """Wait for a turn and keep it."""
        turn = Turn(urgency)
        self._waiting.append(turn)
        try:
            self._settle()
            await turn.admitted.wait()
            yield turn
        finally:
            for group in (self._leading, self._behind, self._waiting):
                if turn in group:
                    group.remove(turn)
            self._settle()

    def _settle(self) -> None:
        while len(self._leading) < self._number and (self._behind or self._waiting):
            turn = min([*self._behind, *self._waiting])
            (self._behind if turn in self._behind else self._waiting).remove(turn)
            self._leading.append(turn)
            turn.leads.set()
            turn.admitted.set()
        while len(self._behind) < self._behind_number and self._waiting:
            turn = min(self._waiting)
            self._waiting.remove(turn)
            self._behind.append(turn)
            turn.admitted.set()
