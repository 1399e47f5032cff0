"""Records: what makes two of them equal, and one a person in an order that the file does not decide.

A table's rows come in the order of some file, and two files of the same records must get the same audit. So records
are ordered by a key of their content before any lot is drawn among them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthdiff.checks.check import RARE, Evidence
from synthdiff.checks.features import coordinates, persons
from synthdiff.checks.intervals import Floats
from synthdiff.schema import Schema
from synthdiff.seeds import numpy_generator

Keys = NDArray[np.uint64]
Positions = NDArray[np.int64]

MISSING = -np.inf
"""A missing cell, which equals another one."""

FEWEST = 20
"""Persons of a table below which neighbours say nothing."""


def cells(frame: pd.DataFrame, schema: Schema) -> list[Floats]:
    """The learnt columns as numbers that are equal exactly where the cells are, missing ones included.

    Numbers are compared to the decimals that the schema states, so that a file format cannot hide a copy.

    Returns
    -------
    list of float64 arrays of shape (n,)
        Levels as codes, :data:`MISSING` where nothing stands.
    """
    found = []
    for column in schema:
        if column.learnt:
            values = coordinates(frame, column)
            rounded = values if column.decimals is None else np.round(values, column.decimals)
            found.append(np.where(np.isnan(rounded), MISSING, rounded + 0.0))
    return found


def keys(frame: pd.DataFrame, schema: Schema) -> Keys:
    """A 64-bit key of each record's learnt columns: equal where the records are equal."""
    if not any(column.learnt for column in schema):
        return np.zeros(len(frame), dtype=np.uint64)
    table = pd.DataFrame(dict(enumerate(cells(frame, schema))), index=range(len(frame)))
    return np.asarray(pd.util.hash_pandas_object(table, index=False), dtype=np.uint64)


def shared_by_few(train: Keys, frame: pd.DataFrame, schema: Schema) -> Keys:
    """The keys of training records that fewer than :data:`RARE` people have."""
    people = pd.DataFrame({"key": train, "person": persons(frame, schema)})
    if people["person"].notna().all():
        people = people.drop_duplicates()
    counts = people["key"].value_counts()
    return np.asarray(counts.index[counts < RARE], dtype=np.uint64)


def ordered(frame: pd.DataFrame, schema: Schema) -> Positions:
    """The positions of all records, in an order that their content decides."""
    order: Positions = np.argsort(keys(frame, schema), kind="stable")
    if schema.group is None or schema.group.name not in frame.columns:
        return order
    name = pd.util.hash_pandas_object(frame[schema.group.name].iloc[order], index=False)
    return order[np.argsort(np.asarray(name), kind="stable")]


def one_each(frame: pd.DataFrame, schema: Schema, generator: np.random.Generator) -> Positions:
    """The positions of one random record of each person, in a random order.

    The first n are a random sample for any n. Records of one person come and go together: counted singly they would
    feign precision.
    """
    order = ordered(frame, schema)
    order = order[generator.permutation(len(order))]
    person = persons(frame.iloc[order], schema)
    if person is None:
        return order
    # Not in the order of their records: a person with many would come early, and the first n would be no sample.
    return np.asarray(order[generator.permutation(np.unique(person, return_index=True)[1])])


def sampled(evidence: Evidence, stream: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Training, synthetic and held-out records, one of each person, in a random order.

    The held-out ones are an empty table where there are none.
    """
    held_out = evidence.train.iloc[:0] if evidence.holdout is None else evidence.holdout
    tables = {"train": evidence.train, "synthetic": evidence.synthetic, "holdout": held_out}
    train, synthetic, holdout = (
        frame.iloc[one_each(frame, evidence.schema, numpy_generator(evidence.seed, stream, name))]
        for name, frame in tables.items()
    )
    return train, synthetic, holdout


def too_few(train: pd.DataFrame, synthetic: pd.DataFrame) -> str | None:
    """Why there is no answer, when a table has fewer than :data:`FEWEST` persons."""
    if min(len(train), len(synthetic)) >= FEWEST:
        return None
    return (
        f"Neighbours are looked for among at least {FEWEST} people on each side; there are {len(train):,} in the "
        f"training and {len(synthetic):,} in the synthetic data."
    )
