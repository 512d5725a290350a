"""What commands write where: results to standard output, one line for a failure, exit codes."""

from collections.abc import Coroutine
from typing import Any, NoReturn

import typer
import uvloop
from rich.console import Console

from streamer.core.errors import NotFound, StreamerError, Unavailable

ERRORS = Console(stderr=True)
RESULTS = Console()


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command's coroutine; a failure becomes one line and an exit code."""
    try:
        uvloop.run(work)
    except NotFound as error:
        _end(error, 4)
    except Unavailable as error:
        _end(error, 3)
    except StreamerError as error:
        _end(error, 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        complain(f"{error.filename}: {reason}" if error.filename else reason)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def announce(where: str) -> None:
    """Say on standard output where a service listens, now that it does."""
    RESULTS.out(f"listening on {where}", highlight=False)


def _end(error: StreamerError, code: int) -> NoReturn:
    complain(str(error))
    raise typer.Exit(code) from error


def complain(message: str) -> None:
    """Say in one line what is wrong."""
    ERRORS.print(f"streamer: {message}", markup=False, highlight=False, soft_wrap=True)
