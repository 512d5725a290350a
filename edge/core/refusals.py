"""Why objects were not stored lately: a bounded memory, for those who ask."""

from collections import OrderedDict
from dataclasses import dataclass

MAX_KEYS = 4096


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an answer was not stored, or why there was none.

    `status` is what came from upstream, or what viewers get where nothing came.
    """

    at: float
    why: str
    status: int


class Refusals:
    """The last refusal of each key; the keys refused longest ago are forgotten first."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[bytes, Refusal] = OrderedDict()

    def note(self, key: bytes, refusal: Refusal) -> None:
        """Remember a refusal in place of an earlier one of the key."""
        self._by_key[key] = refusal
        self._by_key.move_to_end(key)
        if len(self._by_key) > MAX_KEYS:
            self._by_key.popitem(last=False)

    def last(self, key: bytes) -> Refusal | None:
        """The last refusal of a key."""
        return self._by_key.get(key)
