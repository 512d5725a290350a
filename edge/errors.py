"""Failures of the edge."""

from streamer.core.errors import InvalidInput, StreamerError, Unavailable


class BodyTruncated(Unavailable):
    """A body ended before its end."""

    default_code = "truncated"


class WorkerFailed(StreamerError):
    """A worker of a node could not begin to serve."""

    default_code = "worker_failed"


class BadCertificate(InvalidInput):
    """A certificate or its key cannot be used."""

    default_code = "bad_certificate"
