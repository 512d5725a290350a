"""What a source is: its picture, its sounds, its subtitles, its chapters."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from packager.core.mended import Shift
from streamer.core.video import Chapter


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The picture of a source, as it is displayed: upright, with square pixels.

    `index` counts all streams of the file. `start_seconds` is the time stamp, of those that
    decoders give, at which frame 0 is due. `late_seconds` is how much later the first picture is
    shown.
    `is_thinned` says that there are more of them than `frame_rate`.
    `matrix` is the name swscale gives the colour matrix, or ffmpeg's own where it has none;
    `has_odd_colours` says that swscale refuses what the pictures state of their colours.
    `hdr_transfer` is set for PQ and HLG, `wide_primaries` for colours of a larger space than
    BT.709. `is_rate_certain` says that `frame_rate` need not be compared with when the pictures are
    shown. `interlaced` says that it begins in fields, `may_become_interlaced` that some pictures
    may be fields all the same. `turn` is what turns the pictures upright where ffmpeg is not to do
    it by itself: directions of its transpose. `has_alpha` says that they may be transparent,
    `decoder` is the one to take where ffmpeg's own drops that. `has_layers` says that there is more
    than one in a stream (alpha in HEVC). `obstacle` is a reason why the pictures cannot be a
    rendition as they are coded, as far as the container tells. `caveat` is a sentence about what of
    them is not shown as it should be.
    """

    index: int
    width: int
    height: int
    frame_rate: Fraction
    start_seconds: Fraction
    matrix: str
    late_seconds: Fraction = Fraction(0)
    has_odd_colours: bool = False
    is_rate_certain: bool = True
    is_thinned: bool = False
    interlaced: bool = False
    may_become_interlaced: bool = False
    turn: tuple[str, ...] = ()
    has_alpha: bool = False
    decoder: str | None = None
    has_layers: bool = False
    hdr_transfer: str | None = None
    wide_primaries: str | None = None
    obstacle: str | None = None
    caveat: str | None = None

    @property
    def shortest_seconds(self) -> Fraction:
        """So long the last picture must be there to be seen: an interval of the frame rate.

        Of pictures that are thinned it is one of many: half an interval adds none to those that
        end in time.
        """
        return Fraction(1, 2 if self.is_thinned else 1) / self.frame_rate

    @property
    def decoding(self) -> dict[str, Any]:
        """Options of ffmpeg's for a file whose pictures are decoded."""
        options: dict[str, Any] = {}
        if self.turn:
            options["noautorotate"] = None
        if self.decoder is not None:
            options["c:v"] = self.decoder
        if self.has_layers:
            # Units that mean nothing, of which ffmpeg's decoder crashes.
            options["bsf:v"] = "filter_units=remove_types=63"
        return options


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """A sound of a source.

    `layout` is ffmpeg's name for its channels. `language` is an ISO 639 code of two or three
    letters.
    """

    index: int
    start_seconds: Fraction
    channels: int
    language: str | None = None
    label: str | None = None
    layout: str = ""

    @property
    def is_ambisonic(self) -> bool:
        """Whether its channels are a sphere of sound, not loudspeakers."""
        return self.layout.startswith("ambisonic") and self.channels > 1


@dataclass(frozen=True, slots=True)
class SubtitleTrack:
    """A text of a source. `language` as in AudioTrack."""

    index: int
    codec: str
    language: str | None = None
    label: str | None = None
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What can be packaged of a file; at least one of `video` and `audio` is there.

    `duration_seconds` is what the container states, or a guess where it does not state how long a
    source that still arrives will be; 0 if nothing tells.
    `zero_seconds` is the container's time that becomes time 0 of the stream: its first picture,
    or its sound where that begins long before, or is alone. `format_start_seconds` is where the
    container's clock begins: ffmpeg seeks relative to it. `indexed` says whether a seek finds the
    key frame before its target by itself.
    `index_first` says whether any part of it can be decoded as soon as that part has arrived,
    `has_entries` whether what lies before a part can be left out then. `in_order` says that it is
    read in the order of its bytes, even when all of them are there: an MPEG stream whose clock
    jumps, at `clock_shifts`, or may jump in what had not arrived. Sound that is farther than
    `sound_slack_seconds` from its time stamps is moved there.
    `audios` and `subtitles` have the one to begin with first; chapters count from time 0.
    """

    duration_seconds: float
    zero_seconds: Fraction
    format_start_seconds: Fraction
    indexed: bool
    video: VideoTrack | None
    audios: tuple[AudioTrack, ...] = ()
    subtitles: tuple[SubtitleTrack, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    index_first: bool = False
    has_entries: bool = False
    in_order: bool = False
    sound_slack_seconds: float = 0.1
    clock_shifts: tuple[Shift, ...] = ()
    is_duration_guessed: bool = False

    @property
    def stated_seconds(self) -> float:
        """How long it lasts by its own words; 0 if it does not say."""
        return 0.0 if self.is_duration_guessed else self.duration_seconds

    @property
    def first_picture_seconds(self) -> Fraction:
        """The container's time at which the first picture is shown; of sound alone, its time 0."""
        return self.zero_seconds + (self.video.late_seconds if self.video else 0)

    @property
    def lead_seconds(self) -> Fraction:
        """How much of the sound comes before time 0."""
        starts = [audio.start_seconds for audio in self.audios]
        return max(Fraction(0), self.zero_seconds - min(starts, default=self.zero_seconds))

    @property
    def audio(self) -> AudioTrack | None:
        """The sound to begin with."""
        return self.audios[0] if self.audios else None
