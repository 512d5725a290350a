"""What any worker must know to encode any chunk of a version."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from packager.core.ladder import Rung
from packager.core.plan import Grid
from packager.core.source import SourceInfo, VideoTrack


@dataclass(frozen=True, slots=True)
class Recipe:
    """A source's pictures, and the renditions they become, lowest first."""

    source: SourceInfo
    video: VideoTrack
    grid: Grid
    ladder: tuple[Rung, ...]


_ADAPTER = TypeAdapter(Recipe)


def write_recipe(recipe: Recipe) -> str:
    """The recipe as JSON."""
    return _ADAPTER.dump_json(recipe).decode()


def read_recipe(text: str) -> Recipe:
    """The recipe that `write_recipe` spelled."""
    return _ADAPTER.validate_json(text)
