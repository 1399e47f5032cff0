"""MLflow's client: quiet, bounded in its patience, its troubles told in plain words, its local store made whole."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from synthdiff.errors import TrackingError

# Set before MLflow is imported, since it reads some of them only then; what the user has set wins. A server that
# does not answer is given up after three times 20 s instead of eight times 120 s.
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


class Client:
    """MLflow's client, whose troubles come back as :class:`TrackingError`."""

    def __init__(self, make: Callable[[], Any], shown: str) -> None:
        self._shown = shown
        self._inner = self._asking(make)()

    def __getattr__(self, name: str) -> Any:
        return self._asking(getattr(self._inner, name))

    def _asking(self, call: Callable[..., Any]) -> Callable[..., Any]:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        def asked(*args: Any, **kwargs: Any) -> Any:
            try:
                return call(*args, **kwargs)
            except (MlflowException, SQLAlchemyError, OSError) as error:
                raise _trouble(error, self._shown) from error

        return asked


_TROUBLES = (
    (
        "failed with exception|timed out",
        "the tracking server does not answer",
        "start it, or correct MLFLOW_TRACKING_URI; what is done so far is kept for --resume",
    ),
    (
        "database is locked",
        "another program holds the database",
        "close it (a database browser, an old run) and run again with --resume",
    ),
    (
        "out-of-date database schema|Can't locate revision",
        "the database was written by another version of MLflow",
        "after a backup run `mlflow db upgrade` with its URI, or install the newer MLflow",
    ),
    (
        "readonly database|unable to open|[Pp]ermission|disk I/O|disk is full|No space",
        "the store cannot be written",
        "allow writing there or make room, or name another store by MLFLOW_TRACKING_URI",
    ),
    (
        "not a database|holds other tables",
        "this is not an MLflow database",
        "move the file away, upon which a new store begins, or name another store by MLFLOW_TRACKING_URI",
    ),
)


def _trouble(error: Exception, shown: str) -> TrackingError:
    text = str(error)
    for sign, what, mend in _TROUBLES:
        if re.search(sign, text):
            return TrackingError(what, where=shown, mend=mend)
    said = _without_password(text).strip().split("\n")[0][:300]
    return TrackingError(f"MLflow refuses: {said}", where=shown, mend="mend that, or correct MLFLOW_TRACKING_URI")


def _without_password(text: str) -> str:
    return re.sub(r"//[^/\s]*@", "//", text)


def error_code(error: TrackingError) -> str | None:
    """MLflow's name of the trouble behind an error."""
    return getattr(error.__cause__, "error_code", None)


def connect(uri: str, shown: str | None = None) -> Client:
    """A client of the store at ``uri``, which has answered once.

    Parameters
    ----------
    uri : str
        MLflow's tracking URI.
    shown : str, optional
        How errors name the store; by default the URI without its password.

    Raises
    ------
    TrackingError
        When it cannot be reached.
    """
    for key, value in _SETTINGS.items():
        os.environ.setdefault(key, value)
    from mlflow import MlflowClient

    client = Client(lambda: MlflowClient(tracking_uri=uri), shown or _without_password(uri).removeprefix("sqlite:///"))
    client.search_experiments(max_results=1)
    return client


def prepare(database: Path) -> None:
    """Make a local store, or look whether what stands there is one: MLflow itself would retry for minutes.

    Raises
    ------
    TrackingError
        When it cannot be made, is locked, or is something else.
    """
    if set(str(database)) & set("?%"):
        raise TrackingError(
            "MLflow cannot keep a store below a folder with '?' or '%' in its name",
            where=str(database),
            mend="name another store by MLFLOW_TRACKING_URI",
        )
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        if not database.exists():
            _make(database)
        with closing(sqlite3.connect(database, timeout=3)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not {"alembic_version", "experiments"} <= tables:
            raise sqlite3.DatabaseError("it holds other tables")
    except (OSError, sqlite3.Error) as error:
        raise _trouble(error, str(database)) from error


def _make(database: Path) -> None:
    """Let MLflow make a database in the temporary folder, then put it in place at once and whole.

    MLflow builds its first database by replaying all its migrations: over a thousand commits, each waiting for the
    disk, and a kill among them leaves a database that no later start can mend. In a temporary file neither the wait
    nor the half-made state matters.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def hasten(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = MEMORY")

    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / database.name
        event.listen(Engine, "connect", hasten)
        try:
            connect(f"sqlite:///{made}", shown=str(database))
        finally:
            event.remove(Engine, "connect", hasten)
        whole = database.with_name(f".{database.name}-{os.getpid()}")
        with whole.open("wb") as stream:
            stream.write(made.read_bytes())
            stream.flush()
            os.fsync(stream.fileno())
    try:
        # Unlike a rename, this cannot replace the store of a process that was first.
        os.link(whole, database)
    except FileExistsError:
        pass
    except OSError:
        # A file system without links.
        whole.replace(database)
    finally:
        whole.unlink(missing_ok=True)


def pages(search: Callable[..., Any], *args: Any, **kwargs: Any) -> Iterator[Any]:
    """All results of a search, page by page."""
    page = search(*args, **kwargs)
    yield from page
    while page.token:
        page = search(*args, **kwargs, page_token=page.token)
        yield from page
