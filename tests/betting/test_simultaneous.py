import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from betting.domain import payoffs, simultaneous, staking
from betting.domain.simultaneous import Together

coin = simultaneous.single(payoffs.back(probability=0.6, price=2.0))


@st.composite
def an_event(draw) -> Together:
    """A plain bet, a quarter line, a lay, or two selections of one market."""
    win, price = draw(st.floats(0.1, 0.8)), draw(st.floats(1.2, 8.0))
    match draw(st.integers(0, 3)):
        case 0:
            return simultaneous.single(payoffs.back(probability=win, price=price))
        case 1:
            half = {"refund": 0.05, "quarter": payoffs.HALF_LOST}
            return simultaneous.single(payoffs.on_a_line(probability=win, price=price, **half))
        case 2:
            return simultaneous.single(payoffs.lay(probability=win, price=price))
    return simultaneous.exclusive([win / 2, (1 - win) / 2], [price, draw(st.floats(0.2, 7.0))])


def ends(events, shares) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """List every outcome of all events: wealth, probability, and each selection's payoff."""
    wealth, probability, payoff = np.ones(1), np.ones(1), []
    for event, share in zip(events, shares, strict=True):
        n = len(event.probability)
        payoff = [np.repeat(each, n) for each in payoff]
        payoff += [np.tile(column, len(wealth)) for column in event.payoffs.T]
        wealth = (wealth[:, None] + (event.payoffs @ np.array(share))[None]).ravel()
        probability = (probability[:, None] * event.probability[None]).ravel()
    return wealth, probability, payoff


class TestShares:
    @pytest.mark.parametrize("n, share", [(1, 0.2), (2, 0.1923), (4, 0.1754), (8, 0.1238)])
    def test_equal_the_worked_examples(self, n, share):
        found = simultaneous.shares(events=[coin] * n).shares
        assert [each[0] for each in found] == pytest.approx([share] * n, abs=5e-5)

    def test_of_one_bet_are_its_kelly_share(self):
        pays = payoffs.on_a_line(
            probability=0.54 / 0.86, refund=0.14, price=1.95, quarter=payoffs.HALF_WON
        )
        found = simultaneous.shares(events=[simultaneous.single(pays)]).shares[0][0]
        alone = staking.kelly_of_payoffs(pays.net, pays.probability)
        assert found == pytest.approx(alone, abs=1e-6)

    def test_are_nothing_without_an_edge(self):
        fair = simultaneous.single(payoffs.back(probability=0.5, price=2.0))
        plan = simultaneous.shares(events=[fair, coin, fair])
        assert (plan.shares[0], plan.shares[2]) == ((0.0,), (0.0,))
        assert plan.shares[1][0] == pytest.approx(0.2, abs=1e-6)

    def test_back_a_selection_without_an_edge_where_it_hedges_another(self):
        """Smoczynski & Tomkins: f = p - R / O with R = (1 - .5 - .3) / (1 - 1/2.6 - 1/3.2)."""
        found = simultaneous.shares(events=[simultaneous.exclusive([0.5, 0.3], [1.6, 2.2])])
        reserve = 0.2 / (1.0 - 1.0 / 2.6 - 1.0 / 3.2)
        expected = (0.5 - reserve / 2.6, 0.3 - reserve / 3.2)
        assert found.shares[0] == pytest.approx(expected, abs=1e-6)

    def test_share_a_cap_that_binds(self):
        plan = simultaneous.shares(events=[coin] * 8, cap=0.4)
        assert [each[0] for each in plan.shares] == pytest.approx([0.05] * 8, abs=1e-5)

    def test_of_a_hundred_events_stay_below_everything_and_say_their_shortfall(self):
        plan = simultaneous.shares(events=[coin] * 100)
        total = sum(each[0] for each in plan.shares)
        assert 0.999 < total < 1.0
        assert plan.shortfall == pytest.approx(101e-10)

    def test_are_the_same_every_time(self):
        events = [coin, simultaneous.exclusive([0.5, 0.3], [1.2, 3.0])]
        assert simultaneous.shares(events=events) == simultaneous.shares(events=events)

    def test_of_no_events_or_no_money_are_nothing(self):
        assert simultaneous.shares(events=[]).shares == ()
        for cap in (0.0, 1e-300, 1e-9):
            assert simultaneous.shares(events=[coin], cap=cap).shares == ((0.0,),)

    @settings(deadline=None, max_examples=10)
    @given(st.lists(an_event(), min_size=1, max_size=4), st.floats(0.05, 1.0))
    def test_satisfy_the_conditions_of_the_best(self, events, cap):
        """Karush-Kuhn-Tucker, by listing the outcomes: equal slopes where staked, else less."""
        plan = simultaneous.shares(events=events, cap=cap)
        f = np.concatenate([np.array(each) for each in plan.shares])
        wealth, probability, payoff = ends(events, plan.shares)
        assert f.min() >= 0.0
        outlay = np.array([-column.min() for column in payoff])
        assert float(outlay @ f) <= cap
        assert plan.growth == pytest.approx(float(probability @ np.log(wealth)), abs=1e-9)
        slope = np.array([float(probability @ (column / wealth)) for column in payoff]) / outlay
        price = max(0.0, float(slope.max()))
        # By concavity no shares within the cap grow by more than this above the plan.
        gap = price * cap - float(slope @ (outlay * f))
        assert gap <= 1e-5

    @settings(deadline=None, max_examples=10)
    @given(st.lists(st.floats(0.3, 0.7), min_size=2, max_size=5), st.floats(0.01, 0.1))
    def test_never_fall_when_the_edge_of_one_rises(self, wins, more):
        low, high = (
            simultaneous.shares(
                events=[
                    simultaneous.single(payoffs.back(probability=win, price=2.0))
                    for win in [first, *wins[1:]]
                ]
            ).shares[0][0]
            for first in (wins[0], wins[0] + more)
        )
        assert low <= high + 1e-6

    @pytest.mark.parametrize(
        "events, cap",
        [
            pytest.param([coin], 1.5, id="cap-above-everything"),
            pytest.param([coin], -0.1, id="negative-cap"),
            pytest.param([coin], float("nan"), id="cap-nan"),
            pytest.param([Together(coin.payoffs, np.array([0.6, 0.6]))], 1.0, id="sum-above-one"),
            pytest.param([Together(coin.payoffs, np.array([1.2, -0.2]))], 1.0, id="negative"),
            pytest.param([Together(np.ones((2, 1)), coin.probability)], 1.0, id="cannot-lose"),
            pytest.param(
                [Together(np.array([[np.nan], [-1.0]]), coin.probability)], 1.0, id="nan-payoff"
            ),
        ],
    )
    def test_refuse_what_cannot_be(self, events, cap):
        with pytest.raises(ValueError):
            simultaneous.shares(events=events, cap=cap)


class TestGrowthOf:
    @settings(deadline=None, max_examples=15)
    @given(st.lists(an_event(), min_size=1, max_size=4), st.floats(0.01, 0.24))
    def test_equals_the_sum_over_listed_outcomes(self, events, share):
        stakes = [[share / event.payoffs.shape[1]] * event.payoffs.shape[1] for event in events]
        wealth, probability, _ = ends(events, stakes)
        found = simultaneous.growth_of(events=events, stakes=stakes)
        assert found == pytest.approx(float(probability @ np.log(wealth)), abs=1e-11)
