"""Why there were no bets: the account of a day, and the causes before a candidate."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from betting.models import Bet, Decision
from betting.queries import why
from betting.services import deciding, explaining, halting
from markets.models import Book
from models_ml.models import StageLook
from monitoring.models import AuditEntry
from tests.betting.builders import (
    NOON,
    PRICES,
    a_bankroll,
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
    quote,
)

pytestmark = pytest.mark.django_db
DAY = {"since": NOON - timedelta(hours=12), "until": NOON + timedelta(hours=12)}


def decide(strategy, *events, **options) -> list[Decision]:
    predictions = [p for event in events for p in predictions_of(event, **options)]
    return deciding.decide(
        strategy=strategy,
        prediction_ids=[prediction.pk for prediction in predictions],
        as_of=NOON,
        now=NOON,
    )


def account(**asked) -> explaining.Account:
    return explaining.account(now=NOON, **asked)


def steps(found: explaining.Account) -> list[tuple[str, int, int]]:
    return [(step.reason, step.count, step.left) for step in found.funnel.steps if step.count]


class TestChain:
    def test_keeps_all_that_failed_and_not_the_first_alone(self):
        strategy = a_strategy(max_price=Decimal("3.00"), min_probability=0.4)
        away = decide(strategy, an_event_with_prices())[2]
        assert away.reason == "PRICE_OUT_OF_RANGE"
        assert away.chain["failed"] == [
            "PRICE_OUT_OF_RANGE", "PROBABILITY_TOO_LOW", "EDGE_TOO_SMALL",
        ]  # fmt: skip
        assert "miss" not in away.chain

    def test_tells_by_how_much_the_one_filter_was_missed(self):
        draw = decide(a_strategy(), an_event_with_prices())[1]
        edge = 0.26 * 3.4 - 1
        assert draw.chain["filters"]["EDGE_TOO_SMALL"] == [pytest.approx(edge), 0.02]
        assert draw.chain["miss"] == pytest.approx((0.02 - edge) / 0.02, abs=1e-5)

    def test_judges_by_the_price_that_came_nearest_where_none_may_be_taken(self):
        event = an_event_with_prices(seen_at=NOON - timedelta(seconds=660))
        home = decide(a_strategy(), event)[0]
        assert (home.reason, home.price, home.edge) == ("PRICE_STALE", None, None)
        assert home.chain["failed"] == ["PRICE_STALE"]
        assert home.chain["filters"]["EDGE_TOO_SMALL"] == [pytest.approx(0.1), 0.02]
        assert home.chain["miss"] == pytest.approx(0.1)

    def test_goes_on_where_a_halt_stopped_it(self):
        halting.halt(reason="drift", actor="t", now=NOON)
        home, draw, _ = decide(a_strategy(), an_event_with_prices())
        assert (home.reason, home.verdict, home.stake) == ("HALTED", "PASS", 0)
        assert home.chain["failed"] == ["HALTED"]
        assert home.chain["edge"] == pytest.approx(0.1)
        assert draw.chain["failed"] == ["HALTED", "EDGE_TOO_SMALL"]

    def test_tells_whose_edge_beat_it(self):
        event = an_event_with_prices()
        home, draw, _ = decide(a_strategy(), event, probabilities=(0.5, 0.31, 0.19))
        assert (home.verdict, draw.reason) == ("BET", "OTHER_SELECTION_BETTER")
        values = draw.chain["filters"]["OTHER_SELECTION_BETTER"]
        assert values == [pytest.approx(0.31 * 3.4 - 1), pytest.approx(0.1)]

    def test_tells_what_the_limits_left(self):
        home = decide(a_strategy(max_day_share=0.0005), an_event_with_prices())[0]
        assert (home.reason, home.chain["failed"]) == ("DAY_LIMIT", ["DAY_LIMIT"])
        assert home.chain["filters"]["DAY_LIMIT"] == [0.5, 1.0]
        assert home.chain["miss"] == 0.5

    def test_names_a_better_price_that_the_strategy_may_not_take(self):
        strategy = a_strategy()
        strategy.books.add(a_book("alpha"))
        home, *_ = decide(strategy, an_event_with_prices())
        assert home.chain["prices"] == {"alpha": "2.100", "beta": "2.200 BOOK_NOT_ALLOWED"}
        assert home.chain["best"] == ["beta", "2.200", "BOOK_NOT_ALLOWED"]

    def test_names_no_better_price_where_it_is_stale_or_its_book_switched_off(self):
        event = an_event_with_prices()
        quote(event, "gamma", ("2.30", "3.4", "3.6"), seen_at=NOON - timedelta(hours=1))
        quote(event, "delta", ("2.40", "3.4", "3.6"))
        Book.objects.filter(code="delta").update(is_enabled=False)
        home, *_ = decide(a_strategy(), event)
        assert home.chain["prices"]["gamma"] == "2.300 PRICE_STALE"
        assert home.chain["prices"]["delta"] == "2.400 BOOK_DISABLED"
        assert "best" not in home.chain

    def test_stays_small_with_ten_books(self):
        event = an_event_with_prices(
            prices={f"book-{i}": (f"2.{10 + i}", "3.40", "3.60") for i in range(10)}
        )
        decide(a_strategy(), event)
        with connection.cursor() as cursor:
            cursor.execute("select max(pg_column_size(chain)) from betting_decision")
            assert cursor.fetchone()[0] < 1_280


class TestAccount:
    def test_tells_where_candidates_stopped_and_what_missed_by_least(self):
        strategy = a_strategy()
        near = an_event_with_prices()
        decide(strategy, near, probabilities=(0.46, 0.28, 0.26))
        decide(strategy, an_event_with_prices())
        decide(strategy, an_event_with_prices(starts_at=NOON))
        found = account()
        assert steps(found) == [("EVENT_STARTED", 3, 6), ("EDGE_TOO_SMALL", 5, 1)]
        way = found.funnel
        assert (way.candidates, way.staked, way.bets, way.waiting) == (9, 1, 1, 1)
        started, edge = way.steps
        assert (started.failed, started.alone) == (3, 1)
        assert (edge.failed, edge.alone) == (7, 5)
        miss = found.nearest[0]
        assert (miss.event_id, miss.selection) == (near.pk, "Home")
        assert miss.needed.startswith("an edge of 2.00 % instead of 1.20 %: a price of 2.217")

    def test_counts_what_reached_the_stake_and_became_of_it(self):
        strategy = a_strategy(max_day_share=0.02)
        decide(strategy, an_event_with_prices(), an_event_with_prices())
        found = account().funnel
        assert (found.staked, found.bets, found.sent, found.waiting) == (2, 1, 0, 1)
        Decision.objects.filter(verdict="BET").update(refusal="PRICE_STALE")
        found = account().funnel
        assert (found.refusals, found.waiting) == ({"PRICE_STALE": 1}, 0)

    def test_leaves_replays_out_unless_asked_for_one(self):
        replay = a_replay()
        strategy = a_strategy(bankroll=a_bankroll(kind="REPLAY", replay=replay))
        a_decision(strategy=strategy)
        assert account().funnel.candidates == 0
        assert account(strategy=strategy).funnel.bets == 1
        assert account(strategy=strategy).stood[0].causes[0].code == "REPLAY"

    def test_takes_the_day_of_the_strategys_zone(self):
        strategy = a_strategy(bankroll=a_bankroll(time_zone="Pacific/Auckland"))
        decide(strategy, an_event_with_prices())
        assert account(strategy=strategy).funnel.candidates == 3
        assert account(strategy=strategy, day=NOON.date()).funnel.candidates == 0
        tomorrow = NOON.date() + timedelta(days=1)  # noon UTC is 01:00 of the next day there
        assert account(strategy=strategy, day=tomorrow).funnel.candidates == 3

    def test_asks_the_same_few_queries_however_much_was_decided(self, django_assert_num_queries):
        decide(a_strategy(), *[an_event_with_prices() for _ in range(8)])
        with django_assert_num_queries(7):
            account()

    def test_answers_for_a_hundred_thousand_decisions(self, django_assert_num_queries):
        decide(a_strategy(), an_event_with_prices())
        multiply(100_000 // 3)
        with django_assert_num_queries(7):
            found = account()
        assert found.funnel.candidates == 3 + 3 * (100_000 // 3)
        assert found.shopped[0].bets == found.funnel.bets == 1 + 100_000 // 3


def multiply(times: int) -> None:
    """Copy every decision ``times`` times, each time for a strategy's own prediction again."""
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute("set local statement_timeout = 0")
        cursor.execute("alter table betting_decision drop constraint decision_once")
        cursor.execute(
            "insert into betting_decision (strategy_id, prediction_id, selection_id, book_id,"
            " verdict, reason, probability, price, edge, stake, chain, decided_at, refusal)"
            " select strategy_id, prediction_id, selection_id, book_id, verdict, reason,"
            " probability, price, edge, stake, chain, decided_at, refusal"
            " from betting_decision cross join generate_series(1, %s)",
            [times],
        )


