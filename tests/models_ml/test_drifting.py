"""Whether what serves still fits the world, through the service that reports it."""

import csv
import io
from datetime import timedelta

import numpy as np
import pytest

from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.models import DriftFeature, DriftReference, DriftReport, PromotionPolicy, RuleFlag
from models_ml.services import drifting, loading
from monitoring.errors import Cancelled
from tests.models_ml import builders, registry, watched
from tests.models_ml.watched import NOW
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db
DRAWS = 20


def report(version, **fields):
    fields = {"pipeline": version.pipeline, "now": NOW, "actor": "test", **fields}
    return drifting.report(**fields)


def finding(row, name):
    return next(one for one in drifting.findings_of(row) if one.name == name)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def version():
    found = watched.a_version()
    watched.a_reference(found)
    return found


class TestReport:
    def test_catches_what_moved_and_names_it(self, version):
        watched.live(version, watched.world(rng(), 256, shift=0.7, shifted=6))
        row = report(version)
        assert finding(row, "psi").state == "FIRED"
        assert (row.n_reference, row.n_current) == (2048, 256)
        moved = row.features.filter(is_breach=True).values_list("name", flat=True)
        assert set(moved) == set(SOCCER_V1.names[:6]) and row.breaches == 6

    def test_stays_quiet_over_clean_draws(self, version):
        fired = 0
        for seed in range(DRAWS):
            watched.live(version, watched.world(rng(100 + seed), 128))
            at = NOW + timedelta(hours=seed)
            fired += finding(report(version, now=at), "psi").state == "FIRED"
        assert fired <= 2  # one in a hundred: three of twenty has p = .001

    def test_keeps_every_feature_with_what_chance_would_give(self, version):
        watched.live(version, watched.world(rng(), 256))
        row = report(version)
        assert row.features.count() == len(SOCCER_V1.features)
        one = row.features.first()
        assert 0 < one.null_quantile < one.threshold and not one.is_breach
        assert (row.current_to - row.current_from) == timedelta(hours=255)

    @pytest.mark.parametrize("n", [0, 1, 127])
    def test_says_not_enough_and_never_that_all_is_well(self, version, n):
        watched.live(version, watched.world(rng(), n, shift=3.0, shifted=20))
        row = report(version)
        states = {one.name: one.state.value for one in drifting.findings_of(row)}
        assert states["psi"] == states["brier"] == states["calibration"] == "NOT_ENOUGH"
        assert all("needed" in one.text for one in drifting.findings_of(row)[:3])

    def test_of_a_version_without_reference_says_so(self):
        version = watched.a_version()
        watched.live(version, watched.world(rng(), 256))
        row = report(version)
        assert "train anew" in finding(row, "psi").text
        assert finding(row, "psi").state == finding(row, "cusum").state == "NOT_ENOUGH"
        assert not DriftFeature.objects.exists()

    def test_of_scores_on_another_question_says_so(self, version):
        DriftReference.objects.update(market_kind="TOTAL")
        watched.live(version, watched.world(rng(), 256))
        row = report(version)
        assert finding(row, "psi").state != "NOT_ENOUGH"
        for name in ("brier", "cusum"):
            assert finding(row, name).state == "NOT_ENOUGH"
            assert "another question" in finding(row, name).text

    def test_of_other_columns_than_it_learned_says_so(self, version):
        DriftReference.objects.update(
            figures={"names": ["a"], "edges": [[0.0] * 11], "counts": [[0] * 13], "n": 9,
                     "usual": [0.0]}
        )  # fmt: skip
        watched.live(version, watched.world(rng(), 256))
        assert "other columns" in finding(report(version), "psi").text

    @pytest.mark.parametrize("seen", [{"stage": "T-24h"}, {"stage": "T-60m"}])
    def test_reads_the_final_stage_alone(self, version, seen):
        watched.live(version, watched.world(rng(), 200), **seen)
        assert report(version).n_current == (200 if seen["stage"] == "T-60m" else 0)

    def test_reads_four_weeks_and_no_more(self):
        version = watched.a_version(trained_until=NOW - timedelta(days=60))
        watched.a_reference(version)
        watched.live(version, watched.world(rng(), 1400))
        row = report(version)
        assert row.current_to - row.current_from < timedelta(weeks=4)
        assert 600 < row.n_current < 680

    def test_fires_where_a_rule_changed_since_it_learned(self, version):
        at = version.trained_until + timedelta(days=1)
        RuleFlag.objects.create(
            sport=version.pipeline.sport, code="offside", title="Semi-automated offside",
            announced_at=at, effective_from=at,
        )  # fmt: skip
        row = report(version)
        assert finding(row, "flags").state == "FIRED"
        assert "offside" in finding(row, "flags").text
        RuleFlag.objects.filter(code="offside").update(effective_from=NOW + timedelta(days=1))
        assert finding(report(version), "flags").state == "QUIET"

    def test_fires_where_a_rule_ended(self, version):
        began = version.trained_until - timedelta(days=300)
        RuleFlag.objects.create(
            sport=version.pipeline.sport, code="subs", title="Five substitutes",
            announced_at=began, effective_from=began,
            effective_until=version.trained_until + timedelta(days=2),
        )  # fmt: skip
        assert "subs (its end)" in finding(report(version), "flags").text

    def test_of_a_damaged_artefact_tells_the_rest(self, version):
        whole = registry.damage(version)
        watched.live(version, watched.world(rng(), 256, shift=0.9, shifted=8))
        row = report(version)
        assert finding(row, "psi").state == "FIRED"
        assert "SHA-256" in finding(row, "brier").text
        registry.repair(version, whole)

    def test_refuses_where_nothing_serves(self):
        with pytest.raises(drifting.NothingServes, match="soccer-1x2"):
            drifting.report(pipeline=registry.a_pipeline(), now=NOW, actor="test")

    def test_refuses_a_clock_that_went_backwards(self, version):
        report(version)
        with pytest.raises(drifting.ClockBackwards):
            report(version, now=NOW - timedelta(minutes=1))
        assert DriftReport.objects.count() == 1

    def test_asks_a_bounded_number_of_questions(self, version, django_assert_max_num_queries):
        watched.live(version, watched.world(rng(), 500))
        loading.load(version=version)
        with django_assert_max_num_queries(30):
            report(version)


