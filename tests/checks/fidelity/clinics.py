"""A made-up clinic, and schemas by hand: the small tables that every fidelity check is tried on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthdiff.schema import Column, Schema


def schema_of(*frames: pd.DataFrame, **declared: dict) -> Schema:
    """A schema of what the frames hold: levels for text, integers and numbers as they are."""
    together = pd.concat(frames, ignore_index=True)
    columns = []
    for name in together:
        values = together[name]
        said = declared.get(name, {})
        if pd.api.types.is_numeric_dtype(values):
            whole = (values.dropna() % 1 == 0).all()
            kind = {"kind": "integer" if whole else "continuous"}
        elif pd.api.types.is_datetime64_any_dtype(values):
            kind = {"kind": "datetime", "dtype": str(values.dtype)}
        else:
            kind = {"kind": "categorical", "levels": tuple(sorted(values.dropna().unique()))}
        columns.append(Column(name=name, nullable=bool(values.isna().any()), **{**kind, **said}))
    return Schema(columns=tuple(columns))


def clinic(n: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """A made-up clinic: numbers, levels and missing cells that hang together; ``shift`` moves every margin."""
    rng = np.random.default_rng(seed)
    age = np.rint(55 + 15 * rng.normal(size=n) + 15 * shift)
    pressure = 90 + 0.6 * age + 8 * rng.normal(size=n)
    site = rng.choice(["north", "south", "west"], n, p=[0.5 - shift / 5, 0.3, 0.2 + shift / 5])
    smoker = np.where(rng.random(n) < np.where(age > 55, 0.4, 0.15), "yes", "no")
    tested = rng.random(n) < np.where(site == "north", 0.9, 0.4)
    marker = np.where(tested, np.round(np.exp(rng.normal(size=n) + (smoker == "yes")), 2), np.nan)
    return pd.DataFrame(
        {
            "age": age,
            "pressure": pressure,
            "site": site,
            "smoker": smoker,
            "tested": np.where(tested, "done", "not done"),
            "marker": marker,
        }
    )


def shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Every column in an order of its own: right margins, no dependence."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({name: frame[name].to_numpy()[rng.permutation(len(frame))] for name in frame})
