from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from betting.models import Decision
from models_ml.models import (
    Evaluation,
    FeatureRow,
    HygienePolicy,
    ModelVersion,
    Prediction,
    Rehearsal,
    Search,
    SearchTrial,
)
from models_ml.services import hygiene, proposing, storing
from monitoring.models import AuditEntry
from tests.betting.builders import a_decision
from tests.models_ml import registry
from tests.models_ml.registry import DAY, NOON

pytestmark = pytest.mark.django_db

OLD = NOON - 200 * DAY


@pytest.fixture
def commits(django_capture_on_commit_callbacks):
    """Let files go as they do once a run's transaction is committed."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def pipeline():
    HygienePolicy.objects.create(keep_last=1, keep_best=1)
    return registry.a_pipeline(registry.REAL)


def old(pipeline, *, log_loss=0.99, market=0.96, **fields):
    version = registry.a_candidate(pipeline, **fields)
    card = {"model": {"log_loss": log_loss}, "market": {"log_loss": market}}
    version.metrics = {**version.metrics, **card}
    version.trained_at = OLD
    version.save(update_fields=["metrics", "trained_at"])
    return version


def sweep(**fields):
    return hygiene.sweep(now=NOON, actor="task:test", **fields)


def files():
    folder = Path(settings.ARTEFACT_DIR)
    return {path.relative_to(folder).as_posix() for path in folder.glob("*/*")}


class TestFilesOfVersions:
    def test_are_put_away_and_the_row_says_when(self, pipeline, commits):
        gone, best, last = old(pipeline), old(pipeline, log_loss=0.95), old(pipeline)
        with commits():
            swept = sweep()
        assert (swept.versions, swept.bytes) == ([str(gone)], gone.artefact_bytes)
        gone.refresh_from_db()
        assert gone.artefact_removed_at == NOON
        assert files() == {best.artefact, last.artefact}
        assert AuditEntry.objects.get(action="models_ml.remove_artefact").detail == {
            "artefact": gone.artefact,
            "artefact_sha256": gone.artefact_sha256,
        }
        with pytest.raises(storing.DamagedArtefact, match="put away on 2026-11-17"):
            storing.read(version=gone)

    def test_are_the_best_by_their_distance_to_the_market_of_their_own_matches(self, pipeline):
        near = old(pipeline, log_loss=1.02, market=1.00)
        far = old(pipeline, log_loss=0.97, market=0.90)
        alone = old(pipeline, log_loss=0.80, market=None)
        old(pipeline)
        assert sweep(is_dry_run=True).versions == [str(far), str(alone)]
        assert near.pk

    def keep(self, version, why):
        pipeline = version.pipeline
        for _ in range(2):  # neither the last nor the best
            old(pipeline, log_loss=0.9)
        match why:
            case "young":
                ModelVersion.objects.filter(pk=version.pk).update(trained_at=NOON - 179 * DAY)
            case "serves" | "stands ready" | "served":
                registry.promoted(version)
                stage = {"stands ready": "PREVIOUS", "served": "ARCHIVED"}.get(why, "PRODUCTION")
                ModelVersion.objects.filter(pk=version.pk).update(stage=stage)
            case "proposed":
                registry.a_proposal(version)

    @pytest.mark.parametrize("why", ["young", "serves", "stands ready", "served", "proposed"])
    def test_stay_where_they_are_needed(self, pipeline, why):
        version = old(pipeline)
        self.keep(version, why)
        assert str(version) not in sweep(is_dry_run=True).versions

    def test_stay_while_a_bets_prediction_refers_to_them(self):
        HygienePolicy.objects.create(keep_last=1, keep_best=0, keep_days=1, predictions_days=30)
        decision = a_decision()
        version = decision.prediction.version
        ModelVersion.objects.update(stage="ARCHIVED")
        newer = registry.a_candidate(version.pipeline)
        later = newer.trained_at + timedelta(days=3650)
        swept = hygiene.sweep(now=later, actor="task:test")
        assert str(version) not in swept.versions
        assert Decision.objects.get().prediction_id == decision.prediction_id

    def test_go_once_nothing_but_words_of_them_is_left(self, pipeline):
        version = old(pipeline)
        Evaluation.objects.create(
            pipeline=pipeline, version=version, kind="EVALUATE", since=OLD, until=NOON, at=NOON,
            n=3, actor="x",
        )  # fmt: skip
        proposal = registry.a_proposal(version)
        proposing.withdraw(proposal_id=proposal.pk, actor="x", reason="old", now=NOON)
        for _ in range(2):
            old(pipeline, log_loss=0.9)
        assert sweep(is_dry_run=True).versions[0] == str(version)

    def test_of_a_pipeline_whose_hygiene_is_off_stay(self, pipeline):
        for _ in range(4):
            old(pipeline)
        HygienePolicy.objects.create(pipeline=pipeline, is_enabled=False)
        assert sweep().versions == []

    def test_that_no_row_knows_go_after_a_day(self, pipeline):
        whole = old(pipeline)
        stray = registry.file_of(whole).with_name(".draft-killed")
        stray.write_bytes(b"half")
        made = stray.stat().st_mtime
        for age, found in ((DAY / 2, []), (2 * DAY, [f"{pipeline.code}/.draft-killed"])):
            now = registry.datetime.fromtimestamp(made, tz=registry.UTC) + age
            assert hygiene.sweep(now=now, actor="x").strays == found
        assert not stray.exists() and registry.file_of(whole).exists()


class TestRows:
    @pytest.fixture
    def decided(self):
        """A decision on one of three predictions of a row, and two rows nobody bets on."""
        HygienePolicy.objects.create(predictions_days=30)
        decision = a_decision()
        prediction = decision.prediction
        made = []
        for stage in ("T-2h", "T-3h"):
            row = FeatureRow.objects.get(pk=prediction.feature_row_id)
            row.pk, row.stage = None, stage
            row.save(force_insert=True)
            copy = Prediction.objects.get(pk=prediction.pk)
            copy.pk, copy.feature_row = None, row
            copy.save(force_insert=True)
            made.append(copy)
        return decision, made

    def test_go_when_they_are_old_and_no_bet_refers_to_them(self, decided):
        decision, _ = decided
        as_of = decision.prediction.as_of
        young = hygiene.sweep(now=as_of + 30 * DAY, actor="x")
        assert (young.predictions, young.rows) == (0, 0)
        later = as_of + 30 * DAY + timedelta(seconds=1)
        dry = hygiene.sweep(now=later, actor="x", is_dry_run=True)
        assert (dry.predictions, dry.rows) == (4, 2)
        assert Prediction.objects.count() == 5
        swept = hygiene.sweep(now=later, actor="x")
        assert (swept.predictions, swept.rows) == (4, 2)
        assert [row.pk for row in Prediction.objects.all()] == [decision.prediction_id]
        assert FeatureRow.objects.get().pk == decision.prediction.feature_row_id

    def test_stay_as_long_as_the_most_patient_pipeline_wants_them(self, decided):
        decision, _ = decided
        own = decision.prediction.version.pipeline
        patient = registry.a_pipeline(registry.REAL)
        patient = patient if patient.pk != own.pk else registry.a_pipeline(registry.SIMULATED)
        patient.feature_set = own.feature_set
        patient.save(update_fields=["feature_set"])
        HygienePolicy.objects.create(pipeline=patient, predictions_days=400)
        later = decision.prediction.as_of + 100 * DAY
        swept = hygiene.sweep(now=later, actor="x")
        assert (swept.predictions, swept.rows) == (4, 0)

    def test_of_a_rehearsal_go_with_it(self, decided):
        decision, made = decided
        pipeline = decision.prediction.version.pipeline
        as_of = decision.prediction.as_of
        rehearsal = Rehearsal.objects.create(
            pipeline=pipeline, name="Saturday", actor="x", made_at=as_of, rows=1, predictions=1
        )
        FeatureRow.objects.filter(pk=made[0].feature_row_id).update(rehearsal=rehearsal)
        now = as_of + 14 * DAY + timedelta(seconds=1)
        dry = hygiene.sweep(now=now, actor="x", is_dry_run=True)
        swept = hygiene.sweep(now=now, actor="x")
        assert (dry.rehearsals, dry.predictions, dry.rows) == ([rehearsal.pk], 1, 1)
        assert {**dry.told(), "dry_run": False} == swept.told()
        rehearsal.refresh_from_db()
        assert rehearsal.removed_at == now
        assert Prediction.objects.count() == 4


class TestADryRun:
    def test_tells_exactly_what_a_run_removes(self, pipeline, commits):
        for log_loss in (0.95, 0.99, 0.99, 0.99, 0.99):
            old(pipeline, log_loss=log_loss)
        for finished_at in (OLD, NOON):
            search = Search.objects.create(
                pipeline=pipeline, until=OLD, trials=2, state="DONE", began_at=OLD,
                finished_at=finished_at, actor="x",
            )  # fmt: skip
            for number in range(2):
                SearchTrial.objects.create(search=search, number=number)
        before = files()
        dry = sweep(is_dry_run=True)
        assert (len(dry.versions), dry.trials) == (3, 2)
        assert files() == before
        assert SearchTrial.objects.count() == 4
        assert not AuditEntry.objects.filter(action="models_ml.remove_artefact").exists()
        with commits():
            swept = sweep()
        assert {**dry.told(), "dry_run": False} == swept.told()
        assert before - files() == set(dry.files)
        assert SearchTrial.objects.count() == 2
        assert sweep(is_dry_run=True).told() == hygiene.Swept(is_dry_run=True).told()

    def test_is_what_the_command_tells(self, pipeline, capsys):
        for _ in range(3):
            old(pipeline)
        call_command("models", "hygiene", "--dry-run", "--output", "json")
        assert '"dry_run": true' in capsys.readouterr().out
        assert not ModelVersion.objects.filter(artefact_removed_at__isnull=False).exists()
