from datetime import timedelta
from pathlib import Path

import pytest

from markets.models import Event, Market
from models_ml.domain.estimators import three_way
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.models import FeatureRow, Prediction, Replay
from models_ml.services import featuring, loading, predicting
from models_ml.services.predicting import PredictionRefused
from models_ml.services.storing import DamagedArtefact
from monitoring.models import Incident
from tests import kept
from tests.models_ml import builders
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
LAST_ROUND = 6


@pytest.fixture
def world(request, settings):
    """Return a league, its pipeline and, for whom asks for one, a version that serves."""
    is_served = "version" in request.fixturenames

    def make():
        league = a_league()
        until = league.events[-LAST_ROUND].starts_at - timedelta(days=2)
        pipeline = builders.a_pipeline(now=until)
        version = builders.a_serving_version(pipeline, until=until) if is_served else None
        return league, pipeline, version

    return kept.world(("a last round", is_served), make, folder=Path(settings.ARTEFACT_DIR))


@pytest.fixture
def league(world):
    return world[0]


def a_league():
    """Return a league whose last round is still to come."""
    world = a_world(seasons=3)
    n = len(world.matches)
    found = builders.a_league(world, without_results=range(n - LAST_ROUND, n))
    assert Event.objects.filter(status="SCHEDULED").count() == LAST_ROUND
    return found


@pytest.fixture
def coming(league):
    return league.events[-LAST_ROUND:]


@pytest.fixture
def until(coming):
    return coming[0].starts_at - timedelta(days=2)


@pytest.fixture
def pipeline(world):
    return world[1]


@pytest.fixture
def version(world):
    return world[2]


def rows_for(events, *, as_of, **fields):
    return featuring.build(
        event_ids=[event.pk for event in events],
        feature_set="soccer_v1",
        stage="T-60m",
        as_of=as_of,
        now=as_of,
        **fields,
    )


def damage(settings, version):
    path = Path(settings.ARTEFACT_DIR) / version.artefact
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    loading.forget()


class TestPredict:
    def test_gives_one_probability_per_selection_that_sum_to_one(self, coming, version):
        as_of = coming[0].starts_at - HOUR
        rows = rows_for(coming, as_of=as_of)
        made = predicting.predict(feature_rows=rows, version=version, now=as_of)
        assert len(made) == 3 * LAST_ROUND
        for i, row in enumerate(rows):
            mine = made[3 * i : 3 * i + 3]
            assert [p.selection.role for p in mine] == ["HOME", "DRAW", "AWAY"]
            assert {p.feature_row_id for p in mine} == {row.pk}
            assert sum(p.probability for p in mine) == pytest.approx(1.0, abs=1e-9)
            assert sum(p.market_probability for p in mine) == pytest.approx(1.0, abs=1e-6)
            assert {p.as_of for p in mine} == {as_of}

    def test_gives_what_the_estimator_says_and_the_rows_own_market(self, coming, version):
        as_of = coming[0].starts_at - HOUR
        rows = rows_for(coming, as_of=as_of)
        made = predicting.predict(feature_rows=rows, version=version, now=as_of)
        values = predicting.matrix(rows)
        expected = loading.load(version=version).probabilities(values).ravel()
        assert [p.probability for p in made] == pytest.approx(list(expected), abs=1e-12)
        market = three_way.market_of(values, SOCCER_V1).ravel()
        assert [p.market_probability for p in made] == pytest.approx(list(market), abs=1e-12)

    def test_twice_is_once(self, coming, version):
        as_of = coming[0].starts_at - HOUR
        rows = rows_for(coming, as_of=as_of)
        first = predicting.predict(feature_rows=rows, version=version, now=as_of)
        again = predicting.predict(feature_rows=rows, version=version, now=as_of + HOUR / 2)
        assert [p.pk for p in first] == [p.pk for p in again]
        assert Prediction.objects.count() == 3 * LAST_ROUND

    def test_passes_over_an_event_without_such_a_market_and_says_so(self, coming, version):
        as_of = coming[0].starts_at - HOUR
        rows = rows_for(coming, as_of=as_of)
        Market.objects.filter(event=coming[0]).update(period="HALF")
        found = predicting.predict_batch(feature_rows=rows, version=version, now=as_of)
        assert len(found.predictions) == 3 * (LAST_ROUND - 1)
        assert found.refused == {rows[0].pk: f"event {coming[0].pk} has no such market yet"}

    def test_foretells_from_form_where_there_is_no_market_price(self, coming, version):
        as_of = coming[0].starts_at - HOUR
        (row,) = rows_for(coming[:1], as_of=as_of)
        for index in SOCCER_V1.market:
            row.values[index] = None
        made = predicting.predict(feature_rows=[row], version=version, now=as_of)
        assert sum(p.probability for p in made) == pytest.approx(1.0)
        assert {p.market_probability for p in made} == {None}

    def test_refuses_a_row_that_knows_nothing(self, coming, version):
        as_of = coming[0].starts_at - HOUR
        (row,) = rows_for(coming[:1], as_of=as_of)
        for index in SOCCER_V1.needed:
            row.values[index] = None
        found = predicting.predict_batch(feature_rows=[row], version=version, now=as_of)
        assert found.predictions == []
        assert "neither a market nor an earlier match" in found.refused[row.pk]

    def test_refuses_an_event_that_the_version_may_know(self, league, coming, version):
        played = league.events[100]
        (row,) = rows_for([played], as_of=played.starts_at - HOUR)
        with pytest.raises(PredictionRefused, match="may know the result"):
            predicting.predict(feature_rows=[row], version=version, now=coming[0].starts_at)

    def test_refuses_rows_of_another_replay(self, league, coming, version):
        replay = Replay.objects.create(
            competition=league.competition,
            season=coming[0].season,
            actor="test",
            started_at=league.ends_at,
        )
        as_of = coming[0].starts_at - HOUR
        rows = rows_for(coming, as_of=as_of, replay=replay)
        with pytest.raises(PredictionRefused, match="same replay"):
            predicting.predict(feature_rows=rows, version=version, now=as_of)

    def test_refuses_rows_of_another_feature_set(self, coming, version):
        as_of = coming[0].starts_at - HOUR
        (row,) = rows_for(coming[:1], as_of=as_of)
        row.feature_set = "soccer_v0"
        with pytest.raises(PredictionRefused, match="soccer_v0"):
            predicting.predict(feature_rows=[row], version=version, now=as_of)

    def test_asks_a_bounded_number_of_questions(
        self, coming, version, django_assert_max_num_queries
    ):
        as_of = coming[0].starts_at - HOUR
        rows = rows_for(coming, as_of=as_of)
        with django_assert_max_num_queries(6):
            predicting.predict(feature_rows=rows, version=version, now=as_of)


