from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from betting.domain import costs
from betting.domain.costs import Costs
from betting.models import Bet, CostModel, PaperOrder
from betting.services import costing, reconciling, stopping
from betting.venues.paper import PaperVenue
from monitoring.models import AuditEntry
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_book,
    a_decision,
    a_replay,
    a_strategy,
    an_event_with_prices,
    predictions_of,
    quote,
)
from tests.betting.venues import FakeVenue, place

D = Decimal
WAITS = Costs(depth=D(100), queue=D(50), flow=2.0, patience=60.0)


def met(number: int, model: Costs, stake: str = "150", shown: str = "2.20"):
    drawn = costs.draws(seed=7, words=str(number))
    return costs.arrive(
        costs=model, drawn=drawn, stake=D(stake), asked=D("2.20"), shown=D(shown), is_lay=False
    )


class TestArrive:
    def test_without_costs_takes_all_at_once_at_the_price_shown(self):
        fill = met(1, Costs(), shown="2.30")
        assert (fill.matched(0), fill.price, fill.waits(0)) == (D(150), D("2.300"), False)

    def test_turns_down_so_large_a_share(self):
        taken = [met(n, Costs(rejection=0.25)) is not None for n in range(2000)]
        assert np.mean(taken) == pytest.approx(0.75, abs=0.03)

    def test_turns_down_what_may_not_wait_where_the_price_is_gone(self):
        assert met(1, Costs(), shown="2.19") is None
        fill = met(1, WAITS, shown="2.19")
        assert (fill.at_once, fill.waits(0)) == (0, True)

    def test_slips_as_often_as_the_model_says(self):
        model = Costs(slippage=0.01, spread=0.01)
        taken = [met(n, model) is not None for n in range(2000)]
        assert np.mean(taken) == pytest.approx(costs.chance_of_price(model), abs=0.03)

    @pytest.mark.parametrize("seconds", [10, 30, 60, 600])
    def test_fills_as_often_and_as_much_as_the_model_says(self, seconds):
        fills = [met(n, WAITS, "150") for n in range(4000)]
        whole = np.mean([fill.matched(seconds) == 150 for fill in fills])
        share = np.mean([float(fill.matched(seconds)) / 150 for fill in fills])
        expected = {"costs": WAITS, "stake": D(150), "seconds": seconds}
        assert whole == pytest.approx(costs.fill_probability(**expected), abs=0.03)
        assert share == pytest.approx(costs.expected_share(**expected), abs=0.02)

    @given(
        st.builds(
            Costs,
            rejection=st.floats(0, 0.5),
            slippage=st.floats(-0.1, 0.1),
            spread=st.floats(0, 0.1),
            depth=st.integers(0, 300).map(D),
            queue=st.integers(0, 100).map(D),
            flow=st.floats(0, 50),
            patience=st.floats(0, 300),
        ),
        st.integers(0, 50),
        st.booleans(),
    )
    def test_whatever_the_costs_takes_no_more_than_asked_and_no_worse(self, model, n, is_lay):
        drawn = costs.draws(seed=n, words="x")
        fill = costs.arrive(
            costs=model, drawn=drawn, stake=D("20.00"), asked=D("2.20"), shown=D("2.20"),
            is_lay=is_lay,
        )  # fmt: skip
        amounts = [fill.matched(at) for at in (0, 1, 10, 100, 1000)] if fill else []
        assert amounts == sorted(amounts) and all(0 <= each <= 20 for each in amounts)
        for amount in amounts:
            price = fill.average(amount)
            assert price is None or (price <= D("2.2") if is_lay else price >= D("2.2"))


def a_cost_model(**numbers: object) -> CostModel:
    given = {"is_enabled": True, "depth": D("4.00"), **numbers}
    return CostModel.objects.create(book=a_book("beta"), **given)


RESTS = {"queue": D(0), "flow_per_minute": D("600.00"), "patience_seconds": 1800}


