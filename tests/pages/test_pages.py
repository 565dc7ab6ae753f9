"""Pages in a browser, from disk with the network off: no request, no violation, no overflow, prints on A4."""

from __future__ import annotations

import os
import re
from pathlib import Path

import places
import pytest
from pages.browser import chromium

from fees_etl import cli

PICTURE = places.ROOT / "docs" / "report.png"
LIKE = 0.06
"""Mean difference of two pictures made small, of 1: other fonts are less, another chart is more."""


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def written(browser, tmp_path_factory):  # without a browser there is nothing to write for
    """The pages of the sample, after a second run with a late and a corrected fee where the real file is there."""
    folder, here = tmp_path_factory.mktemp("pages"), Path.cwd()
    os.chdir(folder)
    try:
        for name, source in (("sample", []), ("real", ["--source", str(places.REAL)])):
            if places.REAL is None and name == "real":
                continue
            line = ["run", *source]
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("FEES_ETL_WAREHOUSE", f"duckdb:///{folder}/{name}.duckdb")
                assert cli.main(line) == 0
                assert cli.main(["report", "--out", f"{name}.html"]) == 0
                assert cli.main(["runs", "--html", "--out", f"{name}-runs.html"]) == 0
                assert cli.main(["docs", "--out", f"{name}-docs.html"]) == 0
    finally:
        os.chdir(here)
    return sorted(folder.glob("*.html"))


def test_nothing_is_loaded_and_no_rule_of_accessibility_is_broken(browser, written):
    assert len(written) >= 2
    for page in written:
        browser.requests()
        browser.open(page, 1280)
        assert browser.requests() == {page.as_uri()}
        assert browser.value("document.scripts.length") == 0
        assert browser.violations() == []


@pytest.mark.parametrize("width", [320, 1280, 1920])
def test_it_fits_its_window(browser, written, width):
    for page in written:
        browser.open(page, width)
        assert browser.value("document.documentElement.scrollWidth") <= width


def test_it_prints_on_a4(browser, written):
    for page in written:
        browser.open(page, 1280)
        pdf = browser.printed()
        assert {
            (round(float(x)), round(float(y))) for x, y in re.findall(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
        } == {(595, 842)}
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        browser.open(page, 696)  # the width between the margins, in pixels of CSS
        cut = browser.value(
            "[...document.querySelectorAll('table')].filter(one => one.getBoundingClientRect().right > 697)"
            ".map(one => one.caption.innerText)"
        )
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        assert cut == []


def test_it_looks_as_in_the_readme(browser, written):
    from PIL import Image, ImageChops, ImageStat

    browser.open(next(page for page in written if page.name == "sample.html"), 1100)
    browser.value("document.querySelectorAll('.below').forEach(one => one.remove())")
    picture = browser.picture("section[aria-labelledby=cohorts] .beside").convert("RGB")
    if os.environ.get("GOLDEN") == "write":
        picture.quantize(64).save(PICTURE, optimize=True)
    small = [one.convert("L").resize((60, 40)) for one in (picture, Image.open(PICTURE))]
    assert ImageStat.Stat(ImageChops.difference(*small)).mean[0] / 255 < LIKE
