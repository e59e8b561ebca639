"""Drift, decisions, reruns and experiments through their doors: pages, API, commands, checks."""

import json
from datetime import timedelta
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config import schedule
from markets.models import Sport
from models_ml import tasks
from models_ml.domain import rule_flags
from models_ml.models import (
    DriftReport,
    Experiment,
    Rerun,
    RetrainDecision,
    RuleFlag,
    VersionClv,
)
from models_ml.services import drifting, flagging, keeping, noting
from monitoring import registry as monitoring_registry
from monitoring.models import AuditEntry, TaskRun
from monitoring.services import roles, running, tokens
from tests.models_ml import registry, watched
from tests.models_ml.watched import NOW

pytestmark = pytest.mark.django_db
CONFIRMED = {"confirmed": "yes", "reason": "asked for"}
FLAG = {
    "sport": "soccer", "code": "offside", "title": "Semi-automated offside",
    "announced_at": "2026-06-01T00:00:00Z", "effective_from": "2026-08-01T00:00:00Z",
}  # fmt: skip
CHECKS = {
    "models_ml.drift": "psi", "models_ml.brier-worse": "brier",
    "models_ml.calibration-drift": "calibration", "models_ml.rule-flag": "flags",
}  # fmt: skip


@pytest.fixture(autouse=True)
def home(settings, tmp_path):
    settings.CLOSINGLINE_HOME = tmp_path


@pytest.fixture
def version():
    found = watched.a_version()
    watched.a_reference(found)
    return found


@pytest.fixture
def drifted(version):
    watched.live(version, watched.world(np.random.default_rng(0), 256, shift=0.8, shifted=8))
    return version


def report(version):
    return drifting.report(pipeline=version.pipeline, now=NOW, actor="test")


def a_client(name="dan", role=roles.MODELING_LEAD) -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(registry.a_person(name, role, is_staff=True))
    return client


def run(*arguments):
    out = StringIO()
    try:
        call_command(*arguments, "--output", "json", stdout=out)
    except SystemExit as ended:
        return json.loads(out.getvalue()), ended.code
    return json.loads(out.getvalue()), 0


def do(page, name, *key):
    return reverse(f"admin:models_ml_{page}_do" + ("" if key else "_many"), args=[*key, name])


def post(client, url, **body):
    return client.post(f"/api/v1/{url}", json.dumps(body), content_type="application/json")


def an_experiment(**fields):
    fields = {
        "name": "Slower", "hypothesis": "It learns less noise", "kind": "PARAMETERS",
        "pipeline": registry.a_pipeline(), "candidate": {"eta": 0.05}, "proposed_by": "user:dan",
        "proposed_at": NOW, **fields,
    }  # fmt: skip
    return Experiment.objects.create(**fields)


SCORED = {
    "state": "SCORED",
    "figures": {"n": 400, "distinct": 9, "mean": -0.01, "low": -0.02, "high": -0.001,
                "verdict": "BETTER", "folds": []},
}  # fmt: skip


class TestChecks:
    @pytest.mark.parametrize("kind", CHECKS)
    def test_say_nothing_then_what_fired_then_nothing(self, version, kind):
        check = monitoring_registry.checks[kind]
        assert list(check.run(NOW)) == []
        row = report(version)
        assert list(check.run(NOW)) == []  # too few rows: told in the report, no alarm
        findings = [
            {**one, "state": "FIRED", "text": "it moved", "n": 300}
            for one in row.figures["findings"]
            if one["name"] == CHECKS[kind]
        ]
        DriftReport.objects.update(figures={"findings": findings})
        (found,) = check.run(NOW)
        assert "it moved (300 rows" in found.summary
        assert found.subject == f"models_ml.Pipeline:{version.pipeline_id}"
        drifting.report(pipeline=version.pipeline, now=NOW + timedelta(hours=1), actor="test")
        assert list(check.run(NOW)) == []

    def test_are_silent_of_what_serves_no_more(self, drifted):
        report(drifted)
        assert list(monitoring_registry.checks["models_ml.drift"].run(NOW))
        drifted.stage = "ARCHIVED"
        drifted.save()
        assert not list(monitoring_registry.checks["models_ml.drift"].run(NOW))

    def test_gauges_tell_of_the_newest_report(self, drifted):
        report(drifted)
        gauges = monitoring_registry.gauges
        assert list(gauges["closingline_model_drift_breaches"].samples()) == [
            ({"pipeline": "soccer-1x2"}, 8.0)
        ]
        assert list(gauges["closingline_model_drift_reported_seconds"].samples()) == [
            ({"pipeline": "soccer-1x2"}, NOW.timestamp())
        ]
        assert list(gauges["closingline_model_recent_brier"].samples()) == []