@pytest.mark.django_db
class TestPaperVenue:
    def test_without_a_model_that_is_on_answers_as_ever(self):
        a_cost_model(is_enabled=False)
        place(a_decision())
        bet = Bet.objects.get()
        assert (bet.order_state, bet.stake, PaperOrder.objects.get().fill) == ("FILLED", 10, None)

    def test_takes_what_the_book_has_and_lets_the_rest_lapse(self):
        a_cost_model()
        assert place(a_decision()).accepted == 1
        bet = Bet.objects.get()
        assert (bet.order_state, bet.stake, bet.requested_stake) == ("LAPSED", D(4), D(10))

    def test_fills_the_rest_while_it_waits(self):
        a_cost_model(**RESTS)
        place(a_decision())
        bet = Bet.objects.get()
        assert (bet.order_state, bet.matched_stake, bet.stake) == ("PARTIAL", D(4), D(10))
        reconciling.follow(now=NOON + timedelta(minutes=50))
        bet.refresh_from_db()
        assert (bet.order_state, bet.stake, bet.price) == ("FILLED", D(10), D("2.2"))

    def test_lets_what_waits_lapse_when_the_event_begins(self):
        a_cost_model(**{**RESTS, "flow_per_minute": D(0), "patience_seconds": 604_800})
        place(a_decision())
        reconciling.follow(now=NOON + timedelta(minutes=59))
        assert Bet.objects.get().order_state == "PARTIAL"
        reconciling.follow(now=NOON + timedelta(minutes=60))
        assert (Bet.objects.get().order_state, Bet.objects.get().stake) == ("LAPSED", D(4))

    def test_takes_back_what_waits_at_an_emergency_stop(self):
        a_cost_model(**{**RESTS, "flow_per_minute": D(0)})
        place(a_decision())
        found = stopping.stop_everything(
            reason="odd", actor="user:alice", now=NOON + timedelta(minutes=1)
        )
        assert (found.cancelled, found.part, found.is_clean) == (1, 1, True)
        bet = Bet.objects.get()
        assert (bet.order_state, bet.stake) == ("CANCELLED", D(4))
        later = PaperVenue().ask([bet.client_ref], now=NOON + timedelta(minutes=30))
        assert (later[0].matched, later[0].waits) == (D(4), False)

    def test_meets_the_prices_of_when_it_arrives_and_tells_how_long_it_took(self):
        a_cost_model(depth=D(100), delay_ms=5_000)
        event = an_event_with_prices()
        quote(event, "beta", ("2.40", "3.3", "3.5"), seen_at=NOON + timedelta(seconds=4))
        place(a_decision(event=event))
        bet = Bet.objects.get()
        assert (bet.price, bet.requested_price, bet.latency_ms) == (D("2.4"), D("2.2"), 5_000)

    def test_turns_down_what_arrives_after_the_start(self):
        a_cost_model(delay_ms=5_000)
        event = an_event_with_prices(starts_at=NOON + timedelta(seconds=4))
        assert place(a_decision(event=event)).rejected == 1
        assert Bet.objects.get().status_reason == "the event had begun when it arrived"

    def test_knows_at_once_how_an_order_of_a_replay_ended(self):
        a_cost_model(**RESTS)
        replay = a_replay()
        strategy = a_strategy(bankroll=a_bankroll(kind="REPLAY", replay=replay))
        event = an_event_with_prices()
        prediction = predictions_of(event, replay=replay)[0]
        place(a_decision(strategy=strategy, prediction=prediction))
        assert Bet.objects.get().order_state == "FILLED"

    def test_is_as_lucky_with_the_same_ticket_under_another_reference(self):
        a_cost_model(rejection=0.5, slippage=-0.1, spread=0.2, **RESTS)
        venue = FakeVenue()
        decisions = [a_decision() for _ in range(6)]
        place(*decisions, venue=venue)
        paper = PaperVenue()

        def said(prefix: str):
            answers = [
                paper.place([type(t)(**{**_fields(t), "client_ref": f"{prefix}{n}"})])[0]
                for n, t in enumerate(venue.tickets)
            ]
            return [(a.state, a.price, a.matched, a.latency_ms) for a in answers]

        assert said("a") == said("b")


def _fields(ticket) -> dict[str, object]:
    return {name: getattr(ticket, name) for name in ticket.__slots__}


def set_costs(**numbers: object) -> CostModel:
    given = {"book_id": a_book().pk, "reason": "like the real one", "actor": "user:olga"}
    return costing.set_costs(**{**given, "now": NOON, **numbers})


@pytest.mark.django_db
class TestSetCosts:
    def test_sets_what_is_named_and_audits_both_values(self):
        set_costs(depth="50", is_enabled=True)
        row = set_costs(depth="60.00")
        assert (row.depth, row.is_enabled) == (D(60), True)
        detail = AuditEntry.objects.filter(action="costs.changed").latest("pk").detail
        assert (detail["reason"], detail["before"], detail["after"]) == (
            "like the real one", {"depth": "50.00"}, {"depth": "60.00"},
        )  # fmt: skip

    @pytest.mark.parametrize(
        "numbers, told",
        [
            ({"depth": "5", "reason": " "}, "reason"),
            ({}, "name what"),
            ({"fee": 1}, "has no fee"),
            ({"book_id": 10**9, "depth": 1}, "no book"),
            ({"depth": "-1"}, "must not be negative"),
            ({"depth": "NaN"}, "depth"),
            ({"rejection": 1.5}, "from 0 to 1"),
            ({"rejection": "nan"}, "finite"),
            ({"latency_ms": 60_001}, "at most a minute"),
            ({"latency_ms": "soon"}, "does not fit"),
            ({"slippage": 1}, "below 1"),
            ({"commission": 1}, "below 1"),
            ({"seed": 10**12}, "seed"),
        ],
        ids=[
            "no-reason", "nothing", "unknown", "no-book", "negative", "decimal-nan",
            "share-above-one", "nan", "slow", "word", "slips-all", "takes-all", "huge",
        ],
    )  # fmt: skip
    def test_refuses_what_cannot_be(self, numbers, told):
        with pytest.raises(costing.CostsRefused, match=told):
            set_costs(**numbers)
        assert not CostModel.objects.exists()

    def test_the_database_holds_the_bounds_too(self):
        row = set_costs(depth="5")
        for numbers in ({"rejection": 2.0}, {"depth": D(-1)}, {"spread": -0.1}):
            with pytest.raises(IntegrityError), transaction.atomic():
                CostModel.objects.filter(pk=row.pk).update(**numbers)

    def test_says_what_to_expect(self):
        row = set_costs(depth="100", queue="0", flow_per_minute="600", patience_seconds=600)
        small, middle, large, _ = costing.estimates(row)
        assert (small.filled_at_once, middle.filled_at_once, large.filled_at_once) == (1, 1, 0)
        assert 0 < large.filled_in_a_minute < large.filled_at_last < 1
        assert large.filled_at_last < large.share < 1
