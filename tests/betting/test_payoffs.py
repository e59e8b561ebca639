import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from betting.domain import payoffs, staking
from settlements.domain import rules

probabilities = st.floats(0.01, 0.99)
prices = st.floats(1.02, 50.0)


class TestQuarterOf:
    @pytest.mark.parametrize(
        "role, line", [("HOME", n / 4) for n in range(-9, 10)] + [("UNDER", 2.25), ("OVER", 2.75)]
    )
    def test_is_what_settlement_makes_of_the_score_that_meets_the_line(self, role, line):
        """Home wins by a margin, or goals fall, as near the line as whole numbers allow."""
        kind = "ASIAN_HANDICAP" if role == "HOME" else "TOTAL"
        found = {
            rules.by_margin(-line + near + line if kind == "TOTAL" else near)
            for near in _nearest(role, line)
        }
        expected = {
            payoffs.HALF_WON: {rules.Outcome.HALF_WON},
            payoffs.HALF_LOST: {rules.Outcome.HALF_LOST},
        }.get(payoffs.quarter_of(role=role, line=line), set())
        halves = {rules.Outcome.HALF_WON, rules.Outcome.HALF_LOST}
        assert found & halves == expected


def _nearest(role: str, line: float) -> list[float]:
    """Return how far past its line a selection comes for every score near it."""
    sign = -1.0 if role == "UNDER" else 1.0
    if role == "HOME":
        return [margin + line for margin in range(-4, 5)]
    return [sign * (score - line) for score in range(6)]


class TestOnALine:
    def test_of_a_quarter_line_is_the_worked_example(self):
        pays = payoffs.on_a_line(
            probability=0.54 / 0.86, refund=0.14, price=1.95, quarter=payoffs.HALF_WON
        )
        share = staking.kelly_of_payoffs(pays.net, pays.probability)
        assert share == pytest.approx(0.249, abs=5e-4)

    def test_takes_the_commission_off_halves_as_well(self):
        pays = payoffs.on_a_line(
            probability=0.6, refund=0.1, price=2.0, quarter=payoffs.HALF_WON, commission=0.1
        )
        assert pays.net == pytest.approx((0.9, 0.45, -1.0))

    @given(
        probabilities,
        st.floats(0.0, 0.3),
        prices,
        st.sampled_from([payoffs.WHOLE, payoffs.HALF_WON, payoffs.HALF_LOST]),
    )
    def test_earns_what_the_part_that_is_not_refunded_earns(self, win, refund, price, quarter):
        try:
            pays = payoffs.on_a_line(probability=win, refund=refund, price=price, quarter=quarter)
        except payoffs.UnsoundAnswer:
            assume(False)
        assert sum(pays.probability) == pytest.approx(1.0)
        assert min(pays.probability) >= 0.0
        assert pays.edge == pytest.approx((1.0 - refund) * (win * price - 1.0), abs=1e-9)

    @given(probabilities, prices)
    def test_without_a_refund_is_a_plain_bet(self, win, price):
        line, plain = (
            payoffs.on_a_line(probability=win, refund=0.0, price=price),
            payoffs.back(probability=win, price=price),
        )
        assert line.edge == pytest.approx(plain.edge)
        assert staking.kelly_of_payoffs(line.net, line.probability) == pytest.approx(
            staking.kelly_of_payoffs(plain.net, plain.probability), abs=1e-9
        )

    @pytest.mark.parametrize("quarter", [payoffs.HALF_WON, payoffs.HALF_LOST])
    def test_refuses_a_refund_that_no_score_can_give(self, quarter):
        with pytest.raises(payoffs.UnsoundAnswer, match="cannot come back"):
            payoffs.on_a_line(probability=0.5, refund=0.6, price=1.95, quarter=quarter)


class TestLay:
    def test_risks_the_liability(self):
        pays = payoffs.lay(probability=0.4, price=2.0)
        assert staking.kelly_of_payoffs(pays.net, pays.probability) == pytest.approx(0.2)

    @given(probabilities, prices, st.floats(0.0, 0.1))
    def test_of_a_fair_price_is_never_worth_a_stake(self, win, price, commission):
        assume(win * price >= 1.0)
        pays = payoffs.lay(probability=win, price=price, commission=commission)
        assert staking.kelly_of_payoffs(pays.net, pays.probability) == pytest.approx(0.0, abs=1e-9)


class TestEachWay:
    def test_pays_both_halves_of_a_winner_and_one_of_a_place(self):
        pays = payoffs.each_way(win=0.1, place=0.3, price=9.0, fraction=0.25)
        assert pays.net == (5.0, 0.5, -1.0)
        assert pays.probability == pytest.approx((0.1, 0.2, 0.7))
        assert pays.edge == pytest.approx(-0.1)

    def test_maximises_growth_over_all_three_ends(self):
        pays = payoffs.each_way(win=0.15, place=0.4, price=9.0, fraction=0.25)
        best = staking.kelly_of_payoffs(pays.net, pays.probability)
        slope = sum(p * r / (1 + best * r) for r, p in zip(*pays, strict=True))
        assert 0.0 < best < 1.0
        assert slope == pytest.approx(0.0, abs=1e-9)

    def test_refuses_a_winner_that_is_not_placed(self):
        with pytest.raises(payoffs.UnsoundAnswer, match="at least as probable"):
            payoffs.each_way(win=0.3, place=0.2, price=9.0, fraction=0.25)