class TestWhatCameBefore:
    """One cause at a time, each a step before the next."""

    def causes(self, **asked) -> list[str]:
        return [cause.code for one in account(**asked).stood for cause in one.causes]

    def look(self, event, state="DONE") -> None:
        taken = {"done_at": NOON, "as_of": NOON} if state == "DONE" else {}
        StageLook.objects.create(
            event=event, feature_set="soccer_v1", stage="T-60m", state=state, due_at=NOON,
            closes_at=event.starts_at, planned_at=NOON, starts_at=event.starts_at, **taken,
        )  # fmt: skip

    def test_is_nothing_where_all_was_decided(self):
        event = an_event_with_prices()
        self.look(event)
        decide(a_strategy(), event)
        assert self.causes() == []

    def test_is_a_strategy_that_is_switched_off(self):
        a_strategy(is_enabled=False)
        a_version()
        assert self.causes()[0] == "STRATEGY_DISABLED"

    def test_is_a_pause_that_stood(self):
        strategy = a_strategy()
        a_version()
        halting.halt(reason="drift", actor="t", now=NOON, scope="STRATEGY", scope_id=strategy.pk)
        assert self.causes() == ["HALTED", "NO_EVENTS"]
        assert "drift" in account().stood[0].causes[0].text

    @pytest.mark.parametrize(
        "scope", ["SPORT", "COMPETITION", "BOOK", "MODEL", "BANKROLL"], ids=str.lower
    )
    def test_is_a_pause_of_something_that_it_needs(self, scope):
        strategy, event = a_strategy(), an_event_with_prices()
        a_version()
        self.look(event)
        rows = {
            "SPORT": event.competition.sport,
            "COMPETITION": event.competition,
            "BOOK": a_book("alpha"),
            "MODEL": strategy.pipeline,
            "BANKROLL": strategy.bankroll,
        }
        named = {"scope": scope, "scope_id": rows[scope].pk}
        halting.halt(reason="drift", actor="t", now=NOON, **named)
        (one,) = account().stood
        (pause,) = one.seen.halts
        name = getattr(rows[scope], "code" if scope == "MODEL" else "name")
        assert (one.causes[0].code, pause.what.endswith(f" {name}")) == ("HALTED", True)

    def test_is_no_pause_of_what_it_does_not_need(self):
        strategy, event = a_strategy(), an_event_with_prices()
        strategy.books.add(a_book("alpha"))
        a_version()
        self.look(event)
        others = {
            "SPORT": a_sport("basketball").pk,
            "BOOK": a_book("beta").pk,
            "BANKROLL": a_bankroll().pk,
            "STRATEGY": a_strategy(bankroll=strategy.bankroll).pk,
        }
        for scope, pk in others.items():
            halting.halt(reason="drift", actor="t", now=NOON, scope=scope, scope_id=pk)
        assert account(strategy=strategy).stood[0].seen.halts == ()

    def test_is_a_pause_that_let_lower_exposure_only_and_ended_by_itself(self):
        a_strategy()
        a_version()
        until = {"now": NOON - timedelta(hours=11), "expires_at": NOON - timedelta(hours=10)}
        halting.halt(reason="too much", actor="t", is_reduce_only=True, **until)
        yesterday = {"now": NOON - timedelta(hours=24), "expires_at": NOON - timedelta(hours=13)}
        halting.halt(
            reason="long over", actor="t", scope="SPORT", scope_id=a_sport().pk, **yesterday
        )
        assert self.causes() == ["REDUCE_ONLY", "NO_EVENTS"]
        assert account().stood[0].causes[0].text.endswith("was let through: too much")

    def test_is_a_model_that_does_not_serve(self):
        a_strategy()
        assert self.causes()[0] == "NOT_SERVING"

    def test_is_a_pipeline_that_is_switched_off(self):
        pipeline = a_pipeline()
        pipeline.is_enabled = False
        pipeline.save()
        a_strategy(pipeline=pipeline)
        a_version()
        assert self.causes()[0] == "PIPELINE_DISABLED"

    def test_is_a_day_without_events(self):
        a_strategy()
        a_version()
        an_event(starts_at=NOON + timedelta(hours=13, minutes=1))  # its stage is tomorrow's
        assert self.causes() == ["NO_EVENTS"]

    def test_is_a_stage_that_was_missed(self):
        a_strategy()
        a_version()
        self.look(an_event_with_prices(), state="MISSED")
        assert self.causes() == ["STAGE_MISSED"]

    def test_is_an_event_that_nobody_foretold(self):
        a_strategy()
        a_version()
        self.look(an_event_with_prices())
        assert self.causes() == ["NO_PREDICTIONS"]

    def test_is_an_event_without_prices(self):
        event = an_event()
        self.look(event)
        decide(a_strategy(), event)
        assert self.causes() == ["NO_PRICES"]

    def test_is_a_prediction_that_waits_for_its_decision(self):
        a_strategy()
        event = an_event_with_prices()
        self.look(event)
        predictions_of(event)
        assert self.causes() == ["NOT_DECIDED"]


