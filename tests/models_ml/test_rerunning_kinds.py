"""Races and players of a past interval predicted again, as they were asked about live."""

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow.parquet
import pytest

from markets.models import Result, RunnerResult, Selection, StatisticResult
from models_ml.models import FeatureRow, Pipeline, Prediction
from models_ml.services import keeping, predicting, rerunning
from tests.models_ml import builders, every_kind, matchdays

pytestmark = pytest.mark.django_db

START = datetime(2024, 11, 23, 15, 0, tzinfo=UTC)
BEFORE = START - timedelta(days=3)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
OFF = START - 2 * MINUTE  # the final look at a race
RUNNERS = 6


@pytest.fixture(autouse=True)
def home(settings, tmp_path):
    settings.CLOSINGLINE_HOME = tmp_path


def rerun(version, **fields):
    asked = {"since": START - DAY, "until": START + DAY, "actor": "test", "now": START + 2 * DAY}
    return rerunning.rerun(
        pipeline=version.pipeline, numbers=[version.number], **{**asked, **fields}
    )


def table_of(row):
    content = keeping.read(name=row.file, sha256=row.figures["file_sha256"])
    return pyarrow.parquet.read_table(io.BytesIO(content)).to_pandas()


def a_version(kind="WIN"):
    return every_kind.a_version(
        sport="horse_racing", target="WINNER", feature_set="racing_v1", kind=kind, since=BEFORE
    )


def ends(race, *, placed=3):
    """Tell who won and who was placed: the lowest numbers of those that ran."""
    known_at = race.starts_at + DAY / 24
    result = Result.objects.create(
        event=race, version=1, status="FINAL", has_runners=True, known_at=known_at,
        recorded_at=known_at, source=builders.a_source(),
    )  # fmt: skip
    entered = list(Selection.objects.filter(market__event=race, market__kind="WIN"))
    ran = sorted((one for one in entered if not one.removed_at), key=lambda one: one.number)
    RunnerResult.objects.bulk_create(
        RunnerResult(
            result=result, participant=one.participant, is_removed=bool(one.removed_at),
            is_winner=None if one.removed_at else one == ran[0],
            is_placed=None if one.removed_at else one in ran[:placed],
        )
        for one in entered
    )  # fmt: skip


class TestRaces:
    @pytest.fixture
    def version(self):
        return a_version()

    @pytest.fixture
    def races(self, version):
        """Return two races that were looked at and foretold, and have been run."""
        found = [every_kind.a_race(START + number * 30 * MINUTE) for number in range(2)]
        for race in found:
            # the look comes thirty seconds late
            predicting.predict_due(now=race.starts_at - 2 * MINUTE + MINUTE / 2)
        return found

    def test_say_the_same_again_of_every_runner(self, version, races):
        for race in races:
            ends(race)
        row = rerun(version)
        assert (row.stage, row.figures["events"], row.figures["left_out"]) == ("T-2m", 2, 0)
        assert row.figures["rows"] == row.figures["selections"] == 2 * RUNNERS
        told = row.figures["features"]
        assert (told["equal"], told["different"], told["absent"]) == (2 * RUNNERS, 0, 0)
        same = row.differences["served"]["1"]
        assert (same["n"], same["largest"], same["changes"]) == (2 * RUNNERS, 0.0, [])
        assert row.figures["versions"]["1"]["n"] == 2 * RUNNERS

    def test_are_asked_about_as_of_the_look_and_not_of_the_stage(self, version, races):
        table = table_of(rerun(version))
        late = table["starts_at_us"] - table["as_of_us"]
        assert set(late) == {90 * 1_000_000}

    def test_hold_who_ran_by_then_and_no_other(self, version, races):
        gone, scratched = Selection.objects.filter(
            market__event=races[0], market__kind="WIN"
        ).order_by("number")[4:]
        scratched.removed_at = races[0].starts_at - DAY / 12  # told after the look
        gone.removed_at = races[0].starts_at - MINUTE  # after the look: it was asked about
        Selection.objects.bulk_update([scratched, gone], ["removed_at"])
        for race in races:
            ends(race)
        row = rerun(version)
        assert row.figures["rows"] == 2 * RUNNERS - 1
        table = table_of(row)
        assert gone.pk in set(table["selection"]) and scratched.pk not in set(table["selection"])
        assert table.groupby("event")["v1"].sum().to_numpy() == pytest.approx([1.0, 1.0])

    def test_are_foretold_again_before_anybody_knows_how_they_end(self, version, races):
        row = rerun(version)
        assert row.figures["rows"] == 2 * RUNNERS
        assert row.figures["versions"]["1"] == {"n": 0, "in_sample": 0, "card": None}

    def test_without_a_live_row_are_asked_about_as_the_stage_opened(self, version, races):
        row = rerun(version, stage="T-10m")
        assert row.figures["features"]["absent"] == 2 * RUNNERS
        table = table_of(row)
        assert set(table["starts_at_us"] - table["as_of_us"]) == {600 * 1_000_000}
        assert table["served"].isna().all()

    def test_name_a_feature_of_a_runner_that_comes_out_otherwise(self, version, races):
        stored = FeatureRow.objects.order_by("pk").first()
        number = next(i for i, value in enumerate(stored.values) if value is not None)
        values = list(stored.values)
        values[number] += 1.0
        FeatureRow.objects.filter(pk=stored.pk).update(values=values)
        told = rerun(version).figures["features"]
        assert (told["equal"], told["different"]) == (2 * RUNNERS - 1, 1)
        (shown,) = told["shown"]
        assert (shown["event"], shown["participant"]) == (stored.event_id, stored.participant_id)

    def test_nobody_is_entered_for_are_left_out_and_counted(self, version, races):
        every_kind.a_race(START + 90 * MINUTE, runners=0)
        row = rerun(version)
        assert (row.figures["events"], row.figures["left_out"]) == (2, 1)

    def test_nobody_can_be_asked_about_refuse_the_whole(self, version):
        every_kind.a_race(START, runners=0)
        with pytest.raises(rerunning.RerunRefused, match="has nobody to ask about yet"):
            rerun(version)


