"""Who a worker is: enough to tell from its own machine whether it still lives."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class WorkerId:
    """One worker process: its host, its process id there, and a name no other ever had."""

    host: str
    pid: int
    unique: str

    def __str__(self) -> str:
        return f"{self.host}/{self.pid}/{self.unique}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The worker spelled by `text`; None when it is not one."""
        host, _, rest = text.partition("/")
        pid, _, unique = rest.partition("/")
        if not (host and pid.isascii() and pid.isdigit() and unique):
            return None
        return cls(host, int(pid), unique)
