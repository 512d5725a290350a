import re
from itertools import pairwise

import pytest

from sample_media.clips import CLIPS
from sample_media.recipe import Clip, Edit, Encode, Remux


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_the_recipe_is_whole(clip: Clip) -> None:
    assert re.fullmatch(r"[a-z0-9_]+", clip.name)
    assert re.fullmatch(r"\.[a-z0-9]+", clip.suffix)
    assert clip.reason.endswith(".")
    if isinstance(clip.recipe, Remux | Edit):
        assert isinstance(CLIPS[clip.recipe.base].recipe, Encode)


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_nothing_is_read_from_outside(clip: Clip) -> None:
    if isinstance(clip.recipe, Encode):
        for option, value in pairwise(clip.recipe.arguments):
            if option == "-i":
                assert "movie=" not in value
                assert not value.startswith(("/", ".", "http:", "https:", "file:"))
