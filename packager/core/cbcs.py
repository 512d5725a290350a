"""Common Encryption with the scheme `cbcs` (ISO/IEC 23001-7 §10.4): samples encrypted in place.

Of pictures, what follows the slice header of each slice is encrypted, one block of 16 bytes in
ten; of sound, all whole blocks of each sample. The initialization vector is constant.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from packager.core.boxes import Box, MediaFormatError, read_boxes, write_box, write_full_box
from packager.core.fmp4 import Sample

BLOCK_BYTES = 16
_ENCRYPTED_BLOCKS, _CLEAR_BLOCKS = 1, 9
_NAL_LENGTH_BYTES = 4
# More than any slice header of the encoders used here: it stays in the clear.
_SLICE_LEAD_BYTES = 96
_LARGEST_CLEAR_BYTES = 0xFFFF
# Their sizes are told in one byte.
_LARGEST_ROW_BYTES = 255
_SCHEME_VERSION = 1 << 16
_PROTECTED_ENTRIES = {"avc1": "encv", "hvc1": "encv", "mp4a": "enca"}
_STSD_BYTES = 8


@dataclass(frozen=True, slots=True)
class Subsample:
    """So many bytes in the clear, then so many of which some are encrypted."""

    clear_bytes: int
    protected_bytes: int


def protect_picture(
    sample: Sample, codecs: str, key: bytes, vector: bytes
) -> tuple[Sample, tuple[Subsample, ...]]:
    """A frame of H.264 or HEVC with its slices encrypted, and where they are."""
    data = bytearray(sample.data)
    subsamples: list[Subsample] = []
    clear_from = 0
    for start, stop in _slices(sample.data, is_hevc=codecs.startswith("hvc1")):
        begin = start + _NAL_LENGTH_BYTES + _SLICE_LEAD_BYTES
        if stop - begin < BLOCK_BYTES:
            continue
        _encrypt_pattern(data, begin, stop, key, vector)
        subsamples += _split_clear(begin - clear_from, stop - begin)
        clear_from = stop
    if clear_from < len(data):
        subsamples += _split_clear(len(data) - clear_from, 0)
    return replace(sample, data=bytes(data)), tuple(subsamples)


def protect_sound(sample: Sample, key: bytes, vector: bytes) -> Sample:
    """A frame of AAC with its whole blocks encrypted."""
    whole = len(sample.data) // BLOCK_BYTES * BLOCK_BYTES
    return replace(sample, data=_encrypt(sample.data[:whole], key, vector) + sample.data[whole:])


def protect_init(data: bytes, key_id: bytes, vector: bytes) -> bytes:
    """An init segment that says how its track is encrypted (§8, §12.2)."""
    return b"".join(
        write_box(box.kind, _protect(box, key_id, vector) if box.kind == "moov" else box.payload)
        for box in read_boxes(data)
    )


def write_sample_boxes(protection: Sequence[Sequence[Subsample]], senc_offset: int) -> bytes:
    """The boxes `saiz`, `saio` and `senc` of a track fragment (§7).

    `senc_offset` is where the first of them begins, from the beginning of its movie fragment.
    """
    rows = [
        len(subsamples).to_bytes(2, "big")
        + b"".join(
            part.clear_bytes.to_bytes(2, "big") + part.protected_bytes.to_bytes(4, "big")
            for part in subsamples
        )
        for subsamples in protection
    ]
    if any(len(row) > _LARGEST_ROW_BYTES for row in rows):
        raise MediaFormatError("a picture of more slices than can be described")
    count = len(rows).to_bytes(4, "big")
    saiz = write_full_box("saiz", 0, 0, b"\0", count, bytes(len(row) for row in rows))
    saio_bytes = len(write_full_box("saio", 0, 0, bytes(8)))
    senc = write_full_box("senc", 0, 2, count, *rows)
    first_row = senc_offset + len(saiz) + saio_bytes + len(senc) - sum(map(len, rows))
    saio = write_full_box("saio", 0, 0, (1).to_bytes(4, "big"), first_row.to_bytes(4, "big"))
    return saiz + saio + senc


def _slices(data: bytes, *, is_hevc: bool) -> Iterator[tuple[int, int]]:
    """Where NAL units with slices begin, at their length, and end."""
    position = 0
    while position + _NAL_LENGTH_BYTES < len(data):
        size = int.from_bytes(data[position : position + _NAL_LENGTH_BYTES], "big")
        stop = min(len(data), position + _NAL_LENGTH_BYTES + size)
        header = data[position + _NAL_LENGTH_BYTES]
        has_slice = header >> 1 & 0x3F < 32 if is_hevc else 1 <= header & 0x1F <= 5
        if has_slice:
            yield position, stop
        position = stop


def _split_clear(clear_bytes: int, protected_bytes: int) -> Iterator[Subsample]:
    """A subsample, or several where so much is in the clear that one cannot tell."""
    while clear_bytes > _LARGEST_CLEAR_BYTES:
        yield Subsample(_LARGEST_CLEAR_BYTES, 0)
        clear_bytes -= _LARGEST_CLEAR_BYTES
    yield Subsample(clear_bytes, protected_bytes)


def _encrypt_pattern(data: bytearray, begin: int, stop: int, key: bytes, vector: bytes) -> None:
    """Encrypt one block of ten, chained, from `begin` on; a rest shorter than a block is clear."""
    step = (_ENCRYPTED_BLOCKS + _CLEAR_BLOCKS) * BLOCK_BYTES
    starts = range(begin, stop - BLOCK_BYTES + 1, step)
    chosen = b"".join(bytes(data[start : start + BLOCK_BYTES]) for start in starts)
    encrypted = _encrypt(chosen, key, vector)
    for number, start in enumerate(starts):
        block = encrypted[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]
        data[start : start + BLOCK_BYTES] = block


def _encrypt(data: bytes, key: bytes, vector: bytes) -> bytes:
    encryptor = Cipher(AES(key), CBC(vector)).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def _protect(box: Box, key_id: bytes, vector: bytes) -> bytes:
    """The payload of a box on the way to the sample description, or of any other as it is."""
    if box.kind == "stsd":
        entries = (_protect_entry(entry, key_id, vector) for entry in box.children(_STSD_BYTES))
        return box.payload[:_STSD_BYTES] + b"".join(entries)
    if box.kind not in {"moov", "trak", "mdia", "minf", "stbl"}:
        return box.payload
    return b"".join(
        write_box(child.kind, _protect(child, key_id, vector)) for child in box.children()
    )


def _protect_entry(entry: Box, key_id: bytes, vector: bytes) -> bytes:
    is_picture = _PROTECTED_ENTRIES[entry.kind] == "encv"
    pattern = _ENCRYPTED_BLOCKS << 4 | _CLEAR_BLOCKS if is_picture else 0
    tenc = write_full_box(
        "tenc",
        1,
        0,
        bytes([0, pattern, 1, 0]),
        key_id,
        len(vector).to_bytes(1, "big"),
        vector,
    )
    sinf = write_box(
        "sinf",
        write_box("frma", entry.kind.encode()),
        write_full_box("schm", 0, 0, b"cbcs", _SCHEME_VERSION.to_bytes(4, "big")),
        write_box("schi", tenc),
    )
    return write_box(_PROTECTED_ENTRIES[entry.kind], entry.payload, sinf)
