"""Drafts: the commented recipe that ``synthdiff init`` writes after a look at the data. One file a material.

A draft decides nothing that a person did not see; ``LOOK`` marks what a person should look at.
"""

from __future__ import annotations

from pathlib import Path

from synthdiff.data import read_table
from synthdiff.data.folders import are_images
from synthdiff.draft.images import draft_image_recipe, look_at_images
from synthdiff.draft.table import draft_recipe
from synthdiff.draft.text import SCHEMA_FILE

__all__ = ["SCHEMA_FILE", "draft", "draft_image_recipe", "draft_recipe", "look_at_images"]


def draft(data: Path, recipe: Path) -> tuple[str, str]:
    """Read data, and write the recipe that a person starts from.

    Parameters
    ----------
    data : Path
        A table, a folder of images or a file of arrays.
    recipe : Path
        Where the draft will stand.

    Returns
    -------
    text, found : str
        The draft, and in a few words what it is of.

    Raises
    ------
    DataError
        When the data cannot be read as they are.
    """
    if are_images(data):
        look = look_at_images(data)
        return draft_image_recipe(look, recipe), look.summary
    frame, schema = read_table(data)
    return draft_recipe(data, frame, schema, recipe), f"{len(frame):,} rows, {len(schema.columns)} columns"
