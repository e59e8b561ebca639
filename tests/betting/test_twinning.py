import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from betting import queries, tasks
from betting.models import Bet, CostModel, PaperTwin
from betting.services import twinning
from betting.venues.base import Answer, State
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.betting.builders import NOON, a_bankroll, a_bet, a_book, a_decision, a_strategy
from tests.betting.venues import FakeVenue, place
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
D = Decimal
DAY = {"since": NOON - timedelta(days=1), "until": NOON + timedelta(days=1)}


@pytest.fixture
def strategy(monkeypatch):
    """A live strategy that has a twin on paper; its venue is named as the real one is."""
    monkeypatch.setattr("betting.venues.name_for", lambda kind: "betfair")
    strategy = a_strategy(bankroll=a_bankroll(kind="LIVE"))
    twin_of(strategy)
    return strategy


def twin_of(strategy, **terms: object) -> PaperTwin:
    given = {
        "strategy_id": strategy.pk, "is_enabled": True, "reason": "how far off is paper?",
        "actor": "user:olga", "now": NOON,
    }  # fmt: skip
    bankroll = terms.pop("bankroll", None) or a_bankroll()
    return twinning.set_twin(**{**given, "bankroll_id": bankroll.pk, **terms})


class Exchange(FakeVenue):
    """Takes six of ten, a little worse than paper does, in 80 ms; turns the second one down."""

    def place(self, tickets):
        super().place(tickets)
        taken = {"price": D("2.15"), "matched": D("6.00"), "latency_ms": 80}
        return [
            Answer(ticket.client_ref, State.REJECTED, latency_ms=80)
            if number
            else Answer(ticket.client_ref, State.ACCEPTED, **taken)
            for number, ticket in enumerate(tickets)
        ]


def mirror(**terms: object) -> dict[str, int]:
    return twinning.mirror_due(**{"now": NOON + timedelta(seconds=30), **terms})


class TestMirrorDue:
    def test_sends_each_live_ticket_on_paper_too_and_once(self, strategy):
        place(a_decision(strategy=strategy), venue=Exchange())
        assert mirror() == {"mirrored": 1, "taken": 1}
        live, paper = Bet.objects.order_by("pk")
        assert (paper.client_ref, paper.venue) == (f"w{live.client_ref}", "paper")
        assert (paper.requested_stake, paper.requested_price) == (D(10), D("2.2"))
        assert (paper.order_state, paper.stake, live.stake) == ("FILLED", D(10), D(6))
        assert mirror() == {"mirrored": 0, "taken": 0}
        assert AuditEntry.objects.filter(action="bet.mirrored").count() == 1

    def test_is_no_matter_of_the_live_money_or_strategy(self, strategy):
        place(a_decision(strategy=strategy), venue=Exchange())
        mirror()
        paper = Bet.objects.latest("pk")
        assert (paper.decision, paper.strategy) == (None, None)
        assert queries.open_exposure(bankroll_id=strategy.bankroll_id) == D(6)
        assert queries.open_exposure(bankroll_id=paper.bankroll_id) == D(10)

    def test_mirrors_what_was_turned_down_live(self, strategy):
        decisions = [a_decision(strategy=strategy) for _ in range(2)]
        place(*decisions, venue=Exchange())
        assert mirror()["mirrored"] == 2

    def test_leaves_alone_what_is_old_has_no_twin_or_whose_twin_is_stopped(self, strategy):
        place(a_decision(strategy=strategy), venue=Exchange())
        place(a_decision(strategy=a_strategy(bankroll=a_bankroll(kind="LIVE"))), venue=Exchange())
        assert mirror(now=NOON + timedelta(minutes=11))["mirrored"] == 0
        twin_of(strategy, is_enabled=False)
        assert mirror()["mirrored"] == 0

    def test_pays_the_books_costs(self, strategy):
        CostModel.objects.create(book=a_book("beta"), is_enabled=True, depth=D(3))
        place(a_decision(strategy=strategy), venue=Exchange())
        mirror()
        assert Bet.objects.latest("pk").stake == D(3)


