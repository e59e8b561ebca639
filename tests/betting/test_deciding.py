from datetime import timedelta
from decimal import Decimal

import pytest

from betting import queries
from betting.models import Bet, Decision
from betting.services import deciding, halting
from betting.services.strategies import StrategyRefused
from markets.models import Book, Competition, Event, LadderSnapshot
from markets.services import partitions
from monitoring.models import AuditEntry
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_bet,
    a_book,
    a_pipeline,
    a_replay,
    a_selection,
    a_sport,
    a_strategy,
    a_version,
    an_event,
    an_event_with_prices,
    predictions_of,
    quote,
)

pytestmark = pytest.mark.django_db


def decide(strategy, predictions, *, as_of=NOON, **options) -> list[Decision]:
    return deciding.decide(
        strategy=strategy,
        prediction_ids=[prediction.pk for prediction in predictions],
        as_of=as_of,
        now=NOON,
        **options,
    )


def reasons(decisions) -> list[str]:
    return [decision.reason for decision in sorted(decisions, key=lambda d: d.selection_id)]


class TestDecide:
    def test_bets_the_value_and_passes_the_rest_with_a_reason(self):
        event = an_event_with_prices()
        decisions = decide(a_strategy(), predictions_of(event))
        assert reasons(decisions) == ["VALUE", "EDGE_TOO_SMALL", "EDGE_TOO_SMALL"]
        bet = next(d for d in decisions if d.verdict == "BET")
        assert (bet.price, bet.book.code) == (Decimal("2.200"), "beta")
        assert bet.edge == pytest.approx(0.10)
        assert bet.stake == Decimal("20.00")  # quarter Kelly is 20.83; two per cent of 1,000 caps

    def test_keeps_the_whole_chain(self):
        decisions = decide(a_strategy(), predictions_of(an_event_with_prices()))
        chain = next(d for d in decisions if d.verdict == "BET").chain
        assert chain["prices"] == {"alpha": "2.100", "beta": "2.200"}
        assert chain["ages"] == {"alpha": 60, "beta": 60}
        assert chain["filters"] == {
            "PRICE_STALE": [60.0, 600.0],
            "OVERROUND_TOO_HIGH": [pytest.approx(0.043290), 0.15],
            "PRICE_OUT_OF_RANGE": [2.2, 1.1, 20.0],
            "PROBABILITY_TOO_LOW": [0.5, 0.0],
            "EDGE_TOO_SMALL": [0.1, 0.02],
            "EDGE_ABSURD": [0.1, 0.25],
        }
        assert chain["kelly"] == pytest.approx(0.1 / 1.2, abs=1e-6)
        assert chain["cuts"][:3] == [
            ["KELLY", "83.33"],
            ["KELLY_FRACTION", "20.83"],
            ["STAKE_LIMIT", "20.00"],
        ]
        assert chain["cuts"][-1] == ["STAKE_STEP", "20.00"]

    def test_twice_is_once(self):
        strategy, predictions = a_strategy(), predictions_of(an_event_with_prices())
        first, again = decide(strategy, predictions), decide(strategy, predictions)
        assert {d.pk for d in first} == {d.pk for d in again}
        assert Decision.objects.count() == 3
        assert AuditEntry.objects.filter(action="betting.decided").count() == 1

    def test_of_a_dry_run_writes_nothing(self):
        decisions = decide(a_strategy(), predictions_of(an_event_with_prices()), dry_run=True)
        assert reasons(decisions)[0] == "VALUE"
        assert not Decision.objects.exists()
        assert not AuditEntry.objects.exists()

    def test_takes_a_bounded_number_of_queries(self, django_assert_max_num_queries):
        strategy = a_strategy()
        predictions = [p for _ in range(8) for p in predictions_of(an_event_with_prices())]
        with django_assert_max_num_queries(16):
            decide(strategy, predictions)

    def test_counts_the_bets_of_its_own_batch_against_the_limits(self):
        strategy = a_strategy(max_day_share=0.05)
        predictions = [p for _ in range(4) for p in predictions_of(an_event_with_prices())]
        decisions = decide(strategy, predictions)
        stakes = [d.stake for d in decisions if d.verdict == "BET"]
        assert stakes == [Decimal("20.00"), Decimal("20.00"), Decimal("10.00")]
        assert [d.reason for d in decisions].count("DAY_LIMIT") == 1

    def test_takes_an_exchanges_price_where_enough_is_on_offer(self):
        a_book("beta", kind="EXCHANGE")
        event = an_event_with_prices()
        partitions.ensure(months=[(NOON.year, NOON.month)], table=partitions.LADDERS)
        home = a_selection(event)
        for seconds, size in ((90, "400.00"), (60, "150.00")):
            LadderSnapshot.objects.create(
                selection=home, book=a_book("beta"), seen_at=NOON - timedelta(seconds=seconds),
                back_prices=["2.20", "2.18"], back_sizes=[size, "900.00"], lay_prices=[],
                lay_sizes=[], fetched_at=NOON,
            )  # fmt: skip
        predictions, found = predictions_of(event), {}
        for least in (None, Decimal("150.00"), Decimal("150.01")):
            decisions = decide(a_strategy(min_liquidity=least), predictions)
            bet = next(d for d in decisions if d.verdict == "BET")
            found[least and str(least)] = (bet.book.code, bet.chain["prices"]["beta"])
        assert found == {
            None: ("beta", "2.200"),
            "150.00": ("beta", "2.200"),
            "150.01": ("alpha", "2.200 LIQUIDITY_TOO_LOW"),
        }

    def test_makes_no_more_bets_in_a_day_than_the_strategy_may_itself(self):
        bankroll = a_bankroll()
        events = [an_event_with_prices() for _ in range(3)]
        strategy = a_strategy(bankroll=bankroll, max_day_bets=2)
        a_bet(bankroll=bankroll, strategy=strategy, event=an_event(), stake="1.00")
        a_bet(bankroll=bankroll, event=an_event(), stake="1.00")  # somebody else's
        found = [d for event in events for d in decide(strategy, predictions_of(event))]
        best = [d.reason for d in found if d.edge == pytest.approx(0.10)]
        assert best == ["VALUE", "VALUE", "VALUE"]  # none of them was placed yet
        batch = decide(strategy, [p for _ in "ab" for p in predictions_of(an_event_with_prices())])
        assert sorted(d.reason for d in batch if d.edge == pytest.approx(0.10)) == [
            "STRATEGY_BETS_LIMIT", "VALUE",
        ]  # fmt: skip

    def test_counts_what_other_strategies_have_open_in_the_bankroll(self):
        bankroll, event = a_bankroll(), an_event_with_prices()
        a_bet(bankroll=bankroll, event=event, stake="29.50")
        decisions = decide(a_strategy(bankroll=bankroll), predictions_of(event))
        assert reasons(decisions)[0] == "EVENT_LIMIT"

    def test_counts_a_day_from_midnight_in_the_bankrolls_zone(self):
        bankroll = a_bankroll(time_zone="Pacific/Auckland")  # noon UTC is 01:00 of the next day
        strategy = a_strategy(bankroll=bankroll, max_day_share=0.02)
        settled = {"status": "SETTLED", "outcome": "LOST", "profit": Decimal("-20")}
        a_bet(
            bankroll=bankroll,
            event=an_event(),
            stake="20.00",
            placed_at=NOON - timedelta(hours=2),
            settled_at=NOON,
            **settled,
        )
        assert reasons(decide(strategy, predictions_of(an_event_with_prices())))[0] == "VALUE"
        a_bet(
            bankroll=bankroll,
            event=an_event(),
            stake="20.00",
            placed_at=NOON - timedelta(minutes=30),
            settled_at=NOON,
            **settled,
        )
        assert reasons(decide(strategy, predictions_of(an_event_with_prices())))[0] == "DAY_LIMIT"

    def test_counts_the_short_days_of_a_league_that_runs_fast(self):
        bankroll = a_bankroll(is_simulated=True)
        strategy = a_strategy(
            bankroll=bankroll, pipeline=a_pipeline(is_simulated=True), max_day_share=0.02
        )
        event = an_event_with_prices(is_simulated=True)
        Competition.objects.filter(is_simulated=True).update(time_scale=360.0)
        for placed_at, expected in (
            (NOON - timedelta(seconds=1), "VALUE"),  # yesterday: noon begins a day of 240 s
            (NOON, "DAY_LIMIT"),
        ):
            played = {"outcome": "LOST", "profit": Decimal("-20"), "settled_at": NOON}
            a_bet(
                bankroll=bankroll,
                event=an_event(is_simulated=True),
                stake="20.00",
                placed_at=placed_at,
                status="SETTLED",
                **played,
            )
            decisions = decide(strategy, predictions_of(event))
            assert reasons(decisions)[0] == expected
            event = an_event_with_prices(is_simulated=True)

    def test_passes_an_empty_bankroll_for_lack_of_funds_or_stake(self):
        strategy = a_strategy(bankroll=a_bankroll("0.00"))
        assert reasons(decide(strategy, predictions_of(an_event_with_prices())))[0] == (
            "STAKE_BELOW_MINIMUM"
        )

    def test_passes_an_event_that_it_has_bet_before(self):
        strategy, event = a_strategy(), an_event_with_prices()
        decide(strategy, predictions_of(event))
        newer = a_version(stage="ARCHIVED")
        type(newer).objects.filter(stage="PRODUCTION").update(stage="PREVIOUS")
        type(newer).objects.filter(pk=newer.pk).update(stage="PRODUCTION")
        again = decide(strategy, predictions_of(event, version=newer))
        assert set(reasons(again)) == {"ALREADY_BET"}

    @pytest.mark.parametrize("minutes", [0, 60])
    def test_passes_an_event_that_has_started(self, minutes):
        event = an_event_with_prices(starts_at=NOON - timedelta(minutes=minutes))
        assert set(reasons(decide(a_strategy(), predictions_of(event)))) == {"EVENT_STARTED"}

    def test_passes_an_event_that_started_before_its_time(self):
        event = an_event_with_prices()
        Event.objects.filter(pk=event.pk).update(started_at=NOON - timedelta(seconds=1))
        assert set(reasons(decide(a_strategy(), predictions_of(event)))) == {"EVENT_STARTED"}

    def test_passes_an_event_that_is_off(self):
        event = an_event_with_prices()
        Event.objects.filter(pk=event.pk).update(status="POSTPONED")
        assert set(reasons(decide(a_strategy(), predictions_of(event)))) == {"EVENT_NOT_SCHEDULED"}

    def test_passes_another_rung_of_the_ladder(self):
        predictions = predictions_of(an_event_with_prices(), stage="T-24h")
        assert set(reasons(decide(a_strategy(), predictions))) == {"STAGE_NOT_BET"}

    @pytest.mark.parametrize(
        "window, passes, miss",
        [
            ({"min_hours_to_start": 1.0, "max_hours_to_start": 1.0}, False, None),
            ({"min_hours_to_start": 1.25}, True, 0.2),
            ({"max_hours_to_start": 0.8}, True, 0.25),
        ],
        ids=["within", "too-late", "too-early"],
    )
    def test_passes_what_starts_outside_its_window_and_tells_by_how_much(
        self, window, passes, miss
    ):
        decisions = decide(a_strategy(**window), predictions_of(an_event_with_prices()))
        best = next(d for d in decisions if d.edge == pytest.approx(0.10))
        assert (best.reason, best.verdict) == (
            ("OUTSIDE_WINDOW", "PASS") if passes else ("VALUE", "BET")
        )
        assert best.chain["filters"]["OUTSIDE_WINDOW"] == [1.0, *window.values()]
        assert best.chain.get("miss") == miss

    def test_reckons_the_hours_of_a_league_that_runs_fast_by_its_own_clock(self):
        event = an_event_with_prices(is_simulated=True, starts_at=NOON + timedelta(seconds=10))
        Competition.objects.filter(is_simulated=True).update(time_scale=360.0)
        money = {"bankroll": a_bankroll(is_simulated=True)}
        strategy = a_strategy(
            pipeline=a_pipeline(is_simulated=True), min_hours_to_start=1.0, **money
        )
        assert reasons(decide(strategy, predictions_of(event)))[0] == "VALUE"

    def test_passes_a_version_that_does_not_serve(self):
        predictions = predictions_of(an_event_with_prices(), version=a_version(stage="CANDIDATE"))
        assert set(reasons(decide(a_strategy(), predictions))) == {"VERSION_NOT_SERVING"}

    def test_passes_prices_that_were_not_confirmed_lately(self):
        event = an_event_with_prices(seen_at=NOON - timedelta(minutes=11))
        assert set(reasons(decide(a_strategy(), predictions_of(event)))) == {"PRICE_STALE"}

    def test_sees_no_price_that_came_later(self):
        event = an_event_with_prices(seen_at=NOON + timedelta(minutes=1))
        assert set(reasons(decide(a_strategy(), predictions_of(event)))) == {"NO_PRICE"}

    def test_takes_only_the_books_that_the_row_names(self):
        strategy = a_strategy()
        strategy.books.add(a_book("alpha"))
        decisions = decide(strategy, predictions_of(an_event_with_prices()))
        assert next(d for d in decisions if d.verdict == "BET").book.code == "alpha"

    def test_looks_past_a_book_that_is_switched_off(self):
        event = an_event_with_prices()
        Book.objects.filter(code="beta").update(is_enabled=False)
        decisions = decide(a_strategy(), predictions_of(event))
        assert next(d for d in decisions if d.verdict == "BET").book.code == "alpha"

    def test_refuses_predictions_of_another_pipeline(self):
        a_pipeline()
        strategy = a_strategy(pipeline=a_pipeline(sport="tennis"))
        with pytest.raises(deciding.DecidingRefused, match="another pipeline"):
            decide(strategy, predictions_of(an_event_with_prices()))

    def test_refuses_a_simulated_strategy_with_real_money(self):
        strategy = a_strategy(pipeline=a_pipeline(is_simulated=True))
        with pytest.raises(StrategyRefused, match="simulated"):
            decide(strategy, predictions_of(an_event_with_prices(is_simulated=True)))

    def test_refuses_simulated_events_in_a_real_pipeline(self):
        event = an_event_with_prices(is_simulated=True)
        predictions = predictions_of(event, version=a_version(pipeline=a_pipeline()))
        with pytest.raises(deciding.DecidingRefused, match="simulated"):
            decide(a_strategy(), predictions)

    def test_refuses_a_strategy_that_is_switched_off(self):
        with pytest.raises(deciding.DecidingRefused, match="switched off"):
            decide(a_strategy(is_enabled=False), predictions_of(an_event_with_prices()))


