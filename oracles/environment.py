"""Where a foreign package runs, and how it is asked.

An oracle is a module ``oracles/<name>.py`` and its pinned ``oracles/requirements/<name>.txt``. It runs in
``build/oracles/<name>``, an environment that is built on first use and whenever the requirements change, so that
nothing of it enters synthdiff's own. The question goes over as a folder: the tables as Parquet, the rest as JSON.

In a test::

    answer = ask("anonymeter", {"seed": 0}, train=train, synthetic=synthetic)

and in the module, which may import nothing but its package, pandas and this file::

    if __name__ == "__main__":
        answer(main)
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / "build" / "oracles"
REQUIREMENTS = Path(__file__).parent / "requirements"
QUIET = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore"}


def interpreter(name: str) -> Path:
    """The Python of an oracle's environment, built if it does not stand or is out of date.

    Raises
    ------
    CalledProcessError
        When the package cannot be installed.
    """
    requirements, home = REQUIREMENTS / f"{name}.txt", ENVIRONMENTS / name
    python, mark = home / "bin" / "python", home / ".built"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not mark.is_file() or mark.read_text(encoding="ascii") != digest:
        print(f"building the environment of {name}", file=sys.stderr)
        venv.create(home, clear=True, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(requirements)]
        subprocess.run(command, check=True)
        mark.write_text(digest, encoding="ascii")
    return python


def ask(name: str, task: dict[str, Any], **tables: pd.DataFrame) -> Any:
    """Put a question to an oracle.

    Parameters
    ----------
    name : str
        The oracle's.
    task : dict
        Plain JSON.
    **tables : DataFrame
        By the names under which the oracle gets them.

    Returns
    -------
    object
        What the oracle's function returned, as plain JSON.

    Raises
    ------
    RuntimeError
        With the last lines that the oracle wrote.
    """
    python = interpreter(name)
    with tempfile.TemporaryDirectory() as folder:
        for table, frame in tables.items():
            frame.to_parquet(Path(folder) / f"{table}.parquet", index=False)
        (Path(folder) / "task.json").write_text(json.dumps(task), encoding="utf-8")
        command = [str(python), "-m", f"oracles.{name}", folder]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | QUIET, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{name} ended with {done.returncode}:\n" + "\n".join(done.stderr.splitlines()[-12:]))
        return json.loads((Path(folder) / "answer.json").read_text(encoding="utf-8"))


def answer(function: Callable[..., Any]) -> None:
    """In the oracle's module: call ``function(task, **tables)`` with what was asked and hand back what it returns."""
    folder = Path(sys.argv[1])
    tables = {file.stem: pd.read_parquet(file) for file in folder.glob("*.parquet")}
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    (folder / "answer.json").write_text(json.dumps(function(task, **tables)), encoding="utf-8")
