"""The console script, and `python -m streamer`."""

import io
import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command; whoever interrupts it while it is still being loaded sees no traceback."""
    _open_standard_files()
    try:
        from streamer.cli import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)


def _open_standard_files() -> None:
    """Let those that were closed be the null device, so that nothing else gets their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # titles may have what its encoding has not


if __name__ == "__main__":
    main()
