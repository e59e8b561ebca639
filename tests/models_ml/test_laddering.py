from datetime import UTC, datetime, timedelta

import pytest

from markets.models import Event
from models_ml.domain import features
from models_ml.models import FeatureRow, Ladder, Pipeline, Prediction, StageLook
from models_ml.services import asking, laddering, ladders, predicting
from models_ml.services.laddering import LookRefused
from monitoring.models import AuditEntry
from tests.models_ml import matchdays
from tests.models_ml.matchdays import states

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
BEFORE = START - timedelta(days=3)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def before(**span):
    return START - timedelta(**span)


@pytest.fixture
def version():
    return matchdays.a_serving_version(since=BEFORE)


@pytest.fixture
def event(version):
    return matchdays.matches(START)[0]


class TestTick:
    def test_plans_each_stage_of_an_event_that_comes_near(self, event):
        done = laddering.tick(now=before(hours=49))
        assert (done.planned, StageLook.objects.count()) == (0, 0)
        done = laddering.tick(now=before(hours=47))
        assert (done.planned, done.built) == (5, 0)
        spans = {
            look.stage: (START - look.due_at, START - look.closes_at)
            for look in StageLook.objects.all()
        }
        assert spans["T-24h"] == (24 * HOUR, 100 * MINUTE)
        assert spans["T-60m"] == (60 * MINUTE, 0 * MINUTE)

    def test_takes_each_look_once_in_its_time(self, event):
        moments = [before(hours=30), *(before(minutes=m) for m in (1440, 100, 80, 75, 60))]
        built = [laddering.tick(now=now).built for now in moments]
        assert built == [0, 1, 1, 1, 1, 1]
        assert set(states(event).values()) == {"DONE"}
        assert [row.as_of for row in FeatureRow.objects.order_by("as_of")] == moments[1:]
        assert laddering.tick(now=before(minutes=59)).built == 0

    def test_takes_a_look_late_and_says_so(self, event):
        laddering.tick(now=before(hours=30))
        done = laddering.tick(now=before(hours=23))
        assert (done.built, done.late) == (1, 1)
        row = FeatureRow.objects.get()
        assert row.is_late
        assert (row.due_at, row.as_of) == (before(hours=24), before(hours=23))
        assert states(event)["T-24h"] == "LATE"

    def test_takes_a_look_in_time_within_the_grace(self, event):
        laddering.tick(now=before(hours=30))
        assert laddering.tick(now=before(hours=24) + timedelta(seconds=59)).late == 0

    def test_misses_what_closed_before_anybody_looked(self, event):
        laddering.tick(now=before(hours=30))
        done = laddering.tick(now=before(minutes=70))
        assert (done.missed, done.built, done.late) == (3, 1, 1)
        assert states(event) == {
            "T-24h": "MISSED", "T-100m": "MISSED", "T-80m": "MISSED", "T-75m": "LATE",
            "T-60m": "DUE",
        }  # fmt: skip

    def test_misses_the_final_look_of_what_has_started(self, event):
        laddering.tick(now=before(hours=30))
        laddering.tick(now=START)
        assert set(states(event).values()) == {"MISSED"}
        assert FeatureRow.objects.count() == 0

    def test_skips_what_was_over_when_the_event_became_known(self, event):
        laddering.tick(now=before(minutes=70))
        assert states(event) == {
            "T-24h": "SKIPPED", "T-100m": "SKIPPED", "T-80m": "SKIPPED", "T-75m": "LATE",
            "T-60m": "DUE",
        }  # fmt: skip

    def test_follows_the_clock_of_a_fast_calendar(self):
        matchdays.a_serving_version(since=BEFORE, is_simulated=True)
        league = matchdays.a_competition(is_simulated=True, time_scale=360.0)
        (event,) = matchdays.matches(START, competition=league)
        assert laddering.tick(now=before(seconds=240)).built == 1
        assert laddering.tick(now=before(seconds=16)).built == 1
        assert laddering.tick(now=before(seconds=9)).built == 1
        assert states(event) == {"T-24h": "DONE", "T-100m": "DONE", "T-60m": "DONE"}

    def test_takes_every_look_at_once_at_a_simulated_match_that_begins_in_a_moment(self):
        matchdays.a_serving_version(since=BEFORE, is_simulated=True)
        league = matchdays.a_competition(is_simulated=True, time_scale=360.0)
        (event,) = matchdays.matches(START, competition=league)
        assert laddering.tick(now=before(seconds=8)).built == 3
        assert states(event) == {"T-24h": "LATE", "T-100m": "DONE", "T-60m": "DONE"}
        rows = FeatureRow.objects.order_by("due_at").values_list("stage", "as_of", "is_late")
        assert list(rows) == [
            ("T-24h", before(seconds=8), True),
            ("T-100m", before(seconds=8), False),
            ("T-60m", before(seconds=8), False),
        ]

    def test_does_nothing_for_a_pipeline_that_is_switched_off(self, event):
        Pipeline.objects.update(is_enabled=False)
        assert laddering.tick(now=before(hours=1)).planned == 0

    def test_twice_is_once(self, event):
        for _ in range(2):
            laddering.tick(now=before(minutes=60))
        assert FeatureRow.objects.count() == 1

    def test_asks_one_question_when_idle(self, event, django_assert_num_queries):
        laddering.tick(now=before(minutes=60))
        with django_assert_num_queries(1):
            laddering.tick(now=before(minutes=60))

    def test_asks_as_much_for_many_events_as_for_one(self, version, django_assert_max_num_queries):
        matchdays.matches(*[START] * 30)
        ladders.ensure_default_ladders()
        with django_assert_max_num_queries(22):
            assert laddering.tick(now=before(minutes=60)).built == 30

    def test_lets_no_event_keep_another_waiting(self, event, monkeypatch):
        other, third = matchdays.matches(START, START)
        told = features.compute

        def compute(*, feature_set, facts, asks):
            if other.pk in asks.event.tolist():
                raise ValueError(f"soccer_v1: elo_home of event {other.pk} is inf")
            return told(feature_set=feature_set, facts=facts, asks=asks)

        monkeypatch.setattr(asking.features, "compute", compute)
        done = laddering.tick(now=before(minutes=60))
        assert (done.built, list(done.refused)) == (2, [other.pk])
        assert states(third)["T-60m"] == "DONE"
        look = StageLook.objects.get(event=other, stage="T-60m")
        assert (look.state, "elo_home" in look.why) == ("DUE", True)
        assert (look.done_at, look.as_of, look.rows) == (None, None, 0)
        monkeypatch.undo()
        assert laddering.tick(now=before(minutes=59)).built == 1
        look.refresh_from_db()
        assert (look.state, look.why, look.rows) == ("DONE", "", 1)
        assert look.done_at == look.as_of == before(minutes=59)


