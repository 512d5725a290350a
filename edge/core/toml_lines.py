"""On which lines of a TOML document its tables and keys are.

`tomllib` gives values without their places. What is looked for here are the lines that begin a
table or a pair; a place that is not found is taken for that of the table around it.
"""

import re
from collections import Counter
from collections.abc import Sequence

Place = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[|\[)\s*([^\[\]]+?)\s*\]")
_PAIR = re.compile(r"""\s*([A-Za-z0-9_-]+|"[^"]*"|'[^']*')\s*[.=]""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_ERROR = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)


class Lines:
    """The lines of a document.

    Args:
        text: The document, valid TOML.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[Place, int] = {(): 1}
        counts: Counter[str] = Counter()
        table: Place = ()
        for number, line in enumerate(text.splitlines(), start=1):
            header = _HEADER.match(line)
            pair = _PAIR.match(line)
            if header is not None:
                names = [part.strip("\"'") for part in _PART.findall(header[2])]
                is_element = header[1] == "[["
                counts[names[0]] += is_element
                index = counts[names[0]] - 1
                table = (names[0], index, *names[1:]) if index >= 0 else tuple(names)
                self._lines.setdefault(table, number)
            elif pair is not None:
                self._lines.setdefault((*table, pair[1].strip("\"'")), number)

    def of(self, place: Sequence[str | int]) -> int:
        """The line of a table (by name, and index where there are several) or of a key in it."""
        found = tuple(place)
        while found not in self._lines:
            found = found[:-1]
        return self._lines[found]


def syntax_error(text: str, error: str) -> tuple[int, str]:
    """The line and the reason in what `tomllib` says of a document."""
    match = _ERROR.fullmatch(error)
    if match is None:
        return 1, error
    return int(match[2] or text.count("\n") + 1), match[1]
