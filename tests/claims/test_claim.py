"""What a claim is held against, and which files are taken for reports."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from given import REPORTS
from hypothesis import given as drawn, strategies as st

import synthdiff.checks  # noqa: F401  registers the checks that defects point to
from synthdiff.checks.check import Check
from synthdiff.claims import Claim, Recomputed, Source, defects, read
from synthdiff.claims.claim import answer, decimals_of, mean, nearest
from synthdiff.errors import AuditError

SHARES = st.floats(0, 1, allow_nan=False)


def claim(value: float, decimals: int = 4) -> Claim:
    return Claim("sdmetrics", "score", "score", "Overall score", value, decimals)


@drawn(SHARES, st.integers(2, 8))
def test_a_figure_that_was_rounded_holds(true: float, decimals: int) -> None:
    assert answer(claim(round(true, decimals), decimals), Recomputed.exactly(true), ()).outcome == "holds"


@drawn(SHARES, st.integers(2, 8), st.sampled_from([-1, 1]))
def test_a_figure_beyond_rounding_does_not(true: float, decimals: int, side: int) -> None:
    wrong = true + side * (0.51 * 10.0**-decimals + 1e-8)
    found = answer(claim(wrong, decimals), Recomputed.exactly(true), ())
    assert (found.outcome, found.recomputed) == ("does not hold", true)


@drawn(SHARES, SHARES, SHARES)
def test_within_bounds_nothing_is_said_and_beyond_them_it_is_wrong(a: float, b: float, value: float) -> None:
    low, high = min(a, b), max(a, b)
    found = answer(claim(value), Recomputed(None, low, high, "some columns are text"), ())
    expected = "cannot be recomputed" if low - 5e-5 - 1e-9 <= value <= high + 5e-5 + 1e-9 else "does not hold"
    assert found.outcome == expected
    assert found.reason.endswith("some columns are text")


@drawn(st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=5))
def test_the_mean_of_bounds_bounds_the_mean(pairs: list[tuple[float, float]]) -> None:
    several = [Recomputed.between(min(pair), max(pair), "") for pair in pairs]
    found = mean(several)
    true = sum(max(pair) for pair in pairs) / len(pairs)
    assert found.low - 1e-12 <= true <= found.high + 1e-12
    assert (found.value is None) == any(a != b for a, b in pairs)


def test_the_longest_figure_tells_how_far_a_report_is_rounded() -> None:
    assert decimals_of([0.9, 0.87, 1.0]) == 2
    assert decimals_of([1.0, 0.0]) == 2
    assert decimals_of([0.9, 0.123456]) == 6


def test_of_several_readings_the_nearest_counts() -> None:
    readings = [Recomputed.exactly(0.2), Recomputed.unknown("no"), Recomputed.exactly(0.8)]
    assert nearest(0.7, readings).value == 0.8


def test_an_answer_is_plain_json() -> None:
    found = answer(claim(0.5), Recomputed.exactly(0.7, 0.01, "Over all rows."), (defects.DCR,))
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["outcome"] == "does not hold"
    assert (
        plain["reason"] == "The report says 0.5; recomputed from the data it is 0.7, give or take 0.01. Over all rows."
    )
    assert plain["defects"][0]["instead"] == "membership"
    nothing = answer(claim(0.5), Recomputed.unknown("No reason."), ()).to_dict()
    assert json.loads(json.dumps(nothing, allow_nan=False))["bounds"] is None


def test_every_defect_has_a_reason_a_source_and_a_check_that_does_better() -> None:
    known = [found for found in vars(defects).values() if isinstance(found, defects.Defect)]
    assert len({found.name for found in known}) == len(known) >= 20
    for found in known:
        assert found.reason.endswith(".") and found.source
        assert found.instead in Check.members


def test_each_file_is_taken_for_one_kind_of_report() -> None:
    for file in sorted(REPORTS.glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        kinds = [kind for kind, member in Source.members.items() if member().recognises(content)]
        assert kinds == [file.name.partition("-")[0]]


def test_synthcity_is_read_for_its_defects(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    rows = {
        "stats.alpha_precision.authenticity_OC": {"mean": 0.5, "stddev": 0.0},
        "privacy.k-anonymization.syn": {"mean": 12.0, "stddev": 0.0},
    }
    columns = {"mean": {name: row["mean"] for name, row in rows.items()}, "direction": dict.fromkeys(rows, "maximize")}
    for content in (rows, columns):
        file.write_text(json.dumps(content), encoding="utf-8")
        claims = read(file)
        found = [answer(claim, Recomputed.unknown(""), Source.build("synthcity").defects(claim)) for claim in claims]
        assert [one.defects[0].name for one in found] == ["wrong index", "not k-anonymity"]


class Trap:
    """Does harm when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("harm"),))  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["report.pkl", "report.json"])
def test_a_pickle_is_never_loaded_and_the_way_out_is_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(AuditError) as error:
        read(name)
    assert not Path("harm").exists()
    assert "not loaded" in error.value.what
    for getter in ("get_info()", "get_score()", "get_properties()", "get_details(name)"):
        assert getter in error.value.mend


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("{}", "no quality report that is known"),
        ("[1]", "no quality report"),
    ],
)
def test_other_files_are_refused(content: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(content, encoding="utf-8")
    with pytest.raises(AuditError, match=told):
        read(tmp_path / "report.json")


def test_a_missing_file_is_told() -> None:
    with pytest.raises(AuditError, match="cannot be read"):
        read("no such report.json")
