from datetime import timedelta

import pytest

from betting.services import deciding
from models_ml.models import FeatureRow, Prediction, Rehearsal
from models_ml.services import pipelines, predicting, rehearsing
from models_ml.services.rehearsing import RehearsalRefused
from monitoring.models import AuditEntry
from tests.betting import builders as betting
from tests.flows import matchday
from tests.flows.matchday import BEGINS, HOUR, START

pytestmark = pytest.mark.django_db

NOW = START - 25 * HOUR


@pytest.fixture
def day():
    return matchday.found()


@pytest.fixture
def pipeline(day):
    return pipelines.named(code="soccer-1x2-simulated")


def rehearse(pipeline, **fields):
    return rehearsing.rehearse(pipeline=pipeline, actor="user:olga", now=NOW, **fields)


class TestRehearse:
    def test_makes_rows_and_predictions_of_the_next_matchday(self, pipeline, day):
        row = rehearse(pipeline, name="dry run")
        assert (row.name, row.rows, row.predictions) == ("dry run", 13, 39)
        assert set(FeatureRow.objects.values_list("rehearsal", "stage", "as_of")) == {
            (row.pk, "T-60m", NOW)
        }
        assert AuditEntry.objects.get(action="models_ml.rehearsed").detail["events"] == 13

    def test_leaves_the_looks_of_the_day_to_themselves(self, pipeline, day):
        rehearse(pipeline)
        keys = [event.pk for event in day]
        matchday.live(keys)
        live = FeatureRow.objects.filter(rehearsal=None)
        assert live.count() == 35
        assert Prediction.objects.filter(feature_row__in=live).count() == 105

    def test_feeds_no_strategy(self, pipeline, day):
        rehearse(pipeline)
        strategy = betting.a_strategy(
            bankroll=betting.a_bankroll(is_simulated=True), pipeline=pipeline
        )
        assert deciding.decide_due(now=NOW)["decided"] == 0
        with pytest.raises(deciding.DecidingRefused, match="were made to practise"):
            deciding.decide(
                strategy=strategy,
                prediction_ids=list(Prediction.objects.values_list("pk", flat=True)[:3]),
                as_of=NOW,
                now=NOW,
            )

    def test_is_refused_where_nothing_comes_or_nothing_serves(self, pipeline, day):
        with pytest.raises(RehearsalRefused, match="no event is to come"):
            rehearsing.rehearse(pipeline=pipeline, actor="user:olga", now=START + timedelta(days=9))
        pipeline.versions.update(stage="ARCHIVED")
        with pytest.raises(RehearsalRefused, match="nothing serves"):
            rehearse(pipeline)
        assert Rehearsal.objects.count() == 0


class TestRemove:
    def test_deletes_exactly_what_was_made(self, pipeline, day):
        predicting.predict_due(now=NOW)
        predicting.predict_due(now=START - 24 * HOUR)
        live = set(Prediction.objects.values_list("pk", flat=True))
        first, second = rehearse(pipeline), rehearse(pipeline)
        rehearsing.remove(rehearsal_id=first.pk, actor="user:olga", now=NOW)
        assert FeatureRow.objects.filter(rehearsal=first).count() == 0
        assert FeatureRow.objects.filter(rehearsal=second).count() == 13
        assert live <= set(Prediction.objects.values_list("pk", flat=True))
        detail = AuditEntry.objects.get(action="models_ml.rehearsal_removed").detail
        assert (detail["rows"], detail["predictions"]) == (13, 39)

    def test_is_refused_twice_and_of_what_is_not_there(self, pipeline, day):
        row = rehearse(pipeline)
        rehearsing.remove(rehearsal_id=row.pk, actor="user:olga", now=NOW)
        with pytest.raises(RehearsalRefused, match="was removed on"):
            rehearsing.remove(rehearsal_id=row.pk, actor="user:olga", now=NOW)
        with pytest.raises(RehearsalRefused, match="no rehearsal #0"):
            rehearsing.remove(rehearsal_id=0, actor="user:olga", now=NOW)


class TestRehearseEach:
    def test_removes_what_it_made_before(self, day):
        first = rehearsing.rehearse_each(actor="beat", now=NOW)
        again = rehearsing.rehearse_each(actor="beat", now=NOW)
        assert [made["predictions"] for made in again["rehearsals"]] == [39]
        assert first["refused"] == again["refused"] == {}
        standing = Rehearsal.objects.get(removed_at=None)
        assert set(FeatureRow.objects.values_list("rehearsal", flat=True)) == {standing.pk}

    def test_says_why_there_was_none(self, day):
        told = rehearsing.rehearse_each(actor="beat", now=BEGINS + timedelta(days=9))
        assert "no event is to come" in told["refused"]["soccer-1x2-simulated"]
