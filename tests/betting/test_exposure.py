from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from betting.domain import exposure
from betting.domain.exposure import Position, Relation

HOME, DRAW, AWAY = 1, 2, 3
MARKET = (HOME, DRAW, AWAY)
positions = st.builds(
    Position,
    selection_id=st.sampled_from(MARKET),
    is_lay=st.booleans(),
    price=st.decimals("1.01", "50", places=2),
    stake=st.decimals("0.01", "1000", places=2),
)


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
        assert exposure.worst_case(positions=held, selections=MARKET) == Decimal(worst)

    def test_counts_the_runner_that_nobody_listed(self):
        held = [back(HOME, "3.1", "10"), back(DRAW, "3.1", "10"), back(AWAY, "3.1", "10")]
        found = exposure.worst_case(positions=held, selections=MARKET, one_must_win=False)
        assert found == Decimal("30.00")

    def test_refuses_a_selection_of_another_market(self):
        with pytest.raises(ValueError, match="none of this market"):
            exposure.worst_case(positions=[back(9, "2.0", "1")], selections=MARKET)

    @given(st.lists(positions, max_size=6), st.booleans())
    def test_is_never_negative_nor_above_the_sum_of_liabilities(self, held, one_must_win):
        found = exposure.worst_case(positions=held, selections=MARKET, one_must_win=one_must_win)
        total = sum((position.liability for position in held), Decimal(0))
        assert 0 <= found <= total + Decimal("0.01")

    @given(st.lists(positions, max_size=5), positions)
    def test_grows_by_no_more_than_the_liability_of_the_next(self, held, following):
        before, after = (
            exposure.worst_case(positions=each, selections=MARKET)
            for each in (held, [*held, following])
        )
        assert after <= before + following.liability + Decimal("0.01")


class TestCorrelationDiscount:
    @pytest.mark.parametrize(
        "ties, factor",
        [
            pytest.param([], 1.0, id="none"),
            pytest.param([Relation.TEAM], 0.7, id="team"),
            pytest.param([Relation.GAME], 0.5, id="game"),
            pytest.param([Relation.CONFERENCE], 0.9, id="conference"),
            pytest.param([Relation.DIVISION], 0.85, id="division"),
            pytest.param([Relation.GAME, Relation.TEAM], 0.35, id="game-and-team"),
            pytest.param([Relation.GAME] * 4, 0.1, id="floor"),
        ],
    )
    def test_multiplies_a_factor_for_each_tie(self, ties, factor):
        assert exposure.correlation_discount(ties) == pytest.approx(factor)

    @given(st.lists(st.sampled_from(Relation), max_size=30), st.sampled_from(Relation))
    def test_never_rises_with_one_tie_more_and_keeps_its_floor(self, ties, another):
        one, more = (exposure.correlation_discount(each) for each in (ties, [*ties, another]))
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