class TestSchedule:
    @pytest.mark.parametrize(
        "name, task, every",
        [("drift", "drift_reports", "0 6 * * 1,4"), ("assess", "drift_decisions", "0 7 * * 5")],
    )
    def test_looks_twice_a_week_and_decides_once(self, name, task, every):
        (job,) = [job for job in schedule.JOBS if job.name == name]
        assert (job.task, job.every) == (f"models_ml.tasks.{task}", every)

    @pytest.mark.parametrize(
        "task",
        ["drift_reports", "drift_decisions", "train_again", "replay_interval", "train_experiment"],
    )
    def test_works_where_trainings_do(self, task):
        assert running.queue_of(f"models_ml.tasks.{task}") == "train"


class TestTasks:
    def test_report_and_decide(self, drifted):
        with running.recorded_here(
            task="test", trigger="CLI", actor="cli:test", now=timezone.now()
        ) as handle:
            told = tasks.drift_reports.body(handle)
            decided = tasks.drift_decisions.body(handle)
        assert [one["pipeline"] for one in told["reports"]] == ["soccer-1x2"]
        assert decided["decisions"][0]["report"] == told["reports"][0]["report"]


class TestCommands:
    def test_drift_ends_with_two_where_a_rule_fires(self, drifted):
        told, code = run("drift", "soccer-1x2")
        assert (code, told["reports"][0]["breaches"]) == (2, 8)
        assert TaskRun.objects.get().task == "models_ml.tasks.drift_reports"

    def test_drift_of_an_unknown_pipeline_fails(self):
        told, code = run("drift", "cricket")
        assert (code, told["code"]) == (1, "NothingServes")

    def test_retrain_assess_keeps_the_decision(self, drifted):
        told, code = run("retrain", "assess")
        assert code == 0 and told["decisions"][0]["fired"]
        assert RetrainDecision.objects.get().run is not None

    def test_retrain_now_without_history_says_why(self, version):
        told, code = run("retrain", "now", "soccer-1x2", "--reason", "asked for")
        assert (code, told["code"]) == (1, "NotEnoughHistory")

    def test_replay_of_a_version_that_is_not_there_fails(self, version):
        told, code = run(
            "replay", "--from", "2026-10-01", "--to", "2026-11-01", "--models", "soccer-1x2:99"
        )
        assert (code, told["code"]) == (1, "RerunRefused")

    def test_experiments_are_proposed_by_whom_the_token_names(self, monkeypatch):
        roles.ensure_roles()
        registry.a_pipeline()
        registry.a_person("dan", roles.MODELING_LEAD)
        key, _ = tokens.make_token(
            name="laptop", username="dan", scopes=("read", "run"), life=timedelta(days=1),
            actor="cli:test", now=timezone.now(),
        )  # fmt: skip
        asked = ["experiments", "propose", "soccer-1x2", "Slower", "--hypothesis", "Less noise"]
        told, code = run(*asked, "--change", '{"eta": 0.02}')
        assert (code, told["code"]) == (1, "NotSignedIn")
        monkeypatch.setenv("CLOSINGLINE_TOKEN", key)
        told, code = run(*asked, "--change", '{"eta": 0.02}')
        assert (code, told["proposed_by"], told["state"]) == (0, "user:dan", "PROPOSED")
        Experiment.objects.update(**SCORED)
        told, code = run("experiments", "accept", str(told["experiment"]), "--reason", "good")
        assert (code, told["code"]) == (1, "ExperimentRefused")
        assert run("experiments", "list")[0]["experiments"][0]["name"] == "Slower"
        with pytest.raises(CommandError, match="no JSON object"):
            run(*asked, "--change", "[1]")