class TestReportOfALeague:
    def test_judges_a_version_on_what_it_never_learned(self):
        league = builders.a_league(a_world(seasons=4))
        third = league.events[396]
        pipeline = builders.a_pipeline(now=league.ends_at)
        version = builders.a_serving_version(pipeline, until=third.starts_at - timedelta(days=1))
        kept = version.drift_reference
        assert kept.n == 396 and len(kept.briers) == version.metrics["n"] > 0
        row = report(version, now=league.ends_at)
        assert (row.n_current, row.figures["source"]) == (128, "history")
        states = {one.name: one.state.value for one in drifting.findings_of(row)}
        assert states["calibration"] == "QUIET" and states["cusum"] == "QUIET"
        assert states["brier"] == "NOT_ENOUGH"  # its test part has fewer than 128 rows
        assert row.figures["recent"]["n"] == 128
        assert 0.4 < row.figures["recent"]["brier"] < 0.8
        DriftReference.objects.update(briers=[0.3, 0.5] * 100, gap_mean=-0.5)
        worse = report(version, now=league.ends_at)
        assert finding(worse, "brier").state == finding(worse, "cusum").state == "FIRED"
        PromotionPolicy.objects.create(slope_tolerance=50.0)
        assert finding(report(version, now=league.ends_at), "calibration").state == "QUIET"


class TestReportEach:
    def test_tells_of_the_refused_and_goes_on(self, version):
        report(version, now=NOW + timedelta(hours=1))
        found = drifting.report_each(now=NOW, actor="test")
        assert found.reports == [] and list(found.refused) == ["soccer-1x2"]
        later = drifting.report_each(now=NOW + timedelta(hours=2), actor="test")
        assert [row.version for row in later.reports] == [version]
        told = drifting.told(found=later)["reports"][0]
        assert (told["pipeline"], told["n_reference"]) == ("soccer-1x2", 2048)

    def test_of_one_that_is_not_served_is_refused(self, version):
        with pytest.raises(drifting.NothingServes, match="cricket"):
            drifting.report_each(now=NOW, actor="test", pipeline="cricket")

    def test_leaves_out_what_is_switched_off(self, version):
        version.pipeline.is_enabled = False
        version.pipeline.save()
        assert drifting.report_each(now=NOW, actor="test") == drifting.Reported()

    def test_stops_between_two(self, version):
        class Stopping:
            def raise_if_cancelled(self):
                raise Cancelled("asked for")

        with pytest.raises(Cancelled):
            drifting.report_each(now=NOW, actor="test", progress=Stopping())
        assert not DriftReport.objects.exists()


class TestCsv:
    def test_holds_every_feature_those_that_stand_out_first(self, version):
        watched.live(version, watched.world(rng(), 256, shift=0.9, shifted=6))
        rows = list(csv.DictReader(io.StringIO(drifting.as_csv(row=report(version)))))
        assert len(rows) == len(SOCCER_V1.features)
        assert {one["name"] for one in rows[:6]} == set(SOCCER_V1.names[:6])
        assert float(rows[0]["psi"]) > float(rows[0]["threshold"])
        assert [one["is_breach"] for one in rows[5:7]] == ["True", "False"]