class TestGaps:
    def test_tell_price_share_refusals_and_time_with_their_number(self, strategy):
        assert twinning.gaps(**DAY) == []
        place(*[a_decision(strategy=strategy) for _ in range(2)], venue=Exchange())
        mirror()
        everything, own = twinning.gaps(**DAY)
        assert (everything.strategy, own.strategy) == ("", strategy.name)
        assert (own.n, own.live_rejected, own.paper_rejected) == (2, 1, 0)
        assert (own.live_matched, own.paper_matched) == (0.3, 1.0)
        assert (own.priced, own.price_gap_error) == (1, None)
        assert own.price_gap == pytest.approx(2.15 / 2.2 - 1)
        assert own.live_ms == 80

    def test_leave_out_another_time(self, strategy):
        place(a_decision(strategy=strategy), venue=Exchange())
        mirror()
        assert twinning.gaps(since=NOON + timedelta(hours=1), until=NOON + timedelta(days=1)) == []


class TestSetTwin:
    def test_is_audited_with_its_reason(self):
        twin_of(a_strategy(bankroll=a_bankroll(kind="LIVE")))
        assert AuditEntry.objects.get(action="twin.set").detail["reason"] == "how far off is paper?"

    @pytest.mark.parametrize(
        ("bankroll", "changed", "told"),
        [
            ({}, {"reason": " "}, "reason"),
            ({}, {"strategy_id": 0}, "no such"),
            ({"kind": "LIVE"}, {}, "no paper bankroll"),
            ({"is_simulated": True}, {}, "no paper bankroll"),
            ({"currency": "GBP"}, {}, "not in EUR"),
        ],
        ids=["no-reason", "no-strategy", "live", "simulated", "currency"],
    )
    def test_refuses_what_does_not_go_together(self, bankroll, changed, told):
        strategy = a_strategy(bankroll=a_bankroll(kind="LIVE"))
        with pytest.raises(twinning.TwinRefused, match=told):
            twin_of(strategy, bankroll=a_bankroll(**bankroll), **changed)
        with pytest.raises(twinning.TwinRefused, match="no live money"):
            twin_of(a_strategy())
        with pytest.raises(twinning.TwinRefused, match="of its own"):
            twin_of(strategy, bankroll=a_strategy().bankroll)


class TestDoors:
    def test_page_api_and_command_tell_the_gap(self, strategy, client, capsys):
        place(a_decision(strategy=strategy), venue=Exchange())
        mirror()
        roles.ensure_roles()
        client.force_login(a_person("vera", roles.VIEWER))
        window = "since=2031-02-28T00:00:00Z&until=2031-03-02T00:00:00Z"
        rows = client.get(f"/api/v1/fills/twins?{window}").json()
        assert [row["n"] for row in rows] == [1, 1]
        assert client.get("/api/v1/fills/twins?since=x").status_code == 400
        assert "Live beside paper" in client.get(reverse("admin:betting_fills")).content.decode()
        call_command("twins", "--output", "json")
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["gaps"] == []

    def test_command_sets_and_stops(self, capsys):
        strategy, paper = a_strategy(bankroll=a_bankroll(kind="LIVE")), a_bankroll()
        call_command("twins", "set", strategy.name, paper.name, "--reason", "x")
        assert PaperTwin.objects.get().is_enabled
        call_command("twins", "stop", strategy.name, "--reason", "enough")
        assert not PaperTwin.objects.get().is_enabled

    def test_daily_run_keeps_it_as_its_result(self, strategy):
        now = timezone.now()
        _live(strategy, now)
        twinning.mirror_due(now=now)
        (everything, own) = tasks.report_twins.body(None)["gaps"]
        assert (everything["n"], own["strategy"]) == (1, strategy.name)


def _live(strategy, now) -> Bet:
    """A live bet of this moment, filled."""
    return a_bet(
        strategy=strategy, bankroll=strategy.bankroll, venue="betfair", placed_at=now,
        book=a_book("beta"),
    )  # fmt: skip
