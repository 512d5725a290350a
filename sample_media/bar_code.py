"""A frame number that survives scaling and lossy coding: two rows of black and white blocks.

The upper row holds the number, most significant bit first, white for one; the lower row its
complement, so that a damaged or foreign picture is noticed. Together they are the top eighth of
the picture.
"""

BITS = 12
_HEIGHT_SHARE = 8
_THRESHOLD = 128


class NoBarCodeError(ValueError):
    """The picture carries no readable frame number."""


def bar_code_overlay(source: str, width: int, height: int, rate: str) -> str:
    """A lavfi graph: `source` with each frame's number (0 to 4095) across its top."""
    bit = f"mod(floor(N/pow(2\\,{BITS - 1}-X))\\,2)"
    code_height = height // _HEIGHT_SHARE // 2 * 2
    return (
        f"{source}[picture];"
        f"color=black:s={BITS}x2:r={rate},format=gray,geq=lum='255*if(Y\\,1-{bit}\\,{bit})',"
        f"scale={width}:{code_height}:flags=neighbor,format=yuv420p[code];"
        "[picture][code]overlay=shortest=1"
    )


def read_frame_number(gray: bytes, width: int, height: int) -> int:
    """The number burnt into a frame of any size, given as one byte of luma per pixel.

    Raises:
        NoBarCodeError: The rows are not each other's complement.
    """
    code_height = height / _HEIGHT_SHARE
    upper = _row_of_bits(gray, width, int(code_height * 0.25))
    lower = _row_of_bits(gray, width, int(code_height * 0.75))
    if upper ^ lower != (1 << BITS) - 1:
        raise NoBarCodeError(f"rows {upper:0{BITS}b} and {lower:0{BITS}b} do not match")
    return upper


def _row_of_bits(gray: bytes, width: int, row: int) -> int:
    value = 0
    for position in range(BITS):
        column = int((position + 0.5) * width / BITS)
        value = value << 1 | (gray[row * width + column] >= _THRESHOLD)
    return value
