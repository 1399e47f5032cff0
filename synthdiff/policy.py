"""Policy: what the evidence must show for a purpose, written down before the synthetic data exist.

A policy is a YAML file: a name, the purpose in a sentence, and bars by the name of an estimate. Four come with
synthdiff; a steward's own file is as good. The judgement is three-way and lies on the bad end of the interval, so that
too few records can never pass for good ones.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import NormalDist
from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field

from synthdiff.checks.check import Estimate
from synthdiff.errors import AuditError
from synthdiff.yamlfile import read_document

Verdict = Literal["pass", "fail", "inconclusive"]
End = Literal["bad", "upper", "lower"]
Relation = Literal["<=", ">=", "<", ">", "includes"]

MOST = 1000
"""An interval that would have to be so many times narrower cannot be had, so that no number of records is named."""

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_LIMIT = re.compile(rf"(<=|>=|<|>)\s*({_NUMBER})")
_RELATIVE = re.compile(rf"(<=|>=|<|>)\s*reference(?:\s*([-+])\s*({_NUMBER}))?")
_WITHIN = re.compile(rf"includes\s+({_NUMBER})")
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_FOLDER = resources.files("synthdiff") / "policies"


@dataclass(frozen=True)
class Judgement:
    """How an estimate stands to its bar.

    Attributes
    ----------
    verdict : Verdict
        ``"inconclusive"`` when the limit is neither met nor surely missed, or when there is nothing to hold against it.
    limit : float or None
        The number that the bar comes to; None when it refers to a reference that could not be had.
    n_needed : int or None
        When inconclusive: about how many records would decide it, were the value the same with them.
    """

    verdict: Verdict
    limit: float | None
    n_needed: int | None = None


@dataclass(frozen=True)
class Bar:
    """A bar that an estimate is held against, on one end of its interval.

    Attributes
    ----------
    text : str
        As it is written, for example ``"<= reference + 0.05"``.
    relation : Relation
        ``"includes"`` asks that the interval hold the number.
    number : float
        The limit, or what is added to the reference.
    relative : bool
        Whether the limit is relative to what real data score.
    """

    text: str
    relation: Relation
    number: float
    relative: bool = False

    @classmethod
    def parse(cls, text: str, *, where: str = "") -> Bar:
        """Read a bar.

        Raises
        ------
        AuditError
            If the text is no bar.
        """
        tidy = " ".join(text.split())
        found = cls._parsed(tidy)
        if found is None or not math.isfinite(found.number):
            raise AuditError(
                f"{text!r} is not a bar",
                where=where,
                mend='write it like "<= 0.10", ">= 0.9", "<= reference + 0.05" or "includes 0.5"',
            )
        return found

    @classmethod
    def _parsed(cls, tidy: str) -> Bar | None:
        if match := _LIMIT.fullmatch(tidy):
            return cls(tidy, _relation(match[1]), float(match[2]))
        if match := _RELATIVE.fullmatch(tidy):
            offset = float(match[3] or 0)
            return cls(tidy, _relation(match[1]), -offset if match[2] == "-" else offset, relative=True)
        if match := _WITHIN.fullmatch(tidy):
            return cls(tidy, "includes", float(match[1]))
        return None

    def judge(self, estimate: Estimate, end: End = "bad", among: int = 1) -> Judgement:
        """Hold an estimate against the bar.

        It passes when the bad end of the interval meets the bar (the upper end of what must be small), fails when the
        good end misses it, and is inconclusive in between. Naming the bad end changes nothing; where the good end is
        named it alone decides, so a bar can also say "not shown to be above".

        A gate of several bars passes when every one is met, which at 95 % each is a test at 95 % of the whole
        (intersection-union; Berger 1982): nothing needs correcting. It fails when any one is missed, and of many bars
        one is missed by chance; so a bar fails only when the good end of an interval as wide as Bonferroni's asks
        misses it. What real data score is uncertain, too: of a bar that is relative to it, that interval is the one of
        the difference.

        Parameters
        ----------
        estimate : Estimate
            With its interval, and its reference where the bar is relative.
        end : End
            The end of the interval that must meet the bar.
        among : int
            How many bars the gate has.

        References
        ----------
        Berger (1982), Multiparameter hypothesis testing and acceptance sampling, Technometrics 24.
        """
        (lower, upper), (low, high) = estimate.interval, _widened(estimate, among, self.relative)
        if self.relation == "includes":
            missed = not low <= self.number <= high
            return Judgement(_verdict(lower <= self.number <= upper, missed), self.number)
        limit = self.number
        if self.relative:
            if estimate.reference is None:
                return Judgement("inconclusive", None)
            limit += estimate.reference.value
        small = self.relation.startswith("<")
        bad, good, best = (upper, lower, low) if small else (lower, upper, high)
        decides = good if end == ("lower" if small else "upper") else bad
        verdict = _verdict(self._meets(decides, limit), not self._meets(best, limit))
        if verdict != "inconclusive" or decides == good:
            return Judgement(verdict, limit)
        crossing = bad if self._meets(estimate.value, limit) else best
        return Judgement(verdict, limit, _needed(estimate, crossing, limit))

    def _meets(self, value: float, limit: float) -> bool:
        return bool(_COMPARE[self.relation](value, limit))


def _verdict(met: bool, missed: bool) -> Verdict:
    return "pass" if met else "fail" if missed else "inconclusive"


def _widened(estimate: Estimate, among: int, relative: bool) -> tuple[float, float]:
    """The interval that covers with 95 % together with those of all the bars that it is one of."""
    stretch = NormalDist().inv_cdf(1 - 0.025 / among) / NormalDist().inv_cdf(0.975)
    value, (low, high), real = estimate.value, estimate.interval, estimate.reference
    above, below = (real.interval[1] - real.value, real.value - real.interval[0]) if relative and real else (0.0, 0.0)
    return value - stretch * math.hypot(value - low, above), value + stretch * math.hypot(high - value, below)


def _relation(text: str) -> Relation:
    return next(relation for relation in get_args(Relation) if relation == text)


def _needed(estimate: Estimate, end: float, limit: float) -> int | None:
    """The records with which the interval's end would just reach the limit, its half-width shrinking with 1/√n."""
    half, distance = abs(end - estimate.value), abs(limit - estimate.value)
    if distance * MOST < half:
        return None
    return math.ceil(estimate.n * (half / distance) ** 2)


