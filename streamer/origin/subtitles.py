"""Subtitles that are uploaded to a video, beside those inside its source.

Each upload has an object of its own, also where another one's bytes are the same: so whoever
replaces or removes it may delete it, whatever is uploaded at the same time. Nobody is served it
once the catalog has forgotten it; should it stay, as when the store is away, it goes with its
video.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from streamer.core import keys
from streamer.core.errors import Conflict, InvalidInput, NotFound, StreamerError, TooLarge
from streamer.core.languages import language_name, language_tag
from streamer.core.video import EVERY_VERSION, MediaKind, Rendition, Segment
from streamer.core.webvtt import MAX_BYTES, Cue, read_subtitles, render_webvtt
from streamer.origin import tus
from streamer.origin.multipart import Event, Field, FileBegins, FileBytes
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectStore

MAX_LABEL_CHARS = 80
LANGUAGE_PATTERN = r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*"
MAX_LANGUAGE_CHARS = 16
_FIELDS = frozenset({"language", "label", "default", "forced"})
_MEDIA_TYPE_CODEC = "wvtt"
_TICKS = 1000
_SALT_BYTES = 16
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SubtitlesForm:
    """What was sent: a WebVTT or SubRip file, and what it is."""

    data: bytes
    language: str
    label: str
    is_default: bool
    is_forced: bool


async def read_subtitles_form(events: AsyncIterator[Event]) -> SubtitlesForm:
    """The form that these events are the parts of.

    Raises:
        InvalidInput: A part is missing or makes no sense.
        TooLarge: The file is larger than subtitles may be.
    """
    data: bytearray | None = None
    fields: dict[str, str] = {}
    async for event in events:
        match event:
            case FileBegins():
                data = bytearray()
            case FileBytes(piece) if data is not None:
                data += piece
                if len(data) > MAX_BYTES:
                    raise TooLarge(f"subtitles may have {MAX_BYTES} bytes at most")
            case Field(name, value) if name in _FIELDS:
                fields[name] = value
    if data is None:
        raise InvalidInput("the form has no part named file")
    return SubtitlesForm(
        data=bytes(data),
        language=_language(fields.get("language", "")),
        label=_label(fields.get("label", "")),
        is_default=_flag("default", fields),
        is_forced=_flag("forced", fields),
    )


class SubtitlesShelf:
    """The uploaded subtitles of all videos."""

    def __init__(self, catalog: Catalog, store: ObjectStore) -> None:
        self._catalog = catalog
        self._store = store

    async def add(self, video_id: str, form: SubtitlesForm, *, now: datetime) -> None:
        """Give a video subtitles; those of the same language and kind are replaced.

        Raises:
            InvalidInput: The file holds no subtitles.
            NotFound: There is no such video.
            Conflict: It is neither being packaged nor playable.
        """
        cues = await asyncio.to_thread(read_subtitles, form.data)
        data = render_webvtt(cues).encode()
        rendition = _rendition(form)
        segment = _segment(rendition, cues, data)
        await self._catalog.get_video(video_id)  # before an object is written for nothing
        await self._store.put(keys.media_key(video_id, segment.name), data)
        try:
            replaced = await self._catalog.add_subtitles(video_id, rendition, segment, now=now)
        except (InvalidInput, NotFound, Conflict):  # after others the catalog may have it
            await self._discard(video_id, segment.name)
            raise
        if replaced is not None:
            await self._discard(video_id, replaced)

    async def remove(self, video_id: str, name: str, *, now: datetime) -> None:
        """Take uploaded subtitles away again; NotFound when there are no such."""
        removed = await self._catalog.remove_subtitles(video_id, name, now=now)
        await self._discard(video_id, removed)

    async def _discard(self, video_id: str, name: str) -> None:
        try:
            await self._store.delete(keys.media_key(video_id, name))
        except StreamerError as error:
            _log.warning("%s of video %s stays in the store: %s", name, video_id, error)


def _rendition(form: SubtitlesForm) -> Rendition:
    return Rendition(
        name=keys.uploaded_name(form.language, is_forced=form.is_forced),
        kind=MediaKind.SUBTITLES,
        codecs=_MEDIA_TYPE_CODEC,
        timescale=_TICKS,
        language=form.language,
        label=form.label or language_name(form.language) or form.language,
        is_default=form.is_default,
        is_forced=form.is_forced,
        version=EVERY_VERSION,
    )


def _segment(rendition: Rendition, cues: tuple[Cue, ...], data: bytes) -> Segment:
    digest = sha256(secrets.token_bytes(_SALT_BYTES) + data).hexdigest()
    name = keys.subtitles_name(rendition.name, digest)
    return Segment(rendition.name, 0, name, max(cue.end_ms for cue in cues), len(data))


def _language(text: str) -> str:
    """A language's tag (BCP 47) in its usual spelling, from any of its codes."""
    if len(text) > MAX_LANGUAGE_CHARS or not re.fullmatch(LANGUAGE_PATTERN, text):
        raise InvalidInput("language must be a code such as en, deu or pt-BR")
    return language_tag(text)


def _label(text: str) -> str:
    label = tus.clean_title(text)
    if len(label) > MAX_LABEL_CHARS:
        raise InvalidInput(f"label may have {MAX_LABEL_CHARS} characters at most")
    return label


def _flag(name: str, fields: dict[str, str]) -> bool:
    value = fields.get(name, "false")
    if value not in ("true", "false"):
        raise InvalidInput(f"{name} must be true or false")
    return value == "true"
