import pytest

from sample_media.bar_code import BITS, NoBarCodeError, read_frame_number


def picture_of(number: int, width: int, height: int) -> bytes:
    """A picture drawn by the format's definition: bits above, their complement below."""
    code_height = height // 8
    lines = []
    for row in range(height):
        if row >= code_height:
            lines.append(bytes([90]) * width)
            continue
        shown = number if row < code_height / 2 else ~number
        bits = [shown >> (BITS - 1 - x * BITS // width) & 1 for x in range(width)]
        lines.append(bytes(235 if bit else 16 for bit in bits))
    return b"".join(lines)


@pytest.mark.parametrize("number", [0, 1, 2, 1365, 2047, 4094, 4095])
@pytest.mark.parametrize(("width", "height"), [(320, 180), (96, 64), (361, 203), (1920, 1080)])
def test_the_number_is_read_at_any_size(number: int, width: int, height: int) -> None:
    assert read_frame_number(picture_of(number, width, height), width, height) == number


def test_a_picture_without_code_is_refused() -> None:
    with pytest.raises(NoBarCodeError):
        read_frame_number(bytes([200]) * (320 * 180), 320, 180)


def test_a_damaged_bit_is_noticed() -> None:
    gray = bytearray(picture_of(5, 320, 180))
    gray[: 320 * 11 : 320] = bytes([235]) * 11
    for row in range(11):
        gray[row * 320 : row * 320 + 26] = bytes([235]) * 26
    with pytest.raises(NoBarCodeError):
        read_frame_number(bytes(gray), 320, 180)
