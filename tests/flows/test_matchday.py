"""A whole matchday by an accelerated clock: every look once, whatever happens to its match."""

import pytest

from models_ml import queries
from models_ml.models import FeatureRow, Prediction, StageLook
from models_ml.monitors import ladders
from models_ml.services import predicting
from tests.flows import matchday
from tests.flows.matchday import EARLY, ENDS, HOUR, START
from tests.models_ml.matchdays import states

pytestmark = pytest.mark.django_db


@pytest.fixture
def day(settings, tmp_path):
    settings.ARTEFACT_DIR = tmp_path / "artefacts"
    return matchday.found()


def test_the_matchday(day):
    keys = [event.pk for event in day]
    matchday.live(keys)
    matchday.assert_every_look_is_accounted_for(keys)

    for event in day[: matchday.ORDINARY]:
        assert states(event) == dict.fromkeys(matchday.STAGES, "DONE")
    assert states(day[matchday.MOVED]) == dict.fromkeys(matchday.STAGES, "DONE")
    final = FeatureRow.objects.get(event=day[matchday.MOVED], stage="T-60m")
    assert START < final.as_of < START + 10 * HOUR
    assert states(day[matchday.POSTPONED]) == {
        "T-24h": "DONE", "T-100m": "CANCELLED", "T-60m": "CANCELLED",
    }  # fmt: skip
    assert states(day[matchday.MISSED]) == {
        "T-24h": "LATE", "T-100m": "MISSED", "T-60m": "MISSED",
    }  # fmt: skip

    overlooked = queries.overlooked(now=EARLY + 20 * HOUR)
    assert {(one.event_id, one.stage) for one in overlooked} == {
        (day[matchday.MISSED].pk, "T-100m"), (day[matchday.MISSED].pk, "T-60m"),
    }  # fmt: skip
    (finding,) = ladders.every_event_gets_its_looks(EARLY + 20 * HOUR)
    assert (finding.severity, str(day[matchday.MISSED].pk) in finding.summary) == ("P3", True)

    before = (FeatureRow.objects.count(), Prediction.objects.count(), StageLook.objects.count())
    predicting.predict_due(now=ENDS)
    after = (FeatureRow.objects.count(), Prediction.objects.count(), StageLook.objects.count())
    assert after == before
