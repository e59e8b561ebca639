from datetime import timedelta
from decimal import Decimal

import pytest

from betting import queries
from betting.models import Bet, Decision, Strategy
from betting.services import deciding, halting, permitting, placing
from markets.models import Book, Event
from models_ml.models import ModelVersion
from monitoring.models import AuditEntry
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_bet,
    a_book,
    a_decision,
    a_pipeline,
    a_replay,
    a_sport,
    a_strategy,
    a_version,
    an_event,
    an_event_with_prices,
    predictions_of,
    together,
)
from tests.betting.venues import FakeVenue, place

pytestmark = pytest.mark.django_db


def refusal(decision: Decision, **options) -> str:
    """Place it where it must be refused; return the reason, having seen that nothing was sent."""
    venue = FakeVenue()
    report = place(decision, venue=options.pop("venue", venue), **options)
    assert (report.refused, report.accepted, venue.tickets) == (1, 0, [])
    assert not Bet.objects.filter(decision=decision).exists()
    decision.refresh_from_db()
    assert decision.refusal == report.refusals[decision.pk]
    return decision.refusal


class TestPlaceRefuses:
    def test_a_pass(self):
        event = an_event_with_prices()
        decisions = deciding.decide(
            strategy=a_strategy(),
            prediction_ids=[p.pk for p in predictions_of(event)],
            as_of=NOON,
            now=NOON,
        )
        passed = next(d for d in decisions if d.verdict == "PASS")
        assert refusal(passed) == permitting.NOT_A_BET

    def test_an_event_that_has_started(self):
        assert refusal(a_decision(), as_of=NOON + timedelta(hours=1)) == "EVENT_STARTED"

    def test_an_event_that_is_nearer_than_its_window_by_now(self):
        decision = a_decision(strategy=a_strategy(min_hours_to_start=0.5))
        assert refusal(decision, as_of=NOON + timedelta(minutes=31)) == "OUTSIDE_WINDOW"

    def test_an_event_that_started_before_its_time(self):
        decision = a_decision()
        Event.objects.update(started_at=NOON)
        assert refusal(decision) == "EVENT_STARTED"

    def test_an_event_that_is_off(self):
        decision = a_decision()
        Event.objects.update(status="CANCELLED")
        assert refusal(decision) == "EVENT_NOT_SCHEDULED"

    def test_a_price_that_is_stale(self):
        assert refusal(a_decision(), as_of=NOON + timedelta(minutes=10)) == "PRICE_STALE"

    def test_a_price_that_is_not_quoted(self):
        assert refusal(a_decision(book="gamma")) == "NO_PRICE"

    def test_a_book_that_is_switched_off(self):
        decision = a_decision()
        Book.objects.filter(code="beta").update(is_enabled=False)
        assert refusal(decision) == "BOOK_DISABLED"

    def test_a_strategy_that_is_switched_off(self):
        decision = a_decision()
        Strategy.objects.update(is_enabled=False)
        assert refusal(decision) == permitting.STRATEGY_DISABLED

    def test_a_version_that_no_longer_serves(self):
        decision = a_decision()
        ModelVersion.objects.update(stage="ARCHIVED")
        assert refusal(decision) == "VERSION_NOT_SERVING"

    def test_simulated_events_with_real_money(self):
        event = an_event_with_prices(is_simulated=True)
        prediction = predictions_of(event, version=a_version(pipeline=a_pipeline()))[0]
        assert refusal(a_decision(prediction=prediction)) == permitting.SIMULATED_MISMATCH

    def test_real_events_with_simulated_money(self):
        strategy = a_strategy(bankroll=a_bankroll(is_simulated=True))
        assert refusal(a_decision(strategy=strategy)) == permitting.SIMULATED_MISMATCH

    def test_a_replays_prediction_with_other_money(self):
        prediction = predictions_of(an_event_with_prices(), replay=a_replay())[0]
        assert refusal(a_decision(prediction=prediction)) == permitting.REPLAY_MISMATCH

    def test_live_money_which_has_no_venue(self):
        decision = a_decision(strategy=a_strategy(bankroll=a_bankroll(kind="LIVE")))
        assert refusal(decision, venue=None) == permitting.NO_VENUE

    @pytest.mark.parametrize(
        "limits, stake, expected",
        [
            ({"max_stake_share": 0.01}, "10.01", "STAKE_LIMIT"),
            ({"max_stake_share": 1, "max_event_share": 0.01}, "10.01", "EVENT_LIMIT"),
            ({"max_day_share": 0.01}, "10.01", "DAY_LIMIT"),
            ({"max_open_share": 0.01}, "10.01", "OPEN_LIMIT"),
            (
                {
                    "max_stake_share": 1,
                    "max_event_share": 1,
                    "max_day_share": 1,
                    "max_open_share": 1,
                },
                "1000.01",
                "STAKE_LIMIT",
            ),
        ],
    )
    def test_a_stake_over_a_limit_by_a_cent(self, limits, stake, expected):
        assert refusal(a_decision(strategy=a_strategy(**limits), stake=stake)) == expected

    def test_more_than_is_available(self):
        bankroll = a_bankroll("100.00")
        a_bet(
            bankroll=bankroll, event=an_event(), stake="95.00", placed_at=NOON - timedelta(days=2)
        )
        wide = dict.fromkeys(
            ["max_stake_share", "max_event_share", "max_day_share", "max_open_share"], 1
        )
        strategy = a_strategy(bankroll=bankroll, **wide)
        assert refusal(a_decision(strategy=strategy, stake="5.01")) == "OPEN_LIMIT"
        assert place(a_decision(strategy=strategy, stake="5.00"), venue=FakeVenue()).accepted == 1

    def test_a_second_bet_of_the_strategy_on_one_event(self):
        strategy, event = a_strategy(), an_event_with_prices()
        first, second = (
            a_decision(strategy=strategy, prediction=prediction, price=price)
            for prediction, price in zip(predictions_of(event), ["2.20", "3.30"], strict=False)
        )
        report = place(first, second, venue=FakeVenue())
        assert (report.accepted, report.refusals) == (1, {second.pk: "ALREADY_BET"})

    def test_what_its_own_batch_took_already(self):
        strategy = a_strategy(max_day_share=0.025)
        decisions = [a_decision(strategy=strategy) for _ in range(3)]
        report = place(*decisions, venue=FakeVenue())
        assert (report.accepted, report.refusals) == (2, {decisions[2].pk: "DAY_LIMIT"})

    def test_once_in_the_audit_however_often_it_is_asked(self):
        decision = a_decision()
        Book.objects.filter(code="beta").update(is_enabled=False)
        for _ in range(3):
            refusal(decision)
        entry = AuditEntry.objects.get(action="bet.refused")
        assert (entry.subject, entry.detail) == (
            f"betting.Decision:{decision.pk}",
            {"reason": "BOOK_DISABLED"},
        )

    def test_only_as_long_as_the_rule_forbids_it(self):
        decision = a_decision()
        Book.objects.filter(code="beta").update(is_enabled=False)
        refusal(decision)
        Book.objects.filter(code="beta").update(is_enabled=True)
        assert place(decision, venue=FakeVenue()).accepted == 1
        decision.refresh_from_db()
        assert decision.refusal == ""


