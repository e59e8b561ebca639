"""Books are held against the venue's and against themselves, and each difference is resolved."""

import json
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.core.management import call_command
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from betting.models import Bankroll, Bet
from betting.venues.base import Clearing
from betting.venues.paper import PaperVenue
from monitoring.models import AuditEntry, TaskRun
from monitoring.services import roles
from settlements import reconciling_monitors
from settlements.models import LedgerTransfer, ReconciliationItem, ReconciliationRun
from settlements.services import ledger, moving, periods, reconciling, resolving, settling, stating
from tests.betting.betfair import an_exchange, patient
from tests.betting.betfair_double import Fault, Order
from tests.config.builders import a_person
from tests.settlements.builders import (
    KICK_OFF,
    NOON,
    a_bankroll,
    a_book,
    a_result,
    a_selection,
    an_accepted_bet,
)

pytestmark = pytest.mark.django_db
MARKET = "1.206"
ENDED = "2026-03-14T11:00:00.000Z"
DAY = "2026-03-14"
MORNING = NOON + timedelta(days=1)


@pytest.fixture
def exchange(settings):
    with an_exchange(settings) as double:
        yield double


@pytest.fixture
def live():
    a_book("betfair_exchange", kind="EXCHANGE")
    return a_bankroll("1000.00", kind="LIVE", name="Live")


def a_settled_bet(bankroll, number: int, *, score=(1, 0), at=NOON, **fields) -> Bet:
    """Ten at 1.90 on the home side, settled by our rules."""
    fields = {"venue": "betfair", "venue_ref": str(number), **fields}
    bet = an_accepted_bet(a_selection(), bankroll=bankroll, **fields)
    a_result(bet, *score)
    settling.settle_due(as_of=at, now=at, actor="test")
    bet.refresh_from_db()
    return bet


def an_order(double, bet: Bet, **told) -> Order:
    """The exchange's side of a bet of ours, both alike where nothing else is told."""
    fields = {
        "bet_id": bet.venue_ref, "market_id": MARKET, "selection_id": 1, "handicap": 0.0,
        "side": bet.side, "price": float(bet.price), "size": float(bet.stake),
        "ref": bet.client_ref, "matched": float(bet.stake), "paid": float(bet.price),
        "ended": "SETTLED", "ended_at": ENDED, "profit": float(bet.profit or 0),
        "outcome": "WON" if (bet.profit or 0) > 0 else "LOST",
    }  # fmt: skip
    return double.had(Order(**{**fields, **told}))


def run(bankroll, *, now=MORNING, **asked) -> ReconciliationRun:
    (found,) = reconciling.reconcile(now=now, actor="test", bankroll_ids=[bankroll.pk], **asked)
    return found


def open_kinds() -> list[str]:
    rows = ReconciliationItem.objects.filter(state="OPEN").order_by("kind")
    return list(rows.values_list("kind", flat=True))


class TestVenue:
    def test_tells_all_that_ended_page_by_page_and_by_each_end(self, exchange, live):
        exchange.page = 2
        bets = [a_settled_bet(live, n) for n in range(5)]
        ends = ["SETTLED", "SETTLED", "SETTLED", "LAPSED", "VOIDED"]
        for bet, ended in zip(bets, ends, strict=True):
            an_order(exchange, bet, ended=ended)
        exchange.commissions[MARKET] = 1.35
        about = {"since": NOON - timedelta(hours=12), "until": NOON}
        told = patient().cleared(**about)
        assert [str(one.ending) for one in told] == [
            "SETTLED", "SETTLED", "SETTLED", "VOIDED", "LAPSED",
        ]  # fmt: skip
        assert {one.profit for one in told} == {D("9.00"), D("0.00")}
        assert patient().charged(**about) == {MARKET: D("1.35")}
        assert patient().cleared(since=NOON, until=MORNING) == []

    def test_on_paper_keeps_no_account(self):
        assert not isinstance(PaperVenue(), Clearing)


