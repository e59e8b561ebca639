import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.domain import lines
from settlements.domain import spreads

NFL = spreads.SIGMA["american_football", "MARGIN"]
LINES = st.integers(-60, 60).map(lambda quarters: quarters / 4)


def seen(*, heavy=(3, 7), n=6_000):
    """Return results of a sport that often ends by the heavy numbers, spread about evenly."""
    values = np.arange(-40, 41)
    mass = np.exp(-(((values - 2.0) / 14.5) ** 2) / 2)
    mass[np.isin(np.abs(values), heavy)] *= 3.0
    mass[values == 0] *= 0.05
    return values, np.rint(n * mass / mass.sum()).astype(np.int64)


def shape_of(**terms):
    values, counts = seen(**terms)
    return spreads.empirical(values=values, counts=counts, sd=NFL, is_count=False)


SHAPES = {"history": shape_of(), "normal": spreads.normal(sd=NFL, is_count=False)}
GOALS = spreads.empirical(
    values=np.arange(7), counts=np.array([80, 190, 250, 220, 140, 70, 50]), sd=1.65, is_count=True
)


def own(shape, closing_line, probability, line):
    found = spreads.at_close(
        shape=shape, closing_line=np.array([closing_line]), probability=np.array([probability]),
        line=np.array([line]),
    )  # fmt: skip
    return float(found.probability[0]), float(found.refund[0])


