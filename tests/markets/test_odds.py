import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from markets.domain import odds

METHODS = sorted(odds.METHODS)
SOLVED = ["power", "shin", "odds_ratio"]


def solve_power(implied):
    k = brentq(lambda k: (implied**k).sum() - 1, 1, 500, xtol=1e-14, rtol=1e-14)
    return implied**k


def solve_shin(implied):
    total = implied.sum()

    def fair(z):
        return (np.sqrt(z * z + 4 * (1 - z) * implied**2 / total) - z) / (2 * (1 - z))

    z = brentq(lambda z: fair(z).sum() - 1, 0, 1 - 1e-9, xtol=1e-15, rtol=1e-14)
    return fair(z)


def solve_odds_ratio(implied):
    c = brentq(lambda c: (implied / (c + implied - c * implied)).sum() - 1, 1, 1e7, xtol=1e-13)
    return implied / (c + implied - c * implied)


BY_DEFINITION = {"power": solve_power, "shin": solve_shin, "odds_ratio": solve_odds_ratio}


@st.composite
def books_with_a_margin(draw, least=2, most=8):
    """Return prices of one market whose booksum is 100.5 to 125 percent."""
    n = draw(st.integers(least, most))
    weights = np.array(draw(st.lists(st.floats(0.05, 1), min_size=n, max_size=n)))
    margin = draw(st.floats(0.005, 0.25))
    implied = weights / weights.sum() * (1 + margin)
    return 1 / np.minimum(implied, 0.985)


class TestRemoveMargin:
    @pytest.mark.parametrize("method", METHODS)
    @given(prices=books_with_a_margin())
    def test_gives_probabilities_that_keep_the_order_and_sum_to_one(self, method, prices):
        if (1 / prices).sum() <= 1:
            return
        fair = odds.remove_margin([prices], method=method)
        p = fair.probabilities[0]
        if np.isnan(p).any():
            assert method in ("additive", "differential_margin")
            assert fair.reason[0] == odds.BELOW_ZERO
            return
        assert p.sum() == pytest.approx(1, abs=1e-12)
        assert ((p > 0) & (p < 1)).all()
        by_price = np.argsort(prices, kind="stable")
        assert (np.diff(p[by_price]) <= 1e-15).all()
        assert fair.method[0] == method
        assert fair.overround[0] == pytest.approx((1 / prices).sum() - 1)

    @pytest.mark.parametrize("method", SOLVED)
    @given(prices=books_with_a_margin(least=3))
    def test_equals_its_definition_solved_one_market_at_a_time(self, method, prices):
        if (1 / prices).sum() <= 1.0001:
            return
        fair = odds.remove_margin([prices], method=method).probabilities[0]
        np.testing.assert_allclose(fair, BY_DEFINITION[method](1 / prices), atol=1e-11, rtol=0)

    @given(prices=books_with_a_margin(most=2))
    def test_shin_of_two_selections_is_additive(self, prices):
        if (1 / prices).sum() <= 1:
            return
        shin = odds.remove_margin([prices], method="shin")
        additive = odds.remove_margin([prices], method="additive")
        np.testing.assert_allclose(shin.probabilities, additive.probabilities, atol=1e-12)
        np.testing.assert_allclose(shin.probabilities[0], solve_shin(1 / prices), atol=1e-9)

    def test_agrees_with_the_published_shin_example(self):
        fair = odds.remove_margin([[2.6, 2.4, 4.3]], method="shin")
        assert fair.probabilities[0].round(5).tolist() == [0.37299, 0.40478, 0.22223]
        assert fair.parameter[0] == pytest.approx(0.016943, abs=5e-7)

    @pytest.mark.parametrize(
        "method, clv",
        [
            ("multiplicative", 0.065),
            ("odds_ratio", -0.004),
            ("logarithmic", -0.004),
            ("shin", -0.044),
            ("power", -0.061),
            ("additive", -0.083),
            ("differential_margin", -0.083),
        ],
    )
    def test_differs_between_methods_where_one_is_a_long_shot(self, method, clv):
        fair = odds.remove_margin([[1.20, 7.5, 15]], method=method)
        assert 16.5 * fair.probabilities[0, 2] - 1 == pytest.approx(clv, abs=5e-4)

    @pytest.mark.parametrize("method", METHODS)
    def test_goes_by_proportion_where_there_is_no_margin_and_says_so(self, method):
        fair = odds.remove_margin([[2.1, 2.1], [1.9, 2.0]], method=method)
        assert fair.probabilities[0].tolist() == [0.5, 0.5]
        assert fair.method.tolist() == ["multiplicative", method]
        assert fair.reason.tolist() == [odds.NO_MARGIN, ""]

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.0, 0.0, -3.0, 0.99])
    @pytest.mark.parametrize("method", METHODS)
    def test_a_bad_price_spoils_its_own_row_alone(self, method, bad):
        fair = odds.remove_margin([[1.9, 3.5, 4.2], [1.9, bad, 4.2]], method=method)
        alone = odds.remove_margin([[1.9, 3.5, 4.2]], method=method)
        assert fair.probabilities[0].tolist() == alone.probabilities[0].tolist()
        assert np.isnan(fair.probabilities[1]).all()
        assert np.isnan(fair.overround[1])
        assert fair.method[1] == ""
        assert fair.reason.tolist() == ["", odds.BAD_PRICE]

    def test_of_many_markets_equals_one_at_a_time(self):
        generator = np.random.default_rng(7)
        implied = generator.dirichlet([2, 1, 0.3], 3000).clip(1e-4, 0.98) * 1.04
        prices = 1 / np.minimum(implied, 0.99)
        for method in METHODS:
            whole = odds.remove_margin(prices, method=method)
            for row in range(0, 3000, 500):
                alone = odds.remove_margin(prices[row : row + 1], method=method)
                np.testing.assert_allclose(
                    whole.probabilities[row], alone.probabilities[0], atol=1e-14
                )

    def test_of_a_market_does_not_depend_on_its_neighbours_to_the_last_bit(self):
        generator = np.random.default_rng(8)
        implied = generator.dirichlet([0.8, 0.8, 0.8], 600).clip(5e-3, 1.0)
        margins = 1 + generator.uniform(0.001, 0.3, (600, 1))
        prices = np.round(1000 / (implied * margins)) / 1000
        for method in METHODS:
            whole = odds.remove_margin(prices, method=method).probabilities
            for row in range(0, 600, 9):
                alone = odds.remove_margin(prices[[row]], method=method).probabilities
                assert alone.tobytes() == whole[[row]].tobytes(), method

    def test_of_no_market_is_empty(self):
        for method in METHODS:
            assert odds.remove_margin(np.empty((0, 3)), method=method).probabilities.shape == (0, 3)

    def test_refuses_a_method_nobody_knows(self):
        with pytest.raises(ValueError, match="unknown method 'vig'"):
            odds.remove_margin([[1.9, 1.9]], method="vig")

    @pytest.mark.parametrize("prices", [[1.9, 1.9], [[1.9]], [[[1.9, 1.9]]]])
    def test_refuses_anything_but_a_table_of_two_columns_or_more(self, prices):
        with pytest.raises(ValueError, match="at least two"):
            odds.remove_margin(prices, method="shin")


