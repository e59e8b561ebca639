"""Limits hold on every path by which a bet comes to be; where none can, what is broken is told."""

import json
from collections.abc import Callable
from contextlib import redirect_stderr
from datetime import timedelta
from decimal import Decimal as D
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from betting.models import Bankroll, Bet, TrackedBet, TradingHalt
from betting.queries import uses
from betting.services import (
    adopting,
    bet_mappings,
    importing,
    limiting,
    recording,
    twinning,
)
from betting.services.recording import BetRefused, Told
from betting.venues.base import Foreign
from markets.models import Event, Selection
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.betting.builders import (
    a_bankroll,
    a_bet,
    a_book,
    a_decision,
    a_selection,
    a_strategy,
    an_event,
    an_event_with_prices,
    together,
)
from tests.betting.venues import FakeVenue, place
from tests.config.builders import a_person

PLAIN = pytest.mark.django_db
STAKES = "EVENT_LIMIT: open bets on the event: a stake of 60.00 where there is room for 50.00"


@pytest.fixture
def bankroll() -> Bankroll:
    """A thousand, of which an event may cost a twentieth."""
    bankroll = a_bankroll("1000.00", name="Mine")
    limit("EVENT", share=0.05)
    return bankroll


@pytest.fixture
def event() -> Event:
    a_book()
    return an_event(starts_at=timezone.now() + timedelta(hours=5))


def limit(dimension: str, **values: object) -> None:
    limiting.set_limit(
        dimension=dimension, actor="t", reason="a trial", now=timezone.now(), **values
    )


def told(bankroll: Bankroll, event: Event, **changes: object) -> Told:
    asked = {
        "bankroll_id": bankroll.pk, "selection_id": a_selection(event).pk,
        "book_id": a_book().pk, "price": D("2.00"), "stake": D("60.00"),
    }  # fmt: skip
    return Told(**{**asked, **changes})


def record(bet: Told, **changes: object) -> Bet:
    return recording.record(told=bet, **{"actor": "user:alice", "now": timezone.now(), **changes})[
        0
    ]


def by_service(bankroll: Bankroll, event: Event) -> str:
    with pytest.raises(BetRefused) as no:
        record(told(bankroll, event))
    return str(no.value)


def by_service_before_it_is_taken(bankroll: Bankroll, event: Event) -> str:
    with pytest.raises(BetRefused) as no:
        record(told(bankroll, event), is_accepted=False)
    return str(no.value)


def by_change(bankroll: Bankroll, event: Event) -> str:
    waits = record(told(bankroll, event, stake=D("50.00")), is_accepted=False)
    with pytest.raises(BetRefused) as no:
        recording.change(
            bet_id=waits.pk, actor="t", reason="more", now=timezone.now(), stake=D("60.00")
        )
    waits.refresh_from_db()
    assert waits.stake == 50
    recording.void(bet_id=waits.pk, actor="t", reason="never mind", now=timezone.now())
    return str(no.value)


def by_api(bankroll: Bankroll, event: Event) -> str:
    body = {
        "bankroll": bankroll.pk, "book": "alpha", "selection": a_selection(event).pk,
        "price": "2.00", "stake": "60.00",
    }  # fmt: skip
    answer = an_operator().post("/api/v1/bets", json.dumps(body), content_type="application/json")
    assert answer.status_code == 409, answer.content
    return answer.json()["detail"]


def by_page(bankroll: Bankroll, event: Event) -> str:
    slip = {
        "selection": a_selection(event).pk, "side": "BACK", "bankroll": bankroll.pk,
        "book": a_book().pk, "price": "2.00", "stake": "60.00", "reference": "slip 17",
        "is_accepted": "on", "record": "yes",
    }  # fmt: skip
    url = f"{reverse('admin:betting_bet_record')}?event={event.pk}"
    answer = an_operator().post(url, slip)
    assert answer.status_code == 200
    return answer.content.decode()


def by_command(bankroll: Bankroll, event: Event) -> str:
    with redirect_stderr(StringIO()) as said, pytest.raises(SystemExit):
        call_command(
            "bets", "record", bankroll="Mine", event=event.name, market="1X2", selection="HOME",
            book="alpha", price="2.00", stake="60.00",
        )  # fmt: skip
    return " ".join(said.getvalue().split())


def an_operator() -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("olga", roles.OPERATOR))
    return client


REFUSING: list[Callable[[Bankroll, Event], str]] = [
    by_service, by_service_before_it_is_taken, by_change, by_api, by_page, by_command,
]  # fmt: skip


