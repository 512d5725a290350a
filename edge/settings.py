"""The edge's settings, read from `EDGE_*`."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    IPvAnyNetwork,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from streamer.shared.settings import ApiToken

_SIZE = re.compile(r"([0-9]+)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def parse_size(value: object) -> object:
    """A size in bytes from text such as `512M` or `50G` (powers of 1024).

    Raises:
        ValueError: The text is no size.
    """
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError("a size is a number with an optional unit: 512M, 50G")
    return int(match[1]) * _UNITS[match[2].upper()]


Size = Annotated[int, BeforeValidator(parse_size)]

_URL = r"^https?://[^\s/?#@,]+/?$"


def parse_list(value: object) -> object:
    """The parts of a text that commas separate."""
    if not isinstance(value, str):
        return value
    return tuple(part for part in (part.strip() for part in value.split(",")) if part)


Urls = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=_URL)], ...],
    NoDecode,
    BeforeValidator(parse_list),
]


Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(parse_list)]


Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(parse_list)]


class EdgeSettings(BaseSettings):
    """How one edge node serves."""

    model_config = SettingsConfigDict(
        env_prefix="EDGE_", frozen=True, populate_by_name=True, allow_inf_nan=False
    )

    origin: str = Field(
        default="http://127.0.0.1:8080",
        pattern=r"^https?://[^\s/?#@]+/?$",
        description="URL of the origin, without a path.",
    )
    backup_origins: Urls = Field(
        default=(), description="URLs of origins to ask in its place, in this order, with commas."
    )
    parents: Urls = Field(
        default=(),
        description="URLs of the edges to ask before the origin (siblings, which may all have the"
        " same list with themselves in it by their public URL, or shields), with commas.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Addresses and networks of the edges and load balancers that ask this one, with"
        " commas: their X-Forwarded-Proto says how their viewers came, and they may have more than"
        " EDGE_MAX_CONNECTIONS_PER_ADDRESS.",
    )
    behaviours: Path | None = Field(
        default=None,
        description="TOML file of what is done for which path; read again on SIGHUP.",
    )
    region: str = Field(
        default="local",
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}$",
        description="The region this edge serves; on Cache-Status and in the metrics.",
    )
    host: str = Field(default="127.0.0.1", description="Address to bind.")
    port: int = Field(default=8081, ge=0, le=65535, description="Port to bind; 0 chooses one.")
    tls_cert: Paths = Field(
        default=(),
        description="PEM files of certificates with their chains, with commas: the port speaks"
        " TLS. The first is for viewers that name no other's host.",
    )
    tls_key: Paths = Field(
        default=(), description="PEM files of their private keys, in the same order."
    )
    redirect_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port that sends viewers from HTTP to HTTPS. Default: none.",
    )
    admin_host: str = Field(default="127.0.0.1", description="Address of health and metrics.")
    admin_port: int = Field(
        default=9081, ge=0, le=65535, description="Port of health and metrics; 0 chooses one."
    )
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s/?#]+/?)?$",
        description="The URL viewers reach this edge at; where it is set, origins are told its host"
        " (X-Forwarded-Host). Default: http(s)://HOST:PORT.",
    )
    workers: int = Field(
        default=1,
        ge=0,
        le=256,
        description="Processes that serve, together one cache; 0: one for each core.",
    )
    memory_size: Size = Field(
        default=512 * 1024**2, ge=1024**2, description="Bound of the memory tier, as 1G."
    )
    cache_dir: Path | None = Field(
        default=None, description="Directory of the disk tier. Default: no disk tier."
    )
    disk_size: Size = Field(
        default=10 * 1024**3, ge=1024**2, description="Bound of the disk tier, as 50G."
    )
    disk_files: int = Field(
        default=1_000_000, ge=16, description="Bound on the number of files in the disk tier."
    )
    max_object_size: Size = Field(
        default=64 * 1024**2, ge=1, description="Larger objects pass through unstored."
    )
    slice_threshold: Size = Field(
        default=16 * 1024**2,
        ge=1,
        description="Larger objects are stored in slices, if their origin serves ranges of them.",
    )
    slice_size: Size = Field(default=2 * 1024**2, ge=64 * 1024, description="How long a slice is.")
    prefetch_segments: int = Field(
        default=2, ge=0, le=32, description="Segments fetched ahead of each viewer; 0: none."
    )
    prefetch_concurrency: int = Field(
        default=4, ge=1, le=64, description="How many fetches may run ahead of viewers at once."
    )
    negative_ttl_seconds: float = Field(
        default=1.0, ge=0, description="How long a 404 that does not say so is fresh."
    )
    gone_ttl_seconds: float = Field(
        default=10.0,
        ge=0,
        description="How long a 405, 410, 414 or 501 that does not say so is fresh.",
    )
    hit_for_pass_seconds: float = Field(
        default=120.0,
        ge=0,
        description="How long requests for what could not be shared are not made to wait for one"
        " another; an answer that can be shared ends it at once.",
    )
    stale_if_error_seconds: float = Field(
        default=3600.0,
        ge=0,
        description="How long past its freshness an object that had any may stand in for a"
        " failing origin.",
    )
    connect_timeout_seconds: float = Field(
        default=5.0, gt=0, description="Deadline for a connection to an upstream."
    )
    first_byte_timeout_seconds: float = Field(
        default=30.0, gt=0, description="Deadline for the head of an upstream's answer."
    )
    read_timeout_seconds: float = Field(
        default=30.0, gt=0, description="Deadline between two pieces of an upstream's answer."
    )
    fetch_timeout_seconds: float = Field(
        default=45.0, gt=0, description="Deadline for a head over all upstreams that are tried."
    )
    upstream_connections: int = Field(
        default=256,
        ge=1,
        description="How many connections may be open to each upstream. What is passed on to one"
        " viewer alone may have three quarters of them until it is answered, one address a quarter;"
        " after that four times as many beside them, one address as many.",
    )
    upstream_queue_seconds: float = Field(
        default=5.0, gt=0, description="How long a request waits when all of them are in use."
    )
    breaker_failures: int = Field(
        default=5,
        ge=1,
        description="An upstream that gave no answer so often in a row is left alone for a while. "
        "One URL counts once a minute, unless connections are refused.",
    )
    head_timeout_seconds: float = Field(
        default=15.0, gt=0, description="A viewer's request head must be complete in this time."
    )
    idle_timeout_seconds: float = Field(
        default=75.0, gt=0, description="A connection without requests is closed after this time."
    )
    write_timeout_seconds: float = Field(
        default=30.0,
        gt=0,
        description="A viewer that takes less than the least pace for so long is dropped.",
    )
    min_write_rate: Size = Field(
        default=1024, ge=0, description="The least pace, in bytes per second; 0: a standstill."
    )
    body_timeout_seconds: float = Field(
        default=60.0,
        gt=0,
        description="A request body that comes at less than the least pace for so long gets a 408.",
    )
    min_read_rate: Size = Field(
        default=1024, ge=0, description="The least pace of a request's body, in bytes per second."
    )
    max_request_body: Size = Field(
        default=50 * 1024**3, ge=0, description="A longer request body gets a 413."
    )
    max_connections: int = Field(
        default=10_000,
        ge=1,
        description="More connections than this, or than open files allow, get a 503.",
    )
    max_connections_per_address: int = Field(
        default=2000,
        ge=1,
        description="More of one IPv4 address, or one IPv6 /64 network, get a 429.",
    )
    drain_seconds: float = Field(
        default=10.0, ge=0, description="Answers in progress get so long to finish at shutdown."
    )
    heartbeat_seconds: float = Field(
        default=10.0, gt=0, description="How often the edge tells the origin that it lives."
    )
    purge_interval_seconds: float = Field(
        default=1.0, gt=0, description="How often the edge reads the origin's log of purges."
    )
    access_log: Path | None = Field(
        default=None, description="File for one line per request. Default: none."
    )
    access_log_format: Literal["json", "w3c"] = Field(
        default="json", description="Its format: JSON, or CloudFront's standard log."
    )
    api_token: ApiToken = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("EDGE_API_TOKEN", "STREAMER_API_TOKEN"),
        description="The origin's API token, for the heartbeat (or STREAMER_API_TOKEN).",
    )

    @model_validator(mode="after")
    def _bound_objects(self) -> Self:
        if self.max_object_size > 1024**3:
            raise ValueError("max_object_size: an object is held in memory while it is fetched")
        return self

    @property
    def negative_seconds(self) -> dict[int, float]:
        """The freshness lifetimes of error answers that state none, by status."""
        gone = dict.fromkeys((405, 410, 414, 501), self.gone_ttl_seconds)
        return {404: self.negative_ttl_seconds, **gone}

    @model_validator(mode="after")
    def _pair_certificates(self) -> Self:
        if len(self.tls_cert) != len(self.tls_key):
            raise ValueError("tls_cert, tls_key: each certificate has its key")
        if self.redirect_port is not None and not self.tls_cert:
            raise ValueError("redirect_port: there is no HTTPS to send viewers to")
        return self

    @property
    def tls_pairs(self) -> list[tuple[Path, Path]]:
        """The files of each certificate: its chain, then its key."""
        return list(zip(self.tls_cert, self.tls_key, strict=True))

    @property
    def own_url(self) -> str:
        """The URL viewers reach this node at."""
        return self.own_url_at(self.port)

    def own_url_at(self, port: int) -> str:
        """The same, where the port has been chosen."""
        return self.public_url.rstrip("/") or self.bound_url(port)

    def bound_url(self, port: int) -> str:
        """The URL of the address that is bound, with the port that was."""
        return _url("https" if self.tls_cert else "http", self.host, port)

    def admin_url(self, port: int) -> str:
        """The URL of health and metrics, with the port that was bound."""
        return _url("http", self.admin_host, port)

    @property
    def public_host(self) -> str:
        """The host, with its port, of the URL that viewers reach this node at, where it is set."""
        return urlsplit(self.public_url).netloc

    @property
    def purge_position(self) -> Path | None:
        """The file with the id of the last purge that the node has obeyed."""
        return None if self.cache_dir is None else self.cache_dir / "purges"

    @property
    def name(self) -> str:
        """The node's name in `Cache-Status`."""
        return f"edge-{self.region}"


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
