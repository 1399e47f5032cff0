"""Words and numbers of the report: one way to write a figure, a verdict, a bar and a name from the data."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from synthdiff.report.reading import ends, finite

THIN = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
NONE = "–"

_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: Any) -> str:
    """A figure with three significant digits: ``0.503``, ``−0.0120``, ``12,300``; a dash where there is none."""
    known = finite(value)
    if known is None:
        return NONE
    if known == 0:
        return "0"
    if abs(known) < 1e-4:
        mantissa, exponent = f"{known:.2e}".split("e")
        return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}".replace("-", MINUS)
    known = float(f"{known:.3g}")
    decimals = max(0, 2 - math.floor(math.log10(abs(known))))
    return f"{known:,.{decimals}f}".replace(",", THIN).replace("-", MINUS)


def count(value: Any) -> str:
    """A number of records, with thin spaces between thousands."""
    known = finite(value)
    return NONE if known is None else f"{known:,.0f}".replace(",", THIN)


def percent(share: Any) -> str:
    """A share in per cent, to a tenth: ``7.4 %``."""
    known = finite(share)
    return NONE if known is None else f"{100 * known:.1f}{THIN}%".replace("-", MINUS)


def span(interval: Any) -> str:
    """An interval in words: ``0.490 to 0.516``."""
    known = ends(interval)
    return NONE if known is None else f"{number(known[0])} to {number(known[1])}"


def with_interval(value: Any, interval: Any) -> str:
    """A figure with its interval: ``0.503 (0.490 to 0.516)``."""
    return number(value) if ends(interval) is None else f"{number(value)} ({span(interval)})"


def clean(text: Any) -> str:
    """Text from the data on one line, without control characters and marks that turn the direction of what follows."""
    kept = (" " if mark.isspace() else mark for mark in str(text))
    return " ".join("".join(mark for mark in kept if not _disturbs(mark)).split())


def _disturbs(mark: str) -> bool:
    nowhere = ord(mark) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(mark) <= 0xFDEF
    return nowhere or unicodedata.category(mark) in ("Cc", "Cs") or mark in _TURNING


def name(text: Any) -> str:
    """A column's name, whole; an empty one is said to be so."""
    return clean(text) or "(no name)"


def short(text: Any, length: int = 40) -> str:
    """Text from the data, cut to ``length`` characters in the middle, for names often differ at their ends."""
    whole = name(text)
    if len(whole) <= length:
        return whole
    tail = (length - 1) * 2 // 5
    return whole[: length - 1 - tail].rstrip() + "…" + whole[len(whole) - tail :].lstrip()


def quoted(text: Any, length: int = 40) -> str:
    """Text from the data inside a sentence: in quotation marks, and with its own direction of writing."""
    return f"“\N{FIRST STRONG ISOLATE}{short(text, length)}\N{POP DIRECTIONAL ISOLATE}”"


def listed(items: Iterable[str]) -> str:
    """``a, b and c``."""
    several = list(items)
    return several[0] if len(several) == 1 else ", ".join(several[:-1]) + " and " + several[-1] if several else ""


@dataclass(frozen=True)
class Verdict:
    """How a verdict is shown: never by colour alone."""

    key: str
    symbol: str
    word: str


PASS, FAIL, UNSURE, REPORTED = "pass", "fail", "inconclusive", "reported"
_SYMBOLS = {PASS: "✓", FAIL: "✕", UNSURE: "?", REPORTED: "•"}
_OVERALL = {PASS: "Pass", FAIL: "Refused", UNSURE: "Cannot tell", REPORTED: "No verdict"}
_SINGLE = {PASS: "Met", FAIL: "Not met", UNSURE: "Cannot tell", REPORTED: "Reported"}


def overall(verdict: Any) -> Verdict:
    """The verdict of a whole audit."""
    key = verdict if verdict in _SYMBOLS else REPORTED
    return Verdict(key, _SYMBOLS[key], _OVERALL[key])


def single(verdict: Any) -> Verdict:
    """The verdict of one check or one bar."""
    key = verdict if verdict in _SYMBOLS else REPORTED
    return Verdict(key, _SYMBOLS[key], _SINGLE[key])


def bar(text: Any) -> str:
    """A bar as a policy writes it, for a reader: ``at most 0.10``."""
    known = clean(text).replace("reference", "real data score").replace("*", "×")
    for sign, words in (("<=", "at most"), (">=", "at least"), ("<", "below"), (">", "above")):
        if known.startswith(sign):
            return f"{words} {known[len(sign) :].strip()}"
    return re.sub(r"^includes\b", "interval includes", known)


@dataclass(frozen=True)
class Term:
    """An estimate or a notion in plain words."""

    label: str
    meaning: str


def derived(name: Any) -> str:
    """Words for a name that brings none of its own: ``"Quite new"`` for ``quite_new``."""
    return short(clean(name).replace("_", " ").strip().capitalize(), 60)


def requirement(name: str) -> str:
    """Words for a policy's requirement that no check measured; it may name one end of an interval."""
    for suffix, said in (("_upper", ", upper end"), ("_lower", ", lower end")):
        if name.endswith(suffix):
            return derived(name.removesuffix(suffix)) + said
    return derived(name)