class TestPages:
    def test_of_a_report_shows_findings_bars_and_features(self, drifted):
        row = report(drifted)
        text = a_client().get(reverse("admin:models_ml_driftreport_change", args=[row.pk]))
        page = text.content.decode()
        assert "8 of 55 features stand out" in page and "<svg" in page
        assert f"/api/v1/drift-reports/{row.pk}/features.csv" in page

    def test_of_a_decision_shows_each_rule(self, drifted):
        run("retrain", "assess")
        decision = RetrainDecision.objects.get()
        url = reverse("admin:models_ml_retraindecision_change", args=[decision.pk])
        page = a_client().get(url).content.decode()
        assert "Train anew" in page and "50 are worth a training" in page

    @pytest.mark.parametrize("page", ["driftreport", "retraindecision"])
    def test_ask_for_a_run_of_all(self, version, page):
        name = {"driftreport": "look", "retraindecision": "assess"}[page]
        a_client().post(do(page, name), CONFIRMED)
        asked = TaskRun.objects.get()
        assert asked.task.startswith("models_ml.tasks.drift_") and asked.arguments == {}

    def test_of_a_pipeline_offer_all_three(self, version):
        client = a_client()
        for name in ("look", "assess", "retrain"):
            client.post(do("pipeline", name, version.pipeline_id), CONFIRMED)
        found = dict(TaskRun.objects.values_list("task", "arguments"))
        assert found["models_ml.tasks.drift_reports"] == {"pipeline": "soccer-1x2"}
        assert found["models_ml.tasks.drift_decisions"] == {"pipeline": "soccer-1x2"}
        assert found["models_ml.tasks.train_again"] == {
            "pipeline": "soccer-1x2", "why": "asked for",
        }  # fmt: skip

    def test_are_not_for_a_viewer(self, version):
        client = a_client("vera", roles.VIEWER)
        for page, name, *key in (
            ("driftreport", "look"), ("retraindecision", "assess"), ("rerun", "run"),
            ("experiment", "propose"), ("ruleflag", "seed"),
            ("pipeline", "retrain", version.pipeline_id),
        ):  # fmt: skip
            assert client.post(do(page, name, *key), CONFIRMED).status_code == 403, (page, name)
        assert not TaskRun.objects.exists()

    def test_of_rule_flags_seed_add_and_correct(self, version):
        client = a_client()
        client.post(do("ruleflag", "seed"), CONFIRMED)
        assert set(RuleFlag.objects.values_list("code", flat=True)) == set(rule_flags.FLAGS)
        split = {
            f"{name}_{place}": part
            for name, day in (("announced_at", "2026-06-01"), ("effective_from", "2026-08-01"))
            for place, part in enumerate((day, "00:00:00"))
        }
        body = {"sport": version.pipeline.sport_id, "code": "offside", "title": "Offside", **split}
        body |= {"effective_until_0": "", "effective_until_1": ""}
        client.post(reverse("admin:models_ml_ruleflag_add"), body)
        flag = RuleFlag.objects.get(code="offside")
        url = reverse("admin:models_ml_ruleflag_change", args=[flag.pk])
        client.post(url, {**body, "effective_from_0": "2026-09-01"})
        flag.refresh_from_db()
        assert flag.effective_from.month == 9
        answer = client.post(url, {**body, "effective_from_0": "2026-05-01"})
        assert answer.status_code == 200  # announced after it holds: shown, not saved
        flag.refresh_from_db()
        assert flag.effective_from.month == 9
        actions = AuditEntry.objects.filter(action__endswith="_flag").values_list("action", "actor")
        assert list(actions.order_by("pk")) == [
            ("models_ml.add_flag", "user:dan"), ("models_ml.change_flag", "user:dan"),
        ]  # fmt: skip

    def test_of_reruns_ask_for_an_interval_and_once_more(self, version):
        client = a_client()
        body = {"models": "soccer-1x2:1", "since": "2026-10-01", "until": "2026-11-01 12:00"}
        client.post(do("rerun", "run"), {**CONFIRMED, **body})
        asked = TaskRun.objects.get()
        assert asked.task == "models_ml.tasks.replay_interval"
        assert asked.arguments["since"] == "2026-10-01T00:00:00+00:00"
        client.post(do("rerun", "run"), {**CONFIRMED, **body, "models": "nonsense"})
        assert TaskRun.objects.count() == 1
        row = Rerun.objects.create(
            pipeline=version.pipeline, since=NOW - timedelta(days=9), until=NOW, stage="T-60m",
            actor="test", began_at=NOW,
        )  # fmt: skip
        row.versions.add(version)
        client.post(do("rerun", "again", row.pk), CONFIRMED)
        assert TaskRun.objects.exclude(pk=asked.pk).get().arguments["models"] == "soccer-1x2:1"
        page = client.get(reverse("admin:models_ml_rerun_change", args=[row.pk]))
        assert f"/api/v1/reruns/{row.pk}/rows" in page.content.decode()

    def test_of_experiments_lead_from_the_proposal_to_the_end(self):
        pipeline, client = registry.a_pipeline(), a_client()
        body = {
            "pipeline": pipeline.pk, "name": "Slower", "hypothesis": "Less noise",
            "candidate": '{"eta": 0.05}', "minimum_n": 100,
        }  # fmt: skip
        client.post(do("experiment", "propose"), {**CONFIRMED, **body, "candidate": "[1]"})
        assert not Experiment.objects.exists()
        client.post(do("experiment", "propose"), {**CONFIRMED, **body})
        row = Experiment.objects.get()
        client.post(do("experiment", "run", row.pk), CONFIRMED)
        assert TaskRun.objects.get().arguments == {"experiment": row.pk}
        Experiment.objects.update(**SCORED)
        client.post(do("experiment", "accept", row.pk), CONFIRMED)
        assert Experiment.objects.get().state == "SCORED"  # who proposed it may not
        other = a_client("eve")
        page = other.get(reverse("admin:models_ml_experiment_change", args=[row.pk]))
        assert "better" in page.content.decode()
        other.post(do("experiment", "accept", row.pk), CONFIRMED)
        pipeline.refresh_from_db()
        assert pipeline.parameters == {"eta": 0.05}
        other.post(do("experiment", "switch_off", row.pk), CONFIRMED)
        pipeline.refresh_from_db()
        assert (pipeline.parameters, Experiment.objects.get().state) == ({}, "SWITCHED_OFF")


