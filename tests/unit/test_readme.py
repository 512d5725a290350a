"""The README is true where a test can tell: it names every setting and only files that exist."""

import re
from itertools import product
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from edge.settings import EdgeSettings
from packager.settings import PackagerSettings
from streamer.origin.settings import OriginSettings

README = Path("README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", [OriginSettings, PackagerSettings, EdgeSettings])
def test_every_setting_is_in_the_readme_as_it_describes_itself(kind: type[BaseSettings]) -> None:
    prefix = kind.model_config["env_prefix"]
    described = {
        f"{prefix}{name.upper()}": field.description
        for name, field in kind.model_fields.items()
        if name != "shared"
    }
    rows = dict(re.findall(r"^\| `([A-Z0-9_]+)` \| .*? \| (.*) \|$", README, re.MULTILINE))
    assert {name: rows.get(name) for name in described} == described


def test_every_file_the_readme_points_to_exists() -> None:
    rows = re.findall(r"^\|[^|]+\| (`.+`) \|$", README, re.MULTILINE)
    paths = [path for row in rows for path in re.findall(r"`([a-z][\w./{},-]+/[\w./{},-]*)`", row)]
    assert len(paths) > 15
    missing = [path for name in paths for path in expand(name) if not Path(path).exists()]
    assert missing == []


def expand(path: str) -> list[str]:
    """What a shell's braces stand for."""
    parts = re.split(r"\{([^}]*)\}", path)
    choices = [part.split(",") if index % 2 else [part] for index, part in enumerate(parts)]
    return ["".join(words) for words in product(*choices)]
