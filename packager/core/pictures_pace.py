"""How long the pictures of an MPEG stream last, where only some of them have a time."""

from fractions import Fraction

# Of MPEG-2 video (ISO/IEC 13818-2 §6.2): in no other does a unit begin so.
_SEQUENCE, _PICTURE = b"\0\0\1\xb3", b"\0\0\1\0"


class PicturesPace:
    """Counts the pictures of MPEG-2 between two times; of others, each has a time.

    Args:
        usual_ticks: How long one lasts until that is known.
    """

    def __init__(self, usual_ticks: int) -> None:
        self._picture_ticks = Fraction(usual_ticks)
        self._are_counted = False

    def note(self, ticks: int, coded: bytes) -> None:
        """The pictures that begin in these bytes last so long."""
        self._are_counted |= _SEQUENCE in coded
        self._picture_ticks = Fraction(ticks, self._count(coded))

    def ticks(self, coded: bytes) -> int:
        """How long the pictures last that begin in these bytes."""
        return round(self._picture_ticks * self._count(coded))

    def _count(self, coded: bytes) -> int:
        return max(1, coded.count(_PICTURE)) if self._are_counted else 1
