"""Digits drawn with boxes, so that a burnt-in clock needs no font."""

from dataclasses import dataclass

#   -a-        Each digit as the set of its lit segments.
#  f   b
#   -g-
#  e   c
#   -d-
DIGITS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


@dataclass(frozen=True, slots=True)
class Face:
    """The size and the colour of a digit, in pixels."""

    height: int
    colour: str

    @property
    def stroke(self) -> int:
        """The thickness of a segment."""
        return self.height // 8

    @property
    def width(self) -> int:
        """The width of a digit."""
        return self.height * 9 // 16

    @property
    def advance(self) -> int:
        """The distance from one digit to the next."""
        return self.width + 2 * self.stroke

    def segment_box(self, segment: str) -> tuple[int, int, int, int]:
        """The x, y, width and height of a segment within its digit."""
        stroke, right = self.stroke, self.width - self.stroke
        middle, bottom = (self.height - self.stroke) // 2, self.height - self.stroke
        upright = middle + stroke
        return {
            "a": (0, 0, self.width, stroke),
            "b": (right, 0, stroke, upright),
            "c": (right, middle, stroke, self.height - middle),
            "d": (0, bottom, self.width, stroke),
            "e": (0, middle, stroke, self.height - middle),
            "f": (0, 0, stroke, upright),
            "g": (0, middle, self.width, stroke),
        }[segment]


def digit(face: Face, value: str, x: int, y: int) -> list[str]:
    """Filters that draw one digit; `value` is an ffmpeg expression of the frame number `n`."""
    return [_lit_segment(face, segment, value, x, y) for segment in "abcdefg"]


def number(face: Face, value: str, places: int, x: int, y: int) -> list[str]:
    """Filters that draw `value`, an expression of `n`, with leading zeros."""
    filters = []
    for place in range(places):
        ten_to_the = 10 ** (places - 1 - place)
        one_digit = f"mod(floor(({value})/{ten_to_the})\\,10)"
        filters += digit(face, one_digit, x + place * face.advance, y)
    return filters


def colon(face: Face, x: int, y: int) -> list[str]:
    """Filters that draw the two dots between two numbers."""
    return [
        _box(x, y + face.height * third // 3 - face.stroke // 2, face.stroke, face.stroke, face)
        for third in (1, 2)
    ]


def _lit_segment(face: Face, segment: str, value: str, x: int, y: int) -> str:
    lit_in = sum(1 << figure for figure, segments in enumerate(DIGITS) if segment in segments)
    left, top, width, height = face.segment_box(segment)
    return (
        _box(x + left, y + top, width, height, face)
        + f":enable='gt(bitand({lit_in}\\,pow(2\\,{value}))\\,0)'"
    )


def _box(x: int, y: int, width: int, height: int, face: Face) -> str:
    return f"drawbox=x={x}:y={y}:w={width}:h={height}:color={face.colour}:t=fill:replace=1"
