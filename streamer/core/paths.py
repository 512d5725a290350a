"""URL paths, and what servers may make of how they are spelled."""

from urllib.parse import unquote

_DECODINGS = 4


def has_dot_segments(path: str) -> bool:
    """Whether a server may take a path for one in another folder (RFC 3986 §5.2.4).

    Be it that it decodes the path several times, takes backslashes for slashes, or leaves out what
    follows a `;` in a segment. What is encoded more often than anybody decodes counts as well.
    """
    for _ in range(_DECODINGS):
        path = _decoded(path)
    segments = path.replace("\\", "/").split("/")
    is_dotted = any(segment.partition(";")[0] in (".", "..") for segment in segments)
    return is_dotted or _decoded(path) != path


def _decoded(path: str) -> str:
    return unquote(path, encoding="latin-1")
