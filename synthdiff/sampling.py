"""Sampling: records from a saved model into files of their kind. They are not audited: only a run makes a release."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from synthdiff.data import format_of
from synthdiff.data.folders import check_new_folder, write_volumes
from synthdiff.generator import Generator
from synthdiff.presets import TableDiffusion, VolumeDiffusion
from synthdiff.progress import SILENT, Progress


def makes_folder(model: Generator) -> bool:
    """Whether what a model draws is written as a folder."""
    return isinstance(model, VolumeDiffusion)


def sample_to_files(
    model: Generator,
    n: int,
    output: str | Path,
    given: Mapping[str, object] | None = None,
    seed: int | None = None,
    *,
    progress: Progress = SILENT,
) -> str:
    """Draw from a fitted model and write what it draws.

    Parameters
    ----------
    model : Generator
        As :func:`synthdiff.presets.load` gives it.
    n : int
        Records.
    output : path
        For a table a file, by whose ending the format is chosen. For images a folder, which is made or is empty; in it
        are NIfTI files, in ``images`` and, where the model has learnt label maps, ``labels``; a given finding is
        kept in ``findings.csv``.
    given : mapping, optional
        Conditions.
    seed : int, optional
        Of the draw; the model's own by default.
    progress : Progress

    Returns
    -------
    str
        What one record is called.

    Raises
    ------
    ModelError
        When the model cannot give what is asked for.
    DataError
        When the output cannot be written as it is named. Nothing is drawn then.
    """
    output = Path(output)
    if isinstance(model, VolumeDiffusion):
        check_new_folder(output)
        write_volumes(model.sample(n, given, seed, progress=progress), output)
        return "image"
    assert isinstance(model, TableDiffusion)
    target = format_of(output)
    target.write_batches(model.sample_batches(n, given, seed, progress=progress), output, model.schema_)
    return "row"
