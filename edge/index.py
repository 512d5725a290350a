"""The objects in memory, by key, by path and by tag."""

from collections import defaultdict

from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from edge.core.key import path_of
from edge.core.purging import key_ranges, path_ranges, respelled
from edge.entry import Entry
from streamer.core.purge import Kind, Order


class Index:
    """Entries by key, newest first.

    Attributes:
        entries: For reading; keys are in the order of their bytes, so that those below a path are
            next to each other. Looking one up costs what it costs in any dict.
    """

    def __init__(self) -> None:
        self._sorted = SortedDict()
        self.entries: dict[bytes, list[Entry]] = self._sorted
        self._tagged: defaultdict[str, set[Entry]] = defaultdict(set)
        self._respelled = SortedDict()  # keys by normal path, where they spell it otherwise

    def add(self, entry: Entry, *, is_newest: bool = True) -> None:
        """Take in an entry."""
        variants = self.entries.get(entry.key)
        if variants is None:
            self.entries[entry.key] = [entry]
            path = respelled(entry.key)
            if path is not None:
                self._respelled.setdefault(path, set()).add(entry.key)
        else:
            variants.insert(0 if is_newest else len(variants), entry)
        for tag in entry.tags:
            self._tagged[tag].add(entry)

    def discard(self, entry: Entry) -> None:
        """Forget an entry; one that is not there is no error."""
        variants = self.entries.get(entry.key)
        if variants is None or entry not in variants:
            return
        variants.remove(entry)
        if not variants:
            del self.entries[entry.key]
            self._forget_spelling(entry.key)
        for tag in entry.tags:
            self._tagged[tag].discard(entry)
            if not self._tagged[tag]:
                del self._tagged[tag]

    def covered(self, order: Order) -> list[Entry]:
        """The entries that a purge covers."""
        if order.kind is Kind.TAG:
            return list(self._tagged.get(order.value, ()))
        return [
            entry
            for key in self._keys(order)
            if order.covers(path_of(key), frozenset())
            for entry in self.entries[key]
        ]

    def _keys(self, order: Order) -> set[bytes]:
        """All keys that a purge of a path may cover."""
        keys: set[bytes] = set()
        for bounds in key_ranges(order):
            keys.update(self._sorted.irange(*bounds, inclusive=(True, False)))
        for paths in path_ranges(order):
            for path in self._respelled.irange(*paths, inclusive=(True, False)):
                keys |= self._respelled[path]
        return keys

    def _forget_spelling(self, key: bytes) -> None:
        path = respelled(key)
        if path is None:
            return
        self._respelled[path].discard(key)
        if not self._respelled[path]:
            del self._respelled[path]
