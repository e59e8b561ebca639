"""Offering what is left of a waiting order at another price: taken back, then placed anew."""

import json
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import ProgrammingError, transaction
from django.urls import reverse
from django.utils import timezone

from betting import venues
from betting.models import Bet, Replacement, Strategy
from betting.services import halting, limiting, placing, reconciling, replacing
from betting.services.replacing import ReplaceRefused
from markets.models import Event
from monitoring.models import AuditEntry, Heartbeat
from monitoring.services import roles
from tests.betting.betfair import MARKET, a_mapped_event, an_exchange, heard, patient
from tests.betting.betfair_double import AFTER, BEFORE, Fault
from tests.betting.builders import NOON, a_bankroll, a_bet, a_decision, a_strategy
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def double(settings, monkeypatch):
    with an_exchange(settings) as double:
        monkeypatch.setitem(venues.VENUES, "betfair", patient(rests=True))
        yield double


@pytest.fixture
def waiting(double) -> Bet:
    """Ten at 2.20 at the exchange, which matched four of them; six wait."""
    strategy = a_strategy(bankroll=a_bankroll(kind="LIVE"))
    event = a_mapped_event(double)
    double.markets[MARKET].offers[1, "BACK"] = (2.20, 4.0)
    decision = a_decision(strategy=strategy, event=event, book="betfair_exchange")
    placing.place(decision_ids=[decision.pk], as_of=NOON, now=NOON, actor="t")
    bet = Bet.objects.get()
    assert (bet.order_state, bet.matched_stake) == ("PARTIAL", 4)
    double.markets[MARKET].offers[1, "BACK"] = (2.20, 0.0)
    return bet


def replace(bet: Bet, price: str = "2.30", **changes: object) -> Bet:
    asked = {"bet_id": bet.pk, "price": D(price), "reason": "it moved", "actor": "user:olga"}
    return replacing.replace(**{**asked, "now": NOON, **changes})


def alive(double) -> list[tuple[str, float, float]]:
    """Return reference, price and rest of each order that may still be matched."""
    return [(o.ref, o.price, o.remaining) for o in double.orders.values() if o.remaining]


class TestReplace:
    def test_takes_back_what_waits_and_places_it_at_the_other_price(self, double, waiting):
        bet = replace(waiting)
        waiting.refresh_from_db()
        assert (waiting.order_state, waiting.stake, waiting.status) == ("CANCELLED", 4, "ACCEPTED")
        assert (bet.order_state, bet.stake, bet.price) == ("ACCEPTED", 6, D("2.3"))
        assert alive(double) == [(f"{waiting.client_ref}.1", 2.3, 6.0)]
        assert bet.venue_ref not in ("", waiting.venue_ref)
        row = Replacement.objects.get()
        assert (row.former, row.bet, row.asked_by) == (waiting, bet, "user:olga")
        told = AuditEntry.objects.get(action="bet.replaced").detail
        assert (told["former"], told["stake"], told["reason"]) == (waiting.pk, "6.00", "it moved")

    def test_can_be_done_again(self, double, waiting):
        last = replace(replace(waiting), "2.40")
        assert alive(double) == [(last.client_ref, 2.4, 6.0)]
        assert last.client_ref == f"{waiting.client_ref}.2"

    def test_places_nothing_where_nobody_knows_whether_it_was_taken_back(self, double, waiting):
        double.misbehave("cancelOrders", Fault(AFTER, cut=True))
        with pytest.raises(ReplaceRefused, match="did not say that it took it back"):
            replace(waiting)
        assert (alive(double), Bet.objects.count()) == ([], 1)
        reconciling.follow(now=NOON)
        waiting.refresh_from_db()
        assert (waiting.order_state, waiting.stake) == ("LAPSED", 4)
        with pytest.raises(ReplaceRefused, match="only an order of ours that waits"):
            replace(waiting)

    def test_places_nothing_where_the_venue_was_not_reached(self, double, waiting):
        double.misbehave("cancelOrders", Fault(BEFORE, cut=True))
        with pytest.raises(ReplaceRefused, match="did not say"):
            replace(waiting)
        assert alive(double) == [(waiting.client_ref, 2.2, 6.0)]
        assert replace(waiting).order_state == "ACCEPTED"

    def test_of_unknown_end_is_asked_for_and_never_sent_twice(self, double, waiting):
        double.misbehave("placeOrders", Fault(AFTER, cut=True))
        bet = replace(waiting)
        assert bet.status == "UNKNOWN"
        reconciling.reconcile(now=NOON + timedelta(minutes=5), older_than=timedelta(minutes=1))
        bet.refresh_from_db()
        assert (bet.order_state, alive(double)) == ("ACCEPTED", [(bet.client_ref, 2.3, 6.0)])

    def test_places_nothing_where_all_was_matched_meanwhile(self, double, waiting):
        (order,) = double.orders.values()
        order.matched, order.remaining, order.paid = 10.0, 0.0, 2.2
        with pytest.raises(ReplaceRefused, match="nothing of it is left: it is Filled"):
            replace(waiting)
        assert Bet.objects.count() == 1


