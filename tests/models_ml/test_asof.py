import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.domain import asof, elo, strengths, waves
from models_ml.domain.asof import Appearances, Timeline
from models_ml.domain.history import History, Plan, asked, epochs
from models_ml.domain.schedule import DAY, Schedule
from tests.models_ml.fact_worlds import a_busy_world, asks, fixtures_table, of_world
from tests.models_ml.worlds import HOUR, a_world

WORDS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=30)


class TestTimeline:
    @given(rows=WORDS, wanted=WORDS)
    def test_finds_what_looking_at_every_row_finds(self, rows, wanted):
        keys, moments = np.array(rows, dtype=np.int64).reshape(-1, 2).T
        timeline = Timeline(keys=keys, moments=moments)
        for key, moment in wanted:
            known = [i for i, (k, m) in enumerate(rows) if k == key and m <= moment]
            expected = max(known, key=lambda i: (rows[i][1], i), default=-1)
            found = timeline.newest(keys=np.array([key]), moments=np.array([moment]))
            assert found.tolist() == [expected]

    @given(rows=WORDS, after=st.integers(-1, 9), until=st.integers(-1, 9))
    def test_finds_the_rows_of_a_span(self, rows, after, until):
        if not rows:
            return
        keys, moments = np.array(rows).T
        timeline = Timeline(keys=keys, moments=moments)
        first, end = timeline.between(
            keys=np.arange(4), after=np.full(4, after), until=np.full(4, until)
        )
        for key in range(4):
            found = sorted(timeline.order[first[key] : end[key]].tolist())
            assert found == [i for i, (k, m) in enumerate(rows) if k == key and after < m <= until]


class TestAppearances:
    @given(
        keys=st.lists(st.integers(0, 3), max_size=40),
        numbers=st.lists(st.integers(-3, 3), min_size=40, max_size=40),
        size=st.integers(1, 6),
    )
    def test_sum_what_looking_back_row_by_row_sums(self, keys, numbers, size):
        n = len(keys)
        values = np.array(numbers[:n], dtype=np.int64)
        told = Appearances(
            keys=np.array(keys, dtype=np.int64), positions=np.arange(n), n_positions=n,
            columns={"x": values},
        )  # fmt: skip
        for position in range(n + 1):
            seen = told.before(keys=np.arange(4), positions=np.full(4, position))
            for key in range(4):
                mine = [
                    v for k, v in zip(keys[:position], values.tolist(), strict=False) if k == key
                ]
                assert seen.count[key] == len(mine)
                assert seen.total("x")[key] == sum(mine)
                last, some = mine[-size:], seen.mean("x", size)[key]
                assert np.isnan(some) if len(mine) < size else some == sum(last) / size
                mean = seen.mean_of_up_to("x", size)[key]
                assert mean == sum(last) / len(last) if last else np.isnan(mean)
                assert seen.streak("x")[key] == run_of(mine)

    def test_know_the_one_before_of_the_same_key(self):
        told = Appearances(
            keys=np.array([5, 6, 5, 5]), positions=np.arange(4), n_positions=4, columns={}
        )
        assert told.previous.tolist() == [-1, -1, 0, 2]


def run_of(numbers: list[int]) -> int:
    """Return the length of the run that ends a list, with its sign."""
    if not numbers:
        return 0
    sign, length = int(np.sign(numbers[-1])), 0
    for number in reversed(numbers):
        if np.sign(number) != sign:
            break
        length += 1
    return sign * length


class TestWaves:
    @settings(max_examples=40, deadline=None)
    @given(
        pairs=st.lists(
            st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(-4, 4)).filter(
                lambda p: p[0] != p[1]
            ),
            max_size=60,
        )
    )
    def test_give_the_ratings_that_one_match_after_the_other_gives(self, pairs):
        home, away, margin = np.array(pairs, dtype=np.int64).reshape(-1, 3).T
        after = waves.run(
            home=home, away=away, state=np.full((1, 8), elo.MEAN), step=elo.Rules().step,
            columns=[np.full(len(home), elo.HOME_ADVANTAGE), margin],
        )  # fmt: skip
        ratings = [elo.MEAN] * 8
        for number, (one, other, by) in enumerate(pairs):
            gain = elo.change(ratings[one], ratings[other], max(by, 0), max(-by, 0))
            ratings[one] += gain
            ratings[other] -= gain
            assert after[0, :, number] == pytest.approx([ratings[one], ratings[other]], abs=1e-9)

    def test_hold_no_side_twice(self):
        rng = np.random.default_rng(4)
        pairs = np.array([rng.choice(9, 2, replace=False) for _ in range(200)])
        found = waves.of_matches(home=pairs[:, 0], away=pairs[:, 1], n_sides=9)
        for first, end in zip(found.bounds[:-1], found.bounds[1:], strict=True):
            sides = pairs[found.order[first:end]].ravel().tolist()
            assert len(sides) == len(set(sides)) > 0

    @pytest.mark.parametrize("sides, n", [(2, 9), (9, 300), (400, 1500), (300, 0)])
    def test_are_the_same_however_they_are_found(self, monkeypatch, sides, n):
        rng = np.random.default_rng(sides)
        pairs = [rng.choice(sides, 2, replace=False) for _ in range(n)]
        home, away = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        monkeypatch.setattr(waves, "MANY", 10_000)
        few = waves.of_matches(home=home, away=away, n_sides=sides)
        monkeypatch.setattr(waves, "MANY", 0)
        many = waves.of_matches(home=home, away=away, n_sides=sides)
        assert few.order.tolist() == many.order.tolist()
        assert list(few.bounds) == list(many.bounds)

    def test_carry_a_side_over_before_the_match_that_says_so(self):
        after = waves.run(
            home=np.array([0, 0]), away=np.array([1, 2]), state=np.array([[8.0, 0.0, 0.0]]),
            step=lambda home, away: (home, away), columns=[],
            carries=(np.array([False, True]), np.array([False, False])),
            carried=lambda states: states / 2,
        )  # fmt: skip
        assert after[0].tolist() == [[8.0, 4.0], [0.0, 0.0]]


