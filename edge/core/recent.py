"""A bounded memory of keys that expires."""

from collections import OrderedDict


class Recent:
    """Remembers the keys added within the last `seconds`, at most `limit` of them."""

    def __init__(self, seconds: float, limit: int) -> None:
        self._seconds = seconds
        self._limit = limit
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def add(self, key: bytes, now: float) -> None:
        """Remember a key from now on."""
        self._until[key] = now + self._seconds
        self._until.move_to_end(key)
        if len(self._until) > self._limit:
            self._until.popitem(last=False)

    def discard(self, key: bytes) -> None:
        """Remember a key no longer."""
        self._until.pop(key, None)

    def has(self, key: bytes, now: float) -> bool:
        """Whether a key is remembered."""
        until = self._until.get(key)
        if until is None:
            return False
        if until <= now:
            del self._until[key]
            return False
        return True
