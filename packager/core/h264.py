"""H.264 as samples of MP4 hold it (ISO/IEC 14496-15 §5.3): NAL units, and what an SPS says."""

from collections.abc import Iterator
from dataclasses import dataclass

from packager.core.boxes import MediaFormatError

IDR_SLICE, SPS, PPS = 5, 7, 8
SLICES = range(1, 6)
_LENGTH_BYTES = 4
_MACROBLOCK = 16
_CHROMA_444 = 3
# Those whose parameter sets say nothing of chroma and depth: both are 4:2:0 and 8 bits.
_OLD_PROFILES = frozenset({66, 77, 88})
_LARGEST_POC_CYCLE = 255


@dataclass(frozen=True, slots=True)
class SequenceParameters:
    """What a sequence parameter set says (ITU-T H.264 §7.4.2.1.1).

    `chroma_format` is 1 for 4:2:0; `bit_depth` the larger of luma's and chroma's. Width and height
    are those that are shown, in pixels of 4:2:0.
    """

    profile: int
    level: int
    chroma_format: int
    bit_depth: int
    is_progressive: bool
    width: int
    height: int


def nal_units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The type of each NAL unit in a sample with lengths of four bytes, and the unit.

    Raises:
        MediaFormatError: They do not fill the sample.
    """
    position = 0
    while position < len(data):
        begin = position + _LENGTH_BYTES
        position = begin + int.from_bytes(data[position:begin], "big")
        if not begin < position <= len(data):
            raise MediaFormatError("a picture is cut off")
        yield data[begin] & 0x1F, data[begin:position]


def is_idr(data: bytes) -> bool:
    """Whether a sample is a picture that nothing after it looks back across."""
    slices = [kind for kind, _ in nal_units(data) if kind in SLICES]
    return bool(slices) and all(kind == IDR_SLICE for kind in slices)


def without_parameter_sets(data: bytes) -> bytes:
    """A sample whose parameter sets are in the init segment alone, as `avc1` demands."""
    kept = [unit for kind, unit in nal_units(data) if kind not in (SPS, PPS)]
    return b"".join(len(unit).to_bytes(_LENGTH_BYTES, "big") + unit for unit in kept)


def read_sps(unit: bytes) -> SequenceParameters:
    """What the NAL unit of a sequence parameter set says.

    Raises:
        MediaFormatError: It is cut off or nonsense.
    """
    bits = _Bits(unit[1:].replace(b"\0\0\3", b"\0\0"))
    profile, _, level = bits.read(8), bits.read(8), bits.read(8)
    bits.unsigned()
    chroma_format, bit_depth = 1, 8
    if profile not in _OLD_PROFILES:
        chroma_format, bit_depth = _read_chroma(bits)
    bits.unsigned()
    _skip_order_count(bits)
    bits.unsigned()
    bits.read(1)
    columns, rows = bits.unsigned() + 1, bits.unsigned() + 1
    is_progressive = bool(bits.read(1))
    if not is_progressive:
        bits.read(1)
    bits.read(1)
    left, right, top, bottom = [bits.unsigned() for _ in range(4)] if bits.read(1) else [0] * 4
    fields = 1 if is_progressive else 2
    return SequenceParameters(
        profile=profile,
        level=level,
        chroma_format=chroma_format,
        bit_depth=bit_depth,
        is_progressive=is_progressive,
        width=columns * _MACROBLOCK - 2 * (left + right),
        height=fields * (rows * _MACROBLOCK - 2 * (top + bottom)),
    )


def _read_chroma(bits: "_Bits") -> tuple[int, int]:
    chroma_format = bits.unsigned()
    if chroma_format == _CHROMA_444:
        bits.read(1)
    bit_depth = 8 + max(bits.unsigned(), bits.unsigned())
    bits.read(1)
    if bits.read(1):
        for number in range(12 if chroma_format == _CHROMA_444 else 8):
            if bits.read(1):
                _skip_scaling_list(bits, 16 if number < 6 else 64)
    return chroma_format, bit_depth


def _skip_scaling_list(bits: "_Bits", size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
            last = following or last


def _skip_order_count(bits: "_Bits") -> None:
    kind = bits.unsigned()
    if kind == 0:
        bits.unsigned()
    elif kind == 1:
        bits.read(1)
        bits.unsigned()
        bits.unsigned()
        for _ in range(min(bits.unsigned(), _LARGEST_POC_CYCLE)):
            bits.unsigned()


class _Bits:
    """Bits of a NAL unit, and the numbers they spell (ITU-T H.264 §9.1)."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        if count > self._left:
            raise MediaFormatError("a parameter set is cut off")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def unsigned(self) -> int:
        zeros = 0
        while not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def signed(self) -> int:
        number = self.unsigned()
        return (number + 1) // 2 if number % 2 else -(number // 2)
