"""Money moves between cash, books and outside, and bets at a book move what lies there."""

import json
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from monitoring.models import AuditEntry
from monitoring.services import roles
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.services import ledger, moving, places, settling
from tests.betting.builders import a_replay
from tests.config.builders import a_person
from tests.settlements.builders import (
    NOON,
    a_bankroll,
    a_book,
    a_result,
    a_selection,
    an_accepted_bet,
)

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)


@pytest.fixture
def bankroll():
    a_book()
    a_book("pinnacle")
    return a_bankroll("1000.00", name="Main")


def move(bankroll, source, target, amount="100.00", reference="r1", **more):
    return moving.move(
        bankroll_id=bankroll.pk, source=source, target=target, amount=D(amount),
        reference=reference, actor="test", now=NOON, **more,
    )  # fmt: skip


def balances(bankroll) -> dict[str, D]:
    """What lies where, the bankroll's own balance as "all"; nothing of it may disagree."""
    assert ledger.imbalance() == 0
    bankroll.refresh_from_db()
    rows = LedgerAccount.objects.filter(bankroll=bankroll).exclude(balance=0)
    found = {row.book.code if row.kind == "BOOK" else row.kind: row.balance
             for row in rows.select_related("book")}  # fmt: skip
    return {**found, "all": bankroll.balance}


class TestMove:
    @pytest.mark.parametrize(
        "steps, expected",
        [
            ([("cash", "bet365")], {"CASH": 900, "bet365": 100, "CAPITAL": -1000, "all": 1000}),
            (
                [("cash", "bet365"), ("bet365", "pinnacle")],
                {"CASH": 900, "pinnacle": 100, "CAPITAL": -1000, "all": 1000},
            ),
            ([("outside", "bet365")], {"CASH": 1000, "bet365": 100, "CAPITAL": -1100, "all": 1100}),
            ([("cash", "outside")], {"CASH": 900, "CAPITAL": -900, "all": 900}),
            (
                [("outside", "bet365"), ("bet365", "outside")],
                {"CASH": 1000, "CAPITAL": -1000, "all": 1000},
            ),
            (
                [("outside", "bonus:bet365")],
                {"CASH": 1000, "BONUS": 100, "PROFIT_AND_LOSS": -100, "CAPITAL": -1000,
                 "all": 1000},
            ),
            (
                [("outside", "bonus:bet365"), ("bonus:bet365", "bet365")],
                {"CASH": 1000, "bet365": 100, "PROFIT_AND_LOSS": -100, "CAPITAL": -1000,
                 "all": 1100},
            ),
            (
                [("outside", "bonus:bet365"), ("bonus:bet365", "outside")],
                {"CASH": 1000, "CAPITAL": -1000, "all": 1000},
            ),
        ],
        ids=["to-a-book", "between-books", "straight-to-a-book", "out", "straight-from-a-book",
             "bonus", "bonus-released", "bonus-forfeited"],
    )  # fmt: skip
    def test_leaves_each_cent_in_one_place(self, bankroll, steps, expected):
        for number, (source, target) in enumerate(steps):
            move(bankroll, source, target, reference=f"r{number}")
        assert balances(bankroll) == expected

    def test_twice_is_once_and_audited_once(self, bankroll):
        assert move(bankroll, "cash", "bet365") == move(bankroll, " CASH ", "bet365")
        assert AuditEntry.objects.filter(action="ledger.transfer").count() == 1
        for changed in ({"amount": "1.00"}, {"target": "pinnacle"}):
            with pytest.raises(ledger.LedgerRefused, match="already moved"):
                move(bankroll, "cash", **{"target": "bet365", **changed})

    @pytest.mark.parametrize(
        "source, target",
        [
            ("cash", "cash"), ("outside", "outside"), ("cash", "bonus:bet365"),
            ("bonus:bet365", "pinnacle"), ("bonus:bet365", "cash"), ("bet365", "bet365"),
        ],
    )  # fmt: skip
    def test_refuses_ways_that_no_money_goes(self, bankroll, source, target):
        with pytest.raises(ledger.LedgerRefused, match="money goes between"):
            move(bankroll, source, target)

    @pytest.mark.parametrize("place", ["", "nowhere", "bonus:", "a\x00", "average"])
    def test_refuses_a_place_that_there_is_not(self, bankroll, place):
        a_book("average", kind="AGGREGATE")
        with pytest.raises(places.PlaceRefused):
            move(bankroll, "cash", place)
        assert not LedgerAccount.objects.filter(kind="BOOK").exists()

    @pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN", "1e12", "1000.01"])
    def test_refuses_amounts_that_cannot_move(self, bankroll, amount):
        with pytest.raises(ledger.LedgerRefused):
            move(bankroll, "cash", "bet365", amount)
        assert LedgerTransfer.objects.count() == 1

    def test_refuses_another_currency_an_unknown_bankroll_and_a_replay(self, bankroll):
        with pytest.raises(ledger.LedgerRefused, match="holds EUR, not GBP"):
            move(bankroll, "cash", "bet365", currency="GBP")
        replay = a_bankroll("10.00", kind="REPLAY", replay=a_replay())
        with pytest.raises(ledger.LedgerRefused, match="belongs to its replay"):
            move(replay, "cash", "bet365", "1.00")
        replay.pk = 10**9
        with pytest.raises(ledger.LedgerRefused, match="there is no bankroll"):
            move(replay, "cash", "bet365", "1.00")

    def test_keeps_what_the_open_bets_of_a_place_may_lose(self, bankroll):
        an_accepted_bet(bankroll=bankroll, stake="60.00")
        with pytest.raises(ledger.LedgerRefused, match=r"940.00 that is free"):
            move(bankroll, "cash", "pinnacle", "940.01")
        move(bankroll, "cash", "bet365", "100.00")
        with pytest.raises(ledger.LedgerRefused, match=r"40.00 that is free"):
            move(bankroll, "bet365", "cash", "40.01", "r2")
        move(bankroll, "cash", "pinnacle", "900.00", "r3")
        with pytest.raises(ledger.LedgerRefused, match="lie in cash"):
            ledger.withdraw(
                bankroll_id=bankroll.pk, amount=D("1.00"), reference="w", actor="test", now=NOON
            )


