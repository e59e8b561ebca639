"""A statement says to the cent what an account held, what moved it and why."""

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from monitoring.services import roles
from settlements.models import LedgerTransfer
from settlements.services import ledger, periods, settling, statement_files, stating
from tests.config.builders import a_person
from tests.settlements.builders import NOON, a_bankroll, a_result, an_accepted_bet

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)
DAY, NEXT = "2026-03-14", "2026-03-15"


def settle(at: datetime, **options) -> None:
    settling.settle_due(as_of=at, now=at, actor="test", **options)


@pytest.fixture
def told():
    """A thousand, a lost ten corrected into a won nine a day later, and a withdrawal."""
    bankroll = a_bankroll("1000.00", name="=Main")
    bet = an_accepted_bet(bankroll=bankroll)
    a_result(bet, 0, 1)
    settle(NOON)
    a_result(bet, 1, 0, known_at=LATER)
    settle(LATER)
    ledger.withdraw(
        bankroll_id=bankroll.pk, amount=D("9.00"), reference="=1+1", actor="test", now=LATER
    )
    return bankroll, bet


def head(bankroll, first=DAY, last=NEXT, kind="CASH"):
    period = periods.between(first=first, last=last, time_zone=bankroll.time_zone)
    return stating.head(of=bankroll.accounts.get(kind=kind), period=period)


class TestHead:
    def test_is_what_was_there_what_moved_and_what_is_there(self, told):
        found = head(told[0])
        assert (found.opening, found.moved, found.closing) == (D("1000.00"), D("0.00"), D("1000"))
        assert {one.kind: (one.n, one.came, one.went) for one in found.kinds} == {
            "SETTLEMENT": (2, D("9.00"), D("-10.00")),
            "REVERSAL": (1, D("10.00"), D("0.00")),
            "WITHDRAWAL": (1, D("0.00"), D("-9.00")),
        }

    def test_ends_where_the_next_begins(self, told):
        first, second = head(told[0], DAY, DAY), head(told[0], NEXT, NEXT)
        assert first.closing == second.opening == D("990.00")
        assert (first.n, second.n) == (1, 3)

    def test_of_the_other_accounts_is_its_mirror(self, told):
        whole = ("2020-01-01", "2030-01-01")
        closing = {one.kind: head(told[0], *whole, one.kind).closing
                   for one in stating.of_bankroll(told[0])}  # fmt: skip
        assert closing["CASH"] == D("1000.00")
        assert sum(closing.values()) == 0
        assert closing["PROFIT_AND_LOSS"] == D("-9.00")

    def test_of_a_day_ends_at_its_midnight_in_the_bankrolls_zone(self):
        bankroll = a_bankroll("0", time_zone="America/New_York")
        at = datetime(2026, 3, 15, 3, 59, tzinfo=UTC)  # 23:59 of the 14th there
        for number, moment in enumerate((at, at + timedelta(minutes=1))):
            ledger.deposit(
                bankroll_id=bankroll.pk, amount=D("1.00"), reference=f"r{number}", actor="test",
                now=moment,
            )  # fmt: skip
        assert head(bankroll, DAY, DAY).n == head(bankroll, NEXT, NEXT).n == 1

    def test_of_nothing_is_nothing(self):
        bankroll = a_bankroll("0.01")
        found = head(bankroll, "2020-01-01", "2020-01-02")
        assert (found.opening, found.n, found.closing) == (0, 0, 0)
        assert list(stating.lines(head=found)) == []


