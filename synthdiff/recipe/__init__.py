"""Recipes: one YAML file that says everything a run needs."""

from synthdiff.recipe.data import Data, Images
from synthdiff.recipe.recipe import IMAGE_POLICIES, POLICIES, Purpose, Recipe, conditions, json_schema, load_recipe

__all__ = [
    "IMAGE_POLICIES",
    "POLICIES",
    "Data",
    "Images",
    "Purpose",
    "Recipe",
    "conditions",
    "json_schema",
    "load_recipe",
]
