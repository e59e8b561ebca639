import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from betting import monitors, queries
from betting.models import Bet, OutsideOrder
from betting.queries import risk
from betting.services import adopting, placing, reconciling, stopping
from betting.venues.base import VenueUnknown
from betting.venues.betfair import BetfairVenue
from monitoring import registry
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.betting.betfair import MARKET, a_mapped_event, an_exchange, patient
from tests.betting.betfair_double import BEFORE, Fault, Order
from tests.betting.builders import NOON, a_bankroll, a_bet, a_decision, a_selection, a_strategy
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def double(settings):
    with an_exchange(settings) as double:
        yield double


def by_hand(double, *, ref: str = "", matched: float = 10.0, **fields: object) -> Order:
    """Ten on the first runner at 2.20, placed on the exchange's own page."""
    given = {
        "bet_id": str(90_000_000_000 + len(double.orders)),
        "market_id": MARKET, "selection_id": 1, "handicap": 0.0, "side": "BACK", "price": 2.2,
        "size": 10.0, "ref": ref, "matched": matched, "paid": 2.3 if matched else 0.0,
        "remaining": 10.0 - matched,
    }  # fmt: skip
    order = Order(**{**given, **fields})
    double.orders[order.bet_id] = order
    return order


def adopt(**terms: object) -> dict[str, object]:
    return adopting.adopt(**{"now": NOON, "venues": {"betfair": patient()}, **terms})


class TestAdopt:
    def test_makes_a_bet_of_an_order_whose_market_and_money_are_known(self, double):
        bankroll, event = a_bankroll(kind="LIVE"), a_mapped_event(double)
        order = by_hand(double)
        assert adopt() == {"new": 1, "standing": 1, "without_a_bet": 0, "failed": {}}
        bet = Bet.objects.get()
        assert (bet.bankroll, bet.selection, bet.decision) == (bankroll, a_selection(event), None)
        assert (bet.status, bet.order_state, bet.stake, bet.price) == (
            "ACCEPTED", "FILLED", 10, D("2.3"),
        )  # fmt: skip
        assert (bet.venue, bet.venue_ref) == (Bet.OUTSIDE, order.bet_id)
        assert queries.open_exposure(bankroll_id=bankroll.pk) == 10
        assert AuditEntry.objects.filter(action="bet.outside_adopted").count() == 1

    def test_twice_is_once(self, double):
        a_bankroll(kind="LIVE")
        a_mapped_event(double)
        by_hand(double)
        adopt()
        audited = AuditEntry.objects.count()
        assert adopt()["new"] == 0
        assert (Bet.objects.count(), AuditEntry.objects.count()) == (1, audited)

    def test_leaves_our_own_orders_alone(self, double):
        strategy = a_strategy(bankroll=a_bankroll(kind="LIVE"))
        decision = a_decision(
            strategy=strategy, event=a_mapped_event(double), book="betfair_exchange"
        )
        placing.place(decision_ids=[decision.pk], as_of=NOON, now=NOON, actor="t")
        assert Bet.objects.get().status == "ACCEPTED"
        assert adopt()["new"] == 0

    def test_follows_a_bet_as_it_is_matched_taken_back_and_over(self, double):
        bankroll = a_bankroll(kind="LIVE")
        a_mapped_event(double)
        order = by_hand(double, matched=0.0)
        adopt()
        bet = Bet.objects.get()
        assert (bet.order_state, bet.stake) == ("ACCEPTED", 10)
        order.matched, order.paid, order.remaining = 4.0, 2.3, 6.0
        adopt()
        bet.refresh_from_db()
        assert (bet.order_state, bet.matched_stake) == ("PARTIAL", 4)
        order.remaining = 0.0
        adopt()
        bet.refresh_from_db()
        assert (bet.order_state, bet.stake) == ("LAPSED", 4)
        assert queries.open_exposure(bankroll_id=bankroll.pk) == 4
        order.ended = "SETTLED"
        assert adopt()["standing"] == 0

    def test_ends_what_nobody_tells_of_any_more(self, double):
        bankroll = a_bankroll(kind="LIVE")
        a_mapped_event(double)
        order = by_hand(double, matched=0.0)
        adopt()
        order.ended, order.remaining = "CANCELLED", 0.0
        assert adopt()["standing"] == 0
        assert Bet.objects.get().status == "CANCELLED"
        assert queries.open_exposure(bankroll_id=bankroll.pk) == 0

    def test_takes_up_what_was_settled_before_it_was_seen(self, double):
        a_bankroll(kind="LIVE")
        a_mapped_event(double)
        by_hand(double, ended="SETTLED")
        assert adopt()["standing"] == 0
        assert (Bet.objects.get().status, Bet.objects.get().stake) == ("ACCEPTED", 10)

    def test_leaves_alone_what_was_over_before_there_was_a_bankroll(self, double):
        a_bankroll(kind="LIVE", created_at=NOON + timedelta(days=1))
        a_mapped_event(double)
        by_hand(double, ended="SETTLED")
        adopt()
        assert not Bet.objects.exists()

    def test_counts_a_lays_liability(self, double):
        bankroll = a_bankroll(kind="LIVE")
        a_mapped_event(double)
        by_hand(double, side="LAY", matched=0.0, price=3.0)
        adopt()
        assert queries.open_exposure(bankroll_id=bankroll.pk) == 20


