"""Object keys and URL paths, spelled here and nowhere else.

One name serves both sides: the object `videos/{id}/{rest}` is served at `/v/{id}/{rest}`, so the
origin needs no lookup to serve media. Names of immutable objects carry a digest of their bytes, so
that a URL changes whenever its bytes would.
"""

import re

VIDEO_ID = re.compile(r"[a-z0-9]{8,32}")
RENDITION_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_MEDIA_NAME = re.compile(r"(?:[a-z0-9][a-z0-9_-]{0,31}/)?[a-z0-9][a-z0-9_-]*\.(?:m4s|mp4|jpg|vtt)")
_DIGEST_LENGTH = 12

MULTIVARIANT_PLAYLIST = "index.m3u8"
DASH_MANIFEST = "manifest.mpd"
KEY = "key"
LICENSE = "license"
POSTER = "poster.jpg"
STORYBOARD = "storyboard.vtt"
_SPRITE = "sprite-"
_UPLOADED = "uploaded-"
_SURROUND = re.compile(r"-51(?=$|-v[0-9]+$)")


def is_video_id(text: str) -> bool:
    """Whether `text` is spelled like a video id."""
    return VIDEO_ID.fullmatch(text) is not None


def is_rendition_name(text: str) -> bool:
    """Whether `text` is spelled like a rendition's name."""
    return RENDITION_NAME.fullmatch(text) is not None


def is_media_name(text: str) -> bool:
    """Whether `text` names an object of a video that viewers may read (never the source)."""
    return _MEDIA_NAME.fullmatch(text) is not None


def is_immutable(name: str) -> bool:
    """Whether the bytes behind a media name can never change (everything but poster and VTT)."""
    return name not in (POSTER, STORYBOARD)


def is_of_storyboard(name: str) -> bool:
    """Whether a media name is that of the storyboard or of one of its sheets."""
    return name == STORYBOARD or name.startswith(_SPRITE)


def is_text(name: str) -> bool:
    """Whether a media name is that of subtitles."""
    return name.endswith(".vtt") and name != STORYBOARD


def video_prefix(video_id: str) -> str:
    """The prefix of every object of a video, the source included."""
    return f"videos/{video_id}/"


def source_key(video_id: str) -> str:
    """The object that holds the uploaded file."""
    return f"videos/{video_id}/source"


def arriving_key(video_id: str) -> str:
    """The uploaded file while it grows, where the store is a directory."""
    return f"videos/{video_id}/arriving"


def source_piece_key(video_id: str, start: int) -> str:
    """The piece of the uploaded file that begins at byte `start` (see `core.arrival`)."""
    return f"videos/{video_id}/pieces/{start:015d}"


def media_key(video_id: str, name: str) -> str:
    """The object behind `/v/{video_id}/{name}`."""
    return f"videos/{video_id}/{name}"


def media_path(video_id: str, name: str) -> str:
    """The URL path of a playlist, segment or picture of a video."""
    return f"/v/{video_id}/{name}"


def manifest_paths(video_id: str) -> tuple[str, str]:
    """The URL paths of what names a video's renditions."""
    return media_path(video_id, MULTIVARIANT_PLAYLIST), media_path(video_id, DASH_MANIFEST)


def rendition_prefix(video_id: str, rendition: str) -> str:
    """The prefix of every object of a rendition."""
    return f"videos/{video_id}/{rendition}/"


def all_rendition_paths(video_id: str, rendition: str) -> str:
    """Every URL path of a rendition, as a purge names them."""
    return f"/v/{video_id}/{rendition}/*"


def all_media_paths(video_id: str) -> str:
    """Every URL path of a video, as a purge names them."""
    return f"/v/{video_id}/*"


def rendition_name(base: str, version: int) -> str:
    """A rendition's name in a version of its video: no two versions share one."""
    return base if version == 1 else f"{base}-v{version}"


def surround_name(base: str) -> str:
    """The base of the name of a sound's rendition in 5.1, where that in stereo has `base`."""
    return f"{base}-51"


def stereo_name(surround: str) -> str:
    """The name of the stereo rendition of the sound that `surround` names in 5.1."""
    return _SURROUND.sub("", surround)


def uploaded_name(language: str, *, is_forced: bool) -> str:
    """The name of uploaded subtitles: one a language, and one more for those that are forced."""
    name = f"{_UPLOADED}{language.lower()}"
    return f"{name}-forced" if is_forced else name


def uploaded_paths(video_id: str) -> str:
    """The URL paths of all uploaded subtitles of a video, as a purge names them."""
    return media_path(video_id, f"{_UPLOADED}*")


def init_name(rendition: str, digest: str) -> str:
    """The name of a rendition's init segment, relative to its video."""
    return f"{rendition}/init-{digest[:_DIGEST_LENGTH]}.mp4"


def segment_name(rendition: str, number: int, digest: str) -> str:
    """The name of segment `number` (from 0) of a rendition, relative to its video."""
    return f"{rendition}/{number:06d}-{digest[:_DIGEST_LENGTH]}.m4s"


def subtitles_name(rendition: str, digest: str) -> str:
    """The name of a subtitle rendition's only segment, relative to its video."""
    return f"{rendition}/000000-{digest[:_DIGEST_LENGTH]}.vtt"


def rendition_of(name: str) -> str:
    """The rendition that a segment's name, relative to its video, says it is of."""
    return name.partition("/")[0]


def sprite_name(number: int, digest: str) -> str:
    """The name of storyboard sheet `number` (from 0), relative to its video."""
    return f"{_SPRITE}{number:04d}-{digest[:_DIGEST_LENGTH]}.jpg"


def sprites_prefix(video_id: str) -> str:
    """What the keys of all storyboard sheets of a video begin with."""
    return f"videos/{video_id}/{_SPRITE}"


def storyboard_paths(video_id: str) -> tuple[str, str]:
    """The URL paths of a storyboard and of all its sheets, as purges name them."""
    return media_path(video_id, STORYBOARD), media_path(video_id, f"{_SPRITE}*")


def iframe_playlist_name(rendition: str) -> str:
    """The name of the playlist of a rendition's key frames, relative to its video."""
    return f"{rendition}/iframes.m3u8"


def playlist_name(rendition: str) -> str:
    """The name of a rendition's media playlist, relative to its video."""
    return f"{rendition}/index.m3u8"
