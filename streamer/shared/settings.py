"""Settings every service shares, read from `STREAMER_*`."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from streamer.core.api_token import is_sendable


def _check_token(token: SecretStr) -> SecretStr:
    if not is_sendable(token.get_secret_value()):
        raise ValueError("a token is printable ASCII, without spaces around it")
    return token


ApiToken = Annotated[SecretStr, AfterValidator(_check_token)]


class SharedSettings(BaseSettings):
    """Where the parts of one installation meet."""

    model_config = SettingsConfigDict(env_prefix="STREAMER_", frozen=True, allow_inf_nan=False)

    data_dir: Path = Field(
        default=Path("data"),
        description="Local state: the default store, the default database, unfinished uploads.",
    )
    store: str = Field(
        default="",
        description="file:///dir or s3://bucket/prefix. Default: DATA_DIR/store.",
    )
    database_url: str = Field(
        default="",
        description="sqlite:///path or postgresql://… . Default: DATA_DIR/streamer.db.",
    )
    api_token: ApiToken = Field(
        default=SecretStr(""),
        description="Bearer token for everything that writes. Required unless bound to loopback.",
    )
    s3_addressing_style: str = Field(
        default="auto", description="auto, path or virtual; S3-compatible servers often need path."
    )

    @property
    def store_url(self) -> str:
        """The store's URL with its default filled in."""
        return self.store or (self.data_dir.absolute() / "store").as_uri()

    @property
    def catalog_url(self) -> str:
        """The database's URL with its default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'streamer.db'}"