class TestReconcile:
    def test_finds_nothing_where_both_tell_the_same(self, exchange, live):
        an_order(exchange, a_settled_bet(live, 1))
        an_order(exchange, a_settled_bet(live, 2, score=(0, 1)))
        found = run(live)
        assert (found.bets, found.orders, found.found, found.failed) == (2, 2, 0, "")
        assert found.profit_here == found.profit_there == D("-1.00")

    def test_tells_each_difference_once_however_often_it_looks(self, exchange, live):
        bets = [a_settled_bet(live, n) for n in range(1, 6)]
        an_order(exchange, bets[0], profit=8.99)
        an_order(exchange, bets[1], ended="LAPSED", matched=0.0)
        an_order(exchange, bets[2], paid=1.92)
        an_order(exchange, bets[3], matched=8.0, profit=7.2, outcome="LOST")
        an_order(exchange, bets[4], bet_id="900", ref="by hand", profit=5.5)
        exchange.commissions[MARKET] = 0.45
        first, again = run(live), run(live, now=MORNING + timedelta(hours=1))
        assert open_kinds() == [
            "COMMISSION", "MISSING_HERE", "MISSING_THERE", "OUTCOME", "PRICE", "PROFIT", "PROFIT",
            "STAKE", "STATE",
        ]  # fmt: skip
        assert (first.opened, again.opened, again.found) == (9, 0, 9)
        amounts = dict(ReconciliationItem.objects.values_list("kind", "difference"))
        assert amounts["COMMISSION"] == D("-0.45")
        assert (amounts["MISSING_HERE"], amounts["MISSING_THERE"]) == (D("5.50"), D("-9.00"))

    def test_resolves_by_itself_what_the_venue_put_right_days_later(self, exchange, live):
        order = an_order(exchange, a_settled_bet(live, 1), profit=8.0)
        run(live)
        order.profit = 9.0
        later = run(live, now=MORNING + timedelta(days=9))
        item = ReconciliationItem.objects.get()
        assert (later.resolved, item.state, item.reason) == (1, "RESOLVED", reconciling.BY_ITSELF)

    def test_asks_no_more_questions_for_more_orders(self, exchange, live):
        counts = []
        for numbers in (range(2), range(2, 12)):
            for number in numbers:
                an_order(exchange, a_settled_bet(live, number), profit=1.0)
            with CaptureQueriesContext(connection) as asked:
                run(live)
            counts.append(len(asked))
        assert counts[1] <= counts[0] + 2

    def test_holds_the_account_against_what_lies_at_the_venue(self, exchange, live):
        about = {"bankroll_id": live.pk, "source": "cash", "target": "betfair_exchange"}
        moving.move(**about, amount=D("250.00"), reference="m1", actor="test", now=NOON)
        exchange.funds, exchange.exposure = 230.0, -19.5
        run(live)
        item = ReconciliationItem.objects.get()
        assert (item.kind, item.ours, item.theirs, item.difference) == (
            "BALANCE", "250.00", "249.50", D("-0.50"),
        )  # fmt: skip
        exchange.funds = 230.5
        assert run(live, now=MORNING + timedelta(hours=1)).resolved == 1

    def test_keeps_what_is_open_while_the_venue_is_silent(self, exchange, live):
        an_order(exchange, a_settled_bet(live, 1), profit=8.0)
        run(live)
        exchange.misbehave("listClearedOrders", *[Fault(status=503)] * 9)
        silent = run(live, now=MORNING + timedelta(hours=1))
        assert silent.failed
        assert open_kinds() == ["PROFIT"]
        exchange.faults.clear()
        exchange.currency = "GBP"
        assert "GBP" in run(live, now=MORNING + timedelta(hours=2)).failed

    def test_of_paper_looks_at_its_own_books(self):
        bankroll = a_bankroll("100.00")
        good = a_settled_bet(bankroll, 1, venue="paper", venue_ref="paper-1")
        bad = a_settled_bet(bankroll, 2, venue="paper", venue_ref="paper-1")
        Bet.objects.filter(pk=bad.pk).update(profit=D("9.50"))
        Bankroll.objects.filter(pk=bankroll.pk).update(balance=D("117.00"))
        assert run(bankroll).venue == ""
        assert open_kinds() == ["BALANCE", "DUPLICATE", "LEDGER", "PROFIT_FORMULA"]
        Bet.objects.filter(pk=bad.pk).update(profit=D("9.00"), venue_ref="paper-2")
        Bankroll.objects.filter(pk=bankroll.pk).update(balance=D("118.00"))
        assert run(bankroll).resolved == 4
        assert open_kinds() == []
        assert good.profit == D("9.00")

    @pytest.mark.parametrize(
        "asked",
        [
            {"first": DAY, "last": "2026-03-13"},
            {"first": "2026-03-15T12:00Z", "last": "2026-03-16"},
            {"first": "2025-01-01", "last": DAY},
            {"first": "soon"},
        ],
        ids=["upside-down", "future", "too-long", "word"],
    )
    def test_refuses_what_is_no_period(self, asked):
        with pytest.raises(periods.PeriodRefused):
            run(a_bankroll("0"), **asked)


