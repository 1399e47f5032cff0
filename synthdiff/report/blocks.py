"""Blocks: what the page can show below a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup


@dataclass(frozen=True)
class Picture:
    """One drawing with the words above and below it."""

    svg: Markup
    title: str = ""
    note: str = ""


@dataclass(frozen=True)
class Gallery:
    """Drawings side by side.

    Attributes
    ----------
    legend : str
        ``"bars"`` or ``"dots"`` explains how real and synthetic are told apart; empty for none.
    width : str
        ``"small"``, ``"third"``, ``"half"``, ``"large"`` or ``"whole"``.
    """

    kind: ClassVar[str] = "gallery"
    pictures: tuple[Picture, ...]
    legend: str = ""
    width: str = "large"


@dataclass(frozen=True)
class Table:
    """A table; ``figures`` are the positions of the columns that hold figures."""

    kind: ClassVar[str] = "table"
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Note:
    """A sentence."""

    kind: ClassVar[str] = "note"
    text: str


Block = Gallery | Table | Note
