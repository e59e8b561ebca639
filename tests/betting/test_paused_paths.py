"""Paused means paused on every path that leads to a bet; what stakes nothing goes on."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from betting import tasks
from betting.models import Bankroll, Bet, Decision, Strategy, TradingHalt
from betting.services import deciding, halting, placing
from markets.models import Event
from models_ml.models import Prediction
from monitoring.models import TaskRun, User
from monitoring.services import executing, roles, tokens
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_bet,
    a_book,
    a_competition,
    a_decision,
    a_replay,
    a_selection,
    a_sport,
    a_strategy,
    an_event_with_prices,
    predictions_of,
)
from tests.betting.venues import FakeVenue, place
from tests.config.builders import a_person

DECIDE = "betting.tasks.decide_due"
CONFIRMED = {"confirmed": "yes", "reason": "asked for"}
SCOPES: dict[str, Callable[[Decision], int | None]] = {
    "ALL": lambda decision: None,
    "SPORT": lambda decision: a_sport().pk,
    "COMPETITION": lambda decision: a_competition().pk,
    "BOOK": lambda decision: decision.book_id,
    "STRATEGY": lambda decision: decision.strategy_id,
    "MODEL": lambda decision: decision.strategy.pipeline_id,
    "BANKROLL": lambda decision: decision.strategy.bankroll_id,
}


def an_operator() -> User:
    roles.ensure_roles()
    return a_person("olga", roles.OPERATOR)


def a_worker_runs_it() -> None:
    run = TaskRun.objects.get(task=DECIDE)
    assert executing.execute(run_id=run.pk, worker="worker@test", now=timezone.now())
    run.refresh_from_db()
    assert run.state == "SUCCEEDED"


def by_schedule() -> None:
    class Run:
        actor = f"task:{DECIDE}"

    tasks.decide_due.body(Run())


def by_command() -> None:
    call_command("decide")


def by_api() -> None:
    key, _ = tokens.make_token(
        name="robot",
        username=an_operator().username,
        scopes=["read", "run"],
        life=timedelta(days=1),
        actor="cli:test",
        now=timezone.now(),
    )
    answer = Client().post(
        f"/api/v1/jobs/{DECIDE}/runs",
        json.dumps({}),
        content_type="application/json",
        headers={"authorization": f"Token {key}"},
    )
    assert answer.status_code == 202, answer.content
    a_worker_runs_it()


def by_page(url: str) -> None:
    client = Client()
    client.force_login(an_operator())
    answer = client.post(url, CONFIRMED)
    assert answer.status_code == 302, answer.content
    a_worker_runs_it()


def by_job_page() -> None:
    by_page(reverse("job", args=[DECIDE]))


def by_strategy_page() -> None:
    by_page(reverse("admin:betting_strategy_do", args=[Strategy.objects.get().pk, "decide"]))


PATHS = [by_schedule, by_command, by_api, by_job_page, by_strategy_page]
ON_EVERY_PATH = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)


@pytest.fixture
def waiting() -> list[Prediction]:
    """Predictions that wait for a strategy's decision, one of them worth a bet right now."""
    now = timezone.now()
    a_strategy()
    event = an_event_with_prices(
        starts_at=now + timedelta(hours=1), seen_at=now - timedelta(seconds=5)
    )
    return predictions_of(event, as_of=now)


@pytest.mark.django_db(transaction=True)
class TestPaused:
    @ON_EVERY_PATH
    def test_decides_no_bet(self, path, waiting):
        halting.halt(reason="look", actor="user:alice", now=timezone.now())
        path()
        assert set(Decision.objects.values_list("verdict", "reason")) == {("PASS", "HALTED")}
        assert not Bet.objects.exists()

    @ON_EVERY_PATH
    def test_places_nothing_that_was_decided_before(self, path, waiting):
        now = timezone.now()
        assert deciding.decide_due(now=now)["bets"] == 1
        standing = halting.halt(reason="look", actor="user:alice", now=now)
        path()
        assert not Bet.objects.exists()
        assert Decision.objects.get(verdict="BET").refusal == "HALTED"
        halting.lift(halt_id=standing.pk, actor="user:bob", reason="fine", now=now)
        assert placing.place_due(now=timezone.now())["accepted"] == 1

    @ON_EVERY_PATH
    def test_bets_again_where_nothing_is_paused(self, path, waiting):
        path()
        assert Bet.objects.get().status == "ACCEPTED"

    def test_bets_again_by_itself_when_the_time_of_a_pause_is_over(self, waiting):
        now = timezone.now()
        deciding.decide_due(now=now)
        TradingHalt.objects.create(
            reason="look",
            set_by="user:alice",
            set_at=now - timedelta(hours=1),
            expires_at=now - timedelta(seconds=1),
        )
        by_schedule()
        assert Bet.objects.get().status == "ACCEPTED"
        assert TradingHalt.objects.get().lifted_by == "clock"

    def test_still_asks_venues_what_became_of_bets(self):
        stuck = a_bet(status="UNKNOWN", reserved_at=timezone.now() - timedelta(minutes=5))
        halting.halt(reason="look", actor="user:alice", now=timezone.now())
        call_command("reconcile")
        stuck.refresh_from_db()
        assert stuck.status == "REJECTED"


