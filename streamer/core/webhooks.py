"""Webhooks: events of videos, how requests that tell of them are signed, when they are repeated.

Headers and signatures are those of Standard Webhooks (https://www.standardwebhooks.com), so that
its libraries verify them.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from streamer.core.video import VideoState

SECRET_PREFIX = "whsec_"  # noqa: S105  # not a secret: what one begins with
_FIRST_DELAY_SECONDS = 5.0
_LONGEST_DELAY_SECONDS = 8 * 3600.0
_GROWTH = 3.0
_JITTER_SHARE = 0.25
MAX_AGE_SECONDS = 3 * 24 * 3600.0


class EventType(StrEnum):
    """What happened to a video."""

    UPLOADING = "video.uploading"
    PROBING = "video.probing"
    PACKAGING = "video.packaging"
    PLAYABLE = "video.playable"
    READY = "video.ready"
    FAILED = "video.failed"
    DELETED = "video.deleted"
    VERSION_READY = "video.version_ready"
    VERSION_FAILED = "video.version_failed"

    @classmethod
    def entering(cls, state: VideoState) -> "EventType":
        """The event of a video that is in `state` from now on."""
        return cls(f"video.{state.value}")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. Every delivery of it has its id."""

    id: str
    type: EventType
    video_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to one URL. `attempts` counts those that were begun."""

    event: Event
    url: str
    attempts: int


def signing_key(secret: str) -> bytes:
    """The key that a secret stands for: base64 after `whsec_`, or else its own bytes.

    Raises:
        ValueError: What follows the prefix is not base64.
    """
    if not secret.startswith(SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"what follows {SECRET_PREFIX} must be base64") from error


def signed_headers(key: bytes, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt to deliver `body` at `timestamp` (seconds since 1970)."""
    content = b".".join((event_id.encode(), str(timestamp).encode(), body))
    digest = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{digest}",
    }


def retry_delay_seconds(attempts: int, *, age_seconds: float, chance: float) -> float | None:
    """How long to wait after so many failed attempts; None when it is time to give up.

    The delay grows from 5 seconds to 8 hours, and is up to a quarter longer or shorter so that
    many events do not come back at once.

    Args:
        attempts: How many there were, from 1 on.
        age_seconds: How long ago the event was.
        chance: 0 to 1, by which the jitter is chosen.
    """
    if age_seconds >= MAX_AGE_SECONDS:
        return None
    # Far below the power at which floats end.
    grown: float = _FIRST_DELAY_SECONDS * _GROWTH ** min(attempts - 1, 20)
    jitter = 1 + _JITTER_SHARE * (2 * chance - 1)
    return min(grown, _LONGEST_DELAY_SECONDS) * jitter
