"""Worlds whose right answer is known: a made-up clinic, and generators that are honest or leak in a known way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synthdiff.schema import Schema

DECLARED: dict[str, dict[str, Any]] = {
    "died": {"role": "target"},
    "stage": {"levels": ["I", "II", "III", "IV"]},
    "ward": {"kind": "categorical"},
}


def clinic(n: int, seed: int) -> pd.DataFrame:
    """Visits to a clinic, drawn afresh: correlated numbers and levels, 40 wards, missing cells, a target."""
    draw = np.random.default_rng(seed)
    severity = draw.normal(size=n)
    age = np.clip(60 + 12 * draw.normal(size=n) + 4 * severity, 18, 99).round().astype(int)
    creatinine = np.exp(0.3 * severity + 0.4 * draw.normal(size=n)).round(2)
    creatinine[draw.random(n) < 0.1] = np.nan
    sodium = (138 - 2 * severity + 3 * draw.normal(size=n)).round(1)
    stage = np.array(["I", "II", "III", "IV"])[np.digitize(severity + 0.5 * draw.normal(size=n), [-0.8, 0, 0.9])]
    site = draw.choice(["north", "south", "east"], size=n, p=[0.5, 0.3, 0.2])
    died = np.where(draw.random(n) < 1 / (1 + np.exp(1 - 1.5 * severity - 0.03 * (age - 60))), "yes", "no")
    return pd.DataFrame(
        {
            "age": age,
            "creatinine": creatinine,
            "sodium": sodium,
            "stage": stage,
            "site": site,
            "ward": [f"ward {place:02d}" for place in draw.integers(0, 40, size=n)],
            "died": died,
        }
    )


def clinic_schema() -> Schema:
    """What the clinic's columns are."""
    return Schema.infer(clinic(3000, 0), DECLARED)


def shuffled(frame: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """The same records in another order: a verbatim copy that no comparison row by row sees."""
    return frame.iloc[np.random.default_rng(seed).permutation(len(frame))].reset_index(drop=True)


def changed(frame: pd.DataFrame, share: float = 0.3, seed: int = 0) -> pd.DataFrame:
    """The records with a share of their cells replaced by another record's."""
    draw = np.random.default_rng(seed)
    copy = frame.reset_index(drop=True)
    for name in copy.columns:
        other = copy[name].iloc[draw.permutation(len(copy))].reset_index(drop=True)
        copy[name] = copy[name].where(draw.random(len(copy)) >= share, other)
    return copy


def columnwise(frame: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Every column shuffled by itself: right marginals, no record left."""
    return changed(frame, 1.0, seed)


def between_neighbours(frame: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """SMOTE: each record moved towards one of its five nearest neighbours, levels taken from either."""
    draw = np.random.default_rng(seed)
    numbers = frame.select_dtypes("number")
    filled = numbers.fillna(numbers.median())
    scaled = ((filled - filled.mean()) / filled.std()).to_numpy()
    levels = frame.drop(columns=numbers.columns)
    apart = np.abs(scaled[:, None] - scaled[None]).sum(axis=2)
    for name in levels.columns:
        cells = levels[name].to_numpy(dtype=object)
        apart += cells[:, None] != cells[None]
    np.fill_diagonal(apart, np.inf)
    partner = np.argsort(apart, axis=1)[np.arange(len(frame)), draw.integers(0, 5, size=len(frame))]
    made = frame.reset_index(drop=True)
    way = draw.random(len(frame))
    for name in frame.columns:
        other = made[name].iloc[partner].reset_index(drop=True)
        if name in numbers.columns:
            moved = made[name] + way * (other - made[name])
            decimals = 0 if pd.api.types.is_integer_dtype(frame[name]) else 2
            made[name] = moved.round(decimals).astype(frame[name].dtype)
        else:
            made[name] = made[name].where(draw.random(len(frame)) < 0.5, other)
    return made


def stays(n: int, seed: int = 0) -> pd.DataFrame:
    """Stays in hospital: the last day is that of discharge where the patient died there, and never before it."""
    draw = np.random.default_rng(seed)
    died = draw.random(n) < 0.3
    stay = 3 + draw.geometric(0.05, n)
    admitted = pd.Timestamp("2015-01-01") + pd.to_timedelta(draw.integers(0, 3_650, n), unit="D")
    return pd.DataFrame(
        {
            "stay": stay,
            "followed": np.where(died, stay, stay + draw.geometric(0.003, n)),
            "died": np.where(died, "yes", "no"),
            "admitted": admitted,
            "discharged": admitted + pd.to_timedelta(stay, unit="D"),
            "pulse": draw.normal(80, 12, n).round(),
            "pressure": draw.normal(120, 15, n).round(),
        }
    )
