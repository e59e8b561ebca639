"""The exchange's prices and stakes."""

from decimal import Decimal

import pytest

from betting.domain import price_ladder
from betting.domain.price_ladder import BACK, CLASSIC, FINEST, LAY, OffLadder, ladder


class TestLadder:
    @pytest.mark.parametrize(
        ("first", "second", "step"),
        [
            ("1.01", "1.02", "0.01"),
            ("1.99", "2", "0.01"),
            ("2", "2.02", "0.02"),
            ("3", "3.05", "0.05"),
            ("4", "4.1", "0.1"),
            ("6", "6.2", "0.2"),
            ("10", "10.5", "0.5"),
            ("20", "21", "1"),
            ("30", "32", "2"),
            ("50", "55", "5"),
            ("100", "110", "10"),
            ("990", "1000", "10"),
        ],
    )
    def test_rises_by_the_exchanges_steps(self, first, second, step):
        at = ladder(CLASSIC).index(Decimal(first))
        assert ladder(CLASSIC)[at + 1] == Decimal(second)
        assert Decimal(second) - Decimal(first) == Decimal(step)

    def test_has_every_price_once(self):
        assert (len(ladder(CLASSIC)), len(ladder(FINEST))) == (350, 99_900)
        assert list(ladder(CLASSIC)) == sorted(set(ladder(CLASSIC)))


class TestPlaceOf:
    @pytest.mark.parametrize(
        ("price", "said"),
        [
            ("2.01", "2.00 or 2.02"),
            ("3.02", "3.00 or 3.05"),
            ("1.005", "from 1.01 on"),
            ("1", "from 1.01 on"),
            ("-2", "from 1.01 on"),
            ("1001", "up to 1000"),
            ("NaN", "from 1.01 on"),
            ("Infinity", "from 1.01 on"),
        ],
    )
    def test_refuses_a_price_off_the_ladder_and_says_what_is_on_it(self, price, said):
        with pytest.raises(OffLadder, match=f"the price {price} is off the ladder: {said}"):
            price_ladder.place_of(Decimal(price))

    def test_takes_a_hundredth_on_a_handicap(self):
        kind = price_ladder.kind_for("ASIAN_HANDICAP")
        assert price_ladder.place_of(Decimal("2.01"), kind=kind) == 100


class TestNearest:
    @pytest.mark.parametrize("side", [BACK, LAY])
    def test_keeps_each_price_that_is_on_the_ladder(self, side):
        kept = [price_ladder.nearest(price, side=side) for price in ladder(CLASSIC)]
        assert kept == list(ladder(CLASSIC))

    @pytest.mark.parametrize("side", [BACK, LAY])
    def test_is_the_next_price_that_is_no_worse(self, side):
        for low, high in zip(ladder(CLASSIC), ladder(CLASSIC)[1:], strict=False):
            found = price_ladder.nearest((low + high) / 2, side=side)
            assert found == (high if side == BACK else low)

    @pytest.mark.parametrize(
        ("price", "side"), [("1000.01", BACK), ("1", LAY), ("NaN", BACK), ("Infinity", LAY)]
    )
    def test_refuses_where_no_price_is_as_good(self, price, side):
        with pytest.raises(OffLadder):
            price_ladder.nearest(Decimal(price), side=side)


class TestTicksBetween:
    def test_undoes_itself(self):
        prices = ladder(CLASSIC)[::17]
        for first in prices:
            for second in prices:
                there = price_ladder.ticks_between(first, second)
                assert there == -price_ladder.ticks_between(second, first)
                at = ladder(CLASSIC).index(first)
                assert ladder(CLASSIC)[at + there] == second


class TestCheckStake:
    @pytest.mark.parametrize(
        "stake", ["0", "-1", "NaN", "Infinity", "2.005"], ids=lambda stake: f"stake {stake}"
    )
    def test_refuses_what_is_no_amount(self, stake):
        with pytest.raises(price_ladder.StakeRefused, match="whole cents"):
            price_ladder.check_stake(Decimal(stake), price=Decimal(2), currency="EUR")

    @pytest.mark.parametrize(
        ("stake", "price", "currency", "is_taken"),
        [
            ("2.00", "1.01", "EUR", True),
            ("1.99", "1.01", "EUR", False),
            ("1.00", "20", "EUR", True),
            ("1.00", "19.5", "EUR", False),
            ("1.00", "1.5", "GBP", True),
            ("4.99", "2", "AUD", False),
            ("0.01", "2", "PLN", True),
        ],
    )
    def test_holds_it_to_the_least_of_its_currency(self, stake, price, currency, is_taken):
        def check():
            price_ladder.check_stake(Decimal(stake), price=Decimal(price), currency=currency)

        if is_taken:
            assert check() is None
        else:
            with pytest.raises(price_ladder.StakeRefused, match=f"below {currency}"):
                check()
