"""The units in deploy/ start commands that exist, with options those commands have."""

import shlex
from pathlib import Path

import pytest
import typer

from streamer.cli import app

UNITS = sorted(Path("deploy/systemd").glob("*.service"))


def options_of(command: str) -> set[str]:
    group = typer.main.get_command(app)
    parameters = group.commands[command].params  # type: ignore[attr-defined]
    return {name for item in parameters for name in (*item.opts, *item.secondary_opts)}


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_with_its_own_options(unit: Path) -> None:
    [start] = [line for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    _, command, *words = shlex.split(start.removeprefix("ExecStart="))
    used = {word for word in words if word.startswith("--")}
    assert used <= options_of(command)


def test_there_is_a_unit_for_each_service() -> None:
    assert {unit.name for unit in UNITS} == {
        "streamer-edge@.service",
        "streamer-origin.service",
        "streamer-worker.service",
    }
