"""Every kind of estimator from a look to stored probabilities."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.utils import timezone

from markets.models import Selection
from models_ml.domain.lines import Answers
from models_ml.models import FeatureRow, Prediction, StageLook
from models_ml.queries import figures
from models_ml.services import answering, featuring, forecasting, loading, predicting
from models_ml.services.predicting import PredictionRefused
from monitoring.models import Incident
from tests.models_ml import every_kind, matchdays

pytestmark = pytest.mark.django_db

START = datetime(2024, 11, 23, 15, 0, tzinfo=UTC)
BEFORE = START - timedelta(days=3)
FINAL = START - timedelta(minutes=60)
OFF = START - timedelta(minutes=2)


def a_runners_version(kind="WIN"):
    return every_kind.a_version(
        sport="horse_racing", target="WINNER", feature_set="racing_v1", kind=kind, since=BEFORE
    )


def said():
    """Return (event, line, role) -> prediction."""
    rows = Prediction.objects.select_related("selection__market")
    return {(row.event_id, row.selection.market.line, row.selection.role): row for row in rows}


class TestGoals:
    @pytest.fixture
    def event(self):
        every_kind.a_version(
            sport="soccer", target="GOALS", feature_set="soccer_v1", kind="TOTAL", since=BEFORE
        )
        (event,) = matchdays.matches(START)
        matchdays.played_before([event], at=START - timedelta(days=7))
        every_kind.lines(event, "TOTAL", "2.00", "2.25", "2.50", "3.50")
        return event

    def test_answer_every_line_with_its_refund(self, event):
        assert predicting.predict_due(now=FINAL) == 8
        told = said()
        for line in ("2.00", "2.25", "2.50", "3.50"):
            over = told[event.pk, Decimal(line), "OVER"]
            under = told[event.pk, Decimal(line), "UNDER"]
            assert over.probability + under.probability == pytest.approx(1.0, abs=1e-9)
            assert over.refund_probability == under.refund_probability
        refunds = {str(k[1]): row.refund_probability for k, row in told.items()}
        assert refunds["2.00"] > refunds["2.25"] > 0.0 == refunds["2.50"]

    def test_say_less_of_a_higher_line(self, event):
        predicting.predict_due(now=FINAL)
        told = said()
        chances = [
            told[event.pk, Decimal(line), "OVER"].probability
            for line in ("2.00", "2.25", "2.50", "3.50")
        ]
        assert chances == sorted(chances, reverse=True)

    def test_say_the_same_through_the_service(self, event):
        predicting.predict_due(now=FINAL)
        told = {row.selection_id: row.probability for row in Prediction.objects.all()}
        (forecast,), refused = forecasting.forecasts(event_id=event.pk, now=FINAL)
        assert {one.selection_id: one.probability for one in forecast.said} == told
        assert (forecast.stage, refused) == ("T-60m", {})


class TestRunners:
    def test_have_a_row_each_and_chances_that_sum_to_one(self):
        a_runners_version()
        race = every_kind.a_race(START)
        assert predicting.predict_due(now=OFF) == 6
        assert FeatureRow.objects.filter(event=race).count() == 6
        assert StageLook.objects.get(stage="T-2m").rows == 6
        chances = Prediction.objects.values_list("probability", flat=True)
        assert sum(chances) == pytest.approx(1.0, abs=1e-9)

    def test_placed_sum_to_the_places(self):
        a_runners_version("PLACE")
        every_kind.a_race(START)
        assert predicting.predict_due(now=OFF) == 6
        chances = Prediction.objects.values_list("probability", flat=True)
        assert sum(chances) == pytest.approx(3.0, abs=1e-6)

    def test_are_not_placed_where_nobody_says_how_many_are(self):
        version = a_runners_version("PLACE")
        race = every_kind.a_race(START, places=None)
        predicting.predict_due(now=OFF)
        rows = list(FeatureRow.objects.filter(event=race))
        found = predicting.predict_batch(feature_rows=rows, version=version, now=OFF)
        assert found.predictions == []
        assert "how many are placed" in next(iter(found.refused.values()))

    def test_removed_before_have_no_row_and_after_keep_their_chance(self):
        a_runners_version()
        race = every_kind.a_race(START)
        first, second = Selection.objects.filter(market__kind="WIN").order_by("number")[:2]
        first.removed_at = OFF - timedelta(minutes=1)
        second.removed_at = OFF + timedelta(minutes=1)
        Selection.objects.bulk_update([first, second], ["removed_at"])
        assert predicting.predict_due(now=OFF) == 5
        rows = FeatureRow.objects.filter(event=race).values_list("participant_id", flat=True)
        assert first.participant_id not in rows
        assert second.participant_id in rows
        chances = Prediction.objects.values_list("probability", flat=True)
        assert sum(chances) == pytest.approx(1.0, abs=1e-9)

    def test_of_half_a_race_are_refused(self):
        version = a_runners_version()
        race = every_kind.a_race(START)
        predicting.predict_due(now=OFF)
        rows = list(FeatureRow.objects.filter(event=race))[:4]
        with pytest.raises(PredictionRefused, match="has 6 runners at T-2m, not all are here"):
            predicting.predict(feature_rows=rows, version=version, now=OFF)

    def test_of_a_race_without_entries_wait_until_it_has_some(self):
        a_runners_version()
        race = every_kind.a_race(START, runners=0)
        predicting.predict_due(now=OFF)
        look = StageLook.objects.get(event=race, stage="T-2m")
        assert (look.state, look.why) == ("DUE", f"event {race.pk} has nobody to ask about yet")

    def test_are_refused_by_features_of_matches(self):
        a_runners_version()
        race = every_kind.a_race(START)
        with pytest.raises(featuring.NoFeatures, match="has no two sides"):
            featuring.build(
                event_ids=[race.pk], feature_set="soccer_v1", stage="T-60m", as_of=OFF, now=OFF
            )


class TestFigures:
    def test_answer_each_player_who_is_quoted_by_then(self):
        every_kind.a_version(
            sport="soccer", target="FIGURE", feature_set="players_v1", kind="PLAYER_TOTAL",
            since=BEFORE, statistic="points",
        )  # fmt: skip
        (event,) = matchdays.matches(START)
        seen = every_kind.a_player(event, "Ann", "20.5", quoted_at=BEFORE)
        every_kind.a_player(event, "Bea", "11.5", quoted_at=START - timedelta(minutes=1))
        assert predicting.predict_due(now=FINAL) == 2
        row = FeatureRow.objects.get()
        assert (row.participant_id, row.statistic) == (seen.pk, "points")
        told = said()
        both = [told[event.pk, Decimal("20.50"), role] for role in ("OVER", "UNDER")]
        assert sum(p.probability for p in both) == pytest.approx(1.0, abs=1e-9)
        assert [p.market_probability for p in both] == pytest.approx([0.5, 0.5])


@dataclass(frozen=True)
class Bad:
    """An estimator that says what it was told to say."""

    first: float
    refund: float = 0.0
    kind: str = "boosted3"

    def answer(self, values, questions):
        told = np.full(len(questions), 0.3)
        told[0] = self.first
        return Answers(told, np.full(len(questions), self.refund))


class TestUnsoundAnswers:
    @pytest.mark.parametrize(
        "bad, why",
        [
            (Bad(np.nan), "P nan"),
            (Bad(np.inf), "P inf"),
            (Bad(0.0), "P 0.0"),
            (Bad(1.0), "P 1.0"),
            (Bad(0.4, refund=np.nan), "refund nan"),
            (Bad(0.5), "sum to 1.1"),
        ],
        ids=["nan", "infinite", "zero", "one", "refund", "sum"],
    )
    def test_are_stored_nowhere_and_opened_as_an_incident(self, monkeypatch, bad, why):
        version = matchdays.a_serving_version(since=BEFORE)
        matchdays.matches(START)
        answering.forget()
        whole = loading.load
        monkeypatch.setattr(loading, "load", lambda *, version: whole(version=version) and bad)
        row = matchdays.speaking(START)
        assert predicting.foretell_waiting(now=FINAL) == 0
        assert FeatureRow.objects.get() == row
        assert Prediction.objects.count() == 0
        incident = Incident.objects.get(kind=predicting.UNSOUND)
        assert why in incident.summary
        assert incident.subject == f"models_ml.ModelVersion:{version.pk}"
        answering.forget()


class TestServiceFigures:
    @pytest.fixture
    def asked(self):
        version = matchdays.a_serving_version(since=BEFORE)
        (event,) = matchdays.matches(START)
        matchdays.speaking(START)
        answering.forget()
        yield version, event
        answering.forget()

    def test_count_what_was_kept_and_what_was_not(self, asked):
        version, event = asked
        for _ in range(3):
            forecasting.forecast(pipeline_id=version.pipeline_id, event_id=event.pk, now=FINAL)
        answering.flush(now=timezone.now(), is_due=True)

        service = figures.service()
        assert (service.calls, service.hits, service.misses) == (3, 2, 1)
        assert service.hit_ratio == pytest.approx(2 / 3)
        assert sum(service.buckets.values()) == 3

    def test_are_told_every_ten_seconds(self, asked):
        version, event = asked
        now = FINAL
        told = []
        for second in (0, 3, 9, 11):
            forecasting.forecast(pipeline_id=version.pipeline_id, event_id=event.pk, now=now)
            told.append(answering.flush(now=now + timedelta(seconds=second)))
        assert told == [False, False, False, True]

    def test_give_no_other_answer_from_what_was_kept(self, asked):
        version, event = asked
        first, again = (
            forecasting.forecast(pipeline_id=version.pipeline_id, event_id=event.pk, now=FINAL)
            for _ in range(2)
        )
        assert first == again

    def test_are_given_by_one_question_to_the_tables(self, asked, django_assert_num_queries):
        version, event = asked
        forecasting.forecasts(event_id=event.pk, now=FINAL)
        with django_assert_num_queries(1):
            forecasting.forecast(pipeline_id=version.pipeline_id, event_id=event.pk, now=FINAL)
        with django_assert_num_queries(1):
            forecasting.forecasts(event_id=event.pk, now=FINAL)

    def test_begin_anew_in_the_child_of_a_fork(self, asked):
        version, event = asked
        forecasting.forecast(pipeline_id=version.pipeline_id, event_id=event.pk, now=FINAL)
        assert answering.counts() == (1, 0, 1)
        child = os.fork()
        if not child:
            os._exit(answering.counts() != (0, 0, 0))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert answering.counts() == (1, 0, 1)
