"""What can be chosen of a video's packaging."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

LOWEST_LUFS = -70.0
LOUDEST_LUFS = -5.0
LOUDNESSES = f"{LOWEST_LUFS:g} to {LOUDEST_LUFS:g}, or 0, which leaves it as it is"


def check_loudness(lufs: float) -> float:
    """A loudness that sound can be brought to, in LUFS, or 0.

    Raises:
        ValueError: It is another.
    """
    if lufs != 0 and not LOWEST_LUFS <= lufs <= LOUDEST_LUFS:
        raise ValueError(f"must be 0, or from {LOWEST_LUFS:g} to {LOUDEST_LUFS:g}")
    return lufs


class Preset(StrEnum):
    """How much processor time a rendition may cost: slower ones are smaller at equal quality."""

    FAST = "fast"
    BALANCED = "balanced"
    QUALITY = "quality"


class LadderKind(StrEnum):
    """Whether every video gets the same rungs, or those that its own pictures ask for."""

    FIXED = "fixed"
    PER_TITLE = "per-title"


class VideoCodec(StrEnum):
    """A codec of video renditions. H.264 is always among them: every player takes it."""

    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"


class Encryption(StrEnum):
    """How segments are encrypted: whole (RFC 8216bis §4.4.4.4 AES-128), or samples (cbcs)."""

    NONE = "none"
    AES_128 = "aes-128"
    SAMPLE_AES = "sample-aes"


@dataclass(frozen=True, slots=True)
class PackagingOptions:
    """The choices made for one video; None leaves a choice to the worker's settings.

    `codecs` are offered beside H.264. `passthrough` makes a source's own pictures the highest
    rendition, if they can be that without being encoded again. `loudness_lufs` is the integrated
    loudness that sound is brought to (EBU R 128), in LUFS; 0 leaves it as it is.
    """

    preset: Preset | None = None
    ladder: LadderKind | None = None
    codecs: tuple[VideoCodec, ...] | None = None
    encryption: Encryption | None = None
    passthrough: bool | None = None
    loudness_lufs: float | None = None

    def over(self, defaults: Self) -> Self:
        """These choices, and the defaults' where there is none."""
        chosen = {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) is not None
        }
        return replace(defaults, **chosen)

    def to_json(self) -> dict[str, Any]:
        """The choices that were made, as a JSON object."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The choices that `to_json` spelled.

        Raises:
            ValueError: It is not one of its objects.
        """
        kinds = {"preset": Preset, "ladder": LadderKind, "encryption": Encryption}
        values: dict[str, Any] = {
            name: kinds[name](value) if name in kinds else value for name, value in data.items()
        }
        if "codecs" in values:
            values["codecs"] = tuple(VideoCodec(codec) for codec in values["codecs"])
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError("an unknown choice of packaging") from error
