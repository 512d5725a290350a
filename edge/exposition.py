"""Prometheus' text exposition format, version 0.0.4."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@dataclass(frozen=True, slots=True)
class Sample:
    """One number. `suffix` follows the family's name, as `_bucket` does."""

    value: float
    labels: Labels = ()
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """All samples of one metric."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: tuple[Sample, ...]


def render(families: Iterable[Family], labels: Labels = ()) -> str:
    """The text of some families; `labels` go before the labels of every sample."""
    return "".join(f"{line}\n" for family in families for line in _lines(family, labels))


def _lines(family: Family, labels: Labels) -> Iterator[str]:
    explained = family.help.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {family.name} {explained}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in family.samples:
        pairs = [f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels + sample.labels]
        shown = f"{{{','.join(pairs)}}}" if pairs else ""
        yield f"{family.name}{sample.suffix}{shown} {_number(sample.value)}"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(round(value, 9))
