"""The origin's settings, read from `STREAMER_*`."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from streamer.core.web_url import is_web_url
from streamer.core.webhooks import signing_key
from streamer.shared.bearer import is_loopback
from streamer.shared.settings import SharedSettings

# A century: dates that far from now, and timers, can still be computed.
_LONGEST_SECONDS = 100 * 365 * 24 * 3600


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
        default=48 * 3600.0,
        gt=0,
        le=_LONGEST_SECONDS,
        description="An unfinished upload is kept so long after its end.",
    )
    upload_idle_seconds: float = Field(
        default=60.0,
        gt=0,
        le=_LONGEST_SECONDS,
        description="An upload that sends nothing for so long is cut off.",
    )
    fetch_allow_private: bool = Field(
        default=False, description="Let 'fetch this URL' reach private and loopback addresses."
    )
    fetch_timeout_seconds: float = Field(
        default=4 * 3600.0,
        gt=0,
        le=_LONGEST_SECONDS,
        description="The longest that fetching a URL may take; one that comes at less than 16 KiB"
        " a second is given up sooner.",
    )
    old_version_seconds: float = Field(
        default=6 * 3600.0,
        ge=0,
        le=_LONGEST_SECONDS,
        description="A version of a video that was replaced is kept so long for its viewers.",
    )
    playback_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Signs playback tokens; the same for all origins. Default: one that is made"
        " once and kept in the data directory.",
    )
    webhook_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="URLs that are told of what happens to videos, by commas."
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="Signs webhooks; base64 after `whsec_`, or any text."
    )
    webhook_timeout_seconds: float = Field(
        default=15.0, gt=0, le=60, description="A webhook must be answered within so long."
    )
    shutdown_seconds: int = Field(
        default=10,
        ge=0,
        le=_LONGEST_SECONDS,
        description="Requests in progress get so long to finish at shutdown.",
    )

    @field_validator("webhook_urls", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(filter(None, (url.strip() for url in value.split(","))))
        return value

    @field_validator("webhook_urls")
    @classmethod
    def _check_urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        if not all(map(is_web_url, urls)):
            raise ValueError("each must begin with http:// or https:// and a valid host name")
        return tuple(dict.fromkeys(urls))

    @model_validator(mode="after")
    def _require_secret_of_webhooks(self) -> Self:
        secret = self.webhook_secret.get_secret_value()
        if self.webhook_urls and not secret:
            raise ValueError("webhooks are signed: set STREAMER_WEBHOOK_SECRET")
        signing_key(secret)
        return self

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