class TestAtClose:
    @pytest.mark.parametrize("name", SHAPES)
    @pytest.mark.parametrize(
        ("bet", "close", "is_good"),
        [(-3.0, -5.0, True), (-3.0, -2.5, False), (3.5, 1.0, True), (6.0, 7.5, False)],
        ids=["favourite-grew", "favourite-shrank", "dog-grew", "dog-shrank"],
    )
    def test_is_good_for_whom_the_line_moved_to(self, name, bet, close, is_good):
        at = lambda handicap: -handicap  # noqa: E731 the home side covers h where its margin is over -h
        home, _ = own(SHAPES[name], at(close), 0.5, at(bet))
        away = 1.0 - home  # the other side of the very same line
        assert (home > 0.5) == is_good == (away < 0.5)
        assert abs(home - 0.5) > 0.01

    @pytest.mark.parametrize("bet, close", [(47.5, 44.5), (44.0, 47.25)], ids=["down", "up"])
    def test_is_good_for_the_under_where_a_total_fell(self, bet, close):
        points = spreads.normal(sd=13.4, centre=45.0, is_count=True)
        over, _ = own(points, close, 0.5, bet)
        assert (over < 0.5) == (close < bet)

    def test_keeps_the_heavy_numbers_of_the_history(self):
        history, plain = SHAPES["history"], SHAPES["normal"]
        for number in (3.0, 7.0):
            heavy = own(history, number, 0.5, number)[1]
            assert heavy > 2 * own(history, number + 2, 0.5, number + 2)[1]
            assert heavy > 2 * own(plain, number, 0.5, number)[1]
        gains = [own(history, line, 0.5, line - 0.5)[0] - 0.5 for line in (3.5, 5.5)]
        assert gains[0] > 1.5 * gains[1]

    def test_gives_asian_quarters_half_of_each_side(self):
        half, quarter, whole = (own(GOALS, 2.5, 0.52, line) for line in (2.5, 2.75, 3.0))
        assert half == (0.52, 0.0)
        assert quarter[1] == pytest.approx(whole[1] / 2)
        assert half[0] > quarter[0] > whole[0] > own(GOALS, 2.5, 0.52, 3.5)[0]

    def test_carries_a_normal_line_over_as_the_textbook_does(self):
        """Stern 1991: with sd s, P(margin > line) is that of a standard normal."""
        from scipy.stats import norm

        found, _ = own(SHAPES["normal"], 6.5, 0.5, 2.5)
        assert found == pytest.approx(norm.cdf(4.0 / NFL), abs=2e-3)

    def test_carries_a_poisson_total_over_exactly(self):
        """A tilt of a Poisson count is a Poisson count."""
        from scipy.stats import poisson

        counts = np.rint(1e12 * poisson.pmf(np.arange(25), 2.4)).astype(np.int64)
        goals = spreads.empirical(
            values=np.arange(25), counts=counts, sd=2.4**0.5 + 1e-6, is_count=True
        )
        wanted = poisson(3.1)
        found, refund = own(goals, 2.5, float(wanted.sf(2)), 4.0)
        assert refund == pytest.approx(float(wanted.pmf(4)), abs=1e-6)
        assert found == pytest.approx(float(wanted.sf(4) / (1 - wanted.pmf(4))), abs=1e-6)

    @settings(max_examples=60, deadline=None)
    @given(name=st.sampled_from(sorted(SHAPES)), close=LINES, chance=st.floats(0.02, 0.98))
    def test_where_no_line_moved_is_what_the_close_said(self, name, close, chance):
        assert own(SHAPES[name], close, chance, close)[0] == chance

    @settings(max_examples=60, deadline=None)
    @given(
        name=st.sampled_from(sorted(SHAPES)), close=LINES, chance=st.floats(0.05, 0.95),
        asked=st.lists(LINES, min_size=2, max_size=12, unique=True),
    )  # fmt: skip
    def test_falls_as_the_line_rises(self, name, close, chance, asked):
        line = np.sort(np.array(asked))
        full = np.full(line.size, 1.0)
        found = spreads.at_close(
            shape=SHAPES[name], closing_line=close * full, probability=chance * full, line=line
        )
        assert (np.diff(found.probability) <= 1e-9).all()
        assert ((found.refund >= 0) & (found.refund < 1)).all()

    @settings(max_examples=40, deadline=None)
    @given(close=LINES, chance=st.floats(0.1, 0.9), line=LINES)
    def test_and_back_again_is_where_it_came_from(self, close, chance, line):
        there, _ = own(SHAPES["history"], close, chance, line)
        if 0.001 < there < 0.999:
            assert own(SHAPES["history"], line, there, close)[0] == pytest.approx(chance, abs=1e-6)

    def test_is_the_same_alone_and_among_many(self):
        n = spreads.CHUNK + 3
        line = np.resize(np.array([-3.0, 2.5, 10.25]), n)
        many = spreads.at_close(
            shape=SHAPES["history"], closing_line=np.full(n, 1.5), probability=np.full(n, 0.45),
            line=line,
        )  # fmt: skip
        alone = own(SHAPES["history"], 1.5, 0.45, float(line[-1]))
        assert (many.probability[-1], many.refund[-1]) == pytest.approx(alone, abs=1e-9)

    def test_refuses_what_is_no_line(self):
        with pytest.raises(lines.BadLine):
            own(SHAPES["normal"], 2.5, 0.5, 2.6)

    def test_reaches_beyond_what_was_ever_seen(self):
        far, _ = own(GOALS, 2.5, 0.5, 40.5)
        assert 0 < far < 1e-3
        assert 0.9 < own(GOALS, 40.5, 0.5, 2.5)[0] < 1


class TestEmpirical:
    def test_is_the_normal_curve_until_enough_is_known(self):
        values, counts = seen(n=spreads.ENOUGH // 2)
        few = spreads.empirical(values=values, counts=counts, sd=NFL, is_count=False)
        assert (few.kind, few.n) == (spreads.NORMAL, int(counts.sum()))

    def test_is_no_wider_than_a_game_around_its_line(self):
        shape = SHAPES["history"]
        mass = np.exp(shape.log_mass) / np.exp(shape.log_mass).sum()
        sd = np.sqrt(mass @ (shape.values - mass @ shape.values) ** 2)
        assert (shape.kind, sd) == (spreads.EMPIRICAL, pytest.approx(NFL, abs=1e-6))


class TestHalfPoints:
    def test_are_worth_most_at_the_heavy_numbers(self):
        rows = spreads.half_points(
            shape=SHAPES["history"], at=np.array([-3.0, -5.0, -7.0]), is_handicap=True
        )
        three, five, seven = (row.worth for row in rows)
        assert min(three, seven) > 1.5 * five
        assert all(row.better > 0.5 > row.worse and row.push > 0 for row in rows)
