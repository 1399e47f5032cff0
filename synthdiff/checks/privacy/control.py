"""Who is attacked and who is the control: one record a person, in a random order, from both sides of the split."""

from __future__ import annotations

import pandas as pd

from synthdiff.checks.check import Evidence
from synthdiff.checks.records import one_each
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
        Their first ``n`` rows are a random sample for any ``n``, and their index is the records' positions in the
        evidence's tables. ``others`` is empty without held-out records.
    """
    held_out = evidence.train.iloc[:0] if evidence.holdout is None else evidence.holdout
    members, others = (
        frame.reset_index(drop=True).iloc[
            one_each(frame, evidence.schema, numpy_generator(evidence.seed, "control", name))
        ]
        for name, frame in {"members": evidence.train, "others": held_out}.items()
    )
    return members, others


def too_few(members: pd.DataFrame, others: pd.DataFrame) -> str | None:
    """Why there is no answer, when one side has fewer than :data:`FEWEST` persons."""
    if min(len(members), len(others)) >= FEWEST:
        return None
    return (
        f"The attack compares people in the training data with held-out people and needs at least {FEWEST} of each; "
        f"there are {len(members):,} and {len(others):,}. Hold out more records and audit again."
    )
