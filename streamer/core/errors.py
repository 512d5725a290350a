"""The tree of failures.

Expected outcomes are values; these are failures. Each class carries what an API client or an
operator must know: a stable `code`, the HTTP status and whether trying again can help.

    StreamerError
    ├── InvalidInput          400  what the caller sent cannot be accepted
    ├── Unauthorized          401
    ├── NotFound              404
    ├── Conflict              409  the resource is not in a state that allows it
    ├── TooLarge              413
    ├── SourceRejected        422  the upload is not a video this product can play
    ├── Unavailable           503  a store, database or peer does not answer; retryable
    └── StorageFull           507  no room; retryable once there is room
"""

from typing import ClassVar


class StreamerError(Exception):
    """The root of all failures raised by this project.

    Attributes:
        code: Stable snake_case name for machines.
        detail: One sentence for a person. Never holds secrets or unescaped outside text.
        reason: What the part that failed says itself; for logs and operators, not for clients. May
            be empty.
    """

    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    default_code: ClassVar[str] = "internal"

    def __init__(self, detail: str, *, code: str | None = None, reason: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.detail}: {self.reason}" if self.reason else self.detail


class InvalidInput(StreamerError):
    """The request or an option cannot be accepted as it is."""

    http_status = 400
    default_code = "invalid_input"


class Unauthorized(StreamerError):
    """The token is missing or wrong."""

    http_status = 401
    default_code = "unauthorized"


class NotFound(StreamerError):
    """There is no such video, object or upload."""

    http_status = 404
    default_code = "not_found"


class Conflict(StreamerError):
    """The resource is not in a state that allows the operation."""

    http_status = 409
    default_code = "conflict"


class TooLarge(StreamerError):
    """The body or the file is larger than a setting allows."""

    http_status = 413
    default_code = "too_large"


class SourceRejected(StreamerError):
    """The uploaded file cannot become a stream.

    Codes: not_a_video, no_video_stream, truncated, encrypted, unsupported_codec, too_large,
    too_long, fetch_failed, encode_failed, source_gone.
    """

    http_status = 422
    default_code = "not_a_video"


class Unavailable(StreamerError):
    """A part this service needs (store, database, upstream) does not answer."""

    http_status = 503
    retryable = True
    default_code = "unavailable"


class StorageFull(StreamerError):
    """There is no room left for the bytes."""

    http_status = 507
    retryable = True
    default_code = "storage_full"
