"""What a benchmark found, and how it is shown."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity, measured one or more times."""

    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the values."""
        return median(self.values)

    def ratio_to(self, other: "Measure", name: str) -> "Measure":
        """This measure over another, round by round."""
        pairs = zip(self.values, other.values, strict=True)
        return Measure(name, "x", tuple(a / b for a, b in pairs))


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a median must not exceed."""

    measure: Measure
    at_most: float

    @property
    def met(self) -> bool:
        """Whether the median is within the bound."""
        return self.measure.median <= self.at_most

    @property
    def verdict(self) -> str:
        """Whether it was met, or by how much it was missed."""
        if self.met:
            return "met"
        excess = self.measure.median - self.at_most
        by = f"{excess / self.at_most:.0%}" if self.at_most else f"{excess:.3g} {self.measure.unit}"
        return f"missed by {by}"


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one benchmark. `notes` say how it was set up and what was left out."""

    title: str
    measures: tuple[Measure, ...]
    goals: tuple[Goal, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "title": self.title,
            "measures": [
                {"name": one.name, "unit": one.unit, "median": one.median, "values": one.values}
                for one in self.measures
            ],
            "goals": [
                {"name": goal.measure.name, "at_most": goal.at_most, "met": goal.met}
                for goal in self.goals
            ],
            "notes": list(self.notes),
        }


def show(report: Report, console: Console) -> None:
    """Print a report as a table, its goals and its notes."""
    table = Table(title=report.title, title_justify="left", header_style="bold")
    table.add_column("measure")
    for heading in ("median", "lowest", "highest", "runs"):
        table.add_column(heading, justify="right")
    table.add_column("unit")
    for one in report.measures:
        figures = (one.median, min(one.values), max(one.values))
        shown = (_rounded(figure) for figure in figures)
        table.add_row(one.name, *shown, str(len(one.values)), one.unit)
    console.print(table)
    for goal in report.goals:
        bound = f"{_rounded(goal.at_most)} {goal.measure.unit}"
        console.print(
            f"  goal: {goal.measure.name} at most {bound}: {goal.verdict}", highlight=False
        )
    for note in report.notes:
        console.print(f"  {note}", highlight=False, markup=False)
    console.print()


def _rounded(figure: float) -> str:
    return f"{figure:.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