def split_end(key: str) -> tuple[str, End]:
    """The estimate that a key of ``require`` names, and the end of the interval, by the suffix of the key."""
    for end in ("upper", "lower"):
        if key.endswith(f"_{end}"):
            return key.removesuffix(f"_{end}"), end
    return key, "bad"


class Policy(BaseModel):
    """What the evidence must show for a purpose.

    Attributes
    ----------
    name : str
        By which reports and recipes call it.
    purpose : str
        What the synthetic data are for, in one sentence.
    summary : str
        What the bars together ask for, in a few sentences.
    require : dict of str to str
        Bars by the name of an estimate; with the suffix ``_upper`` or ``_lower`` for one end of its interval.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*( \(amended\))?$", description="what reports call the policy")
    purpose: str = Field(min_length=1, description="what the synthetic data are for, in one sentence")
    summary: str = Field("", description="what the bars together ask for")
    require: dict[str, str] = Field(min_length=1, description='bars, such as tpr_at_fpr_0.01: "<= 0.02"')

    def model_post_init(self, context: object, /) -> None:
        """Refuse a bar that cannot be read and two bars for one estimate."""
        named = [split_end(key)[0] for key in self.require]
        if len(self.bars) < len(named):
            raise AuditError(
                f"there are two bars for {', '.join(sorted({name for name in named if named.count(name) > 1}))}",
                where=f"policy {self.name!r}",
                mend="keep one bar for each estimate",
            )

    @classmethod
    def load(cls, name: str | Path) -> Self:
        """Read a policy that comes with synthdiff, by name, or a steward's own, by the path of its YAML file.

        Raises
        ------
        AuditError
            If there is no such policy, or its file is not one.
        """
        if isinstance(name, Path) or Path(name).suffix in (".yaml", ".yml"):
            return read_document(name, AuditError).into(cls)
        if name not in shipped():
            raise AuditError(
                f"no policy is called {name!r}{nearest(name, shipped())}",
                mend=f"known: {', '.join(shipped())}; or give the path of your own, ending in .yaml",
            )
        with resources.as_file(_FOLDER / f"{name}.yaml") as file:
            return read_document(file, AuditError).into(cls)

    @property
    def bars(self) -> dict[str, tuple[Bar, End]]:
        """The bars by estimate, each with the end of the interval that it is about."""
        bars = {}
        for key, text in self.require.items():
            name, end = split_end(key)
            bars[name] = Bar.parse(text, where=f"policy {self.name!r}, {key}"), end
        return bars

    @property
    def sha256(self) -> str:
        """SHA-256 of the policy as canonical JSON: keys sorted, no spaces, UTF-8."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def with_requirements(self, require: Mapping[str, str]) -> Policy:
        """This policy with further bars, each in the place of the policy's own bar for the same estimate.

        The result is another policy and says so in its name, for a bar may have become more lenient.
        """
        replaced = {split_end(key)[0] for key in require}
        merged = {key: text for key, text in self.require.items() if split_end(key)[0] not in replaced} | dict(require)
        if merged == self.require:
            return self
        name = self.name.removesuffix(" (amended)") + " (amended)"
        return Policy(name=name, purpose=self.purpose, summary=self.summary, require=merged)

    def must_know(self, estimates: Collection[str]) -> None:
        """Refuse a policy that has a bar for an estimate that no check makes.

        Raises
        ------
        AuditError
            With every such name and the nearest that is known.
        """
        problems = [
            AuditError(
                f"no check estimates {key!r}{nearest(split_end(key)[0], estimates)}",
                where=f"policy {self.name!r}",
                mend=f"known: {', '.join(sorted(estimates))}",
            )
            for key in self.require
            if split_end(key)[0] not in estimates
        ]
        if problems:
            raise AuditError.together(problems)


def shipped() -> list[str]:
    """The names of the policies that come with synthdiff."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _FOLDER.iterdir() if entry.name.endswith(".yaml"))


def nearest(name: str, known: Collection[str]) -> str:
    """``"; did you mean …?"`` with the nearest known name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
