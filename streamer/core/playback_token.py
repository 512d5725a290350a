"""Playback tokens: who holds one may have the key of a video until a time.

A token is the time in seconds since 1970 and an HMAC-SHA256 (RFC 2104) of the video's id and that
time, so the origin keeps no list of them.
"""

import base64
import hashlib
import hmac
import re

_TOKEN = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{43})")


def make_token(secret: bytes, video_id: str, expires_at: int) -> str:
    """A token for a video, fit for a URL; `expires_at` in seconds since 1970."""
    return f"{expires_at}.{_signature(secret, video_id, expires_at)}"


def is_token(text: str) -> bool:
    """Whether a text is spelled like a token, valid or not."""
    return _TOKEN.fullmatch(text) is not None


def is_valid(secret: bytes, video_id: str, token: str, *, now: float) -> bool:
    """Whether a token is for this video and has not expired, compared in constant time."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return False
    expires_at = int(match[1])
    is_signed = hmac.compare_digest(match[2], _signature(secret, video_id, expires_at))
    return is_signed and now < expires_at


def _signature(secret: bytes, video_id: str, expires_at: int) -> str:
    digest = hmac.digest(secret, f"{video_id}.{expires_at}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
