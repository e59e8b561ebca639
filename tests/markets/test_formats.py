from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.domain import formats
from markets.domain.formats import BadPrice


class TestAmerican:
    @pytest.mark.parametrize(
        "odds, price",
        [
            (100, "2.000"),
            (-100, "2.000"),
            ("+105", "2.050"),
            ("-110", "1.909"),
            (-104, "1.962"),
            (" 250 ", "3.500"),
            (Decimal("-1000"), "1.100"),
            (-110.0, "1.909"),
            ("EVEN", "2.000"),
            (99_900, "1000.000"),
        ],
    )
    def test_become_decimal_odds(self, odds, price):
        assert str(formats.american(odds)) == price

    @pytest.mark.parametrize(
        "odds",
        [
            0,
            8,
            -99,
            99,
            "99.9",
            "",
            "abc",
            "１１０",
            "1e3",
            "NaN",
            float("inf"),
            99_901,
            -10_000_000,
        ],
    )
    def test_that_nobody_quotes_are_refused(self, odds):
        with pytest.raises(BadPrice):
            formats.american(odds)

    @given(odds=st.integers(100, 99_900))
    def test_of_both_signs_win_alike_what_the_other_stakes(self, odds):
        over = formats.american(odds) - 1
        assert abs(over - Decimal(odds) / 100) <= Decimal("0.0005")


class TestDecimalPrice:
    @pytest.mark.parametrize("text", ["1.9", 1.9, Decimal("1.90"), " 1.900 "])
    def test_has_three_places(self, text):
        assert str(formats.decimal_price(text)) == "1.900"

    @pytest.mark.parametrize("text", ["1", "1.0004", "0", "-2", "1000.1", "1,9", "", "x", "nan"])
    def test_that_no_book_can_mean_is_refused(self, text):
        with pytest.raises(BadPrice):
            formats.decimal_price(text)


class TestFractional:
    def test_adds_the_stake(self):
        assert [str(formats.fractional(text)) for text in ("5/2", "1/100", "11 / 10", "evens")] == [
            "3.500",
            "1.010",
            "2.100",
            "2.000",
        ]

    @pytest.mark.parametrize("text", ["5", "5/0", "0/5", "-5/2", "5/2/1", "", "a/b"])
    def test_that_is_none_is_refused(self, text):
        with pytest.raises(BadPrice):
            formats.fractional(text)