class TestAccounts:
    @pytest.mark.parametrize(
        "fields", [{"kind": "BOOK"}, {"kind": "CASH", "book": True}], ids=["no-book", "a-book"]
    )
    def test_name_a_book_exactly_where_they_lie_at_one(self, bankroll, fields):
        if fields.get("book"):
            fields = {**fields, "book": a_book()}
        with pytest.raises(IntegrityError, match="account_"), transaction.atomic():
            LedgerAccount.objects.create(bankroll=bankroll, currency="EUR", **fields)

    def test_of_a_bonus_never_fall_below_zero(self, bankroll):
        move(bankroll, "outside", "bonus:bet365")
        with pytest.raises(ledger.LedgerRefused, match=r"100.00 that is free"):
            move(bankroll, "bonus:bet365", "bet365", "100.01", "r2")
        with pytest.raises(IntegrityError, match="not_below_zero"), transaction.atomic():
            LedgerAccount.objects.filter(kind="BONUS").update(balance=-1)

    def test_that_disagree_with_the_bankroll_are_seen(self, bankroll):
        move(bankroll, "cash", "bet365")
        LedgerAccount.objects.filter(kind="BOOK").update(balance=D("101.00"))
        (found,) = ledger.imbalances()
        assert (found.accounts, found.balance) == (D("1.00"), D("1.00"))


class TestSettling:
    def test_moves_what_lies_at_the_book_and_cash_where_nothing_does(self, bankroll):
        move(bankroll, "cash", "bet365")
        other = a_book("pinnacle")
        for book in (a_book(), other):
            bet = an_accepted_bet(a_selection(), bankroll=bankroll, book=book)
            a_result(bet, 1, 0)
        settling.settle_due(as_of=NOON, now=NOON, actor="test")
        found = balances(bankroll)
        assert (found["bet365"], found["CASH"], found["all"]) == (109, 909, 1018)

    def test_corrects_at_the_book_also_what_was_paid_in_cash(self, bankroll):
        bet = an_accepted_bet(bankroll=bankroll, book=a_book())
        a_result(bet, 1, 0)
        settling.settle_due(as_of=NOON, now=NOON, actor="test")
        assert balances(bankroll)["CASH"] == 1009
        move(bankroll, "cash", "bet365")
        a_result(bet, 0, 1, known_at=LATER)
        settling.settle_due(as_of=LATER, now=LATER, actor="test")
        found = balances(bankroll)
        assert (found["bet365"], found["CASH"], found["all"]) == (81, 909, 990)


def post(client, url, body):
    return client.post(url, json.dumps(body), content_type="application/json")


class TestDoors:
    def test_a_command_the_api_and_a_page_move_money_for_those_who_may(
        self, bankroll, client, capsys
    ):
        words = ["transfer_money", "--bankroll", "Main", "--from", "cash", "--to", "bet365",
                 "--amount", "10.00", "--reference", "c1", "--reason", "r"]  # fmt: skip
        call_command(*words, "--output", "json")
        told = json.loads(capsys.readouterr().out)
        assert (told["kind"], told["to"]) == ("TRANSFER", "Main Money at bet365")
        for change in (("Main", "Nobody"), ("10.00", "ten"), ("10.00", "1_0")):
            with pytest.raises(SystemExit):
                call_command(*[change[1] if word == change[0] else word for word in words])
        roles.ensure_roles()
        client.force_login(a_person("lea", roles.OPS_LEAD))
        asked = {"bankroll": bankroll.pk, "from_place": "cash", "to_place": "bet365",
                 "amount": "5.00", "reference": "a1", "reason": "r"}  # fmt: skip
        url = "/api/v1/ledger-transfers"
        assert post(client, url, asked).json()["amount"] == "5.00"
        assert (
            post(client, url, {**asked, "amount": "9000.00", "reference": "a"}).status_code == 409
        )
        for bad in ({"amount": "0.001"}, {"amount": "-1"}, {"from_place": ""}):
            assert post(client, url, {**asked, **bad}).status_code == 400
        page = reverse("admin:betting_bankroll_do", args=[bankroll.pk, "move"])
        assert "Bonus of pinnacle" in client.get(page).content.decode()
        form = {"source": "bet365", "target": "outside", "amount": "15.00", "reference": "p1",
                "reason": "r", "confirmed": "1"}  # fmt: skip
        client.post(page, form)
        assert balances(bankroll) == {"CASH": 985, "CAPITAL": -985, "all": 985}
        client.force_login(a_person("vera", roles.VIEWER))
        assert post(client, url, asked).status_code == 403
