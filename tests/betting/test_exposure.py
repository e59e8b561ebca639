from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from betting.domain import exposure
from betting.domain.exposure import SAME_EVENT, SAME_SIDE, Position
from betting.domain.groups import DISCOUNTS
from betting.domain.limits import Dimension

HOME, DRAW, AWAY = 1, 2, 3
MARKET = (HOME, DRAW, AWAY)
FACTORS = st.sampled_from([SAME_EVENT, SAME_SIDE, *DISCOUNTS.values()])
positions = st.builds(
    Position,
    selection_id=st.sampled_from(MARKET),
    is_lay=st.booleans(),
    price=st.integers(101, 5_000).map(lambda cents: Decimal(cents) / 100),
    stake=st.integers(1, 100_000).map(lambda cents: Decimal(cents) / 100),
)
whole = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def back(selection: int, price: str, stake: str) -> Position:
    return Position(selection, is_lay=False, price=Decimal(price), stake=Decimal(stake))


def lay(selection: int, price: str, stake: str) -> Position:
    return Position(selection, is_lay=True, price=Decimal(price), stake=Decimal(stake))


class TestWorstCase:
    @pytest.mark.parametrize(
        "held, worst",
        [
            pytest.param([], "0.00", id="nothing"),
            pytest.param([back(HOME, "2.0", "10")], "10.00", id="back"),
            pytest.param([lay(HOME, "5.0", "10")], "40.00", id="lay-by-liability"),
            pytest.param([back(HOME, "3.0", "10"), lay(HOME, "2.5", "12")], "0.00", id="traded"),
            pytest.param(
                [back(HOME, "2.5", "10"), lay(HOME, "3.0", "10")], "5.00", id="traded-out"
            ),
            pytest.param([back(HOME, "2.5", "10"), back(DRAW, "3.4", "10")], "20.00", id="two"),
            pytest.param(
                [back(HOME, "3.1", "10"), back(DRAW, "3.1", "10"), back(AWAY, "3.1", "10")],
                "0.00",
                id="arbitrage",
            ),
            pytest.param([lay(HOME, "2.0", "10"), lay(AWAY, "2.0", "10")], "0.00", id="both-laid"),
            pytest.param([lay(HOME, "1.333", "0.01")], "0.01", id="rounded-up"),
        ],
    )
    def test_equals_the_worked_examples(self, held, worst):
        assert exposure.net(positions=held, selections=3).worst() == Decimal(worst)

    @pytest.mark.parametrize("selections", [None, 4])
    def test_counts_the_runner_that_nobody_bet_on(self, selections):
        held = [back(HOME, "3.1", "10"), back(DRAW, "3.1", "10"), back(AWAY, "3.1", "10")]
        assert exposure.net(positions=held, selections=selections).worst() == Decimal("30.00")

    @whole
    @given(st.lists(positions, max_size=6), st.booleans())
    def test_is_that_of_letting_each_selection_win_in_turn(self, held, one_must_win):
        winners = [*MARKET, *([] if one_must_win else [99])]
        results = [
            sum((p.profit(wins=p.selection_id == winner) for p in held), Decimal(0))
            for winner in winners
        ]
        expected = max(-min(results), Decimal(0))
        found = exposure.net(positions=held, selections=3 if one_must_win else 4).worst()
        assert expected <= found < expected + Decimal("0.01")

    @whole
    @given(st.lists(positions, max_size=6), st.booleans())
    def test_is_never_negative_nor_above_the_sum_of_liabilities(self, held, is_known):
        found = exposure.net(positions=held, selections=3 if is_known else None).worst()
        total = sum((position.liability for position in held), Decimal(0))
        assert 0 <= found <= total + Decimal("0.01")


