"""Patterns with `*` (any number of characters) and `?` (one), as CloudFront's."""

import fnmatch
import re
from collections.abc import Iterable


def compiled(patterns: Iterable[str]) -> re.Pattern[str]:
    """An expression that matches what one of the patterns covers; its time is bounded."""
    expressions = [fnmatch.translate(pattern.replace("[", "[[]")) for pattern in patterns]
    return re.compile("|".join(expressions) or r"(?!)")
