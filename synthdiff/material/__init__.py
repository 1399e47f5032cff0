"""Materials: what a release is made of, as the walk handles it. One file a material."""

from typing import Any

from synthdiff.material.images import Pictures
from synthdiff.material.material import Material
from synthdiff.material.tables import Table
from synthdiff.progress import SILENT, Progress
from synthdiff.recipe import Recipe

__all__ = ["Material", "Pictures", "Table", "load"]


def load(recipe: Recipe, progress: Progress = SILENT) -> Material[Any]:
    """Read what a recipe names and split it into a training and a held-out part.

    Raises
    ------
    SynthdiffError
        When the data cannot be used.
    """
    return Table.load(recipe) if recipe.data.images is None else Pictures.load(recipe, progress)
