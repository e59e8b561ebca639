import itertools

from hypothesis import given
from hypothesis import strategies as st

from markets.domain.ladders import Ladder, Pace, Side

PRICES = st.sampled_from([1.01, 1.5, 1.51, 2.0, 2.02, 3.05, 10.0, 1000.0])
SIZES = st.sampled_from([0, 0.01, 2, 47.23, 5644.04])


class TestSide:
    def test_has_no_best_price_at_first(self):
        assert Side(is_back=True).best_price() is None
        assert Side(is_back=False).best() == ()

    def test_backs_at_the_highest_and_lays_at_the_lowest(self):
        back, lay = Side(is_back=True), Side(is_back=False)
        for side in (back, lay):
            side.change_prices([(2.0, 1), (3.0, 1), (2.5, 1)])
        assert (back.best_price(), lay.best_price()) == (3000, 2000)

    def test_a_size_of_nothing_takes_a_point_away_even_one_that_was_not_there(self):
        side = Side(is_back=True)
        side.change_prices([(2.0, 5), (3.0, 0)])
        side.change_prices([(2.0, 0)])
        assert side.best_price() is None

    def test_a_level_is_replaced_as_a_whole(self):
        side = Side(is_back=True)
        side.change_levels([(0, 2.0, 5), (1, 1.9, 7)], shown=False)
        side.change_levels([(0, 1.95, 2)], shown=False)
        assert side.best() == ((1950, 200), (1900, 700))

    def test_shown_offers_go_before_levels_and_levels_before_prices(self):
        side = Side(is_back=True)
        side.change_prices([(2.0, 1)])
        by_price = side.best_price()
        side.change_levels([(0, 2.1, 1)], shown=False)
        by_level = side.best_price()
        side.change_levels([(0, 2.2, 1)], shown=True)
        assert (by_price, by_level, side.best_price()) == (2000, 2100, 2200)

    @given(st.lists(st.lists(st.tuples(PRICES, SIZES), max_size=5), max_size=20))
    def test_equals_the_last_size_told_of_each_price(self, changes):
        side, last = Side(is_back=True), {}
        for points in changes:
            side.change_prices(points)
            last |= dict(points)
        standing = sorted(((p, s) for p, s in last.items() if s), reverse=True)
        assert side.best(99) == tuple((round(p * 1000), round(s * 100)) for p, s in standing)
        assert side.best_price() == (side.best(1)[0][0] if standing else None)


class TestLadder:
    def test_an_image_forgets_the_offers_and_keeps_the_trades(self):
        ladder = Ladder(last_traded=2000, matched=500)
        ladder.back.change_prices([(2.0, 5)])
        ladder.lay.change_levels([(0, 2.1, 5)], shown=True)
        ladder.clear_offers()
        assert (ladder.back.best_price(), ladder.lay.best_price()) == (None, None)
        assert (ladder.last_traded, ladder.matched) == (2000, 500)


def told_by(moments, *, span, until):
    """Return (moment, value) of all that is told of a value that is n after its n-th change."""
    pace, told, value = Pace(span), [], 0
    for at in moments:
        due = pace.due(at=at)
        if due is not None:
            told.append((due, value))
        value += 1
        if pace.changed(at=at):
            told.append((at, value))
    last = pace.flush(at=until)
    return [*told, (last, value)] if last is not None else told


MOMENTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=40, unique=True).map(sorted)


class TestPace:
    @given(MOMENTS, st.integers(1, 3_000))
    def test_tells_nothing_before_it_was_so(self, moments, span):
        for at, value in told_by(moments, span=span, until=20_000):
            assert value == sum(moment <= at for moment in moments)

    @given(MOMENTS, st.integers(1, 3_000), st.integers(0, 5_000))
    def test_never_loses_the_last_value(self, moments, span, pause):
        told = told_by(moments, span=span, until=moments[-1] + pause)
        assert told[-1][1] == len(moments)
        assert told[-1][0] <= moments[-1] + pause

    @given(MOMENTS, st.integers(1, 3_000))
    def test_leaves_a_span_between_two_tellings_until_it_falls_silent(self, moments, span):
        at = [moment for moment, _ in told_by(moments, span=span, until=moments[-1] + span + 1)]
        assert all(later - earlier >= span for earlier, later in itertools.pairwise(at))

    def test_tells_again_what_changes_within_one_moment(self):
        assert told_by([5, 5, 7], span=10, until=8) == [(5, 1), (5, 2), (7, 3)]

    def test_tells_every_change_where_it_need_not_wait(self):
        assert told_by([1, 2, 3], span=1, until=3) == [(1, 1), (2, 2), (3, 3)]
