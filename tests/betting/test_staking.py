from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from betting.domain import payoffs, staking

probabilities = st.floats(0.001, 0.999)
odds = st.floats(1.01, 500.0)
shares = st.floats(0.001, 1.0)
money = st.decimals("0", "1000000", places=2)


def _stake(**changes):
    given = {
        "balance": Decimal("1000.00"),
        "max_share": 0.10,
        "rooms": [],
        "minimum": Decimal("1.00"),
        "step": Decimal("0.01"),
    }
    kelly = {"share": changes.pop("kelly_share", 0.2), "fraction": changes.pop("fraction", 0.25)}
    given |= changes
    asked = staking.by_kelly(balance=given["balance"], **kelly)
    return staking.stake(**{"asked": asked, **given})


class TestKelly:
    @pytest.mark.parametrize(
        "probability, price, share",
        [(0.6, 2.0, 0.2), (0.55, 2.0, 0.1), (0.25, 5.0, 0.0625), (0.5, 2.0, 0.0), (0.2, 3.0, 0.0)],
    )
    def test_equals_the_worked_examples(self, probability, price, share):
        assert staking.kelly(probability, price) == pytest.approx(share)

    def test_takes_the_commission_off_the_winnings(self):
        assert staking.kelly(0.55, 2.0, commission=0.02) == pytest.approx(
            (0.55 * 0.98 - 0.45) / 0.98
        )

    def test_is_nan_where_a_number_is_missing_and_nowhere_else(self):
        found = staking.kelly([0.6, np.nan, 0.6, 0.6], [2.0, 2.0, np.nan, 1.0])
        assert np.isnan(found).tolist() == [False, True, True, True]

    @given(probabilities, odds, odds)
    def test_never_falls_when_the_price_rises(self, probability, one, other):
        low, high = sorted([one, other])
        assert staking.kelly(probability, low) <= staking.kelly(probability, high) + 1e-12

    @given(probabilities, odds)
    def test_lies_between_nothing_and_everything(self, probability, price):
        assert 0.0 <= staking.kelly(probability, price) <= 1.0


class TestKellyOfPayoffs:
    @given(probabilities, st.floats(1.05, 50.0))
    def test_of_a_plain_bet_is_plain_kelly(self, probability, price):
        found = staking.kelly_of_payoffs([price - 1.0, -1.0], [probability, 1.0 - probability])
        assert found == pytest.approx(float(staking.kelly(probability, price)), abs=1e-6)

    @given(st.floats(0.05, 0.6), st.floats(0.05, 0.39), st.floats(0.2, 10.0))
    def test_with_a_refund_is_the_formula_for_pushes(self, win, lose, net):
        found = staking.kelly_of_payoffs([net, 0.0, -1.0], [win, 1.0 - win - lose, lose])
        formula = (net * win - lose) / (net * (win + lose))
        assert found == pytest.approx(max(0.0, formula), abs=1e-6)

    def test_with_a_refund_equals_the_worked_example(self):
        assert staking.kelly_of_payoffs([1.0, 0.0, -1.0], [0.45, 0.20, 0.35]) == pytest.approx(
            0.125
        )

    @given(st.floats(0.05, 0.95), st.floats(1.1, 20.0), st.floats(0.0, 0.1))
    def test_of_a_lay_is_the_formula_for_lays(self, probability, price, commission):
        pays = payoffs.lay(probability=probability, price=price, commission=commission)
        found = staking.kelly_of_payoffs(pays.net, pays.probability)
        gain, loss = 1.0 - commission, price - 1.0
        of_the_backer = ((1.0 - probability) * gain - probability * loss) / (gain * loss)
        assert found == pytest.approx(max(0.0, of_the_backer * loss), abs=1e-6)

    def test_is_nothing_where_nothing_is_to_be_gained(self):
        assert staking.kelly_of_payoffs([0.9, -1.0], [0.5, 0.5]) == 0.0