class TestPlaces:
    def test_are_foretold_again_by_the_places_of_each_race(self):
        version = a_version("PLACE")
        races = [every_kind.a_race(START, places=3), every_kind.a_race(START, places=2)]
        every_kind.a_race(START, places=None)  # how many are placed is not known: none is asked
        assert predicting.predict_due(now=OFF) == 2 * RUNNERS
        row = rerun(version)
        assert (row.figures["rows"], row.figures["selections"]) == (3 * RUNNERS, 2 * RUNNERS)
        assert row.differences["served"]["1"]["n"] == 2 * RUNNERS
        assert row.differences["served"]["1"]["largest"] == 0.0
        sums = table_of(row).groupby("event")["v1"].sum()
        assert [sums[race.pk] for race in races] == pytest.approx([3.0, 2.0], abs=1e-6)


class TestPlayers:
    FINAL = START - 60 * MINUTE

    @pytest.fixture
    def version(self):
        return every_kind.a_version(
            sport="soccer", target="FIGURE", feature_set="players_v1", kind="PLAYER_TOTAL",
            since=BEFORE, statistic="points",
        )  # fmt: skip

    @pytest.fixture
    def players(self, version):
        """Return a match's players: two quoted by its final look, and one only later."""
        (event,) = matchdays.matches(START)
        found = [
            every_kind.a_player(event, "Ann", "20.5", quoted_at=BEFORE),
            every_kind.a_player(event, "Cat", "15.5", quoted_at=BEFORE),
            every_kind.a_player(event, "Bea", "11.5", quoted_at=START - MINUTE),
        ]
        assert predicting.predict_due(now=self.FINAL) == 4
        return found

    def played(self, players, *figures):
        event = Prediction.objects.first().event
        known_at = START + DAY / 12
        result = Result.objects.create(
            event=event, version=1, status="FINAL", home_score=2, away_score=1,
            known_at=known_at, recorded_at=known_at, source=builders.a_source(),
        )  # fmt: skip
        StatisticResult.objects.bulk_create(
            StatisticResult(result=result, participant=who, statistic="points", value=value)
            for who, value in zip(players, figures, strict=True)
        )

    def test_who_were_quoted_are_foretold_the_same_again(self, version, players):
        self.played(players, 25.0, 10.0, 12.0)
        row = rerun(version)
        assert (row.figures["rows"], row.figures["selections"]) == (2, 4)
        told = row.figures["features"]
        assert (told["equal"], told["different"], told["absent"]) == (2, 0, 0)
        same = row.differences["served"]["1"]
        assert (same["n"], same["largest"]) == (4, 0.0)
        assert row.figures["versions"]["1"]["n"] == 2
        assert set(table_of(row)["participant"]) == {one.pk for one in players[:2]}

    def test_of_another_statistic_are_not_asked_about(self, version, players):
        Pipeline.objects.filter(pk=version.pipeline_id).update(statistic="rebounds")
        version.pipeline.refresh_from_db()
        with pytest.raises(rerunning.RerunRefused, match="nobody to ask about"):
            rerun(version)

    def test_who_never_played_are_foretold_but_not_scored(self, version, players):
        self.played(players[:1], 25.0)
        row = rerun(version)
        assert row.figures["rows"] == 2
        scored = row.figures["versions"]["1"]
        assert (scored["n"], scored["card"]) == (1, None)  # of one row nothing can be drawn
        assert np.isfinite(table_of(row)["v1"]).all()
