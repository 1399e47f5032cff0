"""Presets: the generators that there are. Importing this module lets :func:`load` read models of every kind."""

from synthdiff.generator import load
from synthdiff.table import TableDiffusion
from synthdiff.volume import VolumeDiffusion

__all__ = ["TableDiffusion", "VolumeDiffusion", "load"]