class TestStake:
    def test_keeps_every_number_on_the_way(self):
        found = _stake(rooms=[("DAY_LIMIT", Decimal("40.00"))], step=Decimal("0.50"))
        assert found.cuts == (
            ("KELLY", Decimal("200.00")),
            ("KELLY_FRACTION", Decimal("50.00")),
            ("STAKE_LIMIT", Decimal("50.00")),
            ("DAY_LIMIT", Decimal("40.00")),
            ("STAKE_STEP", Decimal("40.00")),
        )
        assert (found.amount, found.reason) == (Decimal("40.00"), "")

    def test_is_rounded_down_to_the_step(self):
        assert _stake(kelly_share=0.0799, step=Decimal("5")).amount == Decimal("15.00")

    def test_below_the_minimum_is_no_bet(self):
        found = _stake(kelly_share=0.0039)
        assert (found.amount, found.reason) == (Decimal("0.00"), "STAKE_BELOW_MINIMUM")

    def test_names_the_limit_that_leaves_less_than_the_minimum(self):
        found = _stake(rooms=[("EVENT_LIMIT", Decimal("30")), ("DAY_LIMIT", Decimal("0.50"))])
        assert (found.amount, found.reason) == (Decimal("0.00"), "DAY_LIMIT")

    def test_is_nothing_where_a_limit_is_already_passed(self):
        found = _stake(rooms=[("OPEN_LIMIT", Decimal("-20"))])
        assert (found.amount, found.reason) == (Decimal("0.00"), "OPEN_LIMIT")

    @pytest.mark.parametrize("kelly_share", [float("nan"), 0.0, -0.3])
    def test_is_nothing_without_an_edge(self, kelly_share):
        assert _stake(kelly_share=kelly_share).amount == 0

    @pytest.mark.parametrize("balance", ["0.00", "-50.00"])
    def test_is_nothing_without_money(self, balance):
        assert _stake(balance=Decimal(balance)).amount == 0

    @given(
        balance=money,
        kelly_share=st.floats(-1.0, 1.0),
        fraction=shares,
        max_share=shares,
        room=money,
        step=st.decimals("0.01", "25", places=2),
    )
    def test_is_never_negative_above_a_cap_or_off_the_step(
        self, balance, kelly_share, fraction, max_share, room, step
    ):
        found = _stake(
            balance=balance,
            kelly_share=kelly_share,
            fraction=fraction,
            max_share=max_share,
            rooms=[("ROOM", room)],
            step=step,
        )
        assert found.amount >= 0
        assert found.amount <= min(balance, room, staking.share_of(balance, max_share))
        assert found.amount % step == 0
        assert found.amount == 0 or found.amount >= Decimal("1.00")
        assert (found.amount == 0) == bool(found.reason)

    @given(probabilities, st.floats(1.01, 100), st.floats(1.01, 100))
    def test_never_falls_when_the_edge_rises(self, probability, one, other):
        low, high = (
            _stake(kelly_share=float(staking.kelly(probability, price))).amount
            for price in sorted([one, other])
        )
        assert low <= high

    def test_scales_what_was_asked_before_it_is_cut(self):
        found = _stake(
            asked=staking.flat(Decimal("60.00")),
            scales=[("CORRELATED", 0.7), ("DRAWDOWN", 0.5)],
            max_share=0.02,
        )
        assert found.cuts == (
            ("FLAT", Decimal("60.00")),
            ("CORRELATED", Decimal("42.00")),
            ("DRAWDOWN", Decimal("21.00")),
            ("STAKE_LIMIT", Decimal("20.00")),
            ("STAKE_STEP", Decimal("20.00")),
        )

    def test_names_the_scale_that_leaves_less_than_the_minimum(self):
        found = _stake(scales=[("CORRELATED", 0.7), ("DRAWDOWN", 0.0)])
        assert (found.amount, found.reason) == (Decimal("0.00"), "DRAWDOWN")

    def test_stakes_the_smaller_of_kelly_alone_and_among_others(self):
        asked = staking.by_kelly(
            balance=Decimal("1000.00"), share=0.2, fraction=0.5, together=0.1239
        )
        assert asked[1:] == [
            ("SIMULTANEOUS_KELLY", Decimal("123.90")),
            ("KELLY_FRACTION", Decimal("61.95")),
        ]

    def test_stakes_a_share_of_the_money_rounded_down(self):
        asked = staking.percent(balance=Decimal("999.99"), share=0.015)
        assert _stake(asked=asked).amount == Decimal("14.99")

    @given(st.lists(shares, max_size=3), money)
    def test_is_never_raised_by_a_scale(self, factors, asked):
        scales = [("CORRELATED", factor) for factor in factors]
        scaled = _stake(asked=staking.flat(asked), scales=scales)
        assert scaled.amount <= _stake(asked=staking.flat(asked)).amount
