from datetime import UTC, datetime, timedelta

import pytest

from models_ml.domain import stages

START = datetime(2024, 5, 1, 15, 0, tzinfo=UTC)


class TestStages:
    def test_come_in_time_order_and_end_with_the_final_one(self):
        spans = list(stages.STAGES.values())
        assert spans == sorted(spans, reverse=True)
        assert list(stages.STAGES)[-1] == stages.FINAL_STAGE


class TestOpenStages:
    @pytest.mark.parametrize(
        "before, open_",
        [
            (timedelta(hours=24, seconds=1), 0),
            (timedelta(hours=24), 1),
            (timedelta(minutes=100), 2),
            (timedelta(minutes=60), 5),
            (timedelta(0), 0),
            (timedelta(minutes=-5), 0),
        ],
    )
    def test_grow_until_the_start_and_then_are_none(self, before, open_):
        assert len(stages.open_stages(START, at=START - before)) == open_

    def test_come_as_much_closer_together_as_the_calendar_runs_fast(self):
        at = START - timedelta(seconds=10)
        assert len(stages.open_stages(START, at=at, time_scale=360.0)) == 5
        assert len(stages.open_stages(START, at=at - timedelta(seconds=1), time_scale=360.0)) == 4
