"""Bets placed elsewhere, recorded over the API, on the page and by command."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from betting.models import Bankroll, Bet, TrackedBet
from markets.models import Event, Selection
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.betting.builders import a_bankroll, a_bet, a_book, a_selection, an_event
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
PAGE = "admin:betting_bet_record"


@pytest.fixture
def bankroll() -> Bankroll:
    return a_bankroll("100.00", name="Mine")


@pytest.fixture
def event() -> Event:
    a_book()
    return an_event(starts_at=timezone.now() + timedelta(hours=5))


@pytest.fixture
def operator(client: Client) -> Client:
    roles.ensure_roles()
    client.force_login(a_person("olga", roles.OPERATOR))
    return client


def send(client: Client, path: str, body: object, method: str = "post", **headers: str):
    return getattr(client, method)(
        f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers
    )


def a_body(bankroll: Bankroll, event: Event, /, **changes: object) -> dict[str, object]:
    named = {"event": event.name, "market": "1X2", "answer": "HOME"}
    asked = {"bankroll": bankroll.pk, "book": "alpha", "price": "2.00", "stake": "10.00"}
    return {**asked, **named, **changes}


class TestApi:
    def test_makes_one_bet_of_the_same_request_twice(self, operator, bankroll, event):
        body = a_body(bankroll, event, note="by phone")
        answers = [send(operator, "bets", body, **{"idempotency-key": "k1"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 200]
        assert answers[0].json()["id"] == answers[1].json()["id"]
        assert (answers[0].json()["venue"], answers[0].json()["liability"]) == ("manual", "10.00")
        other = send(operator, "bets", {**body, "stake": "9.00"}, **{"idempotency-key": "k1"})
        assert (other.status_code, other.json()["code"]) == (409, "BetRefused")
        assert Bet.objects.count() == 1

    @pytest.mark.parametrize(
        "changes, field",
        [
            ({"stake": "0"}, "stake"),
            ({"stake": "-1"}, "stake"),
            ({"stake": "1e400"}, "stake"),
            ({"stake": True}, "stake"),
            ({"stake": "1.001"}, "stake"),
            ({"stake": "100.01"}, "stake"),
            ({"price": "1.0"}, "price"),
            ({"price": "NaN"}, "price"),
            ({"side": "BOTH"}, "side"),
            ({"answer": "Nobody"}, "answer"),
            ({"event": "Nobody v Nobody"}, "event"),
            ({"market": "TOTAL"}, "market"),
            ({"book": "nowhere"}, "book"),
            ({"bankroll": 2**40}, "bankroll"),
            ({"currency": "USD"}, "currency"),
            ({"placed_at": "2031-01-01T00:00:00Z"}, "placed_at"),
            ({"status": "SETTLED"}, "status"),
            ({"selection": 1}, "selection"),
        ],
        ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
    )
    def test_names_the_field_that_it_refuses(self, operator, bankroll, event, changes, field):
        answer = send(operator, "bets", a_body(bankroll, event, **changes))
        assert answer.status_code in (400, 409)
        told = answer.json()
        fields = [error["field"] for error in told.get("errors", [])]
        assert field in fields or told["detail"].startswith(f"{field}: ")
        assert not Bet.objects.exists()

    def test_changes_accepts_and_voids_what_was_recorded(self, operator, bankroll, event):
        asked = a_body(bankroll, event, is_accepted=False)
        key = send(operator, "bets", asked).json()["id"]
        changed = send(operator, f"bets/{key}", {"price": "2.10", "reason": "better"}, "patch")
        assert (changed.status_code, changed.json()["price"]) == (200, "2.100")
        odd = send(operator, f"bets/{key}", {"bankroll": 1, "reason": "x"}, "patch")
        assert odd.status_code == 400
        assert send(operator, f"bets/{key}/accept", {}).json()["status"] == "ACCEPTED"
        assert send(operator, f"bets/{key}/void", {}).status_code == 400
        voided = send(operator, f"bets/{key}/void", {"reason": "palpable"}).json()
        assert (voided["status"], voided["status_reason"]) == ("CANCELLED", "palpable")
        assert send(operator, f"bets/{a_bet().pk}/void", {"reason": "x"}).status_code == 409

    def test_is_closed_to_who_may_only_look(self, client, bankroll, event):
        roles.ensure_roles()
        client.force_login(a_person("vera", roles.VIEWER))
        assert send(client, "bets", a_body(bankroll, event)).status_code == 403
        assert client.get(reverse(PAGE)).status_code == 403


class TestPage:
    def slip(self, bankroll: Bankroll, event: Event, **changes: object) -> dict[str, object]:
        return {
            "selection": a_selection(event).pk, "side": "LAY", "bankroll": bankroll.pk,
            "book": a_book().pk, "price": "4.5", "stake": "10", "reference": "slip 9",
            "is_accepted": "on", **changes,
        }  # fmt: skip

    def test_lists_what_starts_next_before_anything_is_searched(
        self, operator, event, django_assert_max_num_queries
    ):
        now = timezone.now()
        soon = an_event(starts_at=now + timedelta(hours=1))
        played = an_event(starts_at=now - timedelta(hours=1))
        bare = an_event(starts_at=now + timedelta(hours=2))
        Selection.objects.filter(market__event=bare).update(removed_at=now)
        simulated = an_event(starts_at=now + timedelta(minutes=1), is_simulated=True)
        for _ in range(3):
            an_event(starts_at=now + timedelta(days=1))
        operator.get(reverse(PAGE))
        with django_assert_max_num_queries(12):
            text = operator.get(reverse(PAGE)).content.decode()
        at = [text.find(f'?event={one.pk}"') for one in (soon, event, simulated)]
        assert at == sorted(at) and at[0] > 0
        assert not any(f'?event={one.pk}"' in text for one in (played, bare))
        searched = operator.get(reverse(PAGE), {"q": "nothing such"}).content.decode()
        assert f'?event={soon.pk}"' not in searched

    def test_finds_the_event_shows_the_liability_and_records_once(self, operator, bankroll, event):
        page = reverse(PAGE)
        assert page in operator.get(reverse("admin:betting_bet_changelist")).content.decode()
        found = operator.get(page, {"q": event.name.split()[1]}).content.decode()
        assert f"?event={event.pk}" in found
        at = f"{page}?event={event.pk}"
        assert "1X2: Home" in operator.get(at).content.decode()
        checked = operator.post(at, {**self.slip(bankroll, event), "check": "yes"})
        text = checked.content.decode()
        assert "35.00" in text and "65.00" in text and not Bet.objects.exists()
        for _ in range(2):
            answer = operator.post(at, {**self.slip(bankroll, event), "record": "yes"})
            assert answer.status_code == 302
        bet = Bet.objects.get()
        assert (bet.side, bet.liability) == ("LAY", Decimal("35.00"))
        assert "slip 9" in operator.get(answer["Location"]).content.decode()

    def test_says_beside_the_field_what_is_wrong(self, operator, bankroll, event):
        at = f"{reverse(PAGE)}?event={event.pk}"
        slip = self.slip(bankroll, event, stake="50")
        text = operator.post(at, {**slip, "record": "yes"}).content.decode()
        assert "175.00 is at risk, and 100.00 EUR is free" in text
        assert operator.post(at, {**slip, "stake": "1e2", "record": "yes"}).status_code == 200
        assert not Bet.objects.exists()

    def test_offers_changing_accepting_and_voiding_where_they_fit(self, operator, bankroll, event):
        at = f"{reverse(PAGE)}?event={event.pk}"
        operator.post(at, {**self.slip(bankroll, event), "is_accepted": "", "record": "yes"})
        bet = Bet.objects.get()

        def do(name: str, **values: str):
            url = reverse("admin:betting_bet_do", args=[bet.pk, name])
            confirmed = {"confirmed": "yes", "reason": "as told", **values}
            return operator.post(url, confirmed, follow=True).content.decode()

        assert "14.00 at risk" in do("change", stake="4")
        assert "Accepted." in do("accept")
        assert "void it instead" in do("change", stake="5")
        assert "Void:" in do("void")
        bet.refresh_from_db()
        assert (bet.status, bet.stake) == ("CANCELLED", Decimal("4.00"))
        actions = AuditEntry.objects.filter(subject=f"betting.Bet:{bet.pk}").values_list("action")
        assert sorted(action for (action,) in actions) == [
            "bet.accepted", "bet.changed", "bet.recorded", "bet.voided",
        ]  # fmt: skip


class TestCommand:
    def run(self, capsys, *words: str) -> tuple[dict, int]:
        code = 0
        try:
            call_command("bets", *words, "--output", "json")
        except SystemExit as end:
            code = end.code
        return json.loads(capsys.readouterr().out), code

    def test_records_accepts_and_voids(self, capsys, bankroll, event):
        words = ["record", "--bankroll", "Mine", "--event", event.name, "--market", "1X2",
                 "--selection", "Home", "--book", "alpha", "--price", "2.5", "--stake", "4",
                 "--reference", "r1"]  # fmt: skip
        told, code = self.run(capsys, *words, "--waits")
        assert (told["status"], told["new"], code) == ("RESERVED", True, 0)
        assert self.run(capsys, *words)[0]["new"] is False
        key = str(TrackedBet.objects.get().bet_id)
        assert self.run(capsys, "accept", key)[0]["status"] == "ACCEPTED"
        assert self.run(capsys, "void", key)[1] == 1
        assert self.run(capsys, "void", key, "--reason", "wrong")[0]["status"] == "CANCELLED"

    @pytest.mark.parametrize(
        "word, value, said",
        [
            ("--stake", "ten", "stake: expected a number"),
            ("--price", "١٠", "price: expected a number"),
            ("--bankroll", "Yours", "bankroll: there is no"),
            ("--placed-at", "2026-05-01T12:30", "with its zone"),
            ("--selection", "Nobody", "selection: expected one of Home"),
        ],
        ids=["stake", "price", "bankroll", "placed_at", "selection"],
    )
    def test_names_what_it_refuses(self, capsys, bankroll, event, word, value, said):
        words = {"--bankroll": "Mine", "--event": event.name, "--market": "1X2",
                 "--selection": "Home", "--book": "alpha", "--price": "2.5", "--stake": "4",
                 word: value}  # fmt: skip
        told, code = self.run(capsys, "record", *(part for pair in words.items() for part in pair))
        assert code == 1 and said in told["error"]
        assert not Bet.objects.exists()
