"""How a source lies in a store that cannot grow an object: in pieces, sent while it arrives.

Pieces begin small, so that what is in the first bytes is known soon, and double up to a size at
which a store's round trips do not count. Where a piece begins and ends follows from the position
alone.
"""

FIRST_PIECE_BYTES = 256 * 1024
LARGEST_PIECE_BYTES = 8 * 1024 * 1024


def piece_start(position: int) -> int:
    """Where the piece that holds the byte at `position` begins."""
    if position < FIRST_PIECE_BYTES:
        return 0
    if position >= LARGEST_PIECE_BYTES:
        return position - position % LARGEST_PIECE_BYTES
    return FIRST_PIECE_BYTES << ((position // FIRST_PIECE_BYTES).bit_length() - 1)


def piece_stop(start: int) -> int:
    """Where the piece that begins at `start` ends (exclusive), unless the source ends before."""
    if start < FIRST_PIECE_BYTES:
        return FIRST_PIECE_BYTES
    return start + min(start, LARGEST_PIECE_BYTES)