@pytest.mark.django_db
class TestPausedScope:
    @pytest.mark.parametrize("scope", SCOPES)
    def test_stops_deciding(self, scope):
        strategy, event = a_strategy(), an_event_with_prices()
        about = Decision(strategy=strategy, book=a_book("beta"))
        for book in ("alpha", "beta") if scope == "BOOK" else ("beta",):
            about.book = a_book(book)
            halting.halt(
                reason="?", actor="t", now=NOON, scope=scope, scope_id=SCOPES[scope](about)
            )
        decisions = self.decided(strategy, event)
        assert {d.verdict for d in decisions} == {"PASS"}
        assert {d.reason for d in decisions} == {"HALTED"}

    @pytest.mark.parametrize("scope", SCOPES)
    def test_stops_placing_what_only_this_scope_holds(self, scope):
        decision = a_decision()
        halt = halting.halt(
            reason="?", actor="t", now=NOON, scope=scope, scope_id=SCOPES[scope](decision)
        )
        venue = FakeVenue()
        assert place(decision, venue=venue).refusals == {decision.pk: "HALTED"}
        assert venue.tickets == []
        halting.lift(halt_id=halt.pk, actor="t", reason="fine", now=NOON)
        assert place(decision, venue=venue).accepted == 1

    def test_leaves_other_rows_of_every_scope_alone(self):
        decision, other = a_decision(), a_strategy()
        rows = {
            "SPORT": a_sport("tennis"),
            "COMPETITION": a_competition(is_simulated=True),
            "BOOK": a_book("gamma"),
            "STRATEGY": other,
            "BANKROLL": other.bankroll,
        }
        for scope, row in rows.items():
            halting.halt(reason="?", actor="t", now=NOON, scope=scope, scope_id=row.pk)
        assert place(decision, venue=FakeVenue()).accepted == 1

    def test_leaves_replays_alone(self):
        replay = a_replay()
        bankroll = a_bankroll(kind=Bankroll.Kind.REPLAY, replay=replay)
        strategy, event = a_strategy(bankroll=bankroll), an_event_with_prices()
        predictions = predictions_of(event, replay=replay)
        about = Decision(strategy=strategy, book=a_book("beta"))
        for scope in ("ALL", "SPORT", "COMPETITION", "BOOK", "MODEL"):
            halting.halt(
                reason="?", actor="t", now=NOON, scope=scope, scope_id=SCOPES[scope](about)
            )
        decisions = self.decided(strategy, event, predictions)
        bets = [d for d in decisions if d.verdict == "BET"]
        assert len(bets) == 1
        assert place(*bets, venue=FakeVenue()).accepted == 1

    def decided(
        self, strategy: Strategy, event: Event, predictions: list[Prediction] | None = None
    ) -> list[Decision]:
        found = predictions or predictions_of(event)
        return deciding.decide(
            strategy=strategy, prediction_ids=[p.pk for p in found], as_of=NOON, now=NOON
        )


@pytest.mark.django_db
class TestReduceOnly:
    """Home 10 at 2.20 is to be placed while only exposure may be lowered."""

    def halt(self, **scope: object) -> TradingHalt:
        return halting.halt(reason="?", actor="t", now=NOON, is_reduce_only=True, **scope)

    def standing(self, decision: Decision, event: Event, role: str, **fields: object) -> None:
        a_bet(
            bankroll=decision.strategy.bankroll,
            event=event,
            selection=a_selection(event, role),
            **fields,
        )

    def test_refuses_a_bet_on_a_market_without_exposure(self):
        decision = a_decision()
        self.halt()
        venue = FakeVenue()
        assert place(decision, venue=venue).refusals == {decision.pk: "REDUCE_ONLY"}
        assert venue.tickets == []

    def test_places_a_bet_that_lowers_what_its_market_can_cost(self):
        event = an_event_with_prices()
        decision = a_decision(event=event)
        self.standing(decision, event, "HOME", side="LAY", stake="10.00", price="3.00")
        self.halt()
        assert place(decision, venue=FakeVenue()).accepted == 1

    def test_counts_only_the_money_of_its_own_bankroll(self):
        event = an_event_with_prices()
        decision = a_decision(event=event)
        self.standing(a_decision(), event, "HOME", side="LAY", stake="10.00", price="3.00")
        self.halt()
        assert place(decision, venue=FakeVenue()).refusals == {decision.pk: "REDUCE_ONLY"}

    def test_counts_what_its_own_batch_took(self):
        event = an_event_with_prices()
        first = a_decision(event=event)
        second = a_decision(
            strategy=a_strategy(bankroll=first.strategy.bankroll),
            prediction=first.prediction,
        )
        self.standing(first, event, "HOME", side="LAY", stake="5.00", price="3.00")
        self.halt()
        report = place(first, second, venue=FakeVenue())
        assert (report.accepted, report.refusals) == (1, {second.pk: "REDUCE_ONLY"})

    def test_counts_no_bet_that_is_over(self):
        event = an_event_with_prices()
        decision = a_decision(event=event)
        self.standing(
            decision, event, "HOME", side="LAY", stake="10.00", price="3.00", status="CANCELLED"
        )
        self.halt()
        assert place(decision, venue=FakeVenue()).refused == 1

    def test_gives_way_to_a_stricter_halt_of_another_scope(self):
        decision = a_decision()
        self.halt()
        halting.halt(
            reason="?", actor="t", now=NOON, scope="STRATEGY", scope_id=decision.strategy_id
        )
        assert place(decision, venue=FakeVenue()).refusals == {decision.pk: "HALTED"}

    def test_still_decides_so_that_a_hedge_can_be_found(self):
        strategy, event = a_strategy(), an_event_with_prices()
        self.halt()
        decisions = deciding.decide(
            strategy=strategy,
            prediction_ids=[p.pk for p in predictions_of(event)],
            as_of=NOON,
            now=NOON,
        )
        assert [d.verdict for d in decisions].count("BET") == 1
