"""The catalog's tables. A change here needs a migration in `streamer/shared/migrations`."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    false,
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant. SQLite keeps no offset, so it holds UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant in UTC; a naive one is refused with ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant, aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

# `title_folded` serves the search (`titles.folded`). `next_*` is a new version in the making.
# A row with `deleted_at` is a tombstone: invisible, kept until the objects of the video are gone.
videos = Table(
    "videos",
    metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("title_folded", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("progress", Float, nullable=False),
    Column("duration_seconds", Float),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("has_poster", Boolean, nullable=False),
    Column("has_storyboard", Boolean, nullable=False),
    Column("source_bytes", BigInteger),
    Column("source_url", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("playable_at", UtcDateTime),
    Column("ready_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    Column("revision", BigInteger, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("next_version", Integer),
    Column("next_progress", Float),
    Column("next_error_code", Text),
    Column("next_error_message", Text),
    Column("priority", Integer, nullable=False, server_default="1"),
    Column("options", JSON, nullable=False, server_default="{}"),
    Column("received_bytes", BigInteger, nullable=False, server_default="0"),
    Column("length_bytes", BigInteger),
    Column("warnings", JSON, nullable=False, server_default="[]"),
    Column("chapters", JSON, nullable=False, server_default="[]"),
    Index("videos_newest_first", "created_at", "id"),
    Index("videos_by_state", "state"),
)

renditions = Table(
    "renditions",
    metadata,
    Column("video_id", Text, ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("codecs", Text, nullable=False),
    Column("timescale", Integer, nullable=False),
    Column("init_name", Text),
    Column("width", Integer),
    Column("height", Integer),
    Column("frame_rate_numerator", Integer),
    Column("frame_rate_denominator", Integer),
    Column("language", Text),
    Column("label", Text),
    Column("channels", Integer),
    Column("is_default", Boolean, nullable=False),
    Column("is_forced", Boolean, nullable=False, server_default=false()),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("is_complete", Boolean, nullable=False, server_default=false()),
)

segments = Table(
    "segments",
    metadata,
    Column("video_id", Text, primary_key=True),
    Column("rendition", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("duration_ticks", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("key_frame_bytes", BigInteger),
    ForeignKeyConstraint(
        ["video_id", "rendition"],
        ["renditions.video_id", "renditions.name"],
        ondelete="CASCADE",
    ),
)

# The key that a version's segments are encrypted with; never part of what is told of a video.
content_keys = Table(
    "content_keys",
    metadata,
    Column("video_id", Text, ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("key_id", LargeBinary, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("method", Text, nullable=False, server_default="aes-128"),
)

# How a version in the making is made, and since when.
recipes = Table(
    "recipes",
    metadata,
    Column("video_id", Text, ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("recipe", Text, nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
)

# `worker` is who encodes the chunk, or was the last to try; only those of `release` may.
chunks = Table(
    "chunks",
    metadata,
    Column("video_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("start", Integer, nullable=False),
    Column("stop", Integer, nullable=False),
    Column("renditions", JSON, nullable=False),
    Column("needed_seconds", Float, nullable=False),
    Column("needed_bytes", BigInteger, nullable=False),
    Column("deadline", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("worker", Text),
    Column("tries", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("reason", Text),
    Column("is_damaged", Boolean, nullable=False, server_default=false()),
    Column("held_to", Integer),
    Column("release", Integer, nullable=False, server_default="0"),
    ForeignKeyConstraint(
        ["video_id", "version"], ["recipes.video_id", "recipes.version"], ondelete="CASCADE"
    ),
    Index("chunks_by_deadline", "state", "deadline"),
)

# `worker` is who is at a task of a version in the making, `deaths` how many ended at it.
attempts = Table(
    "attempts",
    metadata,
    Column("video_id", Text, ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("task", Text, primary_key=True),
    Column("worker", Text),
    Column("deaths", Integer, nullable=False),
)

# `owner` is the origin process that fetches the video; the lease ends by the database's clock.
fetches = Table(
    "fetches",
    metadata,
    Column("video_id", Text, ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("leased_until", UtcDateTime, nullable=False),
)

edges = Table(
    "edges",
    metadata,
    Column("id", Text, primary_key=True),
    Column("region", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("release", Integer, nullable=False, server_default="0"),
)

# Ids are never used twice, also when the newest rows are gone.
purges = Table(
    "purges",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False, server_default="path"),
    Column("value", Text, nullable=False),
    Column("is_soft", Boolean, nullable=False, server_default=false()),
    Column("requested_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

# What happened to videos, to be told to webhooks; it outlives the videos. `is_spread` once there
# is a row in `webhook_deliveries` for each URL.
webhook_events = Table(
    "webhook_events",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("video_id", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("is_spread", Boolean, nullable=False),
    Index("webhook_events_by_video", "video_id", "number"),
    sqlite_autoincrement=True,
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column(
        "event",
        Integer,
        ForeignKey("webhook_events.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("url", Text, primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime),
    Column("leased_until", UtcDateTime),
    Column("delivered_at", UtcDateTime),
    Column("given_up_at", UtcDateTime),
    Column("reason", Text),
)