@pytest.fixture
def short(exchange, live):
    """A difference of a euro: the exchange paid 8.00 where we say 9.00."""
    bet = a_settled_bet(live, 1)
    order = an_order(exchange, bet, profit=8.0)
    run(live)
    return ReconciliationItem.objects.get(), bet, order


def resolve(how, item, reason="checked with them"):
    return how(item_id=item.pk, reason=reason, actor="test", now=MORNING)


class TestAccept:
    def test_moves_the_difference_and_both_sides_agree(self, short, live):
        item, bet, _ = short
        item = resolve(resolving.accept, item)
        assert (item.state, item.transfer.kind, item.transfer.amount) == (
            "ACCEPTED", "CORRECTION", D("1.00"),
        )  # fmt: skip
        live.refresh_from_db()
        assert live.balance == D("1008.00")
        assert ledger.imbalance() == 0
        assert run(live, first=DAY).found == 0
        assert AuditEntry.objects.get(action="reconciliation.accepted").detail["theirs"] == "8.00"
        period = periods.between(first=DAY, last="2026-03-15", time_zone="UTC")
        head = stating.head(of=live.accounts.get(kind="CASH"), period=period)
        assert [line.cause for line in stating.lines(head=head)][-1] == f"difference {item.pk}"
        assert bet.profit == D("9.00")

    def test_is_told_of_again_once_it_is_too_much(self, short, live):
        item, _, order = short
        resolve(resolving.accept, item)
        order.profit = 9.0
        run(live, first=DAY)
        assert ReconciliationItem.objects.get(state="OPEN").difference == D("1.00")

    def test_of_what_is_missing_here_pays_it_once(self, exchange, live):
        bet = a_settled_bet(live, 1, at=NOON - timedelta(days=30))
        an_order(exchange, bet, bet_id="900", ref="", profit=5.5)
        run(live)
        resolve(resolving.accept, ReconciliationItem.objects.get())
        assert run(live, first=DAY).found == 0

    def test_of_commission_moves_it_from_its_own_account(self, exchange, live):
        an_order(exchange, a_settled_bet(live, 1))
        exchange.commissions[MARKET] = 0.45
        run(live)
        item = resolve(resolving.accept, ReconciliationItem.objects.get())
        assert (item.transfer.debit.kind, item.transfer.credit.kind) == ("CASH", "COMMISSION")
        assert run(live, first=DAY).found == 0

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 251, "a\x00"])
    def test_needs_a_reason(self, short, reason):
        with pytest.raises(resolving.ItemRefused, match="reason"):
            resolve(resolving.accept, short[0], reason)
        assert not LedgerTransfer.objects.filter(kind="CORRECTION").exists()

    def test_is_done_once_and_of_money_alone(self, short, live):
        item = short[0]
        resolve(resolving.accept, item)
        for how in (resolving.accept, resolving.dismiss):
            with pytest.raises(resolving.ItemRefused, match="already"):
                resolve(how, item)
        ReconciliationItem.objects.create(
            bankroll=live, run=item.run, kind="PRICE", key="bet:1", at=NOON, found_at=NOON,
            seen_at=NOON, venue="betfair",
        )  # fmt: skip
        with pytest.raises(resolving.ItemRefused, match="no difference of money"):
            resolve(resolving.accept, ReconciliationItem.objects.get(kind="PRICE"))
        with pytest.raises(resolving.ItemRefused, match="there is no"):
            resolving.dismiss(item_id=10**9, reason="r", actor="test", now=NOON)


