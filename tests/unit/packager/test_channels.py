import pytest

from packager.core.channels import layout_by_order


@pytest.mark.parametrize(
    ("channels", "layout"),
    [
        (1, "mono"),
        (2, ""),
        (2, "stereo"),
        (2, "downmix"),
        (6, "5.1(side)"),
        (2, "2 channels (FC+LFE)"),
        (4, "4 channels (FL+FR+LFE+LFE2)"),
        (8, "8 channels (FL+FR+FC+LFE+SL+SR+DL+DR)"),
    ],
)
def test_labels_count_where_they_can_be_mixed(channels: int, layout: str) -> None:
    assert layout_by_order(channels, layout) is None


@pytest.mark.parametrize(
    ("channels", "layout", "taken"),
    [
        (1, "1 channels (FL)", (1, "mono")),
        (1, "ambisonic 0", (1, "mono")),
        (2, "binaural", (2, "stereo")),
        (2, "2 channels (SL+SR)", (2, "stereo")),
        (2, "2 channels (FL+FL)", (2, "stereo")),
        (3, "3 channels (FL+FR+SL)", (3, "3.0")),
        (10, "10 channels (TFL+TFR+TBL+TBR+WL+WR+SL+SR+BL+BR)", (8, "7.1")),
    ],
)
def test_elsewhere_their_order_counts(channels: int, layout: str, taken: tuple[int, str]) -> None:
    assert layout_by_order(channels, layout) == taken
