"""The pages of an audit of images alone: what was found, synthetic images only, and no word of tables."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from answers import HOSTILE, answer
from hypothesis import given, settings, strategies as st
from image_answers import DETAILS, of_images, planes
from reader import Reader, assert_closed, assert_sound
from test_custodian import CONCERNS
from test_exhibits import JSON, told

from synthdiff.report.custodian import render_custodian
from synthdiff.report.exhibits import exhibits
from synthdiff.report.findings import requirements
from synthdiff.report.page import render
from synthdiff.report.words import GLOSSARY, glossary

SHOWN = "Synthetic images, a column each"
WITHHELD = "No image is shown"
CONCERN: dict[str, list[dict[str, Any]]] = {
    "memorisation": [
        {"synthetic": 12, "real": 55, "why": "is a copy of this training image"},
        {"synthetic": 13, "real": 56, "why": "is most alike this training image"},
    ]
}
PAIR = {"synthetic": planes(), "real": planes(), "names": {"real": "scan_55.nii", "synthetic": ""}}


@pytest.mark.parametrize("name", DETAILS)
def test_a_check_of_images_shows_what_it_found(name: str) -> None:
    detail, expected = DETAILS[name]
    said = told(exhibits(name, {"detail": detail}, "k"))
    for text in expected:
        assert text in said, text


@pytest.mark.parametrize("several", [True, False])
def test_usefulness_to_tell_findings_is_told_as_an_area_under_the_curve(several: bool) -> None:
    detail, _ = DETAILS["image_utility"]
    by = [{**one, "finding": "viral pneumonia"} for one in detail["by_label"]] if several else []
    kept = {key: part for key, part in detail.items() if key != "by_label"}
    said = told(exhibits("image_utility", {"detail": {**kept, "measure": "auc", "by_finding": by}}, "k"))
    assert "all findings | 30 | 0.800 (0.750 to 0.850) | 0.700 (0.650 to 0.750) | 0.820 (0.770 to 0.870)" in said
    assert "AUC on held-out patients" in said and "Dice" not in said
    assert ("viral pneumonia | 30 | 0.600" in said) == several


def test_what_other_figures_stand_in_for_is_no_open_requirement() -> None:
    made = of_images()
    made["policy"]["require"] = {"auc_ratio": ">= 0.90", "dice_ratio": ">= 0.90"}
    utility = made["checks"]["image_utility"]
    utility["bars"] = {"auc_ratio": utility["bars"]["dice_ratio"]}
    assert [one.found for one in requirements(made)].count("not measured") == 1
    utility["spared"] = ["dice_ratio"]
    assert [one.found for one in requirements(made)].count("not measured") == 0


@settings(max_examples=8, deadline=None)
@given(st.data(), st.sampled_from(sorted(DETAILS)))
def test_odd_parts_of_a_detail_are_left_out(data: st.DataObject, name: str) -> None:
    odd = {key: data.draw(st.just(part) | JSON, label=key) for key, part in DETAILS[name][0].items()}
    made = of_images()
    made["checks"] = {name: made["checks"][name] | {"detail": odd}}
    page = Reader(render(made))
    assert_closed(page), assert_sound(page)


@pytest.fixture(scope="module")
def html() -> str:
    """The page of an audit that images passed."""
    return render(of_images())


def test_the_page_is_closed_sound_and_the_same_each_time(html: str) -> None:
    page = Reader(html)
    assert_closed(page), assert_sound(page)
    assert html == render(of_images()) and len(html.encode()) < 500_000
    assert sum(tag == "image" for tag, _ in page.elements) == 1
    (alt,) = (str(a["aria-label"]) for _, a in page.all("svg") if "synthetic images in" in str(a["aria-label"]))
    assert (
        alt == "8 synthetic images in axial, coronal and sagittal middle planes, with outlines of label 1 and label 2."
    )


def test_no_word_of_tables_and_the_facts_of_images(html: str) -> None:
    text = Reader(html).text()
    found = re.findall(r"\b(columns|rows|records?|cells?)\b", text.replace("a column each", ""), re.IGNORECASE)
    assert found == []
    for said in (
        "Real images for training 90", "Real images held out 30", "Synthetic images 80", "Modality MR",
        "20 × 24 × 12 voxels of 1.00 × 1.00 × 1.50 mm", "Labelled structures label 1 and label 2", "arbitrary units",
        "Dice How well two outlines", "Radiomic figures", "Fréchet distance", "SSIM", "holds no real image",
        "Radiomic distance ✓ Met", "Memorised images ✓ Met", "Usefulness to segment, relative ✓ Met",
    ):  # fmt: skip
        assert said in text, said
    assert "Columns" not in text and "Where the synthetic data are worst" not in text


def test_how_many_images_would_do_is_said() -> None:
    made = of_images()
    made["checks"]["spectrum"]["bars"]["spectrum_error"] |= {"verdict": "inconclusive", "n_needed": 300}
    assert "about 300 images would do" in Reader(render(made)).text()


def test_images_are_shown_only_after_a_search_for_copies(html: str) -> None:
    assert SHOWN in Reader(html).text()
    made = of_images()
    copied, unanswered, unasked = (copy.deepcopy(made) for _ in range(3))
    copied["checks"]["memorisation"]["verdict"] = "fail"
    unanswered["checks"]["memorisation"] |= {"estimates": {}, "value": None}
    del unasked["checks"]["memorisation"]
    for one in (copied, unanswered, unasked):
        withheld = render(one)
        assert WITHHELD in Reader(withheld).text() and "<image" not in withheld
    made["checks"]["memorisation"]["verdict"] = "inconclusive"
    assert SHOWN in Reader(render(made)).text()


def test_pictures_have_one_row_and_damaged_planes_are_left_out() -> None:
    made = of_images()
    flat = made["data"]["gallery"] = [{"planes": [plane | {"axis": "image"}]} for plane in planes()]
    page = Reader(render(made))
    assert "patient's right" not in page.text()
    assert any(str(a.get("aria-label")).startswith("3 synthetic images, with") for _, a in page.all("svg"))
    bad: list[dict[str, Any]] = [
        {"grey": "!"}, {"grey": "AAAA"}, {"grey": None}, {"width": 10**6}, {"height": True}, {"width": -20},
    ]  # fmt: skip
    flat[:] = [{"planes": [planes()[0] | odd]} for odd in bad] + [{"planes": None}, {}]
    text = Reader(render(made)).text()
    assert SHOWN not in text and WITHHELD not in text
    made["data"]["gallery"] = [{"planes": [planes()[0] | {"axis": HOSTILE[0], "labels": "AAAA"}]}]
    page = Reader(render(made))
    assert_closed(page), assert_sound(page)


def test_a_picture_says_what_it_was_drawn_for() -> None:
    made = of_images()
    for one, finding in zip(made["data"]["gallery"], ("torn", HOSTILE[0], "", None, 7), strict=False):
        one["finding"] = finding
    page = Reader(render(made))
    assert_closed(page), assert_sound(page)
    above = [said for inside, said in page.texts if inside == "text"]
    assert {"1 torn", "3", "4", "5 7", "6"} <= set(above)


def test_names_of_labels_are_the_audits_own() -> None:
    made = of_images()
    made["data"]["images"]["labels"] = {"1": "anterior", "2": HOSTILE[0], "x": "no number"}
    text = Reader(render(made)).text()
    assert "Labelled structures anterior and <script>" in text and "no number" not in text


def test_tables_keep_their_glossary_and_images_join_it() -> None:
    assert glossary(tables=True, images=False) == GLOSSARY
    both = glossary(tables=True, images=True)
    assert set(GLOSSARY) < set(both) and "Dice" in {term.label for term in both}
    for terms in (both, glossary(tables=False, images=True)):
        labels = [term.label for term in terms]
        assert labels == sorted(set(labels), key=str.casefold)
        assert all(term.meaning.endswith(".") for term in terms)


def test_the_custodian_sees_pairs_of_images() -> None:
    html = render_custodian(of_images(), CONCERN, pictures={(12, 55): PAIR, (13, 56): {"real": planes()}})
    page = Reader(html)
    assert_closed(page), assert_sound(page)
    text = page.text()
    assert "This page shows images of real people." in text and "Images of concern" in text
    assert "1. Synthetic image 12 and training image 55" in text and "training “\u2068scan_55.nii\u2069”." in text
    alts = [str(a["aria-label"]) for _, a in page.all("svg")]
    assert alts == ["Above each other: the synthetic image and the real image.", "Above each other: the real image."]
    assert not re.search(r"\b(records?|cells?|header|tables)\b", text)


def test_the_custodian_sees_positions_where_there_are_no_pictures() -> None:
    page = Reader(render_custodian(of_images(), CONCERN))
    assert_sound(page)
    assert "Synthetic image Training image Why 12 55" in page.text() and "record" not in page.text()
    assert "No check named an image." in Reader(render_custodian(of_images(), {})).text()
    assert "<image" not in render_custodian(answer(), CONCERNS, pictures={(12, 55): {}})