class TestShopping:
    def test_tells_what_the_strategy_missed_at_books_that_it_may_not_use(self):
        strategy = a_strategy()
        strategy.books.add(a_book("alpha"))
        decide(strategy, an_event_with_prices())
        (row,), books = why.shopping(**DAY)
        bet = Decision.objects.get(verdict="BET")
        assert (row.bets, row.bettered) == (1, 1)
        assert row.missed == pytest.approx(2.2 / 2.1 - 1)
        assert row.winnings == bet.stake * Decimal("0.10")
        assert row.expected == pytest.approx(float(row.winnings) * 0.5)
        by_book = {book.book: book for book in books}
        assert (by_book["alpha"].taken, by_book["alpha"].bettered) == (1, 0)
        assert by_book["alpha"].behind == pytest.approx(2.2 / 2.1 - 1)
        assert (by_book["beta"].taken, by_book["beta"].bettered) == (0, 1)
        assert (by_book["beta"].behind, by_book["beta"].why) == (0.0, "BOOK_NOT_ALLOWED")

    def test_compares_prices_net_of_what_an_exchange_takes(self):
        strategy = a_strategy(commission=0.05)
        strategy.books.add(a_book("alpha"))
        event = an_event_with_prices(prices={"alpha": PRICES["alpha"]})
        for code, price in (("gamma", "2.14"), ("delta", "2.30")):
            a_book(code, kind="EXCHANGE")
            quote(event, code, (price, "3.4", "3.6"))
        home, *_ = decide(strategy, event)
        assert home.chain["best"] == ["delta", "2.300", "BOOK_NOT_ALLOWED", "2.235"]
        (row,), books = why.shopping(**DAY)
        assert row.missed == pytest.approx(2.235 / 2.1 - 1)
        behind = {book.book: book.behind for book in books}
        assert behind["delta"] == pytest.approx(0.0)
        assert behind["gamma"] == pytest.approx(2.235 / 2.083 - 1)

    def test_counts_passes_that_a_better_price_would_have_made_worth_a_bet(self):
        strategy = a_strategy()
        strategy.books.add(a_book("alpha"))
        decide(strategy, an_event_with_prices(), probabilities=(0.47, 0.28, 0.25))
        (row,), books = why.shopping(**DAY)
        assert (row.bets, row.missed, row.lost, books) == (0, None, 1, [])

    def test_misses_nothing_where_the_best_price_was_taken(self):
        decide(a_strategy(), an_event_with_prices())
        (row,), books = why.shopping(**DAY)
        assert (row.bets, row.bettered, row.missed, row.winnings) == (1, 0, None, 0)
        assert [(book.book, book.taken) for book in books] == [("beta", 1), ("alpha", 0)]