GLOSSARY: tuple[Term, ...] = (
    Term(
        "95 % interval",
        "Where the true figure lies, as far as these records can tell: made this way, 95 of 100 intervals hold it. A "
        "bar is held against the worse end of it.",
    ),
    Term(
        "Alarm, false",
        "A person whom an attack takes for one of the training data who is not; in detection, a real record that is "
        "taken for a synthetic one.",
    ),
    Term("Association", "How strongly two columns go together: 0 is not at all, 1 (or −1) is completely."),
    Term(
        "AUC",
        "The chance that a classifier ranks a case of one group above a case of the other: 0.5 is "
        "guessing, 1 is perfect.",
    ),
    Term(
        "Bar",
        "The value that a policy demands of a figure. A required bar decides the verdict; others are reported.",
    ),
    Term(
        "Cannot tell",
        "There are too few records, or none of the kind needed, to say whether the bar is met. It is no pass.",
    ),
    Term(
        "Fidelity",
        "How like the real data the synthetic data are: column by column, pair by pair and to a trained classifier.",
    ),
    Term(
        "Held-out records",
        "Real records that the generator never saw. They are the control of every attack and give what "
        "real data score.",
    ),
    Term(
        "Policy",
        "The list of bars, to be written down before the synthetic data exist. Its fingerprint (SHA-256) shows that it "
        "is the same.",
    ),
    Term("Privacy", "How little the synthetic data say about the persons whose records were used for training."),
    Term(
        "Real data score",
        "The same figure for held-out real records in the place of the synthetic ones: what is possible at best. "
        "A figure better than it is a warning, for it may come from copying.",
    ),
    Term(
        "ROC curve",
        "For every rate of false alarms (along the bottom), the rate of correct alarms (up the side). "
        "A curve on the diagonal is guessing.",
    ),
    Term(
        "Subgroup",
        "The records that share a level of a column, or a range of a number. Where the worst of many is named, its "
        "interval is widened for having been picked.",
    ),
    Term(
        "Survival curve",
        "For every length of follow-up, the share of persons to whom the event has not come yet; persons count for as "
        "long as they were followed (Kaplan and Meier).",
    ),
    Term("Utility", "Whether an analysis on the synthetic data comes to the result that the real data would give."),
)

IMAGE_GLOSSARY: tuple[Term, ...] = (
    Term(
        "95 % interval",
        "Where the true figure lies, as far as these images can tell: made this way, 95 of 100 intervals hold it. A "
        "bar is held against the worse end of it.",
    ),
    Term("Alarm, false", "An image of somebody else that is taken for a copy of a training image."),
    Term(
        "Cannot tell",
        "There are too few images, or none of the kind needed, to say whether the bar is met. It is no pass.",
    ),
    Term(
        "Dice",
        "How well two outlines of a structure overlap: twice what they share, divided by the sum of both. 0 is not at "
        "all, 1 is exactly.",
    ),
    Term("Fidelity", "How like real images the synthetic ones are: in brightness, detail, structures and variety."),
    Term(
        "Fréchet distance",
        "How far apart two groups of images lie, each described by the mean of its figures, their spread and how they "
        "go together.",
    ),
    Term(
        "Held-out images",
        "Real images, of other people, that the generator never saw. They are the control of every attack and give "
        "what real data score.",
    ),
    Term("Label map", "What each voxel of an image belongs to: a number for each structure, 0 for the background."),
    Term(
        "Planted copies",
        "Training images, changed as a copy may be, that are put to the detector to see whether it finds them.",
    ),
    Term("Privacy", "How little the synthetic images say about the persons whose images were used for training."),
    Term(
        "Radiomic figures",
        "Numbers that describe an image's brightness, texture and sharpness and the form of its labelled structures, "
        "each by a formula and not by a network that was trained on other images.",
    ),
    Term(
        "Real data score",
        "The same figure for held-out real images in the place of the synthetic ones: what is possible at best. A "
        "figure better than it is a warning, for it may come from copying.",
    ),
    Term(
        "Spatial frequency",
        "How fine a pattern is, in cycles per millimetre: low ones make an image's coarse form, high ones its detail "
        "and noise.",
    ),
    Term(
        "SSIM",
        "Structural similarity: how alike two images are in brightness, contrast and pattern, place by place. MS-SSIM "
        "joins several scales; 1 is the same image.",
    ),
    Term("Voxel", "The smallest part of a 3-D image, as a pixel is of a picture."),
)

_OF_TABLES = frozenset({"Association", "Held-out records", "ROC curve", "Subgroup", "Survival curve"})


def glossary(*, tables: bool, images: bool) -> tuple[Term, ...]:
    """The notions of a report, in order; one that means something else for images does so where there are no tables."""
    known = {term.label: term for term in GLOSSARY if tables or term.label not in _OF_TABLES}
    of_images = {term.label: term for term in IMAGE_GLOSSARY} if images else {}
    told = of_images | known if tables else known | of_images
    return tuple(sorted(told.values(), key=lambda term: term.label.casefold()))
