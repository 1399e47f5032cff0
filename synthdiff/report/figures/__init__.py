"""Figures of the report: plain data in, one inline SVG out.

All functions take ``key``, which must be unique on a page, and ``alt``, the description that a screen reader speaks.
Sizes are in CSS pixels; figures are drawn for a width of 260 to 380 pixels, which a telephone shows as it is.
"""

from synthdiff.report.figures.curves import Curve, Line, Mark, lines, roc
from synthdiff.report.figures.distributions import histogram, levels, missingness
from synthdiff.report.figures.estimates import Limit, Point, forest, ranking, strip
from synthdiff.report.figures.matrices import MANY, matrix

__all__ = [
    "MANY",
    "Curve",
    "Limit",
    "Line",
    "Mark",
    "Point",
    "forest",
    "histogram",
    "levels",
    "lines",
    "matrix",
    "missingness",
    "ranking",
    "roc",
    "strip",
]