class TestPreview:
    def test_shows_the_whole_chain_and_writes_nothing(self):
        strategy, event = a_strategy(), an_event_with_prices()
        predictions_of(event)
        found = explaining.preview(strategy=strategy, now=NOON)
        (bet,) = found.bets
        assert (bet.selection, bet.book, bet.event_id) == ("Home", "beta", event.pk)
        assert bet.decision.stake == Decimal("20.00")
        assert bet.decision.chain["cuts"][0] == ["KELLY", "83.33"]
        assert len(found.candidates) == 3
        assert not Decision.objects.exists() and not Bet.objects.exists()
        assert not AuditEntry.objects.exists()

    def test_comes_to_what_is_then_decided(self):
        strategy, event = a_strategy(), an_event_with_prices()
        predictions = predictions_of(event)
        before = explaining.preview(strategy=strategy, now=NOON)
        after = deciding.decide(
            strategy=strategy, prediction_ids=[p.pk for p in predictions], as_of=NOON, now=NOON
        )
        told = {one.decision.selection_id: one.decision for one in before.candidates}
        for decision in after:
            dry = told[decision.selection_id]
            assert (dry.verdict, dry.stake, dry.chain) == (
                decision.verdict, decision.stake, decision.chain,
            )  # fmt: skip

    def test_looks_at_the_latest_prediction_before_its_stage_too(self):
        predictions_of(an_event_with_prices(), stage="T-24h")
        found = explaining.preview(strategy=a_strategy(), now=NOON)
        assert found.candidates[0].decision.chain["failed"] == ["STAGE_NOT_BET"]

    def test_of_a_strategy_that_is_switched_off_tells_too(self):
        predictions_of(an_event_with_prices())
        assert explaining.preview(strategy=a_strategy(is_enabled=False), now=NOON).bets

    def test_tells_why_there_is_nothing_to_decide_on(self):
        a_version()
        found = explaining.preview(strategy=a_strategy(), now=NOON)
        assert [cause.code for cause in found.causes] == ["NO_EVENTS"]

    def test_refuses_a_replays_strategy(self):
        strategy = a_strategy(bankroll=a_bankroll(kind="REPLAY", replay=a_replay()))
        with pytest.raises(explaining.PreviewRefused, match="own clock"):
            explaining.preview(strategy=strategy, now=NOON)

    def test_asks_the_same_few_queries_however_many_events_come(self, django_assert_num_queries):
        strategy = a_strategy()
        for _ in range(6):
            predictions_of(an_event_with_prices())
        with django_assert_num_queries(15):
            explaining.preview(strategy=strategy, now=NOON)
