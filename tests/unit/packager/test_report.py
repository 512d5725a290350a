import pytest

from packager.core.report import clean_report, explain_failure, read_frames, tells_damage


def test_the_last_frame_count_is_read() -> None:
    assert read_frames("frame=12\nfps=3\nframe=  40\nprogress=continue\n") == 40
    assert read_frames("fps=0.0\n") is None


def test_a_report_tells_no_path_address_or_control_code() -> None:
    text = clean_report(
        "[mov,mp4 @ 0x7f27062] moov atom not found\r\nfile:/data/store/videos/x/source: Invalid\n"
        "Error opening /etc/secret now\n\x1b[31mred\x1b[0m\n"
    )
    assert "moov atom not found" in text
    assert "the file: Invalid" in text
    assert not {"/", "\x1b", "\n"} & set(text.replace(" / ", ""))


def test_a_report_tells_nothing_of_the_confinement() -> None:
    refused = "[in#0 @ 0x1] Format not on whitelist 'mov,avi'\nfile:/a.mp4: "
    assert clean_report(f"{refused}Invalid argument\n") == ""
    assert clean_report(f"{refused}End of file") == "the file: End of file"


def test_a_report_tells_no_time_that_an_expression_printed() -> None:
    assert clean_report("[Eval @ 0x1] 5.520000\nInvalid argument\n") == "Invalid argument"


def test_a_report_is_short() -> None:
    assert len(clean_report("x" * 10_000 + "\n" * 3)) == 200
    assert clean_report("\n".join(map(str, range(50)))) == "46 / 47 / 48 / 49"
    assert clean_report("") == ""


@pytest.mark.parametrize(
    ("report", "code"),
    [
        ("Decoder (codec drm) not found for input stream #0:0", "unsupported_codec"),
        ("Decoding requested, but no decoder found for: evc", "unsupported_codec"),
        ("Conversion failed!", "encode_failed"),
        ("", "encode_failed"),
    ],
)
def test_reasons(report: str, code: str) -> None:
    assert explain_failure(report).code == code


@pytest.mark.parametrize(
    ("line", "damage"),
    [
        ("[vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] Error submitting packet to decoder: Inv", True),
        ("[h264 @ 0x1] error while decoding MB 3 7, bytestream -5", True),
        ("[mpeg4 @ 0x1] Error at MB: 123", True),
        ("[in#0/matroska,webm @ 0x1] Element at 0x2 exceeds containing master element", True),
        ("[Eval @ 0x1] 5.520000", True),
        ("[Eval @ 0x1] Undefined constant or missing '(' in 'x'", False),
        ("[h264 @ 0x1] co located POCs unavailable", False),
        ("[h264 @ 0x1] reference picture missing during reorder", False),
        ("", False),
    ],
)
def test_damage_is_told_from_the_noise_of_seeking(line: str, damage: bool) -> None:
    assert tells_damage(line) is damage