class TestLines:
    def test_say_why_each_amount_moved(self, told):
        bankroll, bet = told
        found = list(stating.lines(head=head(bankroll)))
        event = bet.selection.market.event.name
        assert [(line.cause, line.amount, line.balance) for line in found] == [
            (f"Bet #{bet.pk} LOST: {event}, Home", D("-10.00"), D("990.00")),
            (
                f"Takes back settle:{bet.pk}:1, Bet #{bet.pk} LOST: {event}, Home",
                D("10.00"),
                D("1000.00"),
            ),
            (f"Bet #{bet.pk} WON: {event}, Home", D("9.00"), D("1009.00")),
            ("=1+1", D("-9.00"), D("1000.00")),
        ]
        assert [line.other for line in found][-1] == "Deposits and withdrawals"

    def test_go_on_page_by_page_without_gap_or_doubling(self, told):
        of = head(told[0])
        whole = list(stating.lines(head=of))
        assert stating.page(head=of, limit=1) == whole[:1]
        assert stating.page(head=of, after=whole[0].id, limit=2) == whole[1:3]
        assert stating.page(head=of, after=whole[-1].id) == []

    def test_are_read_by_one_question_a_piece_whatever_their_number(self, told, monkeypatch):
        monkeypatch.setattr(stating, "PIECE", 2)
        of = head(told[0])
        with CaptureQueriesContext(connection) as asked:
            assert sum(line.amount for line in stating.lines(head=of)) == of.moved
        assert len(asked) == 3

    def test_leave_out_what_was_written_after_the_sums(self, told):
        of = head(told[0])
        ledger.deposit(
            bankroll_id=told[0].pk, amount=D("5.00"), reference="late", actor="test", now=LATER
        )
        assert list(stating.lines(head=of))[-1].balance == of.closing

    def test_of_another_statement_are_refused(self, told):
        opening = LedgerTransfer.objects.order_by("pk").first()
        with pytest.raises(stating.AccountRefused, match="no line"):
            stating.page(head=head(told[0]), after=opening.pk)


class TestOneMoment:
    @pytest.mark.django_db(transaction=True)
    def test_sees_nothing_of_what_is_written_meanwhile(self):
        bankroll = a_bankroll("10.00")
        pieces = statement_files.pieces(
            head=head(bankroll, "2025-01-01", "2026-12-31"), form="json"
        )
        read = [next(pieces)]
        with ThreadPoolExecutor(1) as other:
            other.submit(_deposit_elsewhere, bankroll.pk).result()
        told = json.loads(b"".join([*read, *pieces]))
        assert (told["closing"], [line["balance"] for line in told["lines"]]) == (
            "10.00", ["10.00"],
        )  # fmt: skip
        assert head(bankroll, "2025-01-01", "2026-12-31").closing == D("15.00")


def _deposit_elsewhere(bankroll_id: int) -> None:
    try:
        ledger.deposit(
            bankroll_id=bankroll_id, amount=D("5.00"), reference="meanwhile", actor="test",
            now=NOON - timedelta(days=401),
        )  # fmt: skip
    finally:
        connection.close()


class TestFiles:
    def test_in_csv_add_up_and_run_nothing(self, told):
        of = head(told[0])
        text = b"".join(statement_files.pieces(head=of, form="csv")).decode()
        rows = list(csv.DictReader(io.StringIO(text)))
        assert (rows[0]["kind"], rows[-1]["kind"]) == ("OPENING", "CLOSING")
        moved = sum(D(row["amount"]) for row in rows[1:-1])
        assert D(rows[0]["balance"]) + moved == D(rows[-1]["balance"])
        assert rows[-2]["cause"] == "'=1+1"
        assert rows[-2]["amount"] == "-9.00"

    def test_in_json_and_html_say_the_same(self, told):
        of = head(told[0])
        read = json.loads(b"".join(statement_files.pieces(head=of, form="json")))
        assert (read["opening"], read["closing"], len(read["lines"])) == ("1000.00", "1000.00", 4)
        html = b"".join(statement_files.pieces(head=of, form="html")).decode()
        assert "Statement of =Main Bankroll cash" in html
        assert html.count("<tr>") == 1 + 5 + 1 + 4

    def test_in_html_let_no_name_write_markup(self):
        bankroll = a_bankroll("1.00", name="<script>")
        html = b"".join(statement_files.pieces(head=head(bankroll), form="html")).decode()
        assert "<script>" not in html


class TestAccount:
    def test_is_found_by_number_name_and_kind(self, told):
        cash = told[0].accounts.get(kind="CASH")
        assert stating.account(str(cash.pk)) == stating.account("=Main") == cash
        assert stating.account("=Main/commission").kind == "COMMISSION"

    @pytest.mark.parametrize("text", ["", "0", "9" * 40, "No such", "Main/NOTHING", "a\x00", "²"])
    def test_that_there_is_not_is_refused(self, text):
        with pytest.raises(stating.AccountRefused):
            stating.account(text)


