"""Imaging: do the synthetic images look like real ones, differ among themselves as they do, and repeat none?"""

from synthdiff.checks.imaging import (
    diversity,
    image_support,
    image_utility,
    intensity,
    kid,
    memorisation,
    radiomic_distance,
    spectrum,
    structures,
)

__all__ = [
    "diversity",
    "image_support",
    "image_utility",
    "intensity",
    "kid",
    "memorisation",
    "radiomic_distance",
    "spectrum",
    "structures",
]
