import pytest

from packager.core.encoders import ENCODERS, SOFTWARE, Wanted, encoder_name
from streamer.core.options import Preset, VideoCodec

WANTED = [Wanted(preset, 23.0, 1_000_000, 120) for preset in Preset]


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.preset)
def test_every_encoder_is_told_where_segments_begin_and_what_they_may_cost(
    name: str, wanted: Wanted
) -> None:
    options = ENCODERS[name].options(wanted)
    told = " ".join(f"{key}={value}" for key, value in options.items())
    assert "120" in told
    assert "1000000" in told or "vbv-maxrate=1000" in told


@pytest.mark.parametrize("name", ENCODERS)
def test_slower_presets_ask_for_something_else(name: str) -> None:
    asked = [ENCODERS[name].options(wanted) for wanted in WANTED]
    has_presets = "preset" in asked[0]
    assert len({str(options) for options in asked}) == (len(WANTED) if has_presets else 1)


def test_hevc_is_tagged_for_apple_s_players() -> None:
    for encoder in ENCODERS.values():
        if encoder.codec is VideoCodec.HEVC:
            assert encoder.options(WANTED[0])["tag:v"] == "hvc1"


@pytest.mark.parametrize(
    ("codec", "hardware", "name"),
    [
        (VideoCodec.H264, "software", "libx264"),
        (VideoCodec.HEVC, "software", "libx265"),
        (VideoCodec.AV1, "software", "libsvtav1"),
        (VideoCodec.H264, "nvenc", "h264_nvenc"),
        (VideoCodec.HEVC, "vaapi", "hevc_vaapi"),
        (VideoCodec.AV1, "videotoolbox", "libsvtav1"),
    ],
)
def test_hardware_encodes_what_it_can(codec: VideoCodec, hardware: str, name: str) -> None:
    assert encoder_name(codec, hardware) == name
    assert ENCODERS[name].codec is codec


def test_software_encodes_every_codec() -> None:
    assert SOFTWARE.keys() == set(VideoCodec)
