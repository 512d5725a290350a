"""The behaviours in force; a reload puts others in their place."""

from edge.core.behaviours import Behaviour, Behaviours
from edge.core.policy import StoredResponse


class Rules:
    """What all parts of a node ask about keys and behaviours.

    Attributes:
        current: The behaviours in force.
        is_settled: Whether nothing is in memory any more that was stored under others.
    """

    def __init__(self, behaviours: Behaviours) -> None:
        self.current = behaviours
        self.is_settled = True

    def agree(self, digest: str | None) -> bool:
        """Whether what is stored here is right for who goes by behaviours with this digest."""
        return self.is_settled and digest == self.current.digest

    def key(self, host: str | None, target: str) -> bytes:
        """The cache key of a target."""
        return self.current.key(host, target)

    def scope(self, host: str | None) -> bytes:
        """What follows a target in the keys of a host's objects."""
        return self.current.scope(host)

    def of_key(self, key: bytes) -> Behaviour:
        """The behaviour for the object of a key."""
        return self.current.of_key(key)

    def stores(self, key: bytes) -> bool:
        """Whether anything is stored for a key: requests for its target have it, and share it."""
        return self.current.stores(key)

    def is_current(self, key: bytes, response: StoredResponse) -> bool:
        """Whether what was stored for a key was judged by the behaviour that it has now."""
        return response.behaviour == self.of_key(key).digest

    def beside(self, key: bytes, target: str) -> bytes | None:
        """The key of a target that an object refers to; None if it can only be passed."""
        return self.current.beside(key, target)