class TestDecideInAReplay:
    def test_bets_past_events_with_the_replays_own_version(self):
        replay = a_replay()
        strategy = a_strategy(bankroll=a_bankroll(kind="REPLAY", replay=replay))
        event = an_event_with_prices()
        Event.objects.filter(pk=event.pk).update(status="FINISHED")
        version = a_version(stage="REPLAY", replay=replay)
        decisions = decide(strategy, predictions_of(event, version=version, replay=replay))
        assert reasons(decisions)[0] == "VALUE"

    def test_refuses_predictions_of_another_replay(self):
        strategy = a_strategy(bankroll=a_bankroll(kind="REPLAY", replay=a_replay()))
        predictions = predictions_of(an_event_with_prices(), replay=a_replay())
        with pytest.raises(deciding.DecidingRefused, match="another replay"):
            decide(strategy, predictions)

    def test_refuses_a_replays_predictions_for_other_money(self):
        predictions = predictions_of(an_event_with_prices(), replay=a_replay())
        with pytest.raises(deciding.DecidingRefused, match="another replay"):
            decide(a_strategy(), predictions)

    def test_refuses_live_predictions_for_a_replays_money(self):
        strategy = a_strategy(bankroll=a_bankroll(kind="REPLAY", replay=a_replay()))
        with pytest.raises(deciding.DecidingRefused, match="another replay"):
            decide(strategy, predictions_of(an_event_with_prices()))