class TestMoving:
    def moved(self, event, **span):
        Event.objects.filter(pk=event.pk).update(starts_at=START + timedelta(**span))

    def test_moves_what_is_still_to_come(self, event):
        laddering.tick(now=before(hours=24))
        self.moved(event, hours=5)
        assert laddering.tick(now=before(hours=23)).moved == 4
        assert states(event)["T-24h"] == "DONE"
        final = StageLook.objects.get(stage="T-60m")
        assert final.due_at == START + 4 * HOUR
        assert laddering.tick(now=before(minutes=60)).built == 0
        assert laddering.tick(now=final.due_at).built == 1
        assert FeatureRow.objects.filter(stage="T-24h").count() == 1

    def test_makes_a_missed_look_due_again_that_now_lies_ahead(self, event):
        laddering.tick(now=before(hours=30))
        laddering.tick(now=before(minutes=90))
        assert states(event)["T-24h"] == "MISSED"
        self.moved(event, days=2)
        laddering.tick(now=before(minutes=85))
        assert states(event)["T-24h"] == "DUE"
        assert StageLook.objects.get(stage="T-24h").due_at == START + timedelta(days=1)

    def test_looks_no_more_after_the_final_look(self, event):
        laddering.tick(now=before(hours=30))
        laddering.tick(now=before(minutes=60))
        self.moved(event, days=2)
        laddering.tick(now=before(minutes=59))
        assert states(event)["T-24h"] == "MISSED"
        assert laddering.tick(now=START + timedelta(days=1, minutes=1)).built == 0

    def test_skips_what_a_start_moved_forward_has_passed(self, event):
        laddering.tick(now=before(hours=30))
        self.moved(event, hours=-29)
        laddering.tick(now=before(hours=30))
        assert states(event) == {
            "T-24h": "SKIPPED", "T-100m": "SKIPPED", "T-80m": "SKIPPED", "T-75m": "SKIPPED",
            "T-60m": "DONE",
        }  # fmt: skip

    @pytest.mark.parametrize("status", ["POSTPONED", "CANCELLED"])
    def test_cancels_the_looks_of_an_event_put_off_until_it_is_on_again(self, event, status):
        laddering.tick(now=before(hours=24))
        Event.objects.filter(pk=event.pk).update(status=status)
        laddering.tick(now=before(hours=20))
        assert states(event)["T-60m"] == "CANCELLED"
        assert laddering.tick(now=before(minutes=60)).built == 0
        Event.objects.filter(pk=event.pk).update(
            status="SCHEDULED", starts_at=START + timedelta(days=7)
        )
        laddering.tick(now=START + timedelta(hours=1))
        assert states(event) == {
            "T-24h": "DONE", "T-100m": "DUE", "T-80m": "DUE", "T-75m": "DUE", "T-60m": "DUE",
        }  # fmt: skip

    def test_misses_the_looks_of_what_started_too_early(self, event):
        laddering.tick(now=before(hours=24))
        Event.objects.filter(pk=event.pk).update(status="LIVE")
        laddering.tick(now=before(hours=2))
        assert StageLook.objects.get(stage="T-60m").why == "it started before the look"

    def test_settles_after_one_tick(self, event, django_assert_num_queries):
        laddering.tick(now=before(hours=24))
        self.moved(event, hours=5)
        laddering.tick(now=before(hours=23))
        with django_assert_num_queries(1):
            assert laddering.tick(now=before(hours=23)).moved == 0


