"""Reports: told once, told again when something changed, readable without a script."""

import csv
import io
import json
from datetime import date, timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from monitoring.services import roles
from settlements.domain import periods
from settlements.models import Report
from settlements.services import daily, reporting, settling, windows
from settlements.services.windows import Span
from tests import kept
from tests.config.builders import a_person
from tests.settlements.builders import NOON, a_bankroll, a_result, an_accepted_bet
from tests.settlements.test_windows import forty_days

WEEK = "2026-W13"
DAYS = Span(date(2026, 3, 23), date(2026, 3, 29))
LATER = NOON + timedelta(days=60)


class TestRead:
    @pytest.mark.parametrize(
        "name", ["", "2026", "2026-W54", "2026-13", "2026-02-30", "2026-w12", "٢٠٢٦-01", "0000-01"],
        ids=["none", "year", "week", "month", "day", "small", "other-digits", "year-zero"],
    )  # fmt: skip
    def test_refuses_what_is_no_period(self, name):
        with pytest.raises(ValueError):
            periods.read(name)


@pytest.fixture
def bankroll(db):
    return kept.world("forty days of bets", forty_days)


def make(kind="WEEKLY", period=WEEK, **asked):
    return reporting.make(kind=kind, period=period, actor="test", now=LATER, **asked)


class TestMake:
    def test_tells_what_the_days_of_the_period_came_to(self, bankroll):
        (report,) = make()
        shown = windows.total(bankroll_ids=[bankroll.pk], within=DAYS)
        told = dict(report.content["parts"][0]["rows"])
        assert told["Bets"] == str(shown.bets) != "0"
        assert told["Profit"] == f"{shown.profit:.2f}"
        assert (report.first, report.last, report.group) == (DAYS.first, DAYS.last, "Paper, EUR")

    def test_tells_the_same_once_and_what_a_correction_changed_as_a_revision(self, bankroll):
        (first,) = make()
        assert make() == [first]
        event = (
            bankroll.bets.filter(settled_at__date=date(2026, 3, 24)).first().selection.market.event
        )
        was = event.results.get()
        a_result(event, 1 if was.home_score == was.away_score else was.away_score + 5,
                 was.away_score, known_at=was.known_at + timedelta(minutes=1))  # fmt: skip
        at = NOON + timedelta(days=12)
        settling.settle_due(as_of=at, now=at, actor="test", with_imbalance=False)
        daily.refresh_due()
        (second,) = make()
        assert (second.revision, second.digest == first.digest) == (2, False)
        first.refresh_from_db()
        assert first.revision == 1

    @pytest.mark.parametrize("kind", Report.Kind.values)
    def test_makes_a_page_of_each_kind_that_needs_no_script(self, bankroll, kind):
        (report,) = make(kind)
        assert "<script" not in report.html and "@media print" in report.html
        titles = [part["title"] for part in report.content["parts"]]
        assert all(f"<h2>{title}</h2>" in report.html for title in titles)
        rows = list(csv.reader(io.StringIO(reporting.as_csv(report))))
        assert [row[0] for row in rows if row and row[0] in titles] == titles

    def test_names_the_best_and_the_worst_bets(self, bankroll):
        (report,) = make("TOP", "2026-03")
        best, worst = ([float(row[7]) for row in part["rows"]] for part in report.content["parts"])
        profits = sorted(
            float(profit)
            for profit in bankroll.bets.filter(settled_at__lt=NOON.replace(month=4, day=1, hour=0))
            .values_list("profit", flat=True)
        )  # fmt: skip
        assert (best, worst) == (profits[:-11:-1], profits[:10])

    def test_of_paper_trading_leaves_real_money_out(self, bankroll):
        a_result(an_accepted_bet(bankroll=a_bankroll(kind="LIVE", name="Real")), 1, 0)
        assert [report.group for report in make("PAPER")] == ["Paper, EUR"]
        assert len(make("DAILY", "2026-03-14")) == 2

    @pytest.mark.parametrize(
        "asked",
        [{"kind": "YEARLY"}, {"period": "2026-W99"}, {"period": "2027-01"}, {"group": "Moon"}],
        ids=["kind", "period", "future", "group"],
    )
    def test_refuses_what_it_cannot_tell(self, bankroll, asked):
        with pytest.raises(reporting.NoReport):
            make(**asked)

    def test_takes_the_last_period_that_is_over(self, bankroll):
        named = {kind: make(kind, "")[0].period for kind in ("DAILY", "WEEKLY", "MONTHLY")}
        assert named == {"DAILY": "2026-05-12", "WEEKLY": "2026-W19", "MONTHLY": "2026-04"}


class TestDoors:
    def test_command_prints_the_page_the_tables_and_all(self, bankroll, capsys):
        told = {}
        for output in ("html", "csv", "json"):
            call_command("report", kind="timing", period=WEEK, output=output)
            told[output] = capsys.readouterr().out
        assert told["html"].startswith("<!doctype html>")
        assert "By hours to the start" in told["csv"]
        (report,) = json.loads(told["json"])["reports"]
        assert report["content"]["period"] == WEEK
        assert Report.objects.count() == 1

    def test_desk_and_api_show_what_was_told(self, bankroll):
        roles.ensure_roles()
        client = Client()
        client.force_login(a_person("lead", roles.OPS_LEAD))
        asked = {"kind": "WEEKLY", "period": WEEK}
        answer = client.post("/api/v1/reports", json.dumps(asked), content_type="application/json")
        (told,) = answer.json()["reports"]
        assert (answer.status_code, told["revision"]) == (201, 1)
        page = client.get(f"/api/v1/reports/{told['id']}/page")
        assert page.content.decode().count("<svg role=") == 2
        assert b"Figures" in client.get(f"/api/v1/reports/{told['id']}/tables").content
        row = Report.objects.get()
        shown = client.get(reverse("admin:settlements_report_change", args=[row.pk])).content
        assert b"By strategy" in shown
        for form in ("html", "csv", "json"):
            address = reverse("admin:settlements_report_as", args=[row.pk, form])
            assert client.get(address).status_code == 200
            assert Client().get(address).status_code == 302
        url = reverse("admin:settlements_report_do_many", args=["make"])
        made = {"kind": "CLV", "period": WEEK, "reason": "asked", "confirmed": "yes"}
        assert client.post(url, made).status_code == 302
        assert Report.objects.count() == 2