class TestSeveralWinners:
    PRICES = (1.3, 1.7, 2.4, 3.4)  # a place market with two places

    @pytest.mark.parametrize("method", sorted(odds.METHODS))
    def test_probabilities_sum_to_the_number_of_winners(self, method):
        fair = odds.remove_margin([self.PRICES], method=method, sums_to=2)
        assert fair.probabilities.sum() == pytest.approx(2)
        assert (fair.probabilities < 1).all()

    def test_equals_a_market_of_one_winner_at_as_many_times_the_price(self):
        doubled = odds.remove_margin([[2 * price for price in self.PRICES]], method="shin")
        fair = odds.remove_margin([self.PRICES], method="shin", sums_to=2)
        assert fair.probabilities == pytest.approx(2 * doubled.probabilities)
        assert fair.overround == pytest.approx(doubled.overround)

    def test_may_differ_from_market_to_market(self):
        fair = odds.remove_margin(
            [self.PRICES, (2.9, 3.4, 4.5, 5.5)], method="power", sums_to=[2, 1]
        )
        assert fair.probabilities.sum(axis=1) == pytest.approx([2, 1])

    def test_gives_none_where_one_would_be_certain(self):
        fair = odds.remove_margin([(1.01, 3.0, 9.0)], method="multiplicative", sums_to=2)
        assert (fair.method[0], fair.reason[0]) == ("", odds.CERTAIN)
        assert fair.probabilities.tolist() != fair.probabilities.tolist()  # NaN

    @pytest.mark.parametrize("winners", [0, 4, 5])
    def test_refuses_as_many_winners_as_selections_or_none(self, winners):
        with pytest.raises(ValueError, match="at least one selection wins"):
            odds.remove_margin([self.PRICES], method="shin", sums_to=winners)