class TestDismiss:
    def test_stays_so_until_a_value_changes(self, short, live):
        item, _, order = short
        resolve(resolving.dismiss, item)
        assert (run(live, first=DAY).opened, open_kinds()) == (0, [])
        order.profit = 7.0
        assert run(live, first=DAY).opened == 1
        assert not LedgerTransfer.objects.filter(kind="CORRECTION").exists()


class TestWatch:
    def test_tells_of_what_is_open_and_of_what_was_not_compared(self, short, live, exchange):
        (finding,) = reconciling_monitors.differences(MORNING)
        assert (finding.severity, finding.subject) == ("P1", f"betting.Bankroll:{live.pk}")
        assert "1 difference is open in the books of Live, 1.00 in all" in finding.summary
        assert list(reconciling_monitors.unreconciled(MORNING + timedelta(hours=30))) == []
        (late,) = reconciling_monitors.unreconciled(MORNING + timedelta(hours=31))
        assert "betfair since 2026-03-15 12:00" in late.summary
        shown = render_to_string(
            "settlements/panel_reconciliation.html", reconciling_monitors.reconciliation(MORNING)
        )
        assert "profit off by -1.00" in shown
        resolve(resolving.dismiss, short[0])
        assert list(reconciling_monitors.differences(MORNING)) == []


def post(client, url, body):
    return client.post(url, json.dumps(body), content_type="application/json")


class TestDoors:
    def test_the_command_prints_its_runs_and_leaves_with_2_while_something_is_open(
        self, exchange, live, capsys
    ):
        an_order(exchange, a_settled_bet(live, 1), profit=8.0)
        with pytest.raises(SystemExit) as end:
            call_command("reconcile", "--day", DAY, "--output", "json")
        told = json.loads(capsys.readouterr().out)
        assert (end.value.code, told["open"]) == (2, {"PROFIT": 1})
        assert (told["runs"][0]["profit_there"], told["runs"][0]["venue"]) == ("8.00", "betfair")
        assert TaskRun.objects.get().task == "settlements.tasks.reconcile_accounts"

    def test_pages_and_api_resolve_for_those_who_may(self, short, client):
        item = short[0]
        roles.ensure_roles()
        client.force_login(a_person("olga", roles.OPERATOR))
        url = f"/api/v1/reconciliation-items/{item.pk}"
        assert post(client, f"{url}/accept", {"reason": "r"}).status_code == 403
        client.force_login(a_person("lea", roles.OPS_LEAD))
        page = client.get(reverse("admin:settlements_reconciliationitem_changelist"))
        assert "Theirs less ours" in page.content.decode()
        ask = reverse("admin:settlements_reconciliationitem_do", args=[item.pk, "accept"])
        assert "-1.00 EUR moves" in client.get(ask).content.decode()
        client.post(ask, {"reason": "they are right", "confirmed": "1"})
        assert client.get(url).json()["state"] == "ACCEPTED"
        assert post(client, f"{url}/dismiss", {"reason": "r"}).status_code == 409
        assert post(client, f"{url}/dismiss", {}).status_code == 400
        again = reverse("admin:settlements_reconciliationrun_do_many", args=["reconcile"])
        client.post(again, {"first": DAY, "reason": "look", "confirmed": "1"})
        asked = TaskRun.objects.get(task="settlements.tasks.reconcile_accounts")
        assert asked.arguments == {"first": DAY}


def test_the_day_before_is_what_is_looked_at():
    assert run(a_bankroll("0", time_zone="Asia/Tokyo"), now=KICK_OFF).since.hour == 15
