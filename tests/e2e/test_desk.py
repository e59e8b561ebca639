"""An operator's hands on the pages: the live dashboard, a pause and its lift, a job and its run."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.config import installation
from tests.config.running import Up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
SECOND = 1000


@pytest.fixture
def desk(signed_in: Page) -> Iterator[Page]:
    """The signed-in page; whatever its scripts complain of fails the test."""
    complaints: list[str] = []

    def note(error: object) -> None:
        complaints.append(str(error))

    signed_in.on("pageerror", note)
    yield signed_in
    signed_in.remove_listener("pageerror", note)
    assert complaints == []


class TestDashboard:
    def test_renews_itself_without_a_reload(self, desk: Page, system: Up) -> None:
        desk.goto(f"{system.url}admin/")
        desk.evaluate("window.notReloaded = true")
        stamp = desk.locator("#cl-refreshed")
        expect(stamp).to_have_text(re.compile(r"Updated \d\d:\d\d:\d\d UTC"), timeout=40 * SECOND)
        assert desk.evaluate("window.notReloaded")
        assert desk.locator("#panel-configcoming, #panel-config-coming").count() == 1

    def test_shows_no_broken_panel(self, desk: Page, system: Up) -> None:
        desk.goto(f"{system.url}admin/")
        expect(desk.locator(".cl-broken")).to_have_count(0)

    def test_labels_what_is_simulated(self, desk: Page, system: Up) -> None:
        def is_founded() -> bool:
            desk.goto(f"{system.url}admin/")
            return "SIMULATED" in desk.inner_text("#cl-banner")

        assert installation.soon(is_founded, seconds=400)
        expect(desk.locator(".cl-group-title .cl-sim")).to_have_count(1)

    def test_is_readable_in_the_dark(self, desk: Page, system: Up, photograph) -> None:
        desk.goto(f"{system.url}admin/")
        desk.evaluate("localStorage.setItem('adminTheme', JSON.stringify('dark'))")
        desk.reload()
        expect(desk.locator("html")).to_have_class(re.compile("dark"))
        colour = "getComputedStyle(document.querySelector('.cl-card')).backgroundColor"
        assert desk.evaluate(colour) != "rgb(255, 255, 255)"
        photograph(desk, "dashboard-dark")
        desk.evaluate("localStorage.setItem('adminTheme', JSON.stringify('light'))")


class TestPausing:
    def test_shows_on_every_page_until_it_is_lifted(
        self, desk: Page, system: Up, photograph
    ) -> None:
        desk.goto(f"{system.url}admin/")
        desk.get_by_role("link", name="Pause…").click()
        desk.fill("textarea[name=reason]", "Looking at the prices")
        desk.get_by_role("button", name="Pause").click()
        for page in ("admin/", "admin/betting/bet/", "admin/jobs/"):
            desk.goto(f"{system.url}{page}")
            expect(desk.locator("#cl-banner")).to_contain_text("Looking at the prices")
            expect(desk.locator("#cl-banner")).to_contain_text("user:admin")
        photograph(desk, "paused")
        desk.locator("#cl-banner a.cl-banner-bad").click()
        desk.get_by_role("link", name="Lift").click()
        desk.fill("textarea[name=reason]", "They are right")
        desk.get_by_role("button", name="Lift").click()
        expect(desk.locator("#cl-banner")).not_to_contain_text("PAUSED")

    def test_asks_for_a_reason(self, desk: Page, system: Up) -> None:
        desk.goto(f"{system.url}admin/betting/tradinghalt/do/pause/")
        desk.evaluate("document.querySelector('textarea[name=reason]').required = false")
        desk.get_by_role("button", name="Pause").click()
        expect(desk.locator("body")).to_contain_text("This field is required")
        desk.goto(f"{system.url}admin/")
        expect(desk.locator("#cl-banner")).not_to_contain_text("PAUSED")


class TestRunning:
    def test_a_job_leads_to_its_run_which_ends_before_the_eyes(
        self, desk: Page, system: Up, photograph
    ) -> None:
        desk.goto(f"{system.url}admin/jobs/settlements.tasks.settle_due/")
        desk.fill("input[name=limit]", "ten")
        desk.fill("textarea[name=reason]", "To see it run")
        desk.get_by_role("button", name="Run now").click()
        expect(desk.locator("body")).to_contain_text("A whole number is expected.")
        desk.fill("input[name=limit]", "10")
        desk.get_by_role("button", name="Run now").click()
        desk.wait_for_url("**/taskrun/*/change/")
        expect(desk.locator("#run")).to_contain_text("Succeeded", timeout=60 * SECOND)
        expect(desk.locator("#run")).to_contain_text("user:admin")
        photograph(desk, "run")
