"""URL paths, and what servers may make of how they are spelled."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

_ABNORMAL = re.compile(r"%|//|/\.")
_DECODINGS = 4


def normal_path(path: str) -> str:
    """A path as it is compared with others, whatever its spelling (RFC 3986 §6.2.2).

    Percent-decoded, without dot segments and empty segments: origins may take all paths for the
    same that have it in common.
    """
    if _ABNORMAL.search(path) is None:
        return path
    segments: list[str] = []
    parts = _decoded(path).split("/")
    for part in parts:
        if part == "..":
            del segments[-1:]
        elif part not in ("", "."):
            segments.append(part)
    is_directory = bool(segments) and parts[-1] in ("", ".", "..")
    return "/" + "/".join(segments) + "/" * is_directory


def normal_prefix(prefix: str) -> str:
    """The beginning of paths, likewise: what follows its last slash need not be a whole segment."""
    folder, slash, beginning = prefix.rpartition("/")
    return normal_path(folder + slash) + _decoded(beginning)


def has_dot_segments(path: str) -> bool:
    """Whether a server may take a path for one in another folder (RFC 3986 §5.2.4).

    Be it that it decodes the path several times, takes backslashes for slashes, or leaves out what
    follows a `;` in a segment. What is encoded more often than anybody decodes counts as well.
    """
    for _ in range(_DECODINGS):
        path = _decoded(path)
    is_dotted = any(segment in (".", "..") for segment in _bare_segments(path))
    return is_dotted or _decoded(path) != path


def readings(path: str) -> Iterator[str]:
    """The paths for which some servers take one: all that `has_dot_segments` thinks of.

    Each as it stands, too: servers may choose by the path as it was sent, or decode it and look for
    no dot segments.
    """
    for _ in range(_DECODINGS):
        bare = "/".join(_bare_segments(path))
        yield from (path, normal_path(path))
        if bare != path:
            yield from (bare, normal_path(bare))
        encoded, path = path, _decoded(path)
        if path == encoded:
            return


def _bare_segments(path: str) -> list[str]:
    """The segments, where backslashes part them too, without what follows a `;` in them."""
    return [segment.partition(";")[0] for segment in path.replace("\\", "/").split("/")]


def _decoded(path: str) -> str:
    return unquote(path, encoding="latin-1")
