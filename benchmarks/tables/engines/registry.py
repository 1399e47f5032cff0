"""The engines, the environments they run in, and how one is run."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENTS = ROOT / "build" / "benchmarks" / "environments"
REQUIREMENTS = Path(__file__).parent / "requirements"
THREADS = 1

QUIET = {
    **dict.fromkeys(
        (
            "OMP_NUM_THREADS",
            "MKL_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "NUMEXPR_NUM_THREADS",
            "LOKY_MAX_CPU_COUNT",
        ),
        str(THREADS),
    ),
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "PYTHONWARNINGS": "ignore",
}
"""One thread, no accelerator, no network."""


@dataclass(frozen=True)
class Engine:
    """An engine of the benchmark.

    Attributes
    ----------
    name : str
        As on the command line.
    script : str
        The module that runs it.
    environment : str or None
        Whose requirements it needs; None for synthdiff's own environment.
    """

    name: str
    script: str
    environment: str | None = None

    def python(self) -> Path:
        """The interpreter of its environment, which is built on first use and whenever its requirements change."""
        return Path(sys.executable) if self.environment is None else _built(self.environment)

    def run(self, folder: Path, train: pd.DataFrame, about: dict[str, Any]) -> dict[str, Any]:
        """Fit on the training rows, sample as many, and leave ``synthetic.parquet`` in the folder.

        Parameters
        ----------
        folder : Path
        train : DataFrame
        about : dict
            The rest of a :class:`~benchmarks.tables.engines.task.Task`: ``kinds``, ``target``, ``seed``,
            ``cpu_seconds``.

        Returns
        -------
        dict
            What it cost: ``fit`` and ``sample`` with ``cpu_seconds`` and ``wall_seconds``, ``rows_per_second``,
            ``peak_mb``, ``stopped`` and what else the engine says.

        Raises
        ------
        RuntimeError
            With the last lines of its log.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for old in ("facts.json", "synthetic.parquet", "scores.json"):
            (folder / old).unlink(missing_ok=True)
        train.to_parquet(folder / "train.parquet", index=False)
        task = {"engine": self.name, "rows": len(train), **about}
        (folder / "task.json").write_text(json.dumps(task, indent=1), encoding="utf-8")
        command = [str(self.python()), "-m", f"benchmarks.tables.engines.{self.script}", str(folder.resolve())]
        with (folder / "log.txt").open("w", encoding="utf-8") as log:
            environment = os.environ | QUIET | {"HF_HOME": str(folder.resolve() / "cache")}
            done = subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=log, check=False)
        if done.returncode:
            tail = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
            raise RuntimeError(f"{self.name} ended with {done.returncode}:\n" + "\n".join(tail))
        facts: dict[str, Any] = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        (folder / "train.parquet").unlink()
        return facts


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("synthdiff", "synthdiff"),
        Engine("mostlyai", "mostlyai", "mostlyai"),
        Engine("ctgan", "sdv", "sdv"),
        Engine("tvae", "sdv", "sdv"),
        Engine("gaussian-copula", "sdv", "sdv"),
    )
}


def _built(name: str) -> Path:
    requirements = REQUIREMENTS / f"{name}.txt"
    home = ENVIRONMENTS / name
    python, mark = home / "bin" / "python", home / ".built"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text(encoding="ascii") == digest:
        return python
    print(f"building the environment of {name}", file=sys.stderr)
    venv.create(home, with_pip=True)
    torch = next(line for line in requirements.read_text(encoding="ascii").splitlines() if line.startswith("torch=="))
    # torch first and alone: resolved together with the rest, its CUDA build is taken, several gigabytes.
    for wanted in ([torch], ["--requirement", str(requirements)]):
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
    # Beside this torch the build of torchvision that mostlyai-engine pulls does not import; tables need neither.
    subprocess.run([str(python), "-m", "pip", "uninstall", "--quiet", "--yes", "torchvision", "torchaudio"], check=True)
    mark.write_text(digest, encoding="ascii")
    return python