class TestRefusals:
    """What can be asked beforehand refuses before anything is taken back."""

    def halt(self, bet: Bet) -> None:
        halting.halt(reason="?", actor="t", now=NOON)

    def silence(self, bet: Bet) -> None:
        Heartbeat.objects.all().delete()

    def limit(self, bet: Bet) -> None:
        limiting.set_limit(
            dimension="EVENT", amount="9", bankroll_id=bet.bankroll_id, actor="t", reason="?",
            now=NOON,
        )  # fmt: skip

    def start(self, bet: Bet) -> None:
        Event.objects.update(started_at=NOON)

    def try_dry(self, bet: Bet) -> None:
        Strategy.objects.update(phase="DRY_RUN")

    @pytest.mark.parametrize(
        "rule, said",
        [
            ("halt", "a halt stands"),
            ("silence", "VENUE_SILENT"),
            ("limit", r"EVENT_LIMIT: .*a stake of 6.00 where there is room for 5.00"),
            ("start", "the event has begun"),
            ("try_dry", "is in a dry run"),
        ],
        ids=lambda value: value.partition(" ")[0],
    )
    def test_of_a_rule_leave_the_order_where_it_waits(self, double, waiting, rule, said):
        getattr(self, rule)(waiting)
        with pytest.raises(ReplaceRefused, match=said):
            replace(waiting)
        assert alive(double) == [(waiting.client_ref, 2.2, 6.0)]
        assert Bet.objects.count() == 1

    @pytest.mark.parametrize("price", ["2.20", "2.23", "1", "1001", "NaN"])
    def test_of_a_price_that_is_none_or_the_same(self, double, waiting, price):
        with pytest.raises(ReplaceRefused, match="price: "):
            replace(waiting, price)
        assert alive(double) == [(waiting.client_ref, 2.2, 6.0)]

    def test_of_what_does_not_wait_or_has_no_reason(self, double, waiting):
        with pytest.raises(ReplaceRefused, match="reason: "):
            replace(waiting, reason=" ")
        for other in (a_bet(), a_bet(order_state="ACCEPTED", venue="outside")):
            with pytest.raises(ReplaceRefused, match="only an order of ours"):
                replace(other)
        on_paper = a_bet(order_state="ACCEPTED")
        with pytest.raises(ReplaceRefused, match="takes no order back"):
            replace(on_paper, venues={})

    def test_of_the_database_where_both_would_stand(self, waiting):
        other = a_bet()
        with pytest.raises(ProgrammingError, match="still stands"), transaction.atomic():
            Replacement.objects.create(
                former=waiting, bet=other, reason="?", asked_by="t", asked_at=NOON
            )


class TestDoors:
    @pytest.fixture
    def operator(self, client, waiting):
        heard(timezone.now())
        starts = timezone.now() + timedelta(hours=5)
        Event.objects.update(starts_at=starts)
        roles.ensure_roles()
        client.force_login(a_person("olga", roles.OPERATOR))
        return client

    def test_api_and_page_replace_and_show_the_link(self, operator, double, waiting):
        answer = operator.post(
            f"/api/v1/bets/{waiting.pk}/replace", json.dumps({"price": "2.30", "reason": "?"}),
            content_type="application/json",
        )  # fmt: skip
        assert (answer.status_code, answer.json()["stake"]) == (201, "6.00")
        url = reverse("admin:betting_bet_do", args=[answer.json()["id"], "replace"])
        asked = {"price": "2.40", "reason": "again", "confirmed": "yes"}
        assert operator.post(url, asked).status_code == 302
        assert alive(double) == [(f"{waiting.client_ref}.2", 2.4, 6.0)]
        middle = Bet.objects.get(client_ref=f"{waiting.client_ref}.1")
        page = operator.get(reverse("admin:betting_bet_change", args=[middle.pk]))
        text = page.content.decode()
        assert "In place of" in text and "Replaced by" in text
