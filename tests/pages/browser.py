"""A headless Chromium with the network off, and what it says of a page."""

from __future__ import annotations

import base64
import json
import shutil
from contextlib import contextmanager
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BINARIES = ("chromium", "chromium-browser", "google-chrome")
HOW = "apt-get install chromium chromium-driver, then nox -s pages"
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars",
    "--force-color-profile=srgb", "--disable-dev-shm-usage",
)  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = """const done = arguments[arguments.length - 1];
axe.run(document, {preload: false, runOnly: arguments[0]})
    .then(found => done(found.violations.map(one => [one.id, one.impact, one.nodes.map(node => node.html.slice(0, 200))])));"""


class Browser:
    """One window."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        driver.set_script_timeout(120)

    def open(self, page: Path, width: int, height: int = 900) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(page.as_uri())

    def value(self, script: str) -> Any:
        return self.driver.execute_script(f"return {script}")

    def requests(self) -> set[str]:
        """What was asked for since it was last said."""
        told = [json.loads(one["message"])["message"] for one in self.driver.get_log("performance")]
        return {one["params"]["request"]["url"] for one in told if one["method"] == "Network.requestWillBeSent"}

    def violations(self) -> list[Any]:
        """Of WCAG 2.2, levels A and AA, and of good practice."""
        self.driver.execute_script(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
        return list(self.driver.execute_async_script(AXE, RULES))

    def picture(self, selector: str) -> Any:
        """A part of the page as an image."""
        from PIL import Image

        box = self.value(
            f"(({{x, y, width, height}}) => ({{x, y: y + scrollY, width, height, scale: 1}}))"
            f"(document.querySelector('{selector}').getBoundingClientRect())"
        )
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": box})
        return Image.open(BytesIO(base64.b64decode(shot["data"])))

    def printed(self) -> bytes:
        """The page as PDF, on the paper that it asks for."""
        return base64.b64decode(self.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])


@contextmanager
def chromium() -> Iterator[Browser]:
    """It, or a skip that says what is missing."""
    webdriver = pytest.importorskip("selenium.webdriver", reason=f"selenium is not installed: {HOW}")
    from selenium.webdriver.chrome.service import Service

    binary, driver = (next(filter(None, map(shutil.which, names)), None) for names in (BINARIES, ("chromedriver",)))
    if not (binary and driver):
        pytest.skip(f"no {'chromedriver' if binary else 'Chromium'}: {HOW}")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    window = webdriver.Chrome(options=options, service=Service(driver))
    try:
        window.execute_cdp_cmd("Network.enable", {})
        window.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0},
        )
        yield Browser(window)
    finally:
        window.quit()
