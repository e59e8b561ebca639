"""Prices converted all at once are those converted one by one."""

import hypothesis.strategies as st
from hypothesis import given

from markets.connectors.columns import NO_NUMBER
from markets.connectors.odds_api import odds
from markets.domain import formats


def one_by_one(prices, read):
    found = []
    for price in prices:
        try:
            found.append(int(read(price) * 1000))
        except formats.BadPrice:
            found.append(NO_NUMBER)
    return found


class TestThousandths:
    def test_equals_american_odds_one_by_one(self):
        prices = [*range(-30_000, 30_001), -99_999, 99_900, 99_901, 1_000_000]
        found, wrong = odds.thousandths(prices, odds_format="american")
        assert found.tolist() == one_by_one(prices, formats.american)
        assert sorted(wrong) == [at for at, price in enumerate(found.tolist()) if price < 0]

    @given(st.lists(st.decimals(min_value=-2, max_value=1100, places=3), max_size=50))
    def test_equals_decimal_odds_one_by_one(self, prices):
        floats = [float(price) for price in prices]
        found, _ = odds.thousandths(floats, odds_format="decimal")
        assert found.tolist() == one_by_one(floats, formats.decimal_price)

    @given(st.lists(st.one_of(st.none(), st.booleans(), st.text(max_size=6), st.integers())))
    def test_says_of_everything_else_what_was_expected(self, prices):
        found, wrong = odds.thousandths(prices)
        assert len(found) == len(prices)
        assert all(message for message in wrong.values())
        assert {at for at, price in enumerate(found.tolist()) if price == NO_NUMBER} == set(wrong)
