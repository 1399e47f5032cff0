"""Who is attacked and who is the control: one record a person, in a random order, from both sides of the split."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthdiff.checks.check import Evidence
from synthdiff.checks.features import persons
from synthdiff.schema import Schema
from synthdiff.seeds import numpy_generator

FEWEST = 20
"""Persons on each side below which an attack says nothing."""


def members_and_others(evidence: Evidence) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The persons of the training data and those held out, one random record of each, in a random order.

    Several records of one person stand or fall together in an attack; counted singly they would feign precision, and a
    classifier that recognises the person would look like one that recognises the training data.

    Returns
    -------
    members, others : DataFrame
        Their first ``n`` rows are a random sample for any ``n``. ``others`` is empty without held-out records.
    """
    held_out = evidence.train.iloc[:0] if evidence.holdout is None else evidence.holdout
    members = _one_each(evidence.train, evidence.schema, numpy_generator(evidence.seed, "control", "members"))
    others = _one_each(held_out, evidence.schema, numpy_generator(evidence.seed, "control", "others"))
    return members, others


def too_few(members: pd.DataFrame, others: pd.DataFrame) -> str | None:
    """Why there is no answer, when one side has fewer than :data:`FEWEST` persons."""
    if min(len(members), len(others)) >= FEWEST:
        return None
    return (
        f"The attack compares people in the training data with held-out people and needs at least {FEWEST} of each; "
        f"there are {len(members):,} and {len(others):,}. Hold out more records and audit again."
    )


def _one_each(frame: pd.DataFrame, schema: Schema, generator: np.random.Generator) -> pd.DataFrame:
    shuffled = frame.iloc[generator.permutation(len(frame))]
    person = persons(shuffled, schema)
    if person is None:
        return shuffled
    one_each = np.unique(person, return_index=True)[1]
    # Not in the order of their records: a person with many would come early, and the first n would be no sample.
    return shuffled.iloc[generator.permutation(one_each)]
