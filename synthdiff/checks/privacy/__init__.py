"""Privacy: what the synthetic records give away about the people they were learnt from. One import line a check."""

from synthdiff.checks.privacy import (
    attribute_inference,
    authenticity,
    blind_baseline,
    copies,
    dcr,
    linkability,
    membership,
    singling_out,
    white_box,
)

__all__ = [
    "attribute_inference",
    "authenticity",
    "blind_baseline",
    "copies",
    "dcr",
    "linkability",
    "membership",
    "singling_out",
    "white_box",
]
