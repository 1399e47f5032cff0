"""The page in a real browser: nothing fetched, nothing complained of, nothing beyond the edge."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from answers import HOSTILE, answer
from image_answers import of_images
from test_claims import SEVERAL
from test_custodian import CONCERNS, RECORDS
from test_image_page import PAIR

from synthdiff.report.custodian import render_custodian
from synthdiff.report.page import render

pytestmark = pytest.mark.browser

CASES = ("pass", "fail", "nothing answered", "no holdout", "one column", "200 columns", "700 levels", "hostile")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium that logs its console and its requests."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = chromium
    for switch in (
        "no-sandbox", "headless=new", "disable-gpu", "no-first-run", "disable-background-networking",
        "disable-component-update", "disable-sync", "disable-dev-shm-usage",
        f"user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):  # fmt: skip
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    running = webdriver.Chrome(options=options, service=Service(driver))
    yield running
    running.quit()


def _hostile() -> str:
    """Records whose every column and cell is as long and odd as can be."""
    odd = {name: name for name in HOSTILE}
    return render_custodian({}, CONCERNS, {("synthetic", 12): odd, ("real", 55): odd | {HOSTILE[0]: "other"}})


OTHERS: dict[str, Callable[[], str]] = {
    "custodian": lambda: render_custodian(answer(), CONCERNS, RECORDS),
    "custodian, positions": lambda: render_custodian(answer(), CONCERNS),
    "custodian, hostile": _hostile,
    "claims": lambda: render({"claims": SEVERAL}),
    "images": lambda: render(of_images()),
    "custodian, images": lambda: render_custodian(of_images(), CONCERNS, pictures={(12, 55): PAIR}),
}

WITH_IMAGES = ("images", "custodian, images")


def _open(browser: Any, path: Path, width: int, scheme: str) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get(path.as_uri())


def _requests(browser: Any) -> list[str]:
    events = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


@pytest.mark.parametrize("case", [*CASES, *OTHERS])
def test_the_page_opens_offline_at_every_width(
    browser: Any, rendered: Callable[[str], str], tmp_path: Path, case: str
) -> None:
    path = tmp_path / "report.html"
    path.write_text(OTHERS[case]() if case in OTHERS else rendered(case), encoding="utf-8")
    browser.get_log("performance"), browser.get_log("browser")
    for scheme in ("light", "dark"):
        for width in (1280, 400):
            _open(browser, path, width, scheme)
            assert browser.execute_script("return window.innerWidth") == width
            overflow = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
            assert overflow <= 0, f"{case} at {width} px, {scheme}: {overflow} px too wide"
            assert browser.execute_script("return document.querySelectorAll('script').length") == 0
    asked = {url for url in _requests(browser) if not url.startswith("data:image/png;base64,")}
    assert asked <= {path.as_uri(), "data:,"}
    assert browser.get_log("browser") == []


def test_colours_follow_the_readers_scheme_and_print_is_light(
    browser: Any, rendered: Callable[[str], str], tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(rendered("pass"), encoding="utf-8")
    bar = "document.querySelector('.gallery svg path[style*=\"real-soft\"]')"
    seen = {}
    for scheme in ("light", "dark"):
        _open(browser, path, 1280, scheme)
        seen[scheme] = browser.execute_script(
            f"return [getComputedStyle(document.body).backgroundColor, getComputedStyle({bar}).fill]"
        )
    assert seen["light"] == ["rgb(247, 247, 245)", "rgb(169, 208, 234)"]
    assert seen["dark"] == ["rgb(20, 23, 27)", "rgb(36, 86, 122)"]
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    assert browser.execute_script(f"return getComputedStyle({bar}).fill") == "rgb(169, 208, 234)"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_text_is_large_enough_to_read_on_a_telephone(
    browser: Any, rendered: Callable[[str], str], tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(rendered("pass"), encoding="utf-8")
    for width in (1280, 400):
        _open(browser, path, width, "light")
        smallest = browser.execute_script(
            """return Math.min(...[...document.querySelectorAll('svg text')].map(text => {
                 const svg = text.ownerSVGElement;
                 const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
                 return parseFloat(getComputedStyle(text).fontSize) * scale; }))"""
        )
        assert smallest >= 8.5, f"{smallest} px at a width of {width}"


@pytest.mark.parametrize("case", ["fail", "200 columns", "hostile", "claims", "custodian", *WITH_IMAGES])
def test_nothing_is_cut_off_on_paper(browser: Any, rendered: Callable[[str], str], tmp_path: Path, case: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(OTHERS[case]() if case in OTHERS else rendered(case), encoding="utf-8")
    # A4 less the margins, at 96 dots an inch.
    _open(browser, path, 703, "light")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    cut = browser.execute_script(
        """return [...document.querySelectorAll('.scroll, .drawing')]
                  .filter(box => box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1)
                  .map(box => box.getAttribute('aria-label') || box.textContent.slice(0, 80))"""
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert cut == []