class TestPredictDue:
    def test_goes_from_open_stages_to_predictions(self, coming, version):
        now = coming[0].starts_at - HOUR
        opened = [e for e in coming if e.starts_at - timedelta(hours=24) <= now]
        made = predicting.predict_due(now=now)
        assert made == Prediction.objects.count() == 3 * FeatureRow.objects.count()
        assert set(Prediction.objects.values_list("event", flat=True)) == {e.pk for e in opened}

    def test_twice_is_once(self, coming, version):
        now = coming[0].starts_at - HOUR
        assert predicting.predict_due(now=now) > 0
        assert predicting.predict_due(now=now) == 0

    def test_is_cheap_when_idle(self, coming, version, django_assert_max_num_queries):
        now = coming[0].starts_at - HOUR
        predicting.predict_due(now=now)
        with django_assert_max_num_queries(6):
            predicting.predict_due(now=now)

    def test_foretells_anew_with_a_version_just_promoted(self, pipeline, coming, version):
        now = coming[0].starts_at - HOUR
        predicting.predict_due(now=now)
        second = builders.a_serving_version(pipeline, until=now, seed=1)
        assert predicting.predict_due(now=now) > 0
        newest = Prediction.objects.filter(version=second).values("feature_row__as_of")
        assert newest.exists()

    def test_does_nothing_without_a_version_in_production(self, pipeline, coming, until):
        builders.a_version(pipeline, until=until)
        assert predicting.predict_due(now=coming[0].starts_at - HOUR) == 0

    def test_is_served_by_the_previous_version_where_production_is_damaged(
        self, settings, pipeline, coming, version, until
    ):
        second = builders.a_serving_version(pipeline, until=until, seed=1)
        damage(settings, second)
        now = coming[0].starts_at - HOUR
        assert predicting.predict_due(now=now) > 0
        assert set(Prediction.objects.values_list("version", flat=True)) == {version.pk}
        incident = Incident.objects.get(kind="models_ml.artefact-damaged")
        assert incident.subject == f"models_ml.ModelVersion:{second.pk}"
        assert predicting.predict_due(now=now) == 0
        assert Incident.objects.count() == 1

    def test_is_served_by_nothing_where_both_are_damaged(self, settings, pipeline, coming, version):
        damage(settings, version)
        assert predicting.predict_due(now=coming[0].starts_at - HOUR) == 0
        assert Prediction.objects.count() == 0
        assert Incident.objects.filter(kind="models_ml.artefact-damaged").count() == 1


class TestLoad:
    def test_checks_the_hash_before_anything_else(self, settings, version):
        damage(settings, version)
        with pytest.raises(DamagedArtefact, match="SHA-256"):
            loading.load(version=version)

    def test_says_which_file_is_missing(self, settings, version):
        (Path(settings.ARTEFACT_DIR) / version.artefact).unlink()
        loading.forget()
        with pytest.raises(DamagedArtefact, match="No such file"):
            loading.load(version=version)

    def test_asks_the_golden_rows_again(self, version):
        loading.forget()
        version.metrics["golden"]["probabilities"][0][0] += 0.001
        with pytest.raises(DamagedArtefact, match="golden"):
            loading.load(version=version)

    def test_refuses_a_version_of_other_columns(self, version):
        version.features_sha256 = "0" * 64
        loading.forget()
        with pytest.raises(loading.FeaturesChanged, match="train anew"):
            loading.load(version=version)

    def test_keeps_the_estimator_for_the_next_call(self, version):
        assert loading.load(version=version) is loading.load(version=version)

    def test_keeps_only_a_few(self, monkeypatch, pipeline, version, until):
        monkeypatch.setattr(loading, "KEEP", 2)
        for seed in range(3):
            loading.load(version=builders.a_version(pipeline, until=until, seed=seed))
        assert loading.kept() == 2
