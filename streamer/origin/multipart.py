"""multipart/form-data (RFC 7578), read as it comes: nothing but small fields is ever held.

One part, `file`, is streamed; the others are fields of bounded size.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from streamer.core.errors import InvalidInput

FILE_FIELD = "file"
_MAX_FIELD_BYTES = 4096
_MAX_FIELDS = 32


@dataclass(frozen=True, slots=True)
class FileBegins:
    """The part `file` begins; its bytes follow."""

    filename: str


@dataclass(frozen=True, slots=True)
class FileBytes:
    """Some bytes of the file."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Field:
    """A field other than the file, whole."""

    name: str
    value: str


Event = FileBegins | FileBytes | Field


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type names; InvalidInput without one."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise InvalidInput("multipart/form-data without a boundary")
    return boundary


async def read_form(body: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[Event]:
    """The form's parts in order.

    Raises:
        InvalidInput: The form is malformed, ends early, or has two files, too many or too large
            fields.
    """
    reader = _FormReader(boundary)
    async for data in body:
        for event in reader.feed(data):
            yield event
    reader.check_end()


class _FormReader:
    """Turns the parser's callbacks into events."""

    def __init__(self, boundary: bytes) -> None:
        self._events: list[Event] = []
        self._headers: dict[bytes, bytes] = {}
        self._header_name = self._header_value = b""
        self._field_name = ""
        self._field_value = bytearray()
        self._field_count = 0
        self._in_file = self._has_file = self._has_ended = False
        self._parser = self._make_parser(boundary)

    def feed(self, data: bytes) -> list[Event]:
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise InvalidInput("the form is malformed") from error
        events, self._events = self._events, []
        return events

    def check_end(self) -> None:
        if not self._has_ended:
            raise InvalidInput("the form ends early")

    def _make_parser(self, boundary: bytes) -> MultipartParser:
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise InvalidInput("the form's boundary is too long") from error

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"").decode("latin-1")
        _, options = parse_options_header(disposition)
        name = _text(options.get(b"name", b""))
        self._in_file = name == FILE_FIELD
        if self._in_file:
            self._begin_file(_text(options.get(b"filename", b"")))
        else:
            self._begin_field(name)

    def _begin_file(self, filename: str) -> None:
        if self._has_file:
            raise InvalidInput("the form has more than one file")
        self._has_file = True
        self._events.append(FileBegins(filename))

    def _begin_field(self, name: str) -> None:
        self._field_count += 1
        if self._field_count > _MAX_FIELDS:
            raise InvalidInput("the form has too many fields")
        self._field_name = name
        self._field_value.clear()

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._events.append(FileBytes(data[start:end]))
            return
        self._field_value += data[start:end]
        if len(self._field_value) > _MAX_FIELD_BYTES:
            raise InvalidInput("a field of the form is too large")

    def _on_part_end(self) -> None:
        if not self._in_file:
            value = self._field_value.decode(errors="replace")
            self._events.append(Field(self._field_name, value))

    def _on_end(self) -> None:
        self._has_ended = True


def _text(raw: bytes) -> str:
    """Browsers send names in UTF-8 where the parser reads them as Latin-1."""
    return raw.decode(errors="replace")
