"""What all of ffmpeg's runs have in common."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import ffmpeg

# Metadata and versions would make the init segments of two runs differ.
BARE: dict[str, Any] = {
    "map_metadata": -1,
    "map_chapters": -1,
    "fflags": "+bitexact",
    "flags": "+bitexact",
}
# A damaged source keeps what decodes, however little it is.
_USUAL: dict[str, Any] = {
    "hide_banner": None,
    "nostdin": None,
    "nostats": None,
    "max_error_rate": 1,
}


def compile_argv(outputs: Sequence[Any], *, verbosity: str = "error") -> list[str]:
    """The arguments of one ffmpeg run with these outputs, reporting its progress."""
    merged = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
    return [
        *_global_arguments(verbosity),
        *merged.get_args(),
    ]


def spell_ratio(value: Fraction) -> str:
    """A ratio as ffmpeg's options and expressions spell it."""
    return f"{value.numerator}/{value.denominator}"


def _global_arguments(verbosity: str) -> list[str]:
    arguments = ["-v", verbosity]
    for name, value in _USUAL.items():
        arguments += [f"-{name}"] if value is None else [f"-{name}", str(value)]
    # Twice a second ffmpeg reports on its standard output how far it is.
    return [*arguments, "-progress", "pipe:1", "-stats_period", "0.5"]
