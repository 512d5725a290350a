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
        leads: Whether it may take what it needs, or works with what others leave.
        admitted: Set once it may work at all.
        next_change: Set when `leads` changes; another one stands for the change after that.
    """

    urgency: float
    leads: bool = False
    admitted: asyncio.Event = field(default_factory=asyncio.Event)
    next_change: asyncio.Event = field(default_factory=asyncio.Event)

    def __lt__(self, other: "Turn") -> bool:
        return self.urgency < other.urgency

    def admit(self, *, leads: bool) -> None:
        """Let it work, in front or behind."""
        self.admitted.set()
        if leads != self.leads:
            self.leads = leads
            self.next_change.set()
            self.next_change = asyncio.Event()


class Slots:
    """A bounded number of turns, given to the most urgent first, then to the earliest.

    Those who lead are always more urgent than all others: who comes later passes one of them, which
    goes on behind.

    Args:
        number: How many may lead at once.
        behind: How many more may work behind them, on what they leave of the processors. Without
            any, nobody is passed.
    """

    def __init__(self, number: int, *, behind: int = 0) -> None:
        self._number = number
        self._behind_number = behind
        self._leading: list[Turn] = []
        self._behind: list[Turn] = []
        self._waiting: list[Turn] = []

    @property
    def capacity(self) -> int:
        """How many turns there are at a time, but for those who pass."""
        return self._number + self._behind_number

    @property
    def urgency_to_pass(self) -> float | None:
        """Who is more urgent than this gets a turn at once; None if nobody can be passed."""
        if not self._leading or not self._behind_number:
            return None
        return max(self._leading).urgency

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
            self._remove(turn)
            self._settle()

    def _settle(self) -> None:
        while len(self._leading) < self._number and (others := self._behind + self._waiting):
            self._move(min(others), self._leading)
        while self._behind_number and (others := self._behind + self._waiting):
            passing, passed = min(others), max(self._leading)
            if not passing < passed:
                break
            self._move(passing, self._leading)
            self._move(passed, self._behind)
        while len(self._behind) < self._behind_number and self._waiting:
            self._move(min(self._waiting), self._behind)

    def _move(self, turn: Turn, target: list[Turn]) -> None:
        self._remove(turn)
        target.append(turn)
        turn.admit(leads=target is self._leading)

    def _remove(self, turn: Turn) -> None:
        for group in (self._leading, self._behind, self._waiting):
            if turn in group:
                group.remove(turn)
