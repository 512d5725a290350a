import pytest

from packager.core.boxes import MediaFormatError
from packager.core.codec_names import av1_codecs, hevc_codecs


@pytest.mark.parametrize(
    ("record", "name"),
    [
        # The example of ISO/IEC 14496-15 Annex E: Main, level 3.1, progressive frames only.
        ("01 01 60000000 b00000000000 5d", "hvc1.1.6.L93.B0"),
        ("01 02 20000000 b00000000000 99", "hvc1.2.4.L153.B0"),
        ("01 61 60000000 000000000000 7b", "hvc1.A1.6.H123"),
        ("01 01 60000000 900000000400 3c", "hvc1.1.6.L60.90.0.0.0.4"),
    ],
)
def test_the_name_of_hevc(record: str, name: str) -> None:
    assert hevc_codecs(bytes.fromhex(record)) == name


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ("81 04 0c 00", "av01.0.04M.08"),
        ("81 08 4c 00", "av01.0.08M.10"),
        ("81 2d 8c 00", "av01.1.13H.08"),
        ("81 4d ec 00", "av01.2.13H.12"),
    ],
)
def test_the_name_of_av1(record: str, name: str) -> None:
    assert av1_codecs(bytes.fromhex(record)) == name


def test_a_record_that_is_cut_off() -> None:
    with pytest.raises(MediaFormatError):
        hevc_codecs(bytes(12))
    with pytest.raises(MediaFormatError):
        av1_codecs(bytes(3))
