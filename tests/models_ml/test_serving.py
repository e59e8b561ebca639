from datetime import timedelta

import pytest

from models_ml import queries
from models_ml.models import ModelVersion, PromotionPolicy, ServingPeriod
from models_ml.monitors import registry as monitors
from models_ml.services import loading, promoting, serving
from monitoring.models import Incident
from tests.models_ml import registry
from tests.models_ml.registry import DAY, HOUR, NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def pipeline():
    return registry.a_pipeline(registry.SIMULATED)


def promoted(pipeline, *, now=NOON, **fields):
    version = registry.a_candidate(pipeline, **fields)
    return promoting.promote(version_id=version.pk, actor="user:alice", reason="better", now=now)


def rolled_back(pipeline, *, now):
    return promoting.rollback(pipeline_id=pipeline.pk, actor="user:bob", reason="worse", now=now)


def periods():
    rows = ServingPeriod.objects.order_by("since")
    return [(p.version.number, p.how, p.since, p.until) for p in rows]


def serves(pipeline, now):
    version = serving.serving_version(pipeline=pipeline, now=now)
    return version.number if version else None


class TestPeriods:
    def test_follow_promotions_and_rollbacks_without_a_gap(self, pipeline):
        for hours in (0, 1):
            promoted(pipeline, now=NOON + hours * HOUR)
        rolled_back(pipeline, now=NOON + 2 * HOUR)
        assert periods() == [
            (1, "PROMOTED", NOON, NOON + HOUR),
            (2, "PROMOTED", NOON + HOUR, NOON + 2 * HOUR),
            (1, "ROLLED_BACK", NOON + 2 * HOUR, None),
        ]

    def test_say_who_and_why(self, pipeline):
        promoted(pipeline)
        period = ServingPeriod.objects.get()
        assert (period.actor, period.reason) == ("user:alice", "better")

    def test_of_no_length_are_not_kept(self, pipeline):
        promoted(pipeline)
        promoted(pipeline)
        assert periods() == [(2, "PROMOTED", NOON, None)]

    def test_refuse_a_clock_that_went_backwards_and_change_nothing(self, pipeline):
        promoted(pipeline)
        with pytest.raises(serving.ClockBackwards, match="set the clock right"):
            promoted(pipeline, now=NOON - timedelta(seconds=1))
        assert periods() == [(1, "PROMOTED", NOON, None)]
        assert serves(pipeline, NOON) == 1

    def test_begin_where_a_version_serves_that_was_promoted_before_they_were_kept(self, pipeline):
        promoted(pipeline)
        ServingPeriod.objects.all().delete()
        assert serves(pipeline, NOON + HOUR) == 1
        assert periods() == [(1, "PROMOTED", NOON, None)]


class TestServedAt:
    def at(self, pipeline, moment):
        period = queries.served_at(pipeline=pipeline, at=moment)
        return period.version.number if period else None

    @pytest.mark.parametrize(
        ("after", "number"),
        [
            (-timedelta(microseconds=1), None),
            (timedelta(0), 1),
            (HOUR - timedelta(microseconds=1), 1),
            (HOUR, 2),
            (365 * DAY, 2),
        ],
    )
    def test_tells_which_version_served(self, pipeline, after, number):
        for hours in (0, 1):
            promoted(pipeline, now=NOON + hours * HOUR)
        assert self.at(pipeline, NOON + after) == number

    def test_knows_pipelines_apart(self, pipeline):
        promoted(pipeline)
        assert self.at(registry.a_pipeline(registry.REAL), NOON) is None

    def test_asks_once(self, pipeline, django_assert_num_queries):
        promoted(pipeline)
        with django_assert_num_queries(1):
            str(queries.served_at(pipeline=pipeline, at=NOON).version)