class TestPlaceWhileHalted:
    @pytest.mark.parametrize("scope", ["ALL", "STRATEGY", "BOOK", "SPORT"])
    def test_refuses_everything_in_scope(self, scope):
        decision = a_decision()
        row = {
            "ALL": None,
            "STRATEGY": decision.strategy_id,
            "BOOK": decision.book_id,
            "SPORT": a_sport().pk,
        }[scope]
        standing = halting.halt(reason="?", actor="t", now=NOON, scope=scope, scope_id=row)
        assert refusal(decision) == "HALTED"
        halting.lift(halt_id=standing.pk, actor="t", reason="fine", now=NOON)
        assert place(decision, venue=FakeVenue()).accepted == 1

    def test_leaves_other_scopes_alone(self):
        decision = a_decision()
        for scope, row in (
            ("STRATEGY", a_strategy()),
            ("BOOK", a_book("gamma")),
            ("SPORT", a_sport("tennis")),
        ):
            halting.halt(reason="?", actor="t", now=NOON, scope=scope, scope_id=row.pk)
        assert place(decision, venue=FakeVenue()).accepted == 1

    def test_the_due_path_places_nothing_either(self):
        decision = a_decision()
        halting.halt(reason="?", actor="t", now=NOON)
        assert placing.place_due(now=NOON)["refused"] == 1
        assert not Bet.objects.exists()
        decision.refresh_from_db()
        assert decision.refusal == "HALTED"


@pytest.mark.django_db(transaction=True)
def test_eight_placers_never_pass_a_limit_by_a_cent():
    bankroll, venue = a_bankroll("1000.00"), FakeVenue()
    strategy = a_strategy(bankroll=bankroll, max_open_share=0.05, max_stake_share=0.02)
    decisions = [a_decision(strategy=strategy, stake="12.50") for _ in range(8)]
    assert together(*[lambda d=d: place(d, venue=venue) for d in decisions]) == []
    assert queries.open_exposure(bankroll_id=bankroll.pk) == Decimal("50.00")
    assert len(venue.tickets) == 4
    assert Decision.objects.filter(refusal="OPEN_LIMIT").count() == 4


@pytest.mark.django_db(transaction=True)
def test_two_strategies_cannot_stake_the_same_money():
    bankroll, venue = a_bankroll("10.00"), FakeVenue()
    wide = dict.fromkeys(
        ["max_stake_share", "max_event_share", "max_day_share", "max_open_share"], 1
    )
    decisions = [
        a_decision(strategy=a_strategy(bankroll=bankroll, **wide), stake="10.00") for _ in range(2)
    ]
    assert together(*[lambda d=d: place(d, venue=venue) for d in decisions]) == []
    assert len(venue.tickets) == 1


@pytest.mark.django_db(transaction=True)
def test_a_halt_set_by_another_worker_stops_the_very_next_bet():
    decision, venue = a_decision(), FakeVenue()
    assert together(lambda: halting.halt(reason="?", actor="t", now=NOON)) == []
    assert place(decision, venue=venue).refusals == {decision.pk: "HALTED"}
    assert venue.tickets == []