@PLAIN
class TestABetByHand:
    @pytest.mark.parametrize("path", REFUSING, ids=lambda path: path.__name__)
    def test_beyond_a_limit_is_refused_with_its_code_and_numbers(self, path, bankroll, event):
        assert f"{STAKES}, limit 50.00" in path(bankroll, event)
        assert not Bet.objects.open().exists()

    def test_is_told_every_limit_that_it_breaks(self, bankroll, event):
        limit("STAKE", amount="20")
        limit("PRICE", number="1.5")
        limit("DAY_BETS", number="1")
        record(told(bankroll, event, stake=D("10"), price=D("1.5")))
        with pytest.raises(BetRefused) as no:
            record(told(bankroll, event))
        assert [each.partition(":")[0] for each in no.value.message.split("; ")] == [
            "STAKE_LIMIT", "PRICE_LIMIT", "EVENT_LIMIT", "DAY_BETS_LIMIT",
        ]  # fmt: skip
        assert "how many bets the day has: 1 already, limit 1" in no.value.message

    def test_counts_towards_the_day_in_which_it_was_placed(self, bankroll, event):
        limit("EVENT", share=1)
        limit("DAY", amount="100")
        then = timezone.now() - timedelta(days=3)
        record(told(bankroll, event, stake=D("80"), placed_at=then))
        record(told(bankroll, event, stake=D("80")))
        with pytest.raises(BetRefused, match=r"DAY_LIMIT.*room for 20.00"):
            record(told(bankroll, event, stake=D("30"), placed_at=then))

    def test_that_takes_another_place_does_not_count_that_one(self, bankroll, event):
        waits = record(told(bankroll, event, stake=D("50.00")), is_accepted=False)
        changed = recording.change(
            bet_id=waits.pk, actor="t", reason="less", now=timezone.now(), price=D("3.00")
        )
        assert (changed.price, changed.stake) == (3, 50)

    def test_on_a_race_counts_towards_its_runner(self, bankroll, event):
        limit("EVENT", share=1)
        Event.objects.filter(pk=event.pk).update(home=None, away=None)
        runner = a_selection(event)
        limit("PARTICIPANT", share=0.05)
        with pytest.raises(BetRefused, match="PARTICIPANT_UNKNOWN: nobody knows who takes part"):
            record(told(bankroll, event))
        asked = told(bankroll, event, stake=D("40.00"), reference="")
        horse = an_event().home
        Selection.objects.filter(pk=runner.pk).update(role="RUNNER", participant=horse)
        record(asked)
        with pytest.raises(BetRefused, match=r"PARTICIPANT_LIMIT.*room for 10.00"):
            record(asked)

    def test_is_held_to_a_breaker_that_another_bet_tries(self, bankroll, event):
        now = timezone.now()
        TradingHalt.objects.create(
            scope="BANKROLL", scope_id=bankroll.pk, rule="venue-failures", reason="?", set_by="r",
            set_at=now - timedelta(hours=1), expires_at=now - timedelta(minutes=1),
        )  # fmt: skip
        a_bet(bankroll=bankroll, status="RESERVED", placed_at=now)
        with pytest.raises(BetRefused, match="BREAKER_HALF_OPEN"):
            record(told(bankroll, event, stake=D("10.00")))

    def test_that_stands_already_is_recorded_and_told(self, bankroll, event):
        bet = record(told(bankroll, event), beyond_limits=True)
        (beyond,) = bet.tracked.beyond
        assert beyond.startswith(STAKES)
        entry = AuditEntry.objects.get(action="bet.beyond_limits")
        assert entry.detail["beyond"] == [beyond]
        page = an_operator().get(reverse("admin:betting_bet_change", args=[bet.pk]))
        assert STAKES in page.content.decode()

    def test_that_does_not_stand_yet_is_never_beyond_them(self, bankroll, event):
        with pytest.raises(BetRefused) as no:
            record(told(bankroll, event, stake=D("1")), is_accepted=False, beyond_limits=True)
        assert no.value.field == "beyond_limits"

    def test_within_them_tells_nothing(self, bankroll, event):
        bet = record(told(bankroll, event, stake=D("50.00")), beyond_limits=True)
        assert bet.tracked.beyond == []
        assert not AuditEntry.objects.filter(action="bet.beyond_limits").exists()

    def test_keeps_to_funds_and_halts_wherever_it_stands(self, bankroll, event):
        with pytest.raises(BetRefused) as no:
            record(told(bankroll, event, stake=D("1000.01")), beyond_limits=True)
        assert no.value.field == "stake"


@pytest.mark.django_db(transaction=True)
def test_bets_recorded_at_once_stay_together_within_a_limit(bankroll, event):
    works = [
        lambda: record(told(bankroll, event, stake=D("20.00"), reference=""))
    ] * 4  # fmt: skip
    refused = together(*works)
    assert [type(no) for no in refused] == [BetRefused, BetRefused]
    assert sum(Bet.objects.values_list("stake", flat=True)) == 40