class TestPeriod:
    @pytest.mark.parametrize(
        "first, last",
        [
            (NEXT, DAY), ("yesterday", DAY), ("2026-02-30", DAY), ("2026-03-14T10:00", NEXT),
            ("0001-01-01", DAY), (DAY, "9999-12-31"), ("", DAY), (f"{DAY}T00:00Z", f"{DAY}T00:00Z"),
        ],
        ids=["upside-down", "word", "no-day", "no-zone", "too-old", "too-late", "empty", "moment"],
    )  # fmt: skip
    def test_that_is_none_is_refused(self, first, last):
        with pytest.raises(periods.PeriodRefused):
            periods.between(first=first, last=last, time_zone="Europe/London")


class TestDoors:
    def test_the_command_prints_each_form_and_refuses_in_words(self, told, capsys):
        words = ["statement", "--account", "=Main", "--from", DAY, "--until", NEXT]
        call_command(*words, "--output", "json")
        assert json.loads(capsys.readouterr().out)["closing"] == "1000.00"
        call_command(*words, "--output", "csv")
        assert len(capsys.readouterr().out.splitlines()) == 7
        call_command(*words)
        assert "1,009.00" in capsys.readouterr().out
        with pytest.raises(SystemExit) as end:
            call_command("statement", "--account", "nobody", "--output", "csv")
        assert end.value.code == 1
        assert capsys.readouterr().out == ""

    def test_the_page_shows_pages_and_files_to_those_who_may(self, told, client, monkeypatch):
        from settlements.admin import statements

        monkeypatch.setattr(statements, "LINES", 3)
        roles.ensure_roles()
        client.force_login(a_person("vera", roles.VIEWER))
        cash = told[0].accounts.get(kind="CASH")
        url = reverse("admin:settlements_statement", args=[cash.pk])
        with CaptureQueriesContext(connection) as asked:
            text = client.get(url, {"first": DAY, "last": NEXT}).content.decode()
        assert len(asked) < 15
        assert "Closing balance" in text and "Later movements" in text
        third = list(stating.lines(head=head(told[0])))[2]
        text = client.get(url, {"first": DAY, "last": NEXT, "after": third.id}).content.decode()
        assert "=1+1" in text and "Later movements" not in text
        file = client.get(url, {"first": DAY, "last": NEXT, "output": "csv"})
        assert b"CLOSING" in b"".join(file.streaming_content)
        assert "before it begins" in client.get(url, {"first": NEXT, "last": DAY}).content.decode()
        other = client.get(url, {"account": "999", "first": DAY, "last": "x", "after": "%00"})
        assert other.status_code == 200 and "Enter a valid date" in other.content.decode()
        assert client.get(reverse("admin:settlements_statement", args=[987654])).status_code == 404
        page = client.get(reverse("admin:betting_bankroll_change", args=[told[0].pk]))
        assert url in page.content.decode()
        client.force_login(a_person("nobody"))
        assert client.get(url).status_code == 403

    def test_the_api_answers_sums_lines_and_files(self, told, client):
        roles.ensure_roles()
        client.force_login(a_person("vera", roles.VIEWER))
        cash = told[0].accounts.get(kind="CASH")
        url = f"/api/v1/ledger-accounts/{cash.pk}/statement"
        asked = {"first_day": DAY, "last_day": NEXT, "limit": 3}
        found = client.get(url, asked).json()
        assert (found["opening"], found["closing"], found["n"]) == ("1000.00", "1000.00", 4)
        rest = client.get(url, {**asked, "after": found["next"]}).json()
        assert [line["cause"] for line in rest["lines"]] == ["=1+1"]
        assert rest["next"] is None
        file = client.get(f"{url}/file", {"since": f"{DAY}T00:00:00Z", "last_day": NEXT})
        assert file["Content-Disposition"].endswith(f'{DAY}-{NEXT}.csv"')
        assert b"CLOSING" in b"".join(file.streaming_content)
        for bad in ({"first_day": NEXT, "last_day": DAY}, {"after": 1}):
            assert client.get(url, bad).status_code == 409
        for bad in ({"since": "x"}, {"first_day": DAY, "since": f"{DAY}T00:00:00Z"}, {"x": 1}):
            assert client.get(url, bad).status_code == 400
        assert client.get("/api/v1/ledger-accounts/987654/statement").status_code == 404
