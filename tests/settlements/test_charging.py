from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlements.domain import charging, paying
from settlements.domain.paying import Part
from settlements.domain.rules import Outcome
from settlements.domain.terms import Commission

cents = st.integers(-(10**7), 10**7).map(lambda amount: D(amount).scaleb(-2))


class TestOfMarket:
    @pytest.mark.parametrize(
        ("profits", "rate", "expected"),
        [
            pytest.param(["500", "-80"], "0.05", "21.00", id="net of what lost"),
            pytest.param(["500", "-80"], "0.04", "16.80", id="less"),
            pytest.param(["50", "-80"], "0.05", "0.00", id="nothing of a net loss"),
            pytest.param([], "0.05", "0.00", id="no bets"),
            pytest.param(["0.10"], "0.05", "0.00", id="half a cent to the even one"),
        ],
    )
    def test_is_taken_of_what_the_account_won_there(self, profits, rate, expected):
        amount = charging.of_market(
            profits=[D(one) for one in profits], rate=D(rate), rounding="HALF_EVEN"
        )
        assert str(amount) == expected

    def test_knows_discounts(self):
        taken = Commission(base="MARKET_NET", rate=D("0.05"), discount=D("0.2"))
        assert charging.rate_of(commission=taken, told=[]) == D("0.040")

    def test_heeds_the_rate_that_came_with_the_bets(self):
        taken = Commission(base="MARKET_NET", rate=D("0.05"), is_of_bet=True)
        assert charging.rate_of(commission=taken, told=[None, D("0.08")]) == D("0.08")
        assert charging.rate_of(commission=taken, told=[None]) == D("0.05")


class TestAllot:
    @given(profits=st.lists(cents, max_size=30), share=st.integers(0, 99))
    def test_gives_all_of_it_to_those_that_won_and_to_none_more_than_a_cent_off(
        self, profits, share
    ):
        won = sum((max(one, D(0)) for one in profits), D(0))
        amount = (won * share / 100).quantize(D("0.01"))
        found = charging.allot(amount=amount, profits=profits)
        assert sum(found) == (amount if won else 0)
        for profit, part in zip(profits, found, strict=True):
            exact = amount * max(profit, 0) / won if won else D(0)
            assert abs(part - exact) < D("0.01")
            assert 0 <= part <= max(profit, 0)


class TestOfBet:
    @pytest.mark.parametrize(
        ("base", "side", "outcome", "expected"),
        [
            ("STAKE", "BACK", "WON", "0.50"),
            ("STAKE", "BACK", "LOST", "0.50"),
            ("STAKE", "BACK", "VOID", "0.00"),
            ("STAKE", "LAY", "HALF_LOST", "0.25"),
            ("RETURNS", "BACK", "WON", "1.50"),
            ("RETURNS", "BACK", "LOST", "0.00"),
            ("RETURNS", "BACK", "PUSH", "0.00"),
            ("RETURNS", "LAY", "LOST", "1.50"),
        ],
        ids=lambda value: value,
    )
    def test_hangs_on_what_it_is_taken_of(self, base, side, outcome, expected):
        parts = [Part(paying.verdict(Outcome(outcome)), paying.Fraction(2))]
        amount = charging.of_bet(
            commission=Commission(base=base, rate=D("0.05")), parts=parts, stake=D(10),
            side=side, rounding="HALF_EVEN",
        )  # fmt: skip
        assert str(amount) == expected
