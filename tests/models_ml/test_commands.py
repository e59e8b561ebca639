import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from models_ml import tasks
from models_ml.domain import proposals
from models_ml.models import ModelVersion, Prediction, PromotionPolicy
from models_ml.services import pipelines
from monitoring import registry as monitoring_registry
from monitoring.models import TaskRun
from monitoring.services import roles, running, tokens
from tests.models_ml import builders, registry
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[dict, int]:
    """Run a command; return the one JSON object it prints, and its exit code."""
    out, code = StringIO(), 0
    try:
        call_command(*arguments, "--output", "json", stdout=out)
    except SystemExit as end:
        code = int(end.code or 0)
    return json.loads(out.getvalue()), code


@pytest.fixture
def league():
    league = builders.a_league(a_world(seasons=3))
    builders.a_pipeline(now=league.ends_at)
    return league


class TestTrain:
    def test_trains_a_candidate_and_records_the_run(self, league):
        report, code = run("train", "soccer-1x2", "--seed", "3")
        assert code == 0
        (version,) = report["versions"]
        stored = ModelVersion.objects.get()
        assert (version["id"], stored.seed, stored.stage) == (stored.pk, 3, "CANDIDATE")
        recorded = TaskRun.objects.get()
        assert (recorded.task, recorded.state) == ("models_ml.tasks.train_pipeline", "SUCCEEDED")

    def test_of_a_feature_set_trains_every_pipeline_that_has_matches(self, league):
        report, code = run("train", "soccer_v1")
        assert code == 0
        assert [version["pipeline"] for version in report["versions"]] == [
            "soccer-1x2",
            "soccer-handicap",
            "soccer-total",
        ]
        assert "are needed" in report["refused"]["soccer-1x2-simulated"]

    def test_learns_until_the_day_it_is_told(self, league):
        until = league.events[330].starts_at
        run("train", "soccer-1x2", "--until", until.isoformat())
        assert ModelVersion.objects.get().trained_until == until

    def test_refuses_an_unknown_name_by_naming_the_known(self, league):
        report, code = run("train", "rugby-1x2")
        assert (code, report["code"]) == (1, "UnknownPipeline")
        assert "soccer-1x2" in report["error"]

    def test_refuses_where_nothing_is_loaded(self):
        report, code = run("train", "soccer-1x2")
        assert (code, report["code"]) == (1, "NotEnoughHistory")


class TestModels:
    @pytest.fixture
    def candidate(self):
        return registry.a_candidate(registry.a_pipeline(registry.REAL))

    @pytest.fixture
    def as_(self, monkeypatch):
        """Return how to be somebody: their own token in the environment."""
        roles.ensure_roles()

        def become(name, *groups, scopes=("read", "run")):
            person = registry.a_person(name, *groups)
            key, _ = tokens.make_token(
                name=f"{name}'s",
                username=person.username,
                scopes=scopes,
                life=timedelta(days=1),
                actor="test",
                now=timezone.now(),
            )
            monkeypatch.setenv("CLOSINGLINE_TOKEN", key)

        return become

    def test_list_promote_and_roll_back_a_simulated_league(self):
        pipeline = registry.a_pipeline(registry.SIMULATED)
        for _ in range(2):
            registry.a_candidate(pipeline)
        promoted, _ = run("models", "promote", pipeline.code, "1", "--reason", "first")
        assert promoted["serving"]["number"] == 1
        run("models", "promote", pipeline.code, "2", "--reason", "newer")
        listed, _ = run("models", "list")
        assert [v["stage"] for v in listed["versions"]] == ["PRODUCTION", "PREVIOUS"]
        back, code = run("models", "rollback", pipeline.code, "--reason", "worse")
        assert (back["serving"]["number"], code) == (1, 0)

    def test_take_a_real_one_from_a_proposal_to_production(self, candidate, as_):
        row = registry.a_proposal(candidate, proposed_at=timezone.now())
        PromotionPolicy.objects.create(expires_after_days=None)
        word = ("--evidence", row.evidence_sha256, "--role")
        as_("alice", roles.MODELING_LEAD)
        said, code = run("models", "approve", str(row.pk), *word, roles.MODELING_LEAD)
        assert (said["awaits"], code) == (["ops lead"], 0)
        early, code = run("models", "promote", "soccer-1x2", "1", "--reason", "x")
        assert (early["code"], code) == ("PromotionRefused", 1)
        as_("bob", roles.OPS_LEAD)
        said, _ = run("models", "approve", str(row.pk), *word, roles.OPS_LEAD)
        assert (said["awaits"], said["shut"]) == ([], [])
        why = ("--reason", "better", "--override", "a test's clock")
        served, code = run("models", "promote", "soccer-1x2", "1", *why)
        assert (served["serving"]["stage"], code) == ("PRODUCTION", 0)
        now, _ = run("models", "served", "soccer-1x2")
        assert (now["number"], now["proposal"], now["reason"]) == (1, row.pk, "better")
        before, code = run("models", "served", "soccer-1x2", "--at", "2020-01-01")
        assert (before["number"], code) == (None, 0)

    def test_propose_weigh_and_withdraw(self, candidate, as_):
        as_("dan", roles.MODELING_LEAD)
        made, code = run("models", "propose", "soccer-1x2", "1", "--reason", "newer")
        assert (code, made["proposed_by"], made["awaits"]) == (0, "user:dan", [*proposals.ROLES])
        listed, _ = run("models", "proposals", "--pipeline", "soccer-1x2")
        assert [row["proposal"] for row in listed["proposals"]] == [made["proposal"]]
        again, _ = run("models", "weigh", str(made["proposal"]))
        assert again["evidence_sha256"] != made["evidence_sha256"]
        closed, _ = run("models", "withdraw", str(made["proposal"]), "--reason", "old")
        assert closed["state"] == "WITHDRAWN"

    def test_reject_and_sign(self, candidate, as_):
        row = registry.a_proposal(
            candidate, failing={"too good": "5 sigma"}, proposed_at=timezone.now()
        )
        as_("bob", roles.OPS_LEAD)
        signed, _ = run("models", "sign", str(row.pk), "--reason", "line-ups")
        assert signed["shut"] == []
        word = ("--evidence", row.evidence_sha256, "--role", roles.OPS_LEAD)
        closed, code = run("models", "reject", str(row.pk), *word, "--comment", "too few rows")
        assert (closed["state"], code) == ("REJECTED", 0)

    def test_know_nobody_without_a_token(self, candidate, monkeypatch):
        monkeypatch.delenv("CLOSINGLINE_TOKEN", raising=False)
        monkeypatch.setattr("sys.stdin", StringIO())
        report, code = run("models", "propose", "soccer-1x2", "1", "--reason", "x")
        assert (code, report["code"]) == (1, "NotSignedIn")
        assert "CLOSINGLINE_TOKEN" in report["error"]

    @pytest.mark.parametrize("key", ["x" * 64, "é" * 8])
    def test_know_nobody_by_a_token_that_is_none(self, candidate, monkeypatch, key):
        monkeypatch.setenv("CLOSINGLINE_TOKEN", key)
        report, code = run("models", "propose", "soccer-1x2", "1", "--reason", "x")
        assert (code, report["error"]) == (1, "the API token is not valid")

    def test_refuse_a_token_for_reading_and_somebody_without_the_right(self, candidate, as_):
        as_("dan", roles.MODELING_LEAD, scopes=("read",))
        report, _ = run("models", "propose", "soccer-1x2", "1", "--reason", "x")
        assert report["error"] == "the API token is for reading alone"
        as_("eve", roles.OPERATOR)
        report, _ = run("models", "propose", "soccer-1x2", "1", "--reason", "x")
        assert report["error"] == "eve may not do this"

    def test_refuse_a_number_that_is_not_there(self, candidate):
        report, code = run("models", "promote", "soccer-1x2", "9", "--reason", "x")
        assert (code, report["code"]) == (1, "PromotionRefused")