class TestApi:
    def test_gives_reports_with_their_features(self, drifted):
        row, client = report(drifted), a_client()
        told = client.get(f"/api/v1/drift-reports/{row.pk}").json()
        assert (told["pipeline"], told["breaches"]) == ("soccer-1x2", 8)
        answer = client.get(f"/api/v1/drift-reports/{row.pk}/features.csv")
        assert answer["Content-Type"].startswith("text/csv")
        assert len(answer.content.decode().splitlines()) == 56

    def test_gives_decisions_and_worths(self, drifted):
        run("retrain", "assess")
        client = a_client()
        (told,) = client.get("/api/v1/retrain-decisions?fired=true").json()["results"]
        assert told["reasons"][0]["rule"] == "psi"
        noting.note_clv(rows=[noting.ClvOfVersion(drifted.pk, 80, 0.01, -0.01, 0.03)], as_of=NOW)
        (worth,) = client.get("/api/v1/version-clv").json()["results"]
        assert (worth["n"], worth["mean"]) == (80, 0.01)

    def test_writes_and_corrects_rule_flags(self, version):
        client = a_client()
        made = post(client, "rule-flags", **FLAG)
        assert made.status_code == 201 and made.json()["sport"] == "soccer"
        again = post(client, "rule-flags", **FLAG)
        assert (again.status_code, again.json()["code"]) == (409, "FlagRefused")
        url = f"/api/v1/rule-flags/{made.json()['id']}"
        body = {"effective_from": "2026-05-01T00:00:00Z"}
        early = client.patch(url, json.dumps(body), content_type="application/json")
        assert early.status_code == 409
        body = {"effective_until": "2027-05-01T00:00:00Z"}
        right = client.patch(url, json.dumps(body), content_type="application/json")
        assert right.json()["effective_until"] == "2027-05-01T00:00:00Z"
        assert post(client, "rule-flags", **{**FLAG, "sport": "curling"}).status_code == 409

    def test_gives_the_rows_of_a_rerun_while_they_are_whole(self, version):
        kept = keeping.keep(folder="reruns", name="rerun", columns={"event": [1, 2]})
        row = Rerun.objects.create(
            pipeline=version.pipeline, since=NOW - timedelta(days=9), until=NOW, stage="T-60m",
            actor="test", began_at=NOW, file=kept.name, figures={"file_sha256": kept.sha256},
        )  # fmt: skip
        client = a_client()
        answer = client.get(f"/api/v1/reruns/{row.pk}/rows")
        assert answer.content[:4] == b"PAR1"
        keeping.path(name=kept.name).unlink()
        assert client.get(f"/api/v1/reruns/{row.pk}/rows").status_code == 404

    def test_takes_an_experiment_through_its_states(self):
        registry.a_pipeline()
        client = a_client()
        body = {
            "pipeline": "soccer-1x2", "name": "Slower", "hypothesis": "Less noise",
            "candidate": {"eta": 0.05},
        }  # fmt: skip
        assert post(client, "experiments", **{**body, "candidate": {}}).status_code == 409
        made = post(client, "experiments", **body)
        assert (made.status_code, made.json()["proposed_by"]) == (201, "user:dan")
        url = f"experiments/{made.json()['id']}"
        assert post(client, f"{url}/accept", review="x").status_code == 409
        Experiment.objects.update(**SCORED)
        assert post(client, f"{url}/accept", review="x").status_code == 409
        other = a_client("eve")
        assert post(other, f"{url}/accept", review="good").json()["state"] == "ACCEPTED"
        assert post(other, f"{url}/switch-off", reason="no").json()["state"] == "SWITCHED_OFF"
        assert post(other, f"{url}/reject", review="no").status_code == 409


