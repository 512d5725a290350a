import base64
import hashlib
import hmac

import pytest

from streamer.core.video import VideoState
from streamer.core.webhooks import (
    MAX_AGE_SECONDS,
    EventType,
    retry_delay_seconds,
    signed_headers,
    signing_key,
)


def test_a_known_signature() -> None:
    """The example of the Standard Webhooks specification and its libraries."""
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_any_text_is_a_secret() -> None:
    key = signing_key("a plain text")
    expected = hmac.new(b"a plain text", b"id.1.body", hashlib.sha256).digest()
    signature = signed_headers(key, "id", 1, b"body")["webhook-signature"]
    assert signature == f"v1,{base64.b64encode(expected).decode()}"


def test_a_prefixed_secret_is_base64() -> None:
    with pytest.raises(ValueError, match="base64"):
        signing_key("whsec_not base64!")


def test_every_state_has_its_event() -> None:
    assert [EventType.entering(state).value for state in VideoState] == [
        "video.uploading",
        "video.probing",
        "video.packaging",
        "video.ready",
        "video.failed",
    ]


def test_delays_grow_up_to_eight_hours() -> None:
    delays = [retry_delay_seconds(n, age_seconds=0, chance=0.5) for n in (1, 2, 3, 4, 9, 10_000)]
    assert delays == [5, 15, 45, 135, 8 * 3600, 8 * 3600]


def test_delays_are_spread() -> None:
    assert retry_delay_seconds(1, age_seconds=0, chance=0) == 3.75
    assert retry_delay_seconds(1, age_seconds=0, chance=1) == 6.25


def test_after_three_days_it_is_given_up() -> None:
    assert retry_delay_seconds(1, age_seconds=MAX_AGE_SECONDS - 1, chance=0) is not None
    assert retry_delay_seconds(1, age_seconds=MAX_AGE_SECONDS, chance=0) is None
