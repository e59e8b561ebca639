"""Every admin page: opens for those who may, in a bounded number of statements, and no others."""

from importlib import import_module

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.settings_parts.site import UNFOLD
from monitoring.desk.pages import Desk, Fixed
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.config.builders import a_house, a_person

pytestmark = pytest.mark.django_db
NOW = timezone.now()
import_module("config.urls")  # finds the pages
PAGES = sorted(admin.site._registry.items(), key=lambda item: item[0]._meta.label)
NAMED = {model._meta.label: (model, page) for model, page in PAGES}
#: Keyed by several columns, which the admin cannot address; shown on other pages.
SNAPSHOTS = ("PriceSnapshot", "LadderSnapshot")
NO_KEYS = ("0", "999999999", "x", "%00", "-1", "1e9", "9" * 30)
AT_MOST = 18  # statements of a list: session, user, permissions, banner, count, page, filters


def address(model, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def house():
    return a_house(now=NOW, n=25)  # more rows than a list may take statements


@pytest.fixture
def administrator() -> Client:
    roles.ensure_roles()
    client = Client()
    person = a_person("ada", roles.ADMINISTRATOR)
    client.force_login(person)
    return client


@pytest.fixture
def viewer() -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("vera", roles.VIEWER))
    return client


class TestRegistry:
    def test_holds_every_table_of_the_product(self) -> None:
        from django.apps import apps

        rooms = ("markets", "models_ml", "betting", "settlements", "monitoring")
        ours = {model for room in rooms for model in apps.get_app_config(room).get_models()}
        ours = {model for model in ours if not model._meta.auto_created}
        composite = {model for model in ours if model.__name__ in SNAPSHOTS}
        assert ours - composite <= set(admin.site._registry)

    def test_holds_our_own_pages_alone(self) -> None:
        for _, page in PAGES:
            assert isinstance(page, Desk)
            assert page.show_full_result_count is False

    def test_lets_nobody_edit_a_fact(self, rf) -> None:
        request = rf.get("/")
        request.user = a_person("root")
        request.user.is_superuser = True
        facts = {
            "AuditEntry", "IncidentEntry", "TaskRun", "Result", "Settlement", "LedgerTransfer",
            "LedgerAccount", "BetValue", "Bet", "Decision", "Prediction", "FeatureRow",
            "ModelVersion", "LatestPrice", "ClosingPrice", "Fetch", "RawPayload", "Replay",
        }  # fmt: skip
        for model, page in PAGES:
            if model.__name__ in facts:
                assert isinstance(page, Fixed)
                may = (page.has_add_permission, page.has_change_permission)
                assert not any(ask(request) for ask in may)
                assert not page.has_delete_permission(request)
                facts.discard(model.__name__)
        assert facts == set()


def too_many(client: Client, addresses: dict[str, str], most: int) -> dict[str, tuple[int, int]]:
    """Return the pages that did not open, or took more than ``most`` statements."""
    return {
        name: told
        for name, url in addresses.items()
        # Content types are read once per process: a page that took too many is asked again.
        if is_bad(opened(client, url), most) and is_bad(told := opened(client, url), most)
    }


def opened(client: Client, url: str) -> tuple[int, int]:
    """Return the status of a page and how many statements it took."""
    with CaptureQueriesContext(connection) as found:
        answer = client.get(url)
    return answer.status_code, len(found)


def is_bad(told: tuple[int, int], most: int) -> bool:
    status, statements = told
    return status != 200 or statements > most


