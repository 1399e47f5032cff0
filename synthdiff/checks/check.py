"""Check: a question to the evidence, answered by a finding.

A check measures; it does not judge. It returns estimates, each with a 95 % interval, the number of records behind it
and what real data score in the place of the synthetic data. The policy's bars are held against them in
:mod:`synthdiff.auditing`, so that no check can be lenient on its own account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthdiff.parts import Part
from synthdiff.schema import Schema
from synthdiff.voxels import Volume

Aspect = Literal["fidelity", "utility", "privacy"]
Matter = Literal["table", "images", "any"]


@dataclass(frozen=True)
class Images:
    """The images of an audit: one of each record, in the order of the tables' rows.

    Attributes
    ----------
    train, synthetic : sequence of Volume
    holdout : sequence of Volume or None
        Of other subjects than ``train``.
    """

    train: Sequence[Volume]
    holdout: Sequence[Volume] | None
    synthetic: Sequence[Volume]


@dataclass(frozen=True)
class Losses:
    """How badly the model under audit knows real records: low where it has learnt them by heart.

    Attributes
    ----------
    train, holdout : float64 arrays
        Of records of either side, or of a random part of them.
    """

    train: NDArray[np.float64]
    holdout: NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """What an audit looks at.

    Attributes
    ----------
    train : DataFrame
        The records that the generator was fitted on.
    holdout : DataFrame or None
        Real records that the generator never saw, of other persons than ``train``: the control of every attack and the
        reference of every figure. Without it, a check that needs it says so instead of answering.
    synthetic : DataFrame
        The records under audit.
    schema : Schema
        What the columns are.
    seed : int
        Every check derives its random streams from it.
    images : Images or None
        The records' images, where they have any.
    losses : Losses or None
        Of the model, where it is at hand.
    """

    train: pd.DataFrame
    holdout: pd.DataFrame | None
    synthetic: pd.DataFrame
    schema: Schema
    seed: int
    images: Images | None = None
    losses: Losses | None = None


@dataclass(frozen=True)
class Reference:
    """What held-out real records score in the place of the synthetic ones."""

    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """One figure: its value, 95 % interval, the number of records behind it, and the real-against-real reference."""

    value: float
    interval: tuple[float, float]
    n: int
    reference: Reference | None = None


@dataclass(frozen=True)
class Concern:
    """A pair of records that the custodian should look at; only positions, so that it can be kept beside the tables.

    Attributes
    ----------
    synthetic : int or None
        The position of a record in the synthetic table, if it is about one.
    real : int or None
        That of the training record which is given away, if it is about one.
    why : str
        What is wrong, without any value of the record.
    """

    synthetic: int | None
    real: int | None
    why: str


@dataclass(frozen=True)
class Finding:
    """A check's answer.

    Attributes
    ----------
    estimates : mapping of str to Estimate
        By name; the first one is the headline. Empty when the question cannot be answered: ``reason`` says why.
    reason : str
        What was found, in words that a data steward understands, without the verdict.
    detail : mapping
        Plain JSON for the report's figures and tables: no record, no per-record distance, no exact minimum or maximum,
        no level seen fewer than :data:`RARE` times.
    concerns : tuple of Concern
        The records behind it, the gravest first, :data:`CONCERNS` at most. They go to the custodian's report and into
        nothing that is released.
    moot : frozenset of str
        Estimates that others of this check stand in for, as the data leave nothing to ask by them. Where a policy
        requires some of these others, no bar is held against them.
    """

    estimates: Mapping[str, Estimate]
    reason: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    concerns: tuple[Concern, ...] = ()
    moot: frozenset[str] = frozenset()


RARE = 5
"""Levels that fewer records than this share are pooled in whatever a report shows."""

CONCERNS = 100
"""Records that one check names to the custodian at most."""


class Check(Part):
    """The family of checks.

    Class attributes describe the check to ``synthdiff list checks`` and to the report.
    """

    title: ClassVar[str]
    """What the report calls the check."""
    terms: ClassVar[Mapping[str, tuple[str, str]]]
    """Every estimate by its name: what the report calls it, and a sentence that tells a data steward what it means."""
    aspect: ClassVar[Aspect]
    matter: ClassVar[Matter] = "table"
    """What the question is about."""
    unit: ClassVar[str]
    direction: ClassVar[str]
    """Which way is better, for example ``"lower is better"`` or ``"0.5 is best"``."""
    source: ClassVar[str]
    """The paper or standard that defines the measure."""
    bars: ClassVar[Mapping[str, str]] = {}
    """Default bars by the name of the estimate, for example ``{"shape_error": "<= reference + 0.03"}``."""
    needs_holdout: ClassVar[bool] = False
    needs_model: ClassVar[bool] = False
    """Whether the question is about the model and not about what it made; it is asked where a model is at hand."""

    def run(self, evidence: Evidence) -> Finding:
        """Measure."""
        raise NotImplementedError