class TestDecideWhileHalted:
    @pytest.mark.parametrize("scope", ["ALL", "STRATEGY", "SPORT"])
    def test_passes_everything_in_scope(self, scope):
        strategy = a_strategy()
        row = {"ALL": None, "STRATEGY": strategy.pk, "SPORT": a_sport().pk}[scope]
        halting.halt(reason="drift", actor="t", now=NOON, scope=scope, scope_id=row)
        decisions = decide(strategy, predictions_of(an_event_with_prices()))
        assert set(reasons(decisions)) == {"HALTED"}

    def test_looks_past_a_halted_book(self):
        halting.halt(reason="?", actor="t", now=NOON, scope="BOOK", scope_id=a_book("beta").pk)
        decisions = decide(a_strategy(), predictions_of(an_event_with_prices()))
        assert next(d for d in decisions if d.verdict == "BET").book.code == "alpha"

    def test_leaves_another_strategy_and_sport_alone(self):
        other, tennis = a_strategy(), a_sport("tennis")
        halting.halt(reason="?", actor="t", now=NOON, scope="STRATEGY", scope_id=other.pk)
        halting.halt(reason="?", actor="t", now=NOON, scope="SPORT", scope_id=tennis.pk)
        decisions = decide(a_strategy(), predictions_of(an_event_with_prices()))
        assert reasons(decisions)[0] == "VALUE"


