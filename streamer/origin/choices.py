"""What a client chooses of a video's packaging, read from JSON, form fields or tus metadata."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from streamer.core.errors import InvalidInput
from streamer.core.options import (
    LOUDNESSES,
    LOWEST_LUFS,
    Encryption,
    LadderKind,
    PackagingOptions,
    Preset,
    VideoCodec,
    check_loudness,
)
from streamer.shared.problems import describe_errors

MIN_PRIORITY = 1
MAX_PRIORITY = 10
_PRIORITY_FIELD = "priority"
_OPTIONS_FIELD = "options"
FIELDS = frozenset({_PRIORITY_FIELD, _OPTIONS_FIELD})
_NO_OPTIONS = PackagingOptions()

Priority = Annotated[
    int,
    Field(
        strict=True,
        ge=MIN_PRIORITY,
        le=MAX_PRIORITY,
        description="Weight of its packaging beside other videos'.",
    ),
]


class OptionsResource(BaseModel):
    """The choices of one video's packaging; null leaves one to the worker's settings."""

    model_config = ConfigDict(extra="forbid")

    preset: Preset | None = Field(
        default=None, description="Slower ones are smaller at equal quality."
    )
    ladder: LadderKind | None = None
    codecs: list[VideoCodec] | None = Field(
        default=None,
        max_length=len(VideoCodec),
        description="Offered beside H.264.",
        json_schema_extra={"uniqueItems": True},
    )
    encryption: Encryption | None = None
    passthrough: bool | None = Field(
        default=None,
        strict=True,
        description="Copy the source's own pictures as the highest rendition, if they conform.",
    )
    loudness_lufs: Annotated[float, AfterValidator(check_loudness)] | None = Field(
        default=None,
        strict=True,
        ge=LOWEST_LUFS,
        le=0,
        allow_inf_nan=False,
        description=f"Integrated loudness to bring sound to (EBU R 128), in LUFS: {LOUDNESSES}.",
    )

    @field_validator("codecs")
    @classmethod
    def _name_each_once(cls, codecs: list[VideoCodec] | None) -> list[VideoCodec] | None:
        if codecs is not None and len(set(codecs)) < len(codecs):
            raise ValueError("names a codec twice")
        return codecs

    @classmethod
    def of(cls, options: PackagingOptions) -> Self:
        """What the API says of choices that were made."""
        return cls.model_validate(asdict(options))

    @model_validator(mode="after")
    def _refuse_what_cannot_be_encrypted(self) -> Self:
        if self.encryption is Encryption.SAMPLE_AES and VideoCodec.AV1 in (self.codecs or ()):
            raise ValueError("samples of AV1 cannot be encrypted; choose aes-128, or not av1")
        return self

    def chosen(self) -> PackagingOptions:
        """The choices."""
        return PackagingOptions.from_json(self.model_dump(exclude_none=True))


@dataclass(frozen=True, slots=True)
class Choices:
    """How one video is packaged, and with which priority."""

    priority: int = MIN_PRIORITY
    options: PackagingOptions = _NO_OPTIONS


NO_CHOICE = Choices()


_PRIORITY: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=MIN_PRIORITY, le=MAX_PRIORITY)])


def read_choices(fields: Mapping[str, str]) -> Choices:
    """The choices in text fields: `priority`, a number, and `options`, a JSON object.

    Other fields are not looked at.

    Raises:
        InvalidInput: One of them makes no sense.
    """
    with _explained(_PRIORITY_FIELD):
        priority = _PRIORITY.validate_python(fields.get(_PRIORITY_FIELD, MIN_PRIORITY))
    with _explained(_OPTIONS_FIELD):
        options = OptionsResource.model_validate_json(fields.get(_OPTIONS_FIELD, "{}"))
    return Choices(priority, options.chosen())


@contextmanager
def _explained(field: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise InvalidInput(f"{field}: {describe_errors(error.errors())}") from error
