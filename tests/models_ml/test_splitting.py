import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.domain import splitting
from models_ml.domain.splitting import WEEK, Split


def parts_of(split: Split) -> list[np.ndarray]:
    return [split.train, split.validation, split.calibration, split.test]


class TestInTimeOrder:
    def test_never_lets_a_part_begin_before_the_former_ends(self):
        starts = np.sort(np.random.default_rng(0).integers(0, 200, 500))
        for former, latter in itertools.pairwise(parts_of(splitting.in_time_order(starts))):
            assert former[-1] + 1 == latter[0]
            assert starts[former].max() < starts[latter].min()

    def test_refuses_times_out_of_order(self):
        with pytest.raises(ValueError, match="order"):
            splitting.in_time_order([2, 1])


class TestPurged:
    @settings(max_examples=80, deadline=None)
    @given(
        st.lists(st.integers(0, 80), min_size=1, max_size=300).map(sorted),
        st.integers(1, 20),
        st.integers(0, 3 * 7),
    )
    def test_lets_no_part_know_what_came_after_the_next_was_asked(self, days, weeks, late):
        starts = np.array(days) * (WEEK // 7)
        known = starts + late * WEEK // 7
        split = splitting.purged(
            starts=starts, as_of=starts - 1, label_known_at=known, calibration_weeks=weeks
        )
        taken = np.concatenate(parts_of(split))
        assert len(np.unique(taken)) == len(taken) == len(starts) - split.purged
        assert (np.diff(taken) > 0).all()
        for former, latter in itertools.combinations(parts_of(split), 2):
            if len(former) and len(latter):
                assert known[former].max() <= (starts[latter] - 1).min()

    def test_gives_calibration_no_more_than_the_weeks_asked_for(self):
        starts = np.arange(2000) * (WEEK // 7)
        told = {"starts": starts, "as_of": starts - 1, "label_known_at": starts}
        for weeks in (4, 8, 12):
            split = splitting.purged(**told, calibration_weeks=weeks)
            assert len(split.calibration) == 7 * weeks

    def test_keeps_a_race_whole(self):
        starts = np.repeat(np.arange(100) * WEEK, 9)
        split = splitting.purged(
            starts=starts, as_of=starts - 1, label_known_at=starts, calibration_weeks=8
        )
        for part in parts_of(split):
            assert len(part) % 9 == 0

    def test_refuses_times_out_of_order(self):
        with pytest.raises(ValueError, match="order"):
            splitting.purged(
                starts=[2, 1], as_of=[0, 0], label_known_at=[3, 3], calibration_weeks=8
            )
