"""Names of codecs in CODECS (RFC 6381), from their configuration records."""

from packager.core.boxes import MediaFormatError

_HEVC_BYTES = 13
_AV1_BYTES = 4


def hevc_codecs(record: bytes) -> str:
    """The name of HEVC with an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 Annex E).

    As `hvc1.1.6.L93.B0`: profile, compatibility in reverse bit order, tier and level, constraints
    without trailing zeros.

    Raises:
        MediaFormatError: The record is too short.
    """
    if len(record) < _HEVC_BYTES:
        raise MediaFormatError("the picture is not described")
    space = ("", "A", "B", "C")[record[1] >> 6]
    tier = "H" if record[1] & 0x20 else "L"
    profile = record[1] & 0x1F
    compatibility = int(f"{int.from_bytes(record[2:6], 'big'):032b}"[::-1], 2)
    constraints = record[6:12].rstrip(b"\0")
    parts = [f"hvc1.{space}{profile}", f"{compatibility:X}", f"{tier}{record[12]}"]
    return ".".join([*parts, *(f"{byte:X}" for byte in constraints)])


def av1_codecs(record: bytes) -> str:
    """The name of AV1 with an AV1CodecConfigurationRecord (AV1 in ISOBMFF §5).

    As `av01.0.04M.08`: profile, level and tier, bits of a sample.

    Raises:
        MediaFormatError: The record is too short.
    """
    if len(record) < _AV1_BYTES:
        raise MediaFormatError("the picture is not described")
    profile, level = record[1] >> 5, record[1] & 0x1F
    tier = "H" if record[2] & 0x80 else "M"
    is_deep, is_deepest = record[2] & 0x40, record[2] & 0x20
    bits = 12 if is_deep and is_deepest else 10 if is_deep else 8
    return f"av01.{profile}.{level:02d}{tier}.{bits:02d}"