class TestLists:
    def test_open_in_a_bounded_number_of_statements(self, house, administrator) -> None:
        lists = {name: address(m, "changelist") + "?show=all" for name, (m, _) in NAMED.items()}
        assert too_many(administrator, lists, AT_MOST) == {}

    def test_start_without_a_question_and_take_a_search(self, house, administrator) -> None:
        lists = {
            name: address(model, "changelist") + ("?q=Town+07" if page.search_fields else "")
            for name, (model, page) in NAMED.items()
        }
        assert too_many(administrator, lists, AT_MOST) == {}

    def test_start_with_what_needs_somebody(self, house, viewer) -> None:
        for name in ("monitoring_taskrun", "betting_bet", "markets_event"):
            url = reverse(f"admin:{name}_changelist")
            needed = viewer.get(url).context["cl"].result_count
            everything = viewer.get(url, {"show": "all"}).context["cl"].result_count
            assert 0 < needed < everything

    def test_say_what_to_do_where_they_are_empty(self, viewer) -> None:
        text = viewer.get(reverse("admin:betting_bet_changelist")).content.decode()
        assert "No bet is open" in text

    def test_mark_simulated_rows(self, house, viewer) -> None:
        for name in ("betting_bet", "markets_event", "settlements_settlement", "markets_result"):
            text = viewer.get(reverse(f"admin:{name}_changelist"), {"show": "all"}).content.decode()
            assert text.count("cl-sim") >= 10

    def test_show_a_viewer_no_keys_and_no_accounts(self, viewer) -> None:
        for name in ("monitoring_user", "monitoring_apitoken"):
            assert viewer.get(reverse(f"admin:{name}_changelist")).status_code == 403


class TestDetails:
    def test_open_in_a_bounded_number_of_statements(self, house, administrator) -> None:
        pages = {}
        for name, (model, _) in NAMED.items():
            row = model._default_manager.order_by("pk").first()
            if row is not None:
                pages[name] = address(model, "change", row.pk)
        assert len(pages) >= 38
        assert too_many(administrator, pages, 40) == {}

    def test_answer_404_where_there_is_no_row(self, administrator) -> None:
        tried: set[type] = set()
        for model, page in PAGES:
            if not isinstance(page, Fixed):
                continue
            kind = type(model._meta.pk)
            keys = ("0", "x") if kind in tried else NO_KEYS
            tried.add(kind)
            for key in keys:
                url = address(model, "changelist") + f"{key}/change/"
                assert administrator.get(url).status_code == 404, url

    def test_escape_what_a_feed_called_an_event(self, house, administrator) -> None:
        event = house.events[-1]
        event.name = "<img src=x onerror=alert(1)>"
        event.save()
        for url in (
            reverse("admin:markets_event_changelist") + "?show=all",
            reverse("admin:markets_event_change", args=[event.pk]),
            reverse("admin:betting_bet_changelist") + "?show=all",
        ):
            text = administrator.get(url).content.decode()
            assert "<img src=x" not in text
            assert "&lt;img src=x" in text

    def test_draw_the_price_history_of_a_selection(self, house, viewer) -> None:
        url = reverse("admin:markets_selection_change", args=[house.selections[0].pk])
        answer = viewer.get(url)
        text = answer.content.decode()
        assert 'data-cl-chart="prices-' in text
        assert "Price changes, newest first" in text
        assert "Sim book 3" in text


class TestEdits:
    def test_are_in_the_audit_with_both_values(self, house, administrator) -> None:
        book = house.books[1]
        url = reverse("admin:markets_book_change", args=[book.pk])
        answer = administrator.post(
            url, {"name": "Renamed", "kind": "BOOKMAKER", "is_enabled": "on", "reference_rank": ""}
        )
        assert answer.status_code == 302
        entry = AuditEntry.objects.filter(action="admin.change").get()
        assert entry.actor == "user:ada"
        assert entry.detail["changed"]["name"] == ["Sim book 1", "Renamed"]

    def test_are_refused_to_a_viewer(self, house, viewer) -> None:
        url = reverse("admin:markets_book_change", args=[house.books[1].pk])
        assert viewer.post(url, {"name": "Renamed"}).status_code == 403


class TestNavigation:
    def test_leads_to_lists_and_to_other_pages_that_open(self, administrator: Client) -> None:
        entries = [item for group in UNFOLD["SIDEBAR"]["navigation"] for item in group["items"]]
        links = {str(item["link"]) for item in entries}
        assert len(links) == len(entries)
        lists = {address(model, "changelist") for model, _ in PAGES}  # opened above
        assert len(links & lists) > 30
        answers = {link: administrator.get(link).status_code for link in links - lists}
        assert {link for link, status in answers.items() if status != 200} == set()