def asked(event):
    return {
        "event_id": event.pk, "feature_set": "soccer_v1", "actor": "user:alice", "reason": "prices",
    }  # fmt: skip


class TestAgain:
    def test_takes_a_look_anew(self, event):
        predicting.predict_due(now=before(minutes=60))
        first = FeatureRow.objects.get()
        laddering.again(**asked(event), stage="T-60m", now=before(minutes=30))
        assert (FeatureRow.objects.count(), Prediction.objects.count()) == (0, 0)
        predicting.predict_due(now=before(minutes=30))
        assert FeatureRow.objects.get().as_of == before(minutes=30) > first.as_of

    def test_refuses_what_is_unknown_or_has_started(self, event):
        laddering.tick(now=before(minutes=60))
        with pytest.raises(LookRefused, match="no look T-45m"):
            laddering.again(**asked(event), stage="T-45m", now=before(minutes=30))
        with pytest.raises(LookRefused, match="is not to come"):
            laddering.again(**asked(event), stage="T-60m", now=START)


class TestChange:
    @pytest.fixture
    def ladder(self, event):
        ladders.ensure_default_ladders()
        return Ladder.objects.get(sport__code="soccer", is_simulated=False)

    def change(self, ladder, **fields):
        fields = {"actor": "user:alice", "reason": "line-ups", "now": before(hours=23), **fields}
        return ladders.change(ladder_id=ladder.pk, **fields)

    def test_plans_anew_what_is_still_due(self, ladder, event):
        laddering.tick(now=before(hours=24))
        self.change(ladder, names=["T-24h", "T-30m"])
        assert states(event) == {"T-24h": "DONE", "T-30m": "DUE"}
        assert laddering.tick(now=before(minutes=30)).built == 1

    def test_is_audited_with_what_it_was(self, ladder):
        self.change(ladder, grace_seconds=90)
        detail = AuditEntry.objects.get(action="models_ml.ladder_changed").detail
        assert (detail["before"], detail["after"]) == ({"grace_seconds": 60}, {"grace_seconds": 90})

    def test_to_the_same_writes_nothing(self, ladder):
        self.change(ladder, grace_seconds=60)
        assert not AuditEntry.objects.filter(action="models_ml.ladder_changed").exists()

    @pytest.mark.parametrize(
        "fields, why",
        [
            ({"names": ["T-60m", "T-24h"]}, "the earliest stage stands first"),
            ({"names": []}, "its last one is the final look"),
            ({"names": ["T-48h", "T-60m"], "horizon_hours": 24}, "T-48h opens before"),
            ({"horizon_hours": 0}, "1 to 336 hours"),
            ({"grace_seconds": 3601}, "0 to 3600 seconds"),
        ],
        ids=["ascending", "none", "horizon", "no-horizon", "grace"],
    )
    def test_refuses_what_is_no_ladder(self, ladder, fields, why):
        with pytest.raises(ladders.BadLadder, match=why):
            self.change(ladder, **fields)
        assert Ladder.objects.get(pk=ladder.pk).stages == ladder.stages

    def test_switched_off_plans_nothing(self, ladder, event):
        self.change(ladder, is_enabled=False)
        assert laddering.tick(now=before(minutes=60)).built == 0
        assert states(event) == {}


class TestEnsureDefaultLadders:
    def test_makes_one_per_sport_and_origin_and_touches_none(self, version):
        Ladder.objects.filter(is_simulated=False).update(grace_seconds=7)
        ladders.ensure_default_ladders()
        found = {
            row.is_simulated: (row.grace_seconds, len(row.stages))
            for row in Ladder.objects.filter(sport__code="soccer")
        }
        assert found == {False: (7, 5), True: (60, 3)}
