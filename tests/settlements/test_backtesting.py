"""What stands a second time for the sake of speed is held to live betting's own functions."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from betting.domain import selecting, staking
from betting.domain.programs import value
from settlements.domain import paying, rules
from settlements.domain.backtesting import (
    appraising,
    calendars,
    engine,
    history,
    measuring,
    money,
    plans,
)
from settlements.domain.backtesting.history import NEVER, BadHistory
from settlements.domain.backtesting.plans import BadPlan, Plan
from settlements.domain.terms import Terms
from tests.settlements.worlds import a_history

D = Decimal
SHARES = st.floats(0.0, 1.0, exclude_min=True, allow_subnormal=False)
WIDE = {"max_stake_share": 0.2, "max_event_share": 1.0, "max_day_share": 1.0, "max_open_share": 1.0}
NARROW = {"min_edge": 0.0, "max_edge": 1.0, "max_price": D("50"), "max_price_age_seconds": 900}


class TestMoney:
    @settings(deadline=None, max_examples=50)
    @given(st.integers(0, 10**10), SHARES)
    def test_shares_are_those_of_staking(self, cents, share):
        expected = money.cents(staking.share_of(money.amount(cents), share))
        assert money.share_of(cents, money.ratio(share)) == expected
        assert money.float_share_of(cents, share) == expected

    @settings(deadline=None, max_examples=50)
    @given(st.integers(0, 10**10), st.integers(1, 10_000))
    def test_shares_that_come_out_even_are_exact(self, cents, parts):
        share = parts / 10_000
        assert money.float_share_of(cents, share) == money.cents(
            staking.share_of(money.amount(cents), share)
        )

    @settings(deadline=None, max_examples=50)
    @given(st.integers(1, 10**9), st.integers(1001, 10**6), st.sampled_from(rules.OUTCOMES))
    def test_profits_are_those_of_settling(self, stake, price, outcome):
        code = rules.OUTCOMES.index(outcome)
        expected = rules.profit(
            side="BACK", outcome=outcome, stake=money.amount(stake), price=D(price).scaleb(-3)
        )
        assert (
            money.amount(money.profit(stake, money.factor(outcome=code, price=price))) == expected
        )
        assert money.paid(terms=Terms(), stake=stake, price=price, outcome=code) == (
            money.cents(expected),
            0,
        )

    @pytest.mark.parametrize(
        ("base", "profit", "commission"),
        [("EACH_WIN", 9500, 500), ("MARKET_NET", 9500, 500), ("STAKE", 9500, 500),
         ("RETURNS", 9000, 1000), ("NONE", 10_000, 0)],
    )  # fmt: skip
    def test_takes_commission_as_the_book_does(self, base, profit, commission):
        terms = Terms.model_validate({"commission": {"base": base, "rate": "0.05"}})
        won = rules.OUTCOMES.index(rules.Outcome.WON)
        found = money.paid(terms=terms, stake=10_000, price=2000, outcome=won)
        assert found == (profit, commission)

    def test_rounds_as_the_book_does(self):
        for rounding in paying.ROUNDINGS:
            terms = Terms.model_validate({"rounding": rounding})
            expected = paying.rounded(Fraction(15, 100) * Fraction(1, 2) * Fraction(1, 2), rounding)
            won = rules.OUTCOMES.index(rules.Outcome.HALF_WON)
            found, _ = money.paid(terms=terms, stake=15, price=1500, outcome=won)
            assert money.amount(found) == expected


def appraised(world, plan):
    """Return what live betting says of each candidate of a history."""
    stamps = [calendars.moment(at) for at in world.as_of]
    predictions = pd.DataFrame({
        "prediction_id": np.arange(len(world)), "event_id": world.event,
        "selection_id": world.selection, "probability": world.probability,
        "refund": world.refund, "role": world.role, "kind": world.kind,
    })  # fmt: skip
    quotes = pd.DataFrame([
        {"market_id": world.market[row], "kind": world.kind, "selection_id": world.selection[row],
         "role": world.role[row], "selection_line": np.nan, "book_id": book.id,
         "book_code": book.code, "book_kind": "EXCHANGE" if book.is_exchange else "BOOKMAKER",
         "is_enabled": book.is_enabled, "price": D(int(world.prices[row, at])).scaleb(-3),
         "confirmed_at": stamps[0] - timedelta(seconds=float(world.ages[row, at]))}
        for row in range(len(world)) for at, book in enumerate(world.books)
        if world.prices[row, at]
    ])  # fmt: skip
    books = frozenset(book.id for book in world.books if book.code in plan.books)
    if plan.books and not books:
        books = frozenset({0})  # no such book
    asked = {name: getattr(plan.rules, name) for name in plan.rules.__dataclass_fields__}
    return value.appraise(
        predictions, quotes, selecting.Rules(**{**asked, "books": books or None}), stamps[0],
        plan.told,
    )  # fmt: skip


PLANS = st.builds(
    lambda **told: Plan(**{**NARROW, **told}),
    min_edge=st.sampled_from([-0.05, 0.0, 0.02, 0.08]),
    max_edge=st.sampled_from([0.1, 1.0]),
    min_probability=st.sampled_from([0.0, 0.3]),
    max_price=st.sampled_from([D("3.00"), D("50")]),
    max_overround=st.sampled_from([0.0, 0.05, 0.15]),
    max_price_age_seconds=st.sampled_from([0, 300, 900]),
    books=st.sampled_from([(), ("book1",), ("book0", "book2"), ("elsewhere",)]),
    commission=st.sampled_from([0.0, 0.05]),
)


class TestAppraising:
    @settings(max_examples=10, deadline=None)
    @given(PLANS, st.integers(0, 2**20))
    def test_says_what_live_betting_says(self, plan, seed):
        random = np.random.default_rng(seed)
        world = a_history(events=8, seed=seed)
        prices = np.where(random.random(world.prices.shape) < 0.08, 0, world.prices)
        books = (
            history.Book(1, "book0", is_exchange=True), history.Book(2, "book1"),
            history.Book(3, "book2", is_enabled=bool(seed % 2)),
        )  # fmt: skip
        chance = np.where(random.random(len(world)) < 0.05, np.nan, world.probability)
        world = a_history(events=8, seed=seed, prices=prices, books=books, probability=chance)
        expected = appraised(world, plan)
        ground = engine.Ground(world)
        found = ground.offers(appraising.terms_of(plan))
        picked = appraising.picks(world, found, plan)

        assert picked.tolist() == np.flatnonzero(expected["reason"] == "").tolist()
        for name, column in (
            ("edge", found.edge),
            ("kelly", found.kelly),
            ("net_price", found.net),
        ):
            live = expected[name].to_numpy(dtype=float)[picked]
            assert column[picked].tolist() == live.tolist(), name
        ids = np.array([book.id for book in books])[found.book[picked]]
        assert ids.tolist() == expected["book_id"].to_numpy()[picked].tolist()
        bets = engine.run(ground, plan)
        ended = measuring.funnel_of(ground, plan, bets)
        reasons = expected["reason"][expected["reason"] != ""].value_counts().to_dict()
        assert {s.reason: s.count for s in ended.steps if s.count} == {
            **reasons,
            **pd.Series(list(bets.unstaked.values()), dtype=object).value_counts().to_dict(),
        }
        failing = pd.Series([code for codes in expected["failed"] for code in codes], dtype=object)
        assert {
            s.reason: s.failed for s in ended.steps if s.reason not in bets.unstaked.values()
        } == failing.value_counts().to_dict()

    def test_names_what_came_nearest(self):
        ground = engine.Ground(a_history())
        plan = Plan(**{**NARROW, "min_edge": 0.9})
        misses = measuring.nearest(ground, plan)
        assert len(misses) == measuring.NEAREST
        assert [one.missing for one in misses] == sorted(one.missing for one in misses)
        assert "an edge of 90.00 %" in misses[0].needed


LIMITS = st.dictionaries(
    st.sampled_from(["STAKE", "LIABILITY", "EVENT", "SELECTION", "STRATEGY", "DAY", "WEEK", "OPEN",
                     "FLOOR"]),
    st.sampled_from([{"share": 0.03}, {"amount": "75.50"}, {"share": 0.31, "amount": "400"}]),
    max_size=3,
)  # fmt: skip
COUNTS = st.dictionaries(
    st.sampled_from(["OPEN_BETS", "DAY_BETS", "STRATEGY_BETS"]),
    st.sampled_from([{"number": "2"}, {"number": "4"}]),
    max_size=2,
)
STAKED = st.fixed_dictionaries({
    "staking": st.sampled_from(["FRACTIONAL_KELLY", "FLAT", "PERCENT"]),
    "kelly_fraction": st.sampled_from([0.1, 0.25, 1.0]),
    "flat_stake": st.just("40.00"),
    "stake_share": st.sampled_from([0.0333, 0.5]),
    "is_drawdown_scaled": st.booleans(),
    "phase_scale": st.sampled_from([0.25, 1.0]),
    "phase_most": st.sampled_from([0.005, 1.0]),
    "allocation": st.sampled_from([0.2, 1.0]),
    "max_day_share": st.sampled_from([0.05, 1.0]),
    "max_open_share": st.sampled_from([0.08, 1.0]),
    "max_stake_share": st.sampled_from([0.02, 0.2]),
    "min_stake": st.sampled_from(["1.00", "20.00"]),
    "stake_step": st.sampled_from(["0.01", "0.50", "5.00"]),
    "opening": st.sampled_from(["1000.00", "777.77"]),
    "max_day_bets": st.sampled_from([None, 3]),
    "time_zone": st.sampled_from(["UTC", "America/New_York"]),
})  # fmt: skip


class TestStaking:
    @settings(max_examples=20, deadline=None)
    @given(STAKED, LIMITS, COUNTS, st.integers(0, 2**20))
    def test_stakes_as_live_betting_does(self, told, amounts, counts, seed):
        plan = plans.read({**NARROW, **WIDE, **told, "limits": {**amounts, **counts}})
        taking = Terms.model_validate({"commission": {"base": "MARKET_NET", "rate": "0.03"}})
        books = (history.Book(1, "a", terms=taking), history.Book(2, "b"))
        ground = engine.Ground(a_history(events=24, quoting=2, seed=seed, books=books))
        quick, exact = (engine.run(ground, plan, is_exact=which) for which in (False, True))
        assert quick.place.tolist() == exact.place.tolist()
        for name in ("stake", "profit", "commission", "settles"):
            assert getattr(quick, name).tolist() == getattr(exact, name).tolist(), name
        assert quick.unstaked == exact.unstaked
        assert engine.digest(ground.history, quick) == engine.digest(ground.history, exact)

    @pytest.mark.parametrize("limit", ["PARTICIPANT", "COMPETITION", "SPORT", "BOOK"])
    def test_holds_bets_that_hang_together_to_a_limit(self, limit):
        ground = engine.Ground(a_history())
        plan = plans.read({**NARROW, **WIDE, "limits": {limit: {"amount": "30.00"}}})
        free, held = engine.run(ground, plans.read({**NARROW, **WIDE})), engine.run(ground, plan)
        assert held.stake.sum() < free.stake.sum()
        assert f"{limit}_LIMIT" in set(held.unstaked.values())
        assert held.stake.max() <= 3000

    def test_stakes_what_starts_together_together(self):
        ground = engine.Ground(a_history(events=24))
        told = {**NARROW, **WIDE, "max_day_share": 0.2, "kelly_fraction": 1.0}
        alone = engine.run(ground, plans.read(told))
        together = engine.run(ground, plans.read({**told, "staking": "SIMULTANEOUS_KELLY"}))
        both = np.intersect1d(alone.place, together.place)
        assert len(both) > 5
        first = ground.history.as_of[alone.place] == ground.history.as_of[alone.place[0]]
        assert together.stake[: first.sum()].sum() <= alone.stake[first].sum()

    def test_shrinks_beside_a_bet_on_the_same_side(self):
        ground = engine.Ground(a_history(home=np.ones(180, dtype=np.int64)))
        plan = plans.read({**NARROW, **WIDE, "is_correlation_discounted": True})
        shrunk, whole = engine.run(ground, plan), engine.run(ground, plans.read({**NARROW, **WIDE}))
        assert shrunk.stake[1] < whole.stake[1]

    def test_bets_on_no_market_whose_probabilities_come_to_more_than_one(self):
        world = a_history()
        chances = world.probability.copy()
        chances[:3] = [0.9, 0.9, 0.9]
        plan = plans.read({**NARROW, **WIDE, "max_edge": 100})
        bets = engine.run(engine.Ground(a_history(probability=chances)), plan)
        assert engine.PROBABILITIES_UNSOUND in bets.unstaked.values()
        assert bets.place.min() > 2

    def test_keeps_what_is_never_paid_open(self):
        world = a_history()
        outcome, settles = world.outcome.copy(), world.settles.copy()
        outcome[:90], settles[:90] = rules.UNKNOWN, NEVER
        ground = engine.Ground(a_history(outcome=outcome, settles=settles))
        plan = plans.read({**NARROW, **WIDE, "max_open_share": 0.05})
        quick, exact = (engine.run(ground, plan, is_exact=which) for which in (False, True))
        assert quick.stake.tolist() == exact.stake.tolist()
        assert quick.stake.sum() <= 50_000
        assert measuring.figures(quick, plan)["open"] == len(quick)


class TestMeasuring:
    def test_adds_up_to_the_cent(self):
        plan = plans.read({**NARROW, **WIDE})
        bets = engine.run(engine.Ground(a_history(events=200)), plan)
        told, short = measuring.figures(bets, plan), measuring.brief(bets, plan)
        assert D(told["profit"]) == money.amount(int(bets.profit.sum()))
        assert D(told["equity"]) == plan.opening + D(told["profit"])
        assert told["bets"] == len(bets) == sum(bets.stake > 0)
        for name, value_ in short.items():
            assert told[name] == pytest.approx(value_), name
        points = measuring.equity(bets, plan)
        assert money.amount(points[-1][1]) == D(told["equity"])
        days = measuring.by_day(bets)
        assert days.profit.sum() == bets.profit.sum()
        assert 0.0 < told["p_value"] < 1.0
        assert told["longest_losing_streak"] >= 1

    def test_tells_of_no_bets(self):
        plan = Plan(min_edge=0.9, max_edge=1.0)
        bets = engine.run(engine.Ground(a_history()), plan)
        told = measuring.figures(bets, plan)
        assert (told["bets"], told["profit"], told["p_value"]) == (0, "0.00", None)
        assert measuring.equity(bets, plan) == []


class TestPlans:
    @pytest.mark.parametrize(
        ("given_", "named"),
        [
            ({"strategy": "arbitrage"}, "cannot be asked of history"),
            ({"column": 1}, "column"),
            ({"min_edge": "lots"}, "min_edge"),
            ({"min_edge": 0.5, "max_edge": 0.1}, "max_edge lies below"),
            ({"min_price": "1.00"}, "min_price"),
            ({"min_price": "3", "max_price": "2"}, "max_price lies below"),
            ({"staking": "FLAT"}, "flat_stake"),
            ({"staking": "PERCENT"}, "stake_share"),
            ({"time_zone": "Mars/Olympus"}, "no time zone"),
            ({"limits": {"DRAWDOWN": {"share": 0.1}}}, "rests"),
            ({"limits": {"DAY": {}}}, "says nothing"),
            ({"limits": {"OPEN_BETS": {"amount": "5"}}}, "OPEN_BETS"),
            ({"limits": {"DIVISION": {"amount": "5"}}}, "groups"),
            ({"parameters": {"unknown": 1}}, "parameters"),
            ({"opening": "0"}, "opening"),
        ],
        ids=lambda value_: str(value_)[:40],
    )
    def test_refuses_what_cannot_be(self, given_, named):
        with pytest.raises(BadPlan, match=named):
            plans.read(given_)

    def test_comes_back_from_json_the_same(self):
        plan = plans.read({**NARROW, "limits": {"DAY": {"amount": "50.00"}}, "books": ["b"]})
        assert plans.read(plan.as_dict()) == plan
        assert plans.read(plan.as_dict()).digest() == plan.digest() != Plan().digest()


class TestCheck:
    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"prices": np.full((180, 3), 1000, dtype=np.int32)}, "a price of 1 or less"),
            ({"probability": np.full(180, 1.2)}, "outside 0 to 1"),
            ({"as_of": np.full(180, NEVER)}, "decided at its start"),
            ({"settles": np.full(180, 5)}, "paid before it started"),
            ({"outcome": np.full(180, rules.UNKNOWN)}, "paid without an outcome"),
            ({"kind": "WIN"}, "not decided by a score"),
            ({"event": np.arange(180)[::-1].copy()}, "by moment, event and selection"),
            ({"market": np.arange(3)}, "where"),
            ({"books": (history.Book(1, "b"), history.Book(2, "a"), history.Book(3, "c"))},
             "by their codes"),
        ],
        ids=["price", "chance", "moment", "paid", "unknown", "kind", "order", "shape", "books"],
    )  # fmt: skip
    def test_refuses_what_contradicts_itself(self, changes, named):
        with pytest.raises(BadHistory, match=named):
            a_history(**changes)
