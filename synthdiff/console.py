"""What every command shares: how it speaks, which status it ends with, and how its failures are told."""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from synthdiff.errors import DataError, SynthdiffError

ACCEPTED, UNEXPECTED, BAD_INPUT, REFUSED, INTERRUPTED = 0, 1, 2, 3, 130

MENDS = {
    errno.ENOSPC: "make room on this disk, or choose a place on another",
    errno.EDQUOT: "make room within your quota, or choose a place on another disk",
    errno.EROFS: "choose a place that may be written to",
    errno.EACCES: "allow access to it, or choose another place",
    errno.EPERM: "allow access to it, or choose another place",
    errno.EFBIG: "choose a place on a disk that takes larger files",
    errno.EIO: "the disk or its connection is failing; choose a place on another",
}
"""Troubles of the machine, not of synthdiff, and what to do about each."""


def say(text: str = "") -> None:
    """Print to the user: on stderr, so that stdout holds results only."""
    click.echo(text, err=True)


def emit(result: Any) -> None:
    """Print a result as one JSON object on stdout."""
    click.echo(as_text(result), nl=False)


def as_text(result: Any) -> str:
    """Indented JSON."""
    return json.dumps(result, ensure_ascii=False, indent=1) + "\n"


def guarded(command: Callable[..., int | None]) -> Callable[..., None]:
    """Turn what a command returns or raises into an exit status; a traceback is for ``--debug`` only."""

    @wraps(command)
    def wrapper(*arguments: Any, **options: Any) -> None:
        debug = bool(click.get_current_context().find_root().params["debug"])
        try:
            status = command(*arguments, **options) or ACCEPTED
        except SynthdiffError as error:
            say(f"error: {error}")
            status = BAD_INPUT
        except KeyboardInterrupt:
            resumable = click.get_current_context().info_name == "run"
            say("interrupted; run again with --resume to go on from here" if resumable else "interrupted")
            status = INTERRUPTED
        except BrokenPipeError:
            # The reader, such as `head`, has had enough; Python must not complain of it at its end, too.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = ACCEPTED
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:
            if debug:
                traceback.print_exc()
            status = told(error)
        sys.exit(status)

    return wrapper


def told(error: Exception) -> int:
    """Say what failed and what to do, and give the exit status."""
    if isinstance(error, OSError) and error.errno in MENDS:
        place = f"{error.filename}: " if error.filename else ""
        say(f"error: {place}{error.strerror}\n  {MENDS[error.errno]}")
        return BAD_INPUT
    say(f"unexpected failure: {type(error).__name__}: {error}")
    say("  this is a fault of synthdiff; run again with `synthdiff --debug …` and report what it prints")
    return UNEXPECTED


def writable(path: Path, *, folder: bool = False) -> None:
    """Refuse a place that cannot be written to before the work begins; a folder may be made, a file's must be there."""
    mend = "choose another place"
    if path.exists() and path.is_dir() != folder:
        raise DataError(f"there is a {'file' if folder else 'folder'} of this name", where=str(path), mend=mend)
    # A file is written beside its place and then moved there.
    place = path.absolute() if folder and path.exists() else path.absolute().parent
    while folder and not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK) or not place.is_dir() or (path.exists() and not os.access(path, os.W_OK)):
        raise DataError("cannot be written here", where=str(path), mend=mend)
