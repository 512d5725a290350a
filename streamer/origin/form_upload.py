"""A whole video in one form: the simple way to upload, without resuming."""

from collections.abc import AsyncIterator
from datetime import datetime

from streamer.core.errors import InvalidInput, NotFound, StorageFull, Unavailable
from streamer.core.video import Video
from streamer.origin import tus
from streamer.origin.choices import FIELDS, read_choices
from streamer.origin.errors import Gone
from streamer.origin.multipart import Event, Field, FileBegins, FileBytes
from streamer.origin.uploads import Uploads
from streamer.shared.catalog import Catalog

_TITLE_FIELD = "title"


class FormUpload:
    """Receives one form.

    Args:
        uploads: Where the file goes.
        catalog: Where its title goes, which may come after the file.
        events: The form, as it comes.
        now: The time.
    """

    def __init__(
        self, uploads: Uploads, catalog: Catalog, events: AsyncIterator[Event], now: datetime
    ) -> None:
        self._uploads = uploads
        self._catalog = catalog
        self._events = events
        self._now = now
        self._title = ""
        self._chosen: dict[str, str] = {}

    async def receive(self) -> Video:
        """The video that the form's file became; one that is whole may be taken in later.

        Raises:
            InvalidInput: The form has no file, is malformed or chooses nonsense; nothing is kept.
            TooLarge: The file is larger than accepted; nothing is kept.
            StorageFull: There is no room for the file; nothing is kept.
            Unavailable: A part does not answer, and the file is not whole; nothing is kept.
        """
        begins = await self._file_begins()
        title = self._title or tus.title_from_filename(begins.filename)
        video = await self._uploads.create(
            title, now=self._now, resumable=False, choices=read_choices(self._chosen)
        )
        try:
            await self._uploads.receive_whole(video.id, self._file_bytes(video))
        except NotFound as error:
            raise Gone("the video was deleted while it was uploaded") from error
        except BaseException as error:
            if not await self._uploads.is_complete(video.id):
                await self._uploads.abandon(video.id, now=self._now)
                raise
            if not isinstance(error, StorageFull | Unavailable):
                raise
        return await self._catalog.get_video(video.id)

    async def _file_begins(self) -> FileBegins:
        async for event in self._events:
            if isinstance(event, FileBegins):
                return event
            self._note(event)
        raise InvalidInput("the form has no part named file")

    async def _file_bytes(self, video: Video) -> AsyncIterator[bytes]:
        """The file's bytes, up to the end of the form; a title behind them becomes the video's."""
        async for event in self._events:
            if isinstance(event, FileBytes):
                yield event.data
            elif isinstance(event, Field) and event.name in FIELDS:
                raise InvalidInput(f"{event.name} must come before the file")
            else:
                self._note(event)
        if self._title and self._title != video.title:
            await self._catalog.set_title(video.id, self._title)

    def _note(self, event: Event) -> None:
        match event:
            case Field(name, value) if name in FIELDS:
                self._chosen[name] = value
            case Field(name, value) if name == _TITLE_FIELD:
                self._title = tus.clean_title(value)
