"""Failures that only the origin's HTTP interface knows."""

from streamer.core.errors import StreamerError


class Forbidden(StreamerError):
    """Who asks may not have it."""

    http_status = 403
    default_code = "forbidden"


class Gone(StreamerError):
    """It was here and will not come back."""

    http_status = 410
    default_code = "gone"


class VersionUnsupported(StreamerError):
    """The request names another protocol version than tus 1.0.0."""

    http_status = 412
    default_code = "version_unsupported"


class MediaTypeUnsupported(StreamerError):
    """The body is of a type that this resource does not take."""

    http_status = 415
    default_code = "media_type_unsupported"


class Locked(StreamerError):
    """Somebody else is writing to the upload."""

    http_status = 423
    retryable = True
    default_code = "locked"


class ChecksumMismatch(StreamerError):
    """The bytes received are not those that were sent (tus, checksum extension)."""

    http_status = 460
    retryable = True
    default_code = "checksum_mismatch"


class BodyTimedOut(StreamerError):
    """The client stopped sending in the middle of its request."""

    http_status = 408
    retryable = True
    default_code = "body_timed_out"
