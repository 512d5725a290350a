"""Failures of the edge."""

from streamer.core.errors import Unavailable


class BodyTruncated(Unavailable):
    """A body ended before its end."""

    default_code = "truncated"