class TestRoom:
    @whole
    @given(st.lists(positions, max_size=5), positions, st.integers(0, 200_000))
    def test_is_the_greatest_stake_that_stays_within_what_is_allowed(self, held, bet, cents):
        allowed = Decimal(cents) / 100
        standing = exposure.net(positions=held, selections=3)
        room = standing.room(bet=bet, allowed=allowed)

        def after(stake: Decimal) -> Decimal:
            more = replace(bet, stake=stake)
            return exposure.net(positions=[*held, more], selections=3).worst()

        assert after(max(room, Decimal(0)) + Decimal("0.01")) > allowed
        if room > 0 and after(Decimal(0)) <= allowed:
            assert after(room) <= allowed

    def test_grows_by_what_the_other_side_of_a_bet_brings(self):
        standing = exposure.net(positions=[back(HOME, "2.5", "10")], selections=3)
        assert standing.room(bet=lay(HOME, "2.0", "0"), allowed=Decimal(10)) == Decimal("25.00")
        assert standing.room(bet=back(HOME, "2.0", "0"), allowed=Decimal(30)) == Decimal("20.00")

    def test_is_below_zero_where_too_much_stands_already(self):
        standing = exposure.net(positions=[back(HOME, "2.5", "10")], selections=3)
        assert standing.room(bet=back(DRAW, "3", "0"), allowed=Decimal(4)) == Decimal("-6.00")


class TestLowers:
    STANDING = (back(HOME, "2.0", "10"),)

    @pytest.mark.parametrize(
        "bet, expected",
        [
            pytest.param(lay(HOME, "2.0", "10"), True, id="the-same-laid"),
            pytest.param(lay(HOME, "2.0", "0.01"), True, id="a-cent-of-it-laid"),
            pytest.param(back(HOME, "2.0", "0.01"), False, id="a-cent-more-of-it"),
            pytest.param(lay(HOME, "2.0", "40"), False, id="laid-beyond-what-was-at-stake"),
            pytest.param(lay(HOME, "2.0", "20"), False, id="turned-over-to-the-same-risk"),
            pytest.param(back(DRAW, "5.0", "2"), False, id="another-of-three"),
        ],
    )
    def test_tells_whether_the_market_costs_less_afterwards(self, bet, expected):
        standing = exposure.net(positions=self.STANDING, selections=3)
        assert exposure.lowers(standing=standing, position=bet) is expected

    def test_lets_the_other_side_of_two_hedge(self):
        standing = exposure.net(positions=self.STANDING, selections=2)
        assert exposure.lowers(standing=standing, position=back(DRAW, "2.1", "5"))


class TestCorrelationDiscount:
    @pytest.mark.parametrize(
        "ties, factor",
        [
            pytest.param([], 1.0, id="none"),
            pytest.param([SAME_SIDE], 0.7, id="team"),
            pytest.param([SAME_EVENT], 0.5, id="game"),
            pytest.param([DISCOUNTS[Dimension.CONFERENCE]], 0.9, id="conference"),
            pytest.param([DISCOUNTS[Dimension.DIVISION]], 0.85, id="division"),
            pytest.param([SAME_EVENT, SAME_SIDE], 0.35, id="game-and-team"),
            pytest.param([SAME_EVENT] * 4, 0.1, id="floor"),
        ],
    )
    def test_multiplies_a_factor_for_each_tie(self, ties, factor):
        assert exposure.discount(ties) == pytest.approx(factor)

    @given(st.lists(FACTORS, max_size=30), FACTORS)
    def test_never_rises_with_one_tie_more_and_keeps_its_floor(self, ties, another):
        one, more = (exposure.discount(each) for each in (ties, [*ties, another]))
        assert 0.1 <= more <= one <= 1.0


class TestDrawdownScale:
    @pytest.mark.parametrize(
        "now, scale",
        [
            (0.0, 1.0),
            (0.10, 1.0),
            (0.15, 0.5),
            (0.20, 0.375),
            (0.25, 0.25),
            (0.30, 0.0),
            (1.0, 0.0),
        ],
    )
    def test_equals_the_steps_and_lies_between_them(self, now, scale):
        assert exposure.drawdown_scale(now) == pytest.approx(scale)

    @given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
    def test_never_rises_with_the_drawdown(self, one, other):
        low, high = sorted([one, other])
        assert exposure.drawdown_scale(high) <= exposure.drawdown_scale(low)


class TestDrawdown:
    @pytest.mark.parametrize(
        "peak, equity, share",
        [("1000", "1000", 0.0), ("1000", "850", 0.15), ("900", "1000", 0.0), ("0", "-5", 1.0)],
    )
    def test_is_the_share_below_the_peak_now(self, peak, equity, share):
        found = exposure.drawdown(peak=Decimal(peak), equity=Decimal(equity))
        assert found == pytest.approx(share)
