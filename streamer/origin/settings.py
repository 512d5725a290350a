"""The origin's settings, read from `STREAMER_*`."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from streamer.shared.bearer import is_loopback
from streamer.shared.settings import SharedSettings


class OriginSettings(SharedSettings):
    """How one origin process serves."""

    host: str = Field(default="127.0.0.1", description="Address to bind.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to bind; 0 chooses one.")
    playback_base_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s/?#]+)?$",
        description="URL of the edge that playback links name. Default: links are relative.",
    )
    max_upload_bytes: int = Field(
        default=64 * 1024**3, ge=1, description="The largest source that is accepted."
    )
    upload_expiry_seconds: float = Field(
        default=48 * 3600.0, gt=0, description="An unfinished upload is kept so long after its end."
    )
    upload_idle_seconds: float = Field(
        default=60.0, gt=0, description="An upload that sends nothing for so long is cut off."
    )
    fetch_allow_private: bool = Field(
        default=False, description="Let 'fetch this URL' reach private and loopback addresses."
    )
    fetch_timeout_seconds: float = Field(
        default=4 * 3600.0, gt=0, description="The longest that fetching a URL may take."
    )
    shutdown_seconds: int = Field(
        default=10, ge=0, description="Requests in progress get so long to finish at shutdown."
    )

    @model_validator(mode="after")
    def _require_token_off_loopback(self) -> Self:
        if not is_loopback(self.host) and not self.api_token.get_secret_value():
            raise ValueError(
                f"binding to {self.host} lets others reach the API: set STREAMER_API_TOKEN first"
            )
        return self

    @property
    def uploads_dir(self) -> Path:
        """Where unfinished uploads are kept."""
        return self.data_dir.absolute() / "uploads"
