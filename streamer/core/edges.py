"""What the origin knows of an edge node."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge node that reports to the origin.

    `url` is what viewers use. `started_at` is when its process started, `seen_at` when it last
    reported.
    """

    id: str
    region: str
    url: str
    version: str
    started_at: datetime
    seen_at: datetime
