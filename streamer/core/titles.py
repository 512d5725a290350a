"""What people call things: titles, chapters, tracks."""

import re
from unicodedata import normalize

from streamer.core.hls_attributes import printable

# Bidirectional embeddings, overrides and isolates (UAX #9), which reach beyond the text.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def one_line(text: str, max_chars: int) -> str:
    """`text` as one printable line of bounded length, read in its own direction.

    Empty if nothing is left. Joiners stay: words and emoji are spelled with them.
    """
    return " ".join(_TURNING.sub("", printable(text)).split())[:max_chars].strip()


def folded(text: str) -> str:
    """`text` as it is compared in a search, which is blind to case and to its spelling in Unicode.

    Compatible characters are the same (NFKC), and the dot that a small i has is not counted.
    """
    lower = normalize("NFKC", text).casefold()
    return normalize("NFKC", lower).replace("i\N{COMBINING DOT ABOVE}", "i")