class TestADamagedVersion:
    @pytest.fixture
    def both(self, pipeline):
        return promoted(pipeline), promoted(pipeline, now=NOON + HOUR)

    def test_is_stood_in_for_by_the_previous_until_it_is_repaired(self, pipeline, both):
        whole = registry.damage(both[1])
        assert serves(pipeline, NOON + 2 * HOUR) == 1
        assert serves(pipeline, NOON + 3 * HOUR) == 1
        registry.repair(both[1], whole)
        assert serves(pipeline, NOON + 4 * HOUR) == 2
        assert periods()[1:] == [
            (2, "PROMOTED", NOON + HOUR, NOON + 2 * HOUR),
            (1, "FALLBACK", NOON + 2 * HOUR, NOON + 4 * HOUR),
            (2, "RESTORED", NOON + 4 * HOUR, None),
        ]

    def test_keeps_its_stage(self, pipeline, both):
        registry.damage(both[1])
        serves(pipeline, NOON + 2 * HOUR)
        stages = dict(ModelVersion.objects.values_list("number", "stage"))
        assert stages == {1: "PREVIOUS", 2: "PRODUCTION"}

    def test_whose_file_is_missing_opens_one_incident(self, pipeline, both):
        registry.damage(both[1])
        registry.file_of(both[1]).unlink()
        for hours in (2, 3):
            assert serves(pipeline, NOON + hours * HOUR) == 1
        incident = Incident.objects.get()
        assert (incident.kind, incident.severity) == ("models_ml.artefact-damaged", "P1")
        assert "No such file" in incident.summary

    def test_leaves_nobody_where_the_previous_is_damaged_too(self, pipeline, both):
        for version in both:
            registry.damage(version)
        assert serves(pipeline, NOON + 2 * HOUR) is None
        assert queries.served_at(pipeline=pipeline, at=NOON + 2 * HOUR) is None
        assert queries.served_at(pipeline=pipeline, at=NOON + HOUR).version == both[1]

    def test_that_comes_back_after_nobody_served_is_recorded(self, pipeline, both):
        whole = {version: registry.damage(version) for version in both}
        serves(pipeline, NOON + 2 * HOUR)
        registry.repair(both[1], whole[both[1]])
        assert serves(pipeline, NOON + 3 * HOUR) == 2
        assert periods()[-1] == (2, "RESTORED", NOON + 3 * HOUR, None)

    def test_costs_nothing_more_while_all_is_well(
        self, pipeline, both, django_assert_max_num_queries
    ):
        serves(pipeline, NOON + HOUR)
        with django_assert_max_num_queries(3):
            serves(pipeline, NOON + 2 * HOUR)


class TestExpiry:
    def served(self, code=registry.REAL, **fields):
        pipeline = registry.a_pipeline(code)
        registry.a_candidate(pipeline, stage="PRODUCTION", promoted_at=NOON, **fields)
        return pipeline

    @pytest.mark.parametrize(
        ("age", "number"), [(62 * DAY - HOUR, 1), (62 * DAY, None), (365 * DAY, None)]
    )
    def test_comes_sixty_two_days_after_what_was_learned_last(self, age, number):
        pipeline = self.served(trained_until=NOON - age)
        assert serves(pipeline, NOON) == number

    def test_leaves_nobody_else_to_stand_in(self):
        pipeline = self.served(trained_until=NOON - 63 * DAY)
        registry.a_candidate(pipeline, stage="PREVIOUS", trained_until=NOON - 61 * DAY)
        assert serves(pipeline, NOON) is None

    def test_goes_by_the_pipelines_own_policy(self):
        pipeline = self.served(trained_until=NOON - 63 * DAY)
        PromotionPolicy.objects.create(expires_after_days=10)
        PromotionPolicy.objects.create(pipeline=pipeline, expires_after_days=100)
        assert serves(pipeline, NOON) == 1

    def test_goes_by_the_houses_default_where_there_is_none(self):
        pipeline = self.served(trained_until=NOON - 11 * DAY)
        PromotionPolicy.objects.create(expires_after_days=10)
        assert serves(pipeline, NOON) is None

    def test_may_be_switched_off(self):
        pipeline = self.served(trained_until=NOON - 999 * DAY)
        PromotionPolicy.objects.create(expires_after_days=None)
        assert serves(pipeline, NOON) == 1

    def test_does_not_touch_a_simulated_league(self):
        pipeline = self.served(registry.SIMULATED, trained_until=NOON - 999 * DAY)
        assert serves(pipeline, NOON) == 1


