"""What can be chosen of a video's packaging."""

import math

import pytest

from streamer.core.options import check_loudness


@pytest.mark.parametrize("lufs", [-70, -50, -16, -5, 0])
def test_a_loudness_that_sound_can_be_brought_to(lufs: float) -> None:
    assert check_loudness(lufs) == lufs


@pytest.mark.parametrize("lufs", [-70.1, -4.9, -1, 1, math.nan, -math.inf])
def test_a_loudness_that_sound_cannot_be_brought_to(lufs: float) -> None:
    with pytest.raises(ValueError, match="must be 0, or from -70 to -5"):
        check_loudness(lufs)
