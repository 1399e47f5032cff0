"""Figures of the report: plain data in, one inline SVG out.

All functions take ``alt``, the description that a screen reader speaks, and ``key``, which must be unique on a page,
where what they draw has identifiers.
Sizes are in CSS pixels; figures are drawn for a width of 260 to 380 pixels, which a telephone shows as it is.
"""

from synthdiff.report.figures.curves import Curve, Line, Mark, lines, roc
from synthdiff.report.figures.distributions import histogram, levels, missingness
from synthdiff.report.figures.estimates import Limit, Point, forest, ranking, strip
from synthdiff.report.figures.matrices import MANY, matrix
from synthdiff.report.figures.pictures import Plane, contact_sheet

__all__ = [
    "MANY",
    "Curve",
    "Limit",
    "Line",
    "Mark",
    "Plane",
    "Point",
    "contact_sheet",
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