class TestTheCheckOfExpiry:
    def findings(self, *, age, code=registry.REAL):
        pipeline = registry.a_pipeline(code)
        version = registry.a_candidate(pipeline, stage="PRODUCTION", trained_until=NOON - age)
        found = list(monitors.what_serves_learned_lately(NOON))
        assert {f.subject for f in found} <= {f"models_ml.ModelVersion:{version.pk}"}
        return [(f.severity, f.summary.partition(" and ")[2]) for f in found]

    @pytest.mark.parametrize(
        ("age", "said"),
        [
            (54 * DAY, []),
            (55 * DAY, [("P3", "expires on 2026-11-24 12:00 UTC")]),
            (61 * DAY, [("P3", "expires on 2026-11-18 12:00 UTC")]),
            (62 * DAY, [("P1", "expired on 2026-11-17: it foretells nothing any more")]),
        ],
    )
    def test_warns_a_week_before_and_then_raises(self, age, said):
        assert self.findings(age=age) == said

    def test_passes_over_simulated_pipelines(self):
        assert self.findings(age=999 * DAY, code=registry.SIMULATED) == []

    def test_goes_by_each_pipelines_policy(self):
        pipeline = registry.a_pipeline(registry.REAL)
        PromotionPolicy.objects.create(pipeline=pipeline, expires_after_days=10)
        PromotionPolicy.objects.create(expires_after_days=None)
        assert [severity for severity, _ in self.findings(age=11 * DAY)] == ["P1"]

    def test_asks_twice_however_many_serve(self, django_assert_num_queries):
        for code in (registry.REAL, registry.SIMULATED):
            registry.a_candidate(registry.a_pipeline(code), stage="PRODUCTION")
        with django_assert_num_queries(2):
            list(monitors.what_serves_learned_lately(NOON))


def _whole_of_another(version):
    other = registry.a_candidate(version.pipeline, learned=4)
    return registry.file_of(other).read_bytes(), other


def missing(version):
    registry.file_of(version).unlink()


def truncated(version):
    registry.file_of(version).write_bytes(registry.file_of(version).read_bytes()[:-100])


def emptied(version):
    registry.file_of(version).write_bytes(b"")


def swapped(version):
    registry.file_of(version).write_bytes(_whole_of_another(version)[0])


def swapped_with_its_hash(version):
    content, other = _whole_of_another(version)
    registry.file_of(version).write_bytes(content)
    ModelVersion.objects.filter(pk=version.pk).update(artefact_sha256=other.artefact_sha256)


def put_away(version):
    ModelVersion.objects.filter(pk=version.pk).update(artefact_removed_at=NOON)


def of_other_columns(version):
    ModelVersion.objects.filter(pk=version.pk).update(features_sha256="0" * 64)


def of_another_kind(version):
    ModelVersion.objects.filter(pk=version.pk).update(kind="margin")


class TestWhatServesBeingHurt:
    @pytest.mark.parametrize(
        "hurt",
        [
            missing, truncated, emptied, registry.damage, swapped, swapped_with_its_hash,
            put_away, of_other_columns, of_another_kind,
        ],
        ids=lambda hurt: hurt.__name__,
    )  # fmt: skip
    def test_lets_the_previous_serve_and_tells(self, pipeline, hurt):
        promoted(pipeline)
        second = promoted(pipeline, now=NOON + HOUR)
        hurt(second)
        loading.forget()
        assert serves(pipeline, NOON + 2 * HOUR) == 1
        incident = Incident.objects.get(kind="models_ml.artefact-damaged")
        assert (incident.severity, incident.state) == ("P1", "OPEN")
        assert str(second) in incident.summary
        assert periods()[-1] == (1, "FALLBACK", NOON + 2 * HOUR, None)
        second.refresh_from_db()
        assert second.stage == "PRODUCTION"

    def test_twice_over_lets_nothing_serve(self, pipeline):
        for hours in (0, 1):
            missing(promoted(pipeline, now=NOON + hours * HOUR))
        loading.forget()
        assert serves(pipeline, NOON + 2 * HOUR) is None
        assert Incident.objects.filter(kind="models_ml.artefact-damaged").count() == 2
