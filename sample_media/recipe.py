"""What a clip is made from: five kinds of recipe, all plain values."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Encode:
    """ffmpeg arguments, from the first input to the last output option."""

    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remux:
    """Another clip, its packets copied into another file.

    `input_options` stand before the clip, `output_options` after it.
    """

    base: str
    input_options: tuple[str, ...] = ()
    output_options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """Another clip's bytes, changed by a function."""

    base: str
    change: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Joined:
    """Other clips, their bytes one after the other."""

    bases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A file that ffmpeg has no part in."""

    content: bytes


Recipe = Encode | Remux | Edit | Joined | Written


@dataclass(frozen=True, slots=True)
class Clip:
    """One file this package can make. `suffix` ends its name; `reason` says what it is for."""

    name: str
    suffix: str
    reason: str
    recipe: Recipe
