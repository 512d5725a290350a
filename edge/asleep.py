"""The objects that are on the disk only: a key and a place in the tier for each."""

from edge.disk import StoredFile

_NONE: tuple[StoredFile, ...] = ()


class Asleep:
    """Files by key.

    While the disk is being indexed any key may have files of earlier runs that are not known here
    yet. Whoever comes upon one first, `claim`s it; those of forgotten keys nobody gets.
    """

    def __init__(self) -> None:
        self._files: dict[bytes, tuple[StoredFile, ...]] = {}
        self._claimed: set[int] = set()
        self._forgotten: set[bytes] = set()
        self._is_complete = False

    def __len__(self) -> int:
        return sum(map(len, self._files.values()))

    def complete(self) -> None:
        """All that earlier runs left is known from now on."""
        self._is_complete = True
        self._claimed = set()
        self._forgotten = set()

    def claim(self, number: int, key: bytes) -> bool:
        """Whether a file of an earlier run was not known yet; it is from now on."""
        if self._is_complete or number in self._claimed or key in self._forgotten:
            return False
        self._claimed.add(number)
        return True

    def is_forgotten(self, key: bytes) -> bool:
        """Whether what earlier runs left of a key was forgotten before it was known."""
        return key in self._forgotten

    def has(self, key: bytes) -> bool:
        """Whether a key has files, or may have some."""
        return key in self._files or not self._is_complete

    def holds(self, number: int, key: bytes) -> bool:
        """Whether a file is among them."""
        return any(file.id == number for file in self._files.get(key, _NONE))

    def may_hold(self, number: int, key: bytes) -> bool:
        """Whether it is, or a file of an earlier run that is not known yet."""
        return self.holds(number, key) or not (self._is_complete or number in self._claimed)

    def ids(self, key: bytes) -> set[int]:
        """The ids of a key's files."""
        return {file.id for file in self._files.get(key, _NONE)}

    def add(self, file: StoredFile) -> None:
        """Take in a file."""
        self._files[file.key] = (file, *self._files.get(file.key, _NONE))

    def take(self, number: int, key: bytes) -> StoredFile | None:
        """Take out a file; None if it is not here."""
        files = self._files.get(key, _NONE)
        taken = next((file for file in files if file.id == number), None)
        if taken is not None:
            self._keep(key, tuple(file for file in files if file is not taken))
        return taken

    def forget(self, key: bytes) -> tuple[StoredFile, ...]:
        """Take out all files of a key."""
        if not self._is_complete:
            self._forgotten.add(key)
        return self._files.pop(key, _NONE)

    def _keep(self, key: bytes, files: tuple[StoredFile, ...]) -> None:
        if files:
            self._files[key] = files
        else:
            self._files.pop(key, None)
