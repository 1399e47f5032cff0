"""Synthetic clinical tables and medical images by score-based diffusion, audited and released with evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthdiff.auditing import AuditReport, audit, audit_images
    from synthdiff.presets import TableDiffusion, VolumeDiffusion, load
    from synthdiff.schema import Schema
    from synthdiff.voxels import Volume
    from synthdiff.walk import run

__all__ = [
    "AuditReport",
    "Schema",
    "TableDiffusion",
    "Volume",
    "VolumeDiffusion",
    "audit",
    "audit_images",
    "load",
    "run",
]

_HOMES = {
    "AuditReport": "synthdiff.auditing",
    "Schema": "synthdiff.schema",
    "TableDiffusion": "synthdiff.presets",
    "Volume": "synthdiff.voxels",
    "VolumeDiffusion": "synthdiff.presets",
    "audit": "synthdiff.auditing",
    "audit_images": "synthdiff.auditing",
    "load": "synthdiff.presets",
    "run": "synthdiff.walk",
}


def __getattr__(name: str) -> Any:
    """Import the public names on first use, so that ``import synthdiff`` and ``synthdiff --help`` take a blink."""
    if name not in _HOMES:
        raise AttributeError(f"module 'synthdiff' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
