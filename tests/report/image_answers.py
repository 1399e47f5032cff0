"""An audit's answer about images alone, made up, of the form that the checks of images give."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from answers import answer

from synthdiff.checks.check import Check

GRID = [step / 10 for step in range(11)]
FALLING = GRID[::-1]
BAND = {"10": [x - 1 for x in FALLING], "50": FALLING, "90": [x + 1 for x in FALLING]}
SETS: dict[str, Any] = {"train": BAND, "synthetic": BAND, "holdout": None}
COMPARED = {"train": 90, "synthetic": 80, "holdout": 30}


def estimate(value: float, n: int = 30) -> dict[str, Any]:
    return {"value": value, "interval": [value - 0.05, value + 0.05], "n": n}


DETAILS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "radiomic_distance": (
        {
            "figures": [
                {
                    "name": "texture contrast", "shift": -1.5, "spread": 0.5, "holdout_shift": 0.1,
                    "holdout_spread": 1.1,
                }
            ],
            "components": {"count": 4, "share": 0.65, "figures": 71}, "compared": COMPARED | {"size": 30},
        },
        [
            "texture contrast | −1.50 | 0.100 | 0.500 | 1.10", "“\u2068texture contrast\u2069” −1.50",
            "4 principal components of 71 figures hold 65.0 %", "90 training, 30 held-out and 80 synthetic, 30 at a",
        ],
    ),
    "kid": ({"compared": COMPARED, "figures": 71}, ["90 training, 30 held-out and 80 synthetic."]),
    "image_support": (
        {
            "precision": {"alpha": GRID, "synthetic": FALLING, "holdout": GRID},
            "recall": {"beta": GRID, "synthetic": GRID, "holdout": None},
        },
        ["Images inside", "“\u2068held-out images\u2069”", "Real images met"],
    ),
    "spectrum": (
        {"frequency": [0.1 * 2**i for i in range(11)], **SETS, "error": GRID},
        ["cycles per millimetre", "“\u2068training images\u2069” and “\u2068synthetic images\u2069”", "How far apart"],
    ),
    "intensity": (
        {"levels": GRID, "unit": "HU", **SETS, "error": [0.1]},
        ["Grey values by quantile", ">HU<", "in the range of 80 % of them"],
    ),
    "structures": (
        {
            "labels": {
                "1": {
                    "volume": {
                        "train": {"10": 50.0, "50": 100.0, "90": 150.0}, "holdout": None,
                        "synthetic": {"10": 100.0, "50": 200.0, "90": 250.0},
                    },
                    "in_one_piece": {"train": 1.0, "synthetic": 0.25, "holdout": None},
                    "error": {"volume": 0.4, "pieces": 0.75},
                }
            }
        },
        [
            "“\u2068label 1\u2069” 2.00 (1.00 to 2.50)",
            "label 1 | 100 (50.0 to 150) | 200 (100 to 250) | 100.0 % | 25.0 % | 0.400 | 0.750",
        ],
    ),
    "diversity": (
        {"images": 52, "against": "held-out", "share": {"ms_ssim": GRID, "synthetic": FALLING, "real": FALLING}},
        ["pairs of held-out images", "pairs of synthetic images", "52 images of each"],
    ),
    "memorisation": (
        {
            "recall": [{"change": "mirrored along x", "value": 0.95, "interval": [0.9, 0.99], "n": 60}],
            "false_alarms": {"set_to": 0.001, "held_out": 0.0333}, "flagged": {"grey_values": 3, "label_maps": 1},
            "compared": COMPARED,
            "pointing": {"multiple_of_threshold": GRID, "synthetic": FALLING, "held_out": GRID, "planted": GRID},
        },
        [
            "mirrored along x | 60 | 0.950 (0.900 to 0.990)", "by grey values | 3", "by label maps | 1",
            "Subjects held out whose image is taken for a copy | 3.3 %", "planted copies",
        ],
    ),
    "image_utility": (
        {
            "n_train": 90, "n_test": 30, "steps": 160,
            "learnt_from": [
                {"learnt_from": arm, **estimate(value)}
                for arm, value in (("real", 0.8), ("synthetic", 0.7), ("both", 0.82))
            ],
            "by_label": [
                {"label": "2", "learnt_from": arm, **estimate(value)}
                for arm, value in (("real", 0.6), ("synthetic", 0.5), ("both", 0.65))
            ],
        },
        [
            "all labels | 30 | 0.800 (0.750 to 0.850) | 0.700 (0.650 to 0.750) | 0.820 (0.770 to 0.870)",
            "“\u2068label 2\u2069” 0.500", "“\u2068label 2\u2069” 0.650", "90 images to learn from, 30 patients",
        ],
    ),
}  # fmt: skip
"""By the check's name its detail, and what the report must say of it."""


def plane(axis: str, width: int, height: int) -> dict[str, Any]:
    """A plane from black to white with two labels side by side."""
    grey = np.linspace(0, 255, width * height).astype(np.uint8)
    labels = np.zeros((height, width), np.uint8)
    labels[2:-2, 2 : width // 2], labels[2:-2, width // 2 : -2] = 1, 2
    text = [base64.b64encode(part.tobytes()).decode() for part in (grey, labels)]
    return {"axis": axis, "width": width, "height": height, "grey": text[0], "labels": text[1]}


def planes() -> list[dict[str, Any]]:
    return [plane("axial", 20, 24), plane("coronal", 20, 12), plane("sagittal", 24, 12)]


def of_images() -> dict[str, Any]:
    """Every check of images answered and passed, with a gallery."""
    checks = {}
    for name, (detail, _) in DETAILS.items():
        member = Check.members[name]
        estimates = {one: estimate(0.5) | {"reference": estimate(0.5)} for one in member.terms}
        first = next(iter(estimates))
        bar = estimates[first] | {"bar": "<= 0.9", "limit": 0.9, "verdict": "pass", "gating": True, "n_needed": None}
        checks[name] = {
            "title": member.title, "aspect": member.aspect, "direction": member.direction, "source": member.source,
            "terms": {one: dict(zip(("label", "meaning"), told, strict=True)) for one, told in member.terms.items()},
            "verdict": "pass", "gating": True, "reason": "As real images do.", "estimates": estimates,
            "bars": {first: bar}, "detail": detail, **estimates[first], "estimate": first,
        }  # fmt: skip
    made = answer(kinds={"age": "integer"})
    data = {
        "train_rows": 90, "holdout_rows": 30, "synthetic_rows": 80, "columns": 0, "target": None, "kinds": {},
        "images": {
            "modality": "MR", "units": "arbitrary", "shape": [20, 24, 12], "spacing": [1.0, 1.0, 1.5],
            "labels": [0, 1, 2],
        },
        "gallery": [{"planes": planes()} for _ in range(8)],
    }  # fmt: skip
    policy = made["policy"] | {"require": {}}
    return made | {"checks": checks, "data": data, "headline": "All bars are met.", "policy": policy}