class TestOutcomes:
    @settings(deadline=None)
    @given(home=st.floats(0.05, 4.0), away=st.floats(0.05, 4.0))
    def test_sum_to_one_and_are_the_same_for_one_and_for_many(self, home, away):
        alone = strengths.outcomes(np.array([home]), np.array([away]))
        among = strengths.outcomes(np.array([1.0, 2.0, home, 0.7]), np.array([0.3, 2.2, away, 1.1]))
        assert sum(p[0] for p in alone) == pytest.approx(1.0)
        assert [p[0] for p in alone] == [p[2] for p in among]


class TestPlackettLuce:
    def test_takes_from_the_losers_what_the_winner_gains(self):
        found = strengths.plackett_luce(
            learning=0.15, strengths=np.array([0.3, 0.0, -0.4, 1.0, 0.0]),
            starts=np.array([0, 3]), won=np.array([0, 1, 0, 1, 0]),
        )  # fmt: skip
        change = found - np.array([0.3, 0.0, -0.4, 1.0, 0.0])
        assert change[:3].sum() == pytest.approx(0.0, abs=1e-12)
        assert change[1] > 0 > change[0]


class TestSchedule:
    def days(self, rows: list[dict], as_of: int, *, by_day: bool = False) -> tuple[float, float]:
        rows = [{"competition": 1, "season": 1, "home": 10, "away": 11, **row} for row in rows]
        plan = Plan(fixtures=fixtures_table(rows), unit="competition")
        mine = asked(plan=plan, asks=asks([9], as_of))
        schedule = Schedule(plan)
        rest = schedule.days_of_rest(asked=mine, side=mine.home, by_day=by_day)
        return rest[0], schedule.starts_within(asked=mine, side=mine.home, days=14)[0]

    def test_counts_the_days_since_the_last_planned_start(self):
        rows = [
            {"event": 1, "starts_at": 3 * DAY},
            {"event": 2, "starts_at": 7 * DAY, "away": 12},
            {"event": 9, "starts_at": 10 * DAY},
        ]
        assert self.days(rows, 9 * DAY) == (3.0, 2.0)

    def test_takes_a_moved_start_as_it_was_known(self):
        rows = [
            {"event": 1, "starts_at": 7 * DAY},
            {"event": 1, "starts_at": 9 * DAY, "known_at": 5 * DAY},
            {"event": 9, "starts_at": 10 * DAY},
        ]
        assert self.days(rows, 4 * DAY) == (3.0, 1.0)
        assert self.days(rows, 5 * DAY) == (1.0, 1.0)

    def test_is_capped_after_a_long_rest_and_unknown_before_the_first_start(self):
        old = {"event": 1, "starts_at": 3 * DAY}
        assert self.days([old, {"event": 9, "starts_at": 90 * DAY}], 80 * DAY) == (30.0, 0.0)
        rest, count = self.days([{"event": 9, "starts_at": 90 * DAY}], 80 * DAY)
        assert np.isnan(rest) and count == 0.0

    def test_goes_by_the_calendar_where_only_days_count(self):
        rows = [
            {"event": 1, "starts_at": 7 * DAY + 23 * HOUR},
            {"event": 9, "starts_at": 9 * DAY + HOUR},
        ]
        assert self.days(rows, 9 * DAY, by_day=True)[0] == 2.0
        assert self.days(rows, 9 * DAY)[0] == pytest.approx(26 / 24)

    def test_runs_at_the_pace_of_its_calendar(self):
        rows = [
            {"event": 1, "starts_at": 9 * DAY + 21 * HOUR, "time_scale": 24.0},
            {"event": 9, "starts_at": 10 * DAY, "time_scale": 24.0},
        ]
        assert self.days(rows, 10 * DAY - HOUR, by_day=True) == (3.0, 1.0)


class TestEpochs:
    def test_are_one_where_nothing_is_corrected(self):
        world = a_world(seasons=1)
        found = list(self.of(of_world(world), asks([f.event_id for f in world.fixtures],
                     np.array([f.as_of for f in world.fixtures]))))  # fmt: skip
        assert [len(epoch.asked.number) for epoch in found] == [len(world.fixtures)]

    def test_answer_every_ask_once_and_skip_those_in_which_nobody_asks(self):
        facts = a_busy_world(seed=3)
        late = asks([1], int(facts.results.known_at.max()) + 1)
        plan_starts = facts.fixtures.starts_at.copy()
        plan_starts[facts.fixtures.event == 1] = late.as_of[0] + HOUR
        object.__setattr__(facts.fixtures, "starts_at", plan_starts)
        assert len(list(self.of(facts, late))) == 1

    def of(self, facts, wanted):
        plan = Plan(fixtures=facts.fixtures, unit="competition")
        history = History(plan=plan, results=facts.results)
        return epochs(history=history, asked=asked(plan=plan, asks=wanted))


class TestHelpers:
    def test_name_no_value_that_is_not_known(self):
        assert asof.numbers_among(np.array([3]), np.empty(0, dtype=np.int64)).tolist() == [-1]