class TestEvaluate:
    def test_scores_a_version_after_its_training(self, league):
        until = league.events[330].starts_at
        run("train", "soccer-1x2", "--until", until.isoformat())
        report, code = run("evaluate", "soccer-1x2", "--number", "1")
        assert code == 0
        assert report["n"] == sum(e.starts_at >= until for e in league.events)
        assert report["model"]["log_loss"] > 0

    def test_refuses_where_nothing_serves(self, league):
        report, code = run("evaluate", "soccer-1x2")
        assert (code, report["code"]) == (1, "VersionNotFound")


class TestBuildFeatures:
    def test_builds_the_rows_a_stage_was_open_for(self, league):
        event = league.events[200]
        as_of = event.starts_at - timedelta(minutes=30)
        first, code = run("build_features", "soccer_v1", "--as-of", as_of.isoformat())
        again, _ = run("build_features", "soccer_v1", "--as-of", as_of.isoformat())
        assert code == 0
        assert first["rows"] == first["new"] == again["rows"] > 0
        assert (again["new"], first["without_market"]) == (0, 0)

    def test_prints_the_page_of_features(self):
        out = StringIO()
        call_command("build_features", "soccer_v1", "--markdown", stdout=out)
        assert out.getvalue().startswith("# Features")


class TestPredict:
    def test_says_how_many_predictions_it_made(self, league):
        report, code = run("predict")
        assert (report, code) == ({"predictions": 0}, 0)
        assert Prediction.objects.count() == 0


class TestTasks:
    @pytest.mark.parametrize("name", ["predict_due", "train_pipeline", "train_scheduled"])
    def test_are_offered_to_schedule_admin_and_api(self, name):
        job = monitoring_registry.jobs[f"models_ml.tasks.{name}"]
        assert job.permission.startswith("models_ml.")

    def test_of_the_schedule_trains_every_served_pipeline_and_tells_of_the_refused(self, league):
        real, simulated = pipelines.ensure_default_pipelines(now=league.ends_at)[:2]
        serving = builders.a_serving_version(real, until=league.ends_at)
        serving.pk, serving.pipeline = None, simulated
        serving.save(force_insert=True)
        with running.recorded_here(
            task="test", trigger="CLI", actor="cli:test", now=timezone.now()
        ) as handle:
            report = tasks.train_scheduled.body(handle)
        assert [version["pipeline"] for version in report["versions"]] == ["soccer-1x2"]
        assert list(report["refused"]) == ["soccer-1x2-simulated"]
