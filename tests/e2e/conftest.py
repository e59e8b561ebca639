"""A real ``up`` in a home of its own, and a real browser."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.config import installation
from tests.config.running import Up

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SCREENSHOTS = Path(__file__).parent / "screenshots"
FLAGS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        found = next((path for name in NAMES if (path := shutil.which(name))), None)
        if found is None and not own.exists():
            pytest.fail(
                "no browser: apt-get install chromium, or .venv/bin/playwright install chromium"
            )
        flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=found, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def system() -> Iterator[Up]:
    """A new installation with its simulated league, from the first start on."""
    home = Path(tempfile.mkdtemp(prefix="cle-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = Up(home, WEB_PORT=str(port), SIMULATOR_ENABLED="true")
    try:
        yield running.greeted()
    finally:
        running.stop()
        for process in installation.servers(home):
            process.kill()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def signed_in(browser: Browser, system: Up) -> Iterator[Page]:
    """A page of somebody who has signed in with what ``up`` printed."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(system.url)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", (system.home / "admin_password").read_text())
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/admin/")
    yield page
    page.close()


@pytest.fixture
def photograph(request: pytest.FixtureRequest):
    """Keep a picture of a page under the test's name."""
    SCREENSHOTS.mkdir(exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return take