class TestAnOrderWithoutABet:
    @pytest.mark.parametrize(
        ("live", "mapped", "why"),
        [(1, False, "no source"), (0, True, "no live"), (2, True, "several live")],
        ids=["market-unknown", "no-bankroll", "two-bankrolls"],
    )
    def test_is_listed_with_the_reason_and_counts_against_every_live_bankroll(
        self, double, live, mapped, why
    ):
        bankrolls = [a_bankroll(kind="LIVE") for _ in range(live)]
        paper = a_bankroll()
        if mapped:
            a_mapped_event(double)
        by_hand(double)
        assert adopt()["without_a_bet"] == 1
        assert why in OutsideOrder.objects.get().why_no_bet
        for bankroll in bankrolls:
            assert queries.open_exposure(bankroll_id=bankroll.pk) == 10
            assert risk.usage(bankroll=bankroll, as_of=NOON).open_staked == 10
        assert queries.open_exposure(bankroll_id=paper.pk) == 0
        shown = {row.id: row for row in queries.bankrolls_with_exposure()}
        for bankroll in bankrolls:
            row = shown[bankroll.pk]
            assert (row.open, row.open_bets, row.outside, row.available) == (10, 0, 10, 990)
        assert (shown[paper.pk].outside, shown[paper.pk].available) == (0, 1000)

    def test_gets_one_once_its_market_is_known(self, double):
        bankroll = a_bankroll(kind="LIVE")
        by_hand(double)
        adopt()
        a_mapped_event(double)
        assert adopt() == {"new": 0, "standing": 1, "without_a_bet": 0, "failed": {}}
        assert queries.open_exposure(bankroll_id=bankroll.pk) == 10

    def test_knows_no_more_matched_than_asked(self, double):
        by_hand(double)
        adopt()
        with pytest.raises(IntegrityError), transaction.atomic():
            OutsideOrder.objects.update(matched_stake=D("10.01"))


class TestAtTheVenue:
    def test_nothing_changes_where_it_does_not_tell(self, double):
        a_bankroll(kind="LIVE")
        a_mapped_event(double)
        by_hand(double, matched=4.0)
        adopt()
        double.misbehave("listClearedOrders", *[Fault(BEFORE, cut=True)] * 2)
        found = adopt()
        assert (found["standing"], list(found["failed"])) == (1, ["betfair"])
        assert Bet.objects.get().order_state == "PARTIAL"

    def test_it_tells_page_by_page_or_nothing(self, double):
        double.page = 2
        for _ in range(5):
            by_hand(double)
        assert len(patient().standing(since=NOON)) == 5
        double.misbehave("listCurrentOrders", *[Fault(BEFORE, error="UNEXPECTED_ERROR")] * 2)
        with pytest.raises(VenueUnknown):
            patient().standing(since=NOON)

    def test_nobody_is_asked_where_betting_is_off(self, settings):
        assert not BetfairVenue().is_on
        assert adopting.adopt(now=NOON)["failed"] == {}

    def test_it_is_never_asked_to_take_them_back(self, double):
        a_bankroll(kind="LIVE")
        a_mapped_event(double)
        by_hand(double, matched=4.0)
        adopt()
        assert reconciling.follow(now=NOON)["followed"] == 0
        stopped = stopping.stop_everything(reason="odd", actor="user:alice", now=NOON)
        assert (stopped.asked, stopped.is_clean) == (0, True)
        assert double.sent("cancelOrders") == []


class TestSurfaces:
    def test_one_finding_stands_as_long_as_an_order_does(self, double):
        check = registry.checks[monitors.OUTSIDE]
        orders = [by_hand(double), by_hand(double)]
        adopt()
        (finding,) = check.run(NOON)
        assert (finding.subject, "2 orders" in finding.summary) == ("venue:betfair", True)
        for order in orders:
            order.ended = "VOIDED"
        adopt()
        assert list(check.run(NOON)) == []

    def test_page_and_api_list_them(self, client, double):
        by_hand(double, ref="other-bot")
        adopt()
        roles.ensure_roles()
        client.force_login(a_person("vera", roles.VIEWER))
        page = client.get(reverse("admin:betting_outsideorder_changelist"))
        assert "no source has told" in page.content.decode()
        (row,) = client.get("/api/v1/outside-orders?bet__isnull=true").json()["results"]
        assert (row["told_ref"], row["at_risk"]) == ("other-bot", "10.00")

    def test_a_bankrolls_page_and_the_api_count_them_as_the_limits_do(self, client, double):
        live = a_bankroll(kind="LIVE")
        a_bet(bankroll=live, stake="7.00")
        by_hand(double)
        adopt()
        roles.ensure_roles()
        client.force_login(a_person("vera", roles.VIEWER))
        (row,) = client.get("/api/v1/bankrolls").json()["results"]
        told = {name: row[name] for name in ("n_open", "in_bets", "outside", "at_risk")}
        assert told == {"n_open": 1, "in_bets": "7.00", "outside": "10.00", "at_risk": "17.00"}
        usage = risk.usage(bankroll=live, as_of=NOON)
        assert (row["available"], usage.open_staked) == ("983.00", 17)
        page = client.get(reverse("admin:betting_bankroll_change", args=[live.pk]))
        text = page.content.decode()
        assert "Of it in orders placed outside, without a bet" in text and "983.00 EUR" in text

    def test_command_warns_while_some_stand(self, capsys, double):
        by_hand(double)
        with pytest.raises(SystemExit) as end:
            call_command("outside_bets", "--output", "json")
        assert end.value.code == 2
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["new"] == 1

    def test_a_restored_bet_is_known_by_the_venues_reference(self, double):
        order = by_hand(double, ref="d9ix")
        a_bet(venue="betfair", venue_ref=order.bet_id)
        assert adopt()["new"] == 0
