"""The units in deploy/ start commands that exist, with options those commands have."""

import shlex
from pathlib import Path

import pytest
import typer

from edge.settings import EdgeSettings
from streamer.cli import app
from streamer.origin.settings import OriginSettings

KINDS = (OriginSettings, EdgeSettings)
SETTINGS = {
    f"{kind.model_config['env_prefix']}{name.upper()}"
    for kind in KINDS
    for name in kind.model_fields
}
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


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_leaves_every_setting_to_the_file_it_names(unit: Path) -> None:
    """Options win over the file (systemd.exec(5)), and what the unit sets must be settings."""
    lines = unit.read_text().splitlines()
    [command] = [line for line in lines if line.startswith("ExecStart=")]
    region = ["--region", "%i"]  # the name of an instance says it
    assert shlex.split(command)[2:] in ([], ["--no-worker"], region)
    given = [
        word
        for line in lines
        if line.startswith("Environment=")
        for word in line.split("=", 1)[1].split()
    ]
    assert {word.partition("=")[0] for word in given} <= SETTINGS


def test_there_is_a_unit_for_each_service() -> None:
    assert {unit.name for unit in UNITS} == {
        "streamer-edge@.service",
        "streamer-origin.service",
        "streamer-worker.service",
    }