class TestDecideDue:
    def test_decides_what_waits_for_an_enabled_strategy(self):
        a_strategy()
        a_strategy(is_enabled=False)
        predictions_of(an_event_with_prices())
        assert deciding.decide_due(now=NOON) == {"decided": 3, "bets": 1, "passes": 2}
        assert deciding.decide_due(now=NOON) == {"decided": 0, "bets": 0, "passes": 0}

    def test_leaves_other_rungs_versions_replays_and_started_events(self):
        a_strategy()
        predictions_of(an_event_with_prices(), stage="T-24h")
        predictions_of(an_event_with_prices(), version=a_version(stage="CANDIDATE"))
        predictions_of(an_event_with_prices(starts_at=NOON))
        replay = a_replay()
        a_strategy(bankroll=a_bankroll(kind="REPLAY", replay=replay))
        predictions_of(
            an_event_with_prices(), replay=replay, version=a_version(stage="REPLAY", replay=replay)
        )
        assert deciding.decide_due(now=NOON)["decided"] == 0
        assert not Decision.objects.exists()

    def test_decides_a_prediction_once_for_each_strategy(self):
        for _ in range(2):
            a_strategy()
        predictions_of(an_event_with_prices())
        assert deciding.decide_due(now=NOON)["bets"] == 2

    def test_of_a_dry_run_writes_nothing(self):
        a_strategy()
        predictions_of(an_event_with_prices())
        assert deciding.decide_due(now=NOON, dry_run=True)["bets"] == 1
        assert not Decision.objects.exists()

    def test_asks_little_when_idle(self, django_assert_max_num_queries):
        a_strategy()
        with django_assert_max_num_queries(2):
            deciding.decide_due(now=NOON)


class TestFillRate:
    def test_is_the_share_of_answered_bets_that_were_taken(self):
        bankroll = a_bankroll()
        for status in ("ACCEPTED", "ACCEPTED", "ACCEPTED", "REJECTED", "UNKNOWN"):
            a_bet(bankroll=bankroll, event=an_event(), status=status)
        day = {"since": NOON, "until": NOON + timedelta(days=1)}
        assert queries.fill_rate(**day).rate == 0.75
        assert queries.fill_rate(**day, bankroll_id=a_bankroll().pk).rate is None
        assert Bet.objects.count() == 5


def test_a_moved_price_is_read_as_of_the_moment_asked_for():
    event = an_event_with_prices(seen_at=NOON - timedelta(minutes=5))
    quote(event, "beta", ("1.90", "3.3", "3.5"), seen_at=NOON + timedelta(minutes=5))
    decisions = decide(a_strategy(), predictions_of(event), as_of=NOON)
    assert next(d for d in decisions if d.verdict == "BET").price == Decimal("2.200")
