from datetime import UTC, datetime, timedelta

import pytest

from models_ml.domain import stages
from models_ml.domain.stages import BadLadder

START = datetime(2024, 5, 1, 15, 0, tzinfo=UTC)


class TestStages:
    def test_come_in_time_order_and_are_called_what_they_are(self):
        spans = list(stages.STAGES.values())
        assert spans == sorted(set(spans), reverse=True)
        for name, span in stages.STAGES.items():
            unit = {"h": timedelta(hours=1), "m": timedelta(minutes=1)}[name[-1]]
            assert span == int(name[2:-1]) * unit


class TestDefaultNames:
    @pytest.mark.parametrize("is_simulated", [False, True], ids=["real", "simulated"])
    @pytest.mark.parametrize("sport", ["soccer", "basketball", "horse_racing", "darts"])
    def test_make_a_ladder(self, sport, is_simulated):
        rows = stages.rows_of(stages.default_names(sport=sport, is_simulated=is_simulated))
        assert stages.steps(rows)[-1].is_final

    @pytest.mark.parametrize(
        "sport, final",
        [("soccer", "T-60m"), ("basketball", "T-30m"), ("horse_racing", "T-2m")],
    )
    def test_end_where_the_sport_tells_last(self, sport, final):
        assert stages.default_names(sport=sport, is_simulated=False)[-1] == final


class TestCheck:
    @pytest.mark.parametrize(
        "names, why",
        [
            ([], "its last one is the final look"),
            (["T-24h", "T-7m"], "no stage 'T-7m'"),
            (["T-24h", "T-0m"], "no stage 'T-0m'"),
            (["T-60m", "T-24h"], "the earliest stage stands first"),
            (["T-60m", "T-60m"], "stands there twice"),
        ],
        ids=["none", "unknown", "zero", "ascending", "twice"],
    )
    def test_refuses(self, names, why):
        with pytest.raises(BadLadder, match=why):
            stages.check(names)


class TestSteps:
    def test_close_when_the_next_one_opens(self):
        found = stages.steps(stages.rows_of(["T-24h", "T-100m", "T-60m"]))
        assert [step.closes for step in found] == [100, 60, 0]
        assert [step.is_final for step in found] == [False, False, True]


class TestOpensAt:
    def test_comes_as_much_later_as_the_calendar_runs_fast(self):
        assert stages.opens_at(START, "T-60m", 360.0) == START - timedelta(seconds=10)
