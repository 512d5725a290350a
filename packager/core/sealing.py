"""Segments as they are stored: in the clear, or encrypted with a version's key."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from packager.core import cbcs
from packager.core.fmp4 import Sample, write_segment
from packager.core.init_segment import InitSegment
from streamer.core.options import Encryption
from streamer.core.video import ContentKey


@dataclass(frozen=True, slots=True)
class Sealed:
    """A segment's bytes; and how many of them, from the beginning, hold its first key frame.

    None where that frame cannot be had alone.
    """

    data: bytes
    key_frame_bytes: int | None


def seal_init(init: InitSegment, key: ContentKey | None) -> InitSegment:
    """The init segment; it is never encrypted itself, but may say that samples are."""
    if key is None or key.method is not Encryption.SAMPLE_AES:
        return init
    return replace(init, data=cbcs.protect_init(init.data, key.key_id, key.vector))


def seal_segment(
    number: int,
    start_ticks: int,
    samples: Sequence[Sample],
    init: InitSegment,
    key: ContentKey | None,
) -> Sealed:
    """One segment of the track that `init` describes."""
    if key is not None and key.method is Encryption.SAMPLE_AES:
        return _seal_samples(number, start_ticks, samples, init.codecs, key)
    data = write_segment(number, start_ticks, samples)
    if key is None:
        return _open(data, samples)
    return Sealed(_seal_whole(data, number, key.key), None)


def _open(data: bytes, samples: Sequence[Sample]) -> Sealed:
    return Sealed(data, len(data) - sum(len(sample.data) for sample in samples[1:]))


def _seal_samples(
    number: int, start_ticks: int, samples: Sequence[Sample], codecs: str, key: ContentKey
) -> Sealed:
    if codecs.startswith("mp4a"):
        sound = [cbcs.protect_sound(sample, key.key, key.vector) for sample in samples]
        return _open(write_segment(number, start_ticks, sound), sound)
    protected = [cbcs.protect_picture(sample, codecs, key.key, key.vector) for sample in samples]
    pictures = [sample for sample, _ in protected]
    protection = [subsamples for _, subsamples in protected]
    data = write_segment(
        number,
        start_ticks,
        pictures,
        auxiliary=lambda offset: cbcs.write_sample_boxes(protection, offset),
    )
    return _open(data, pictures)


def _seal_whole(data: bytes, number: int, key: bytes) -> bytes:
    """AES-128 in CBC mode with PKCS #7 padding (RFC 8216bis §4.4.4.4, §5.2).

    The initialization vector is the media sequence number, which is the segment's.
    """
    padder = PKCS7(AES.block_size).padder()
    encryptor = Cipher(AES(key), CBC(number.to_bytes(16, "big"))).encryptor()
    padded = padder.update(data) + padder.finalize()
    return encryptor.update(padded) + encryptor.finalize()
