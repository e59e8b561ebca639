"""The dashboard: real figures, in few statements, and one broken panel breaks nothing else."""

from collections.abc import Mapping
from datetime import datetime

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.utils import timezone

from betting.models import Bankroll
from betting.services import halting
from config import dashboard, site
from monitoring import registry
from monitoring.services import roles
from tests.config.builders import a_house, a_person

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def viewer() -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("vera", roles.VIEWER))
    return client


class TestIndex:
    def test_shows_a_viewer_the_figures_of_the_house(self, viewer: Client) -> None:
        a_house(now=NOW, n=12)
        text = viewer.get("/admin/").content.decode()
        assert "+17.50" not in text  # 2 won, 2 lost, 2 pushed: 2 x 27.50 - 2 x 25.00
        assert "+5.00 EUR" in text
        assert "6 settled bets" in text
        assert "150.00 EUR at risk" in text

    def test_keeps_real_and_simulated_apart(self, viewer: Client) -> None:
        a_house(now=NOW, n=6)
        a_house(now=NOW, n=12, simulated=False)
        groups = dashboard.group_tiles()
        assert [group["is_simulated"] for group in groups] == [False, True]
        assert "6 settled bets" in groups[0]["tiles"][0].note
        assert "3 settled bets" in groups[1]["tiles"][0].note

    def test_leaves_replays_out(self) -> None:
        house = a_house(now=NOW, n=6)
        Bankroll.objects.create(
            name="Replayed", kind="REPLAY", replay=house.replay, is_simulated=True, created_at=NOW
        )
        assert len(dashboard.group_tiles()) == 1

    def test_says_what_to_do_in_an_empty_house(self, viewer: Client) -> None:
        text = viewer.get("/admin/").content.decode()
        assert "No bankroll is open" in text
        assert "No event is coming" in text

    def test_asks_a_member_of_staff_without_a_role_to_get_one(self) -> None:
        client = Client()
        client.force_login(a_person("nobody"))
        text = client.get("/admin/").content.decode()
        assert "You have no role yet" in text
        assert client.get("/admin/dashboard/panels").status_code == 403

    def test_reads_no_more_statements_for_a_bigger_house(
        self, viewer: Client, django_assert_max_num_queries
    ) -> None:
        a_house(now=NOW, n=60)
        viewer.get("/admin/")
        with django_assert_max_num_queries(85):
            assert viewer.get("/admin/").status_code == 200


class TestFragment:
    def test_answers_the_moving_part_alone(self, viewer: Client) -> None:
        a_house(now=NOW, n=6)
        answer = viewer.get("/admin/dashboard/panels")
        assert answer.status_code == 200
        assert b"<html" not in answer.content
        assert b'id="panel-' in answer.content

    def test_sends_strangers_to_the_login(self) -> None:
        answer = Client().get("/admin/dashboard/panels")
        assert answer.status_code == 302
        assert "/admin/login/" in answer["Location"]

    @pytest.mark.parametrize("fault", [ValueError("no"), pytest.param("sql", id="sql")])
    def test_outlives_a_broken_panel(self, viewer: Client, monkeypatch, fault) -> None:
        def broken(now: datetime) -> Mapping[str, object]:
            if fault == "sql":
                Bankroll.objects.raw("select nothing from nowhere")[0]
            raise ValueError("no")

        panel = registry.Panel("broken", "Broken one", "desk/head.html", broken, 1, 6)
        monkeypatch.setitem(registry.panels, "broken", panel)
        a_house(now=NOW, n=6)
        answer = viewer.get("/admin/dashboard/panels")
        text = answer.content.decode()
        assert answer.status_code == 200
        assert text.count("could not be read") == 1
        assert "Coming events" in text


class TestBanner:
    def test_says_who_paused_what_and_why(self) -> None:
        halting.halt(reason="Prices look wrong", actor="user:alice", now=NOW)
        shown = site.banner(now=NOW)
        assert shown["halts"][0]["by"] == "user:alice"
        assert shown["halts"][0]["reason"] == "Prices look wrong"
        assert shown["halts"][0]["scope"] == "everything"

    def test_names_the_simulated_leagues_that_run(self) -> None:
        a_house(now=NOW, n=6)
        assert site.banner(now=NOW)["simulated"] == "League of sim"

    def test_says_nothing_of_simulation_where_all_is_real(self) -> None:
        a_house(now=NOW, n=6, simulated=False)
        assert site.banner(now=NOW)["simulated"] is None

    def test_costs_one_statement(self, django_assert_num_queries) -> None:
        a_house(now=NOW, n=6)
        with django_assert_num_queries(1):
            site.banner(now=NOW)

    def test_stands_on_every_page_and_escapes_the_reason(self, viewer: Client) -> None:
        halting.halt(reason="<script>alert(1)</script>", actor="user:eve", now=NOW)
        for address in ("/admin/", "/admin/jobs/", "/admin/betting/bet/"):
            text = viewer.get(address).content.decode()
            assert "PAUSED" in text
            assert "<script>alert(1)" not in text

    def test_shows_strangers_nothing(self, rf) -> None:
        request = rf.get("/")
        request.user = AnonymousUser()
        assert site.every_page(request) == {}


class TestQuickActions:
    def test_are_none_for_a_viewer(self, rf) -> None:
        roles.ensure_roles()
        request = rf.get("/")
        request.user = a_person("vera", roles.VIEWER)
        assert [button["title"] for button in dashboard.quick_actions(request)] == ["All jobs"]

    def test_let_an_operator_pause(self, rf) -> None:
        roles.ensure_roles()
        request = rf.get("/")
        request.user = a_person("olga", roles.OPERATOR)
        titles = [button["title"] for button in dashboard.quick_actions(request)]
        assert {"Pause…", "Ingest", "Settle", "Decide and place"} <= set(titles)
        assert "Train" not in titles