@PLAIN
class TestAFile:
    def read(self, event: Event, *rows: str, **changes: object) -> importing.ImportReport:
        now = timezone.now()
        bet_mappings.ensure_presets(now=now)
        placed = (now - timedelta(minutes=1)).isoformat()
        lines = [
            "bankroll,event,market,selection,book,side,price,stake,placed_at,published_outcome"
        ]
        lines += [
            f"Mine,{event.name},1X2,HOME,alpha,BACK,2.00,{row.format(placed)}" for row in rows
        ]
        return importing.import_bets(
            mapping="closing_line", payload="\n".join(lines).encode(), file="march.csv",
            actor="user:alice", now=now, **changes,
        )  # fmt: skip

    def test_tells_which_rows_are_beyond_which_limit_and_refuses_none(self, bankroll, event):
        report = self.read(event, "40.00,{},", "30.00,{},", "5.00,{},")
        assert (report.made, report.refused, report.beyond) == (3, 0, {"EVENT_LIMIT": 2})
        assert [(each["row"], len(each["limits"])) for each in report.beyond_rows] == [
            (2, 1),
            (3, 1),
        ]
        assert (
            "a stake of 30.00 where there is room for 10.00" in report.beyond_rows[0]["limits"][0]
        )
        kept = TrackedBet.objects.order_by("row").values_list("beyond", flat=True)
        assert [len(each) for each in kept] == [0, 1, 1]
        audited = AuditEntry.objects.get(action="bet.imported")
        assert audited.detail["beyond"] == {"EVENT_LIMIT": 2}

    def test_asks_nothing_of_what_is_over(self, bankroll, event):
        report = self.read(event, "400.00,{},LOST", "40.00,{},")
        assert (report.made, report.beyond) == (2, {})

    def test_tells_it_in_the_preview_too(self, bankroll, event):
        report = self.read(event, "60.00,{},", dry_run=True)
        assert report.beyond == {"EVENT_LIMIT": 1}
        assert not Bet.objects.exists()


@PLAIN
class TestOtherPaths:
    def used(self) -> float:
        return next(use.share for use in uses.uses(now=timezone.now()) if use.dimension == "EVENT")

    def test_a_decided_bet_is_refused(self, bankroll):
        strategy = a_strategy(bankroll=bankroll, max_event_share=1.0, max_stake_share=1.0)
        decision = a_decision(strategy=strategy, event=an_event_with_prices(), stake="60.00")
        assert place(decision, venue=FakeVenue()).refusals == {decision.pk: "EVENT_LIMIT"}

    def test_an_order_placed_outside_counts_and_is_told(self, event):
        live = a_bankroll("1000.00", kind="LIVE")
        limit("OPEN", share=0.05)
        adopting.adopt(now=timezone.now(), venues={"elsewhere": Elsewhere()})
        assert uses.uses(now=timezone.now())[0].in_words() == "Open in all, 60.00 EUR of 50.00 EUR"
        with pytest.raises(BetRefused, match=r"OPEN_LIMIT.*room for 0.00"):
            record(told(live, event, stake=D("10.00")))

    def test_a_twin_on_paper_follows_a_bet_that_was_held_to_them(self, bankroll, monkeypatch):
        monkeypatch.setattr("betting.venues.name_for", lambda kind: "betfair")
        live = a_strategy(bankroll=a_bankroll(kind="LIVE"))
        now = timezone.now()
        twinning.set_twin(
            strategy_id=live.pk, bankroll_id=bankroll.pk, is_enabled=True, reason="?", actor="t",
            now=now,
        )  # fmt: skip
        a_bet(
            bankroll=live.bankroll, strategy=live, venue="betfair", stake="60.00",
            placed_at=now, order_state="SUBMITTED", status="RESERVED",
        )  # fmt: skip
        assert twinning.mirror_due(now=now)["mirrored"] == 1
        assert Bet.objects.filter(bankroll=bankroll).count() == 1


class Elsewhere:
    """A venue at which somebody bet sixty by hand on a market that nobody told of."""

    name, namespace, book_code, is_on = "elsewhere", "elsewhere", "elsewhere", True

    def place(self, tickets):
        return []

    def ask(self, client_refs, *, now):
        return []

    def standing(self, *, since):
        return [
            Foreign(
                venue_ref="9", told_ref="", market_ref="1.1", runner_ref="7", side="BACK",
                price=D("2.00"), stake=D("60.00"), matched=D("60.00"), matched_price=D("2.00"),
                waits=False, stands=True, placed_at=since,
            )
        ]  # fmt: skip
