"""Evidence about the made-up clinic for the checks of usefulness, and tables that teach the wrong thing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from worlds import clinic, clinic_schema

from synthdiff.checks.check import Evidence
from synthdiff.schema import Schema

PROTECTED = ("site",)


def aiming_at(target: str | None, protected: tuple[str, ...] = PROTECTED) -> Schema:
    """The clinic's schema with another target and other protected columns."""
    roles = dict.fromkeys(protected, ("protected",)) | ({target: ("target",)} if target else {})
    columns = (column.model_copy(update={"roles": roles.get(column.name, ())}) for column in clinic_schema())
    return Schema(columns=tuple(columns))


def evidence(
    synthetic: pd.DataFrame | None = None,
    target: str | None = "died",
    train: pd.DataFrame | None = None,
    holdout: pd.DataFrame | None = None,
    protected: tuple[str, ...] = PROTECTED,
    seed: int = 0,
) -> Evidence:
    """Three fresh samples of 300 visits, but for those that are given."""
    return Evidence(
        clinic(300, 1) if train is None else train,
        clinic(300, 2) if holdout is None else holdout,
        clinic(300, 3) if synthetic is None else synthetic,
        aiming_at(target, protected),
        seed,
    )


def target_shuffled(frame: pd.DataFrame, target: str = "died", seed: int = 0) -> pd.DataFrame:
    """The records with the target of another: nothing to learn from them."""
    return frame.assign(**{target: np.random.default_rng(seed).permutation(frame[target].to_numpy())})


def flipped_in(frame: pd.DataFrame, site: str = "south") -> pd.DataFrame:
    """The records with the outcome of one site turned round."""
    there = frame["site"] == site
    other = np.where(frame["died"] == "yes", "no", "yes")
    return frame.assign(died=frame["died"].where(~there, other))
