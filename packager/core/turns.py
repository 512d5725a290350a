"""How pictures are turned upright that say themselves, not by their container, how they lie."""

import re
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(r"(?<=\s)-?[0-9]{1,10}(?=\s)")
# By the signs of a display matrix: where it takes what lies to the right, and below. Directions of
# ffmpeg's transpose, of which two make half a turn or a mirror.
_TURNS: dict[tuple[int, ...], tuple[str, ...]] = {
    (0, 1, -1, 0): ("clock",),
    (0, -1, 1, 0): ("cclock",),
    (0, 1, 1, 0): ("cclock_flip",),
    (0, -1, -1, 0): ("clock_flip",),
    (-1, 0, 0, -1): ("clock", "clock"),
    (-1, 0, 0, 1): ("cclock", "cclock_flip"),
    (1, 0, 0, -1): ("clock", "cclock_flip"),
}


def read_turn(stream: Mapping[str, Any], first: Mapping[str, Any]) -> tuple[str, ...]:
    """What turns the pictures of a stream upright: directions of ffmpeg's transpose, in order.

    The `first` of them tells (a display orientation in H.264 and HEVC, EXIF in JPEG). Empty where
    it does not, or the container does too: ffmpeg obeys that by itself.
    """
    return () if _signs(stream) else _TURNS.get(_signs(first), ())


def _signs(described: Mapping[str, Any]) -> tuple[int, ...]:
    """The signs of the display matrix among some side data; empty without one."""
    for side_data in described.get("side_data_list", []):
        # Three lines of an offset and three numbers, of which the third is for perspective.
        numbers = [int(text) for text in _NUMBER.findall(str(side_data.get("displaymatrix")))]
        if numbers:
            return tuple((n > 0) - (n < 0) for n in (*numbers[:2], *numbers[3:5]))
    return ()
