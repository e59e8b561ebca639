"""What a newcomer sees in the first minutes after ``make up``."""

import pytest

from tests.config import installation

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def count(page, system, resource: str, **wanted: str) -> int:
    """Return how many rows the API shows of a resource, on its first page."""
    answer = page.request.get(f"{system.url}api/v1/{resource}", params=wanted)
    assert answer.ok, answer.text()
    return len(answer.json()["results"])


def errors_of(page) -> list[str]:
    """Start to collect what goes wrong in a page's scripts and requests."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "response",
        lambda answer: (
            found.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None
        ),
    )
    return found


class TestSigningIn:
    def test_leads_to_the_dashboard(self, signed_in, system):
        signed_in.goto(system.url)
        assert "Closing Line" in signed_in.title() or "Dashboard" in signed_in.title()

    def test_is_refused_with_a_wrong_password(self, browser, system, photograph):
        page = browser.new_page()
        page.goto(f"{system.url}admin/login/")
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", "not the password")
        page.press("input[name=password]", "Enter")
        page.wait_for_load_state()
        assert "/login/" in page.url
        photograph(page, "login-refused")
        page.close()


class TestTheLivingSystem:
    def test_has_bets_within_minutes_and_settles_them(self, signed_in, system):
        for resource, wanted in (
            ("events", {}),
            ("predictions", {}),
            ("bets", {}),
            ("bets", {"status": "SETTLED"}),
        ):
            assert installation.soon(
                lambda r=resource, w=wanted: count(signed_in, system, r, **w) > 0, seconds=400
            ), f"no {resource} {wanted}: {system.text[-3000:]}"

    def test_shows_its_figures_on_the_dashboard(self, signed_in, system, photograph):
        errors = errors_of(signed_in)
        signed_in.goto(f"{system.url}admin/")
        signed_in.wait_for_load_state("networkidle")
        photograph(signed_in, "dashboard")
        text = signed_in.inner_text("body")
        assert "SIMULATED" in text.upper()
        assert "Traceback" not in text
        assert errors == []

    def test_opens_every_list_of_the_admin_without_errors(self, signed_in, system, photograph):
        errors = errors_of(signed_in)
        signed_in.goto(f"{system.url}admin/")
        links = signed_in.eval_on_selector_all(
            "a[href^='/admin/']", "found => [...new Set(found.map(a => a.getAttribute('href')))]"
        )
        lists = sorted(link for link in links if link.split("?")[0].count("/") == 4)
        assert len(lists) >= 10
        for link in lists:
            answer = signed_in.goto(f"{system.url.rstrip('/')}{link}")
            assert answer.status == 200, link
            assert "Traceback" not in signed_in.content(), link
        photograph(signed_in, "last-list")
        assert errors == []

    def test_opens_a_bet_from_its_list(self, signed_in, system, photograph):
        signed_in.goto(f"{system.url}admin/betting/bet/")
        photograph(signed_in, "bets")
        signed_in.locator("#result_list tbody a").first.click()
        signed_in.wait_for_load_state("networkidle")
        photograph(signed_in, "bet")
        assert "/admin/betting/bet/" in signed_in.url
        assert "Traceback" not in signed_in.content()

    def test_describes_its_api(self, signed_in, system, photograph):
        errors = errors_of(signed_in)
        signed_in.goto(f"{system.url}api/docs")
        signed_in.wait_for_selector(".opblock", timeout=60_000)
        photograph(signed_in, "api")
        assert errors == []