class TestFlags:
    def test_are_seeded_once_and_never_overwritten(self, version):
        assert flagging.ensure_rule_flags(now=NOW) == len(rule_flags.FLAGS)
        RuleFlag.objects.update(title="Corrected")
        assert flagging.ensure_rule_flags(now=NOW) == 0
        assert set(RuleFlag.objects.values_list("title", flat=True)) == {"Corrected"}

    def test_of_a_sport_that_is_not_played_wait(self):
        Sport.objects.create(code="soccer", name="Soccer")
        assert flagging.ensure_rule_flags(now=NOW) == 1
        assert RuleFlag.objects.get().code == "closed_doors"

    def test_of_no_row_cannot_be_changed(self):
        with pytest.raises(flagging.FlagRefused, match="no rule flag 9"):
            flagging.change(flag_id=9, changes={"title": "x"}, actor="t", now=NOW)


class TestNoteClv:
    def test_keeps_what_is_new(self, version):
        rows = [noting.ClvOfVersion(version.pk, 80, 0.01, -0.01, 0.03)]
        assert noting.note_clv(rows=rows, as_of=NOW) == 1
        assert noting.note_clv(rows=rows, as_of=NOW + timedelta(days=1)) == 0
        more = [rows[0]._replace(n=81)]
        assert noting.note_clv(rows=more, as_of=NOW + timedelta(days=2)) == 1
        assert VersionClv.objects.count() == 2
