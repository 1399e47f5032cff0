"""Words and numbers of the report: one way to write a figure, a verdict, a bar and a name from the data."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
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


ESTIMATES: Mapping[str, Term] = {
    "schema_violation_rate": Term(
        "Broken rules of the schema",
        "Share of synthetic records with a value of the wrong kind, outside the declared bounds or not "
        "among the allowed levels.",
    ),
    "copy_rate": Term("Exact copies", "Share of synthetic records that equal a record the generator was trained on."),
    "excess_copy_rate": Term(
        "Exact copies beyond chance",
        "Exact copies in the synthetic data minus those that real, held-out records show by chance.",
    ),
    "shape_error": Term(
        "Error of single columns",
        "Mean distance between the real and the synthetic distribution of a column: 0 is no difference, "
        "1 is no overlap.",
    ),
    "trend_error": Term(
        "Error of pairs of columns",
        "Mean difference between the real and the synthetic relation of two columns, with bins common to "
        "both tables: 0 is none.",
    ),
    "trend_error_own_bins": Term(
        "Error of pairs, each table's own bins",
        "The same with bins from each table's own extremes, as the literature prints it; protected "
        "extremes make it larger.",
    ),
    "missingness_error": Term(
        "Error of missing values",
        "Mean difference between the real and the synthetic share of missing cells of a column.",
    ),
    "detection_auc": Term(
        "Detectability",
        "How well a trained classifier tells synthetic from real records: 0.5 is not at all, 1 is always.",
    ),
    "utility_drop": Term(
        "Loss of usefulness",
        "How much worse a model predicts real records when it learnt from synthetic instead of real "
        "ones: 0 is no loss.",
    ),
    "utility_synthetic": Term(
        "Usefulness", "How well a model that learnt from synthetic records predicts real ones that it never saw."
    ),
    "membership_auc": Term(
        "Membership attack",
        "How well an attacker who holds a real record can tell whether it was used for training: 0.5 is "
        "guessing, 1 is certainty.",
    ),
    "membership_advantage": Term(
        "Attacker's advantage", "The membership attack above guessing, from 0 (none) to 1 (certainty)."
    ),
    "tpr_at_fpr_0.01": Term(
        "Members found at 1 % false alarms",
        "Share of the training records that the attacker finds when 1 % of the accused are innocent; "
        "guessing finds 0.01.",
    ),
    "tpr_at_fpr_0.10": Term(
        "Members found at 10 % false alarms",
        "Share of the training records that the attacker finds when 10 % of the accused are innocent; "
        "guessing finds 0.10.",
    ),
    "blind_auc": Term(
        "Blind attack",
        "The same attack without the synthetic data: anything but 0.5 means that training and held-out records differ "
        "in themselves, and the privacy figures cannot be relied on.",
    ),
}


_TITLES = {
    "schema": "Rules of the schema",
    "copies": "Exact copies",
    "shape": "Single columns",
    "trend": "Pairs of columns",
    "missingness": "Missing values",
    "detection": "Telling synthetic from real",
    "utility": "Learn from synthetic, test on real",
    "membership": "Membership attack",
    "blind_baseline": "Blind attack",
}


def check_title(name: str, title: Any = None) -> str:
    """A check's title; where it has none but its name, a plain one."""
    derived = name.replace("_", " ").capitalize()
    given = clean(title or derived)
    return _TITLES.get(name, given) if given == derived else given


def estimate_label(name: str) -> str:
    """The plain name of an estimate or of a policy's requirement on one end of its interval."""
    for suffix, words in (("_upper", ", upper end"), ("_lower", ", lower end")):
        if name not in ESTIMATES and name.endswith(suffix):
            return estimate_label(name.removesuffix(suffix)) + words
    known = ESTIMATES.get(name)
    return known.label if known else short(name.replace("_", " ").strip().capitalize(), 60)


def estimate_of(requirement: str) -> str:
    """The estimate that a policy's requirement speaks about."""
    if requirement in ESTIMATES:
        return requirement
    return requirement.removesuffix("_upper").removesuffix("_lower")


GLOSSARY: tuple[Term, ...] = (
    Term(
        "95 % interval",
        "The range in which the figure would fall in 95 of 100 repetitions with other records. "
        "A bar is held against the worse end of it.",
    ),
    Term("Association", "How strongly two columns go together: 0 is not at all, 1 (or −1) is completely."),
    Term(
        "AUC",
        "The chance that a classifier ranks a case of one group above a case of the other: 0.5 is "
        "guessing, 1 is perfect.",
    ),
    Term(
        "Bar", "The value that a policy demands of a figure. A required bar decides the verdict; others are reported."
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
        "The list of bars, written down before the synthetic data existed. Its fingerprint (SHA-256) "
        "shows that it is the same.",
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
    Term("Utility", "Whether an analysis on the synthetic data comes to the result that the real data would give."),
)
