from io import StringIO

from rich.console import Console

from bench.report import Goal, Measure, Report, show


def test_a_ratio_is_taken_round_by_round() -> None:
    ours, theirs = Measure("ours", "s", (2.0, 3.0, 8.0)), Measure("theirs", "s", (1.0, 2.0, 2.0))
    ratio = ours.ratio_to(theirs, "ours / theirs")
    assert ratio.values == (2.0, 1.5, 4.0)
    assert (ratio.name, ratio.median) == ("ours / theirs", 2.0)


def test_a_goal_is_met_by_the_median() -> None:
    measure = Measure("time", "s", (1.0, 2.0, 9.0))
    assert Goal(measure, 2.0).met
    assert not Goal(measure, 1.9).met


def test_a_goal_of_zero_is_missed_by_an_amount() -> None:
    assert Goal(Measure("wait", "s", (1.25,)), 0.0).verdict == "missed by 1.25 s"


def test_the_table_tells_the_spread_and_by_how_much_a_goal_is_missed() -> None:
    measure = Measure("time", "s", (1.0, 2.0, 9.0))
    output = StringIO()
    report = Report("Speed", (measure,), (Goal(measure, 1.6),), ("three runs",))
    show(report, Console(file=output, width=100))
    text = output.getvalue()
    assert [cell.strip() for cell in text.splitlines()[4].split("│")[1:-1]] == [
        *("time", "2", "1", "9", "3", "s")
    ]
    assert "goal: time at most 1.6 s: missed by 25%" in text
    assert "three runs" in text


def test_the_json_holds_every_value() -> None:
    measure = Measure("time", "s", (1.0, 2.0))
    found = Report("Speed", (measure,), (Goal(measure, 1.6),)).as_json()
    assert found["measures"] == [
        {"name": "time", "unit": "s", "median": 1.5, "values": (1.0, 2.0)},
    ]
    assert found["goals"] == [{"name": "time", "at_most": 1.6, "met": True}]
