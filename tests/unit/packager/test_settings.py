"""The packager's settings."""

import pytest
from pydantic import ValidationError

from packager.settings import PackagerSettings


def test_loudness_is_what_an_upload_may_ask_for() -> None:
    assert PackagerSettings(loudness_lufs=-50).options.loudness_lufs == -50
    with pytest.raises(ValidationError, match="must be 0, or from -70 to -5"):
        PackagerSettings(loudness_lufs=-3)
