"""Findings: what a table says that each image shows, such as pneumonia or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from synthdiff.data.csv import Csv, read_words
from synthdiff.data.format import check_file, raise_all
from synthdiff.errors import DataError
from synthdiff.voxels import Volume

FINDING = "finding"
"""The column of what an image shows."""


def read_findings(path: Path, volumes: Sequence[Volume], keys: Sequence[str] = ("file", "subject")) -> list[Volume]:
    """Give volumes the findings of a CSV file.

    It has a column ``finding`` and one that says of which image: ``file``, the name of its file, or ``subject``, for
    all images of a subject. Other columns are not looked at.

    Parameters
    ----------
    path : Path
    volumes : sequence of Volume
    keys : sequence of str
        By which of the two columns, the first that is there.

    Returns
    -------
    list of Volume
        In the order given.

    Raises
    ------
    DataError
        When a column is not there, a row is of no image, an image has no row, a cell is empty, or two rows say
        different things of one image.
    """
    check_file(path)
    if not path.name.lower().endswith(Csv.suffixes):
        raise DataError(
            "findings are read from CSV", where=path.name, mend=f"save it as one of {', '.join(Csv.suffixes)}"
        )
    words, locate = read_words(path)
    key = next((name for name in keys if name in words), None)
    if key is None or FINDING not in words:
        what = f"the columns are {', '.join(map(str, words))}, expected {' or '.join(keys)}, and {FINDING}"
        raise DataError(what, where=path.name, mend="rename them in the header")
    names = [volume.name if key == "file" else volume.subject for volume in volumes]
    wanted = set(names)
    said: dict[str, tuple[str, int]] = {}
    problems = []
    for row, (name, finding) in enumerate(zip(words[key].str.strip(), words[FINDING].str.strip(), strict=True)):
        if name not in wanted:
            what = f"found {name!r}, which is the {'name' if key == 'file' else 'subject'} of no image"
            problems.append(DataError(what, where=locate(key, row), mend="take the row out, or add the image"))
        elif not finding:
            what = f"found an empty cell for {name}, expected what the image shows"
            problems.append(DataError(what, where=locate(FINDING, row), mend="write a word, such as normal"))
        elif said.setdefault(name, (finding, row))[0] != finding:
            what = f"found {finding!r} for {name}, of which row {said[name][1] + 1} says {said[name][0]!r}"
            problems.append(DataError(what, where=locate(FINDING, row), mend="keep one finding for an image"))
    raise_all(problems)
    alone = [name for name in dict.fromkeys(names) if name not in said]
    if alone:
        more = f" and {len(alone) - 10} more" if len(alone) > 10 else ""
        what = f"{len(alone)} of {len(wanted)} {key}s have no row: {', '.join(alone[:10])}{more}"
        raise DataError(what, where=path.name, mend="add them, or take these images out")
    return [replace(volume, finding=said[name][0]) for volume, name in zip(volumes, names, strict=True)]


def findings_table(volumes: Sequence[Volume], **names: Sequence[str]) -> str:
    """What each image shows, as CSV that :func:`read_findings` reads.

    Parameters
    ----------
    volumes : sequence of Volume
    **names : sequence of str
        What each is called, by ``file`` or ``subject``.
    """
    cells = {**names, FINDING: [volume.finding for volume in volumes]}
    return pd.DataFrame(cells).to_csv(index=False, lineterminator="\n")
