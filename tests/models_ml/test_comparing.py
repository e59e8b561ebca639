"""Two to four versions side by side, and the pages, commands and addresses of evaluations."""

import csv
import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from models_ml.models import Evaluation, ModelVersion, WalkFold, WalkForward
from models_ml.services import comparing, evaluating, walking
from monitoring.models import TaskRun
from monitoring.services import executing, roles
from tests import kept
from tests.models_ml import builders, registry
from tests.models_ml.asked_worlds import a_version
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db
CONFIRMED = {"confirmed": "yes", "reason": "to know"}


@pytest.fixture
def world(settings):
    return kept.world("two versions", a_league_with_versions, folder=Path(settings.ARTEFACT_DIR))


def a_league_with_versions():
    league = builders.a_league(a_world(seasons=4))
    pipeline = builders.a_pipeline(now=league.ends_at)
    return league, pipeline, two_versions(league, pipeline)


@pytest.fixture
def league(world):
    return world[0]


@pytest.fixture
def pipeline(world):
    return world[1]


@pytest.fixture
def versions(world):
    return world[2]


def two_versions(league, pipeline):
    """Return two versions of other parameters, of which one learned a month longer."""
    first = builders.a_version(
        pipeline, until=league.ends_at - timedelta(weeks=16), now=league.ends_at
    )
    pipeline.parameters = {**pipeline.parameters, "eta": 0.05}
    return [
        first,
        builders.a_version(
            pipeline, until=league.ends_at - timedelta(weeks=12), now=league.ends_at
        ),
    ]


def compare(versions, league, **told):
    return comparing.compare(versions=versions, now=league.ends_at, **told)


def signed_in(*groups):
    roles.ensure_roles()
    client = Client()
    client.force_login(registry.a_person("alice", *groups, is_staff=True))
    return client


class TestCompare:
    def test_holds_them_beside_one_another_on_what_came_after_both(self, league, versions):
        found = compare(versions, league)
        later = [e for e in league.events if e.starts_at >= versions[1].trained_until]
        assert found["n"] == len(later) > comparing.ENOUGH
        assert found["since"] == versions[1].trained_until.isoformat()
        (ours, *beside) = found["differences"]
        assert (ours["first"], ours["second"]) == ("v1", "v2")
        cards = {one["name"]: one["card"]["log_loss"] for one in found["versions"]}
        assert ours["mean"] == pytest.approx(cards["v1"] - cards["v2"])
        assert ours["low"] <= ours["mean"] <= ours["high"] and 0 <= ours["dm_p"] <= 1
        assert {gap["second"] for gap in beside} == {"market"}
        assert {"name": "eta", "values": {"v1": 0.1, "v2": 0.05}} in found["parameters"]
        assert "library" not in {one["name"] for one in found["parameters"]}
        assert all(one["reliability"] for one in found["versions"])

    def test_says_of_each_what_its_own_evaluation_says(self, league, versions):
        found = compare(versions, league)
        alone = evaluating.evaluate(
            version=versions[0], since=versions[1].trained_until, until=league.ends_at,
            now=league.ends_at,
        )  # fmt: skip
        assert found["versions"][0]["card"]["log_loss"] == alone["model_on_all"]["log_loss"]

    def test_takes_the_test_parts_where_too_little_came_after(self, league, pipeline, versions):
        newest = builders.a_version(pipeline, until=league.ends_at, now=league.ends_at)
        found = compare([versions[0], newest], league)
        begins = [one.metrics["parts"]["test"]["from"] for one in (versions[0], newest)]
        assert found["since"] == max(begins)
        assert "none learned from them" in found["why"]

    def test_refuses_where_nobody_knows_anything_that_none_learned_from(self, league, versions):
        ModelVersion.objects.update(trained_until=league.ends_at, metrics={})
        blind = list(ModelVersion.objects.select_related("pipeline__sport"))
        with pytest.raises(comparing.CannotCompare, match="no event with a known result"):
            compare(blind, league)


class TestChosen:
    def test_refuses_one_five_the_unknown_and_what_foretells_something_else(self):
        mine, other = (
            a_version(registry.a_pipeline(code)) for code in (registry.REAL, registry.SIMULATED)
        )
        for ids, told in (
            ([mine.pk], "choose 2 to 4 versions, not 1"),
            ([mine.pk, mine.pk], "not 1"),
            ([1, 2, 3, 4, 5], "not 5"),
            ([mine.pk, 10**9], "there is no version 1000000000"),
            ([mine.pk, other.pk], "do not foretell the same"),
        ):
            with pytest.raises(comparing.CannotCompare, match=told):
                comparing.chosen(ids=ids)

    @pytest.mark.parametrize("text", ["1,x", "1,-2", "1;2", "9" * 19], ids=str)
    def test_refuses_what_is_no_id(self, text):
        with pytest.raises(comparing.CannotCompare, match="is no version's id"):
            comparing.ids_of(text=text)


class TestPages:
    def test_lead_from_ticked_versions_to_their_comparison(self, league, versions):
        client = signed_in(roles.VIEWER)
        ticked = {"action": "compare", "_selected_action": [one.pk for one in versions]}
        page = client.post(reverse("admin:models_ml_modelversion_changelist"), ticked, follow=True)
        text = page.content.decode()
        assert page.status_code == 200 and "Parameters that differ" in text
        assert text.count("<polyline") == 2 and "v1 - v2" in text
        ids = ",".join(str(one.pk) for one in versions)
        file = client.get(reverse("admin:models_ml_compare"), {"ids": ids, "csv": 1})
        rows = list(csv.reader(StringIO(file.content.decode())))
        assert rows[0][0] == "forecaster" and [row[0] for row in rows[1:4]] == [
            "v1",
            "v2",
            "market",
        ]

    def test_of_a_refused_comparison_lead_back_with_its_words(self):
        mine = a_version(registry.a_pipeline(registry.REAL))
        page = signed_in(roles.VIEWER).get(
            reverse("admin:models_ml_compare"), {"ids": mine.pk}, follow=True
        )
        assert "choose 2 to 4 versions" in page.content.decode()

    def test_evaluate_a_version_and_show_what_was_kept(self, league, versions):
        client = signed_in(roles.MODELING_LEAD)
        url = reverse("admin:models_ml_modelversion_do", args=[versions[0].pk, "evaluate"])
        assert client.post(url, CONFIRMED).status_code == 302
        run = TaskRun.objects.get(task="models_ml.tasks.evaluate_version")
        assert executing.execute(run_id=run.pk, worker="test", now=league.ends_at)
        row = Evaluation.objects.get()
        assert (row.version, row.kind) == (versions[0], "EVALUATE")
        page = client.get(reverse("admin:models_ml_evaluation_change", args=[row.pk]))
        text = page.content.decode()
        for told in ("dixon coles", "elo logistic", "Reliability", "By week", "model-market"):
            assert told in text
        file = client.get(reverse("admin:models_ml_evaluation_csv", args=[row.pk]))
        assert file["Content-Type"].startswith("text/csv")
        rows = list(csv.reader(StringIO(file.content.decode())))
        assert [float(row_[2]) for row_ in rows if row_ and row_[0] == "model"] == [
            pytest.approx(row.figures["model"]["log_loss"])
        ]

    def test_show_a_walk_forward_call_it_off_and_go_on(self, league, pipeline):
        walk = walking.begin(
            pipeline=pipeline, until=league.ends_at, since=league.ends_at - timedelta(weeks=5),
            actor="user:alice", now=league.ends_at,
        )  # fmt: skip
        walking.step(fold_id=walk.folds.first().pk, now=league.ends_at)
        client = signed_in(roles.MODELING_LEAD)
        page = client.get(reverse("admin:models_ml_walkforward_change", args=[walk.pk]))
        assert "Log loss, step by step" in page.content.decode()
        for name, state in (("cancel", "CANCELLED"), ("go_on", "RUNNING")):
            url = reverse("admin:models_ml_walkforward_do", args=[walk.pk, name])
            client.post(url, CONFIRMED)
            walk.refresh_from_db()
            assert walk.state == state
        waiting = walk.folds.filter(state=WalkFold.State.WAITING).count()
        assert TaskRun.objects.filter(task=walking.STEP).count() == waiting > 0


class TestCommands:
    def run(self, *arguments):
        out, code = StringIO(), 0
        try:
            call_command(*arguments, "--output", "json", stdout=out)
        except SystemExit as end:
            code = int(end.code or 0)
        return json.loads(out.getvalue()), code

    def test_walk_forward_and_go_on_where_it_was_interrupted(self, league, pipeline, monkeypatch):
        done = walking.step

        def interrupted(**told):
            if WalkFold.objects.filter(state="DONE").exists():
                raise KeyboardInterrupt
            return done(**told)

        monkeypatch.setattr(walking, "step", interrupted)
        since = (league.ends_at - timedelta(weeks=6)).date().isoformat()
        until = league.ends_at.isoformat()
        asked = ("walkforward", pipeline.code, "--since", since, "--until", until)
        with pytest.raises(KeyboardInterrupt):
            self.run(*asked)
        monkeypatch.setattr(walking, "step", done)
        walk = WalkForward.objects.get()
        assert walk.folds.filter(state="DONE").count() == 1
        report, code = self.run("walkforward", pipeline.code, "--resume", str(walk.pk))
        assert (code, report["state"], report["walk"]) == (0, "DONE", walk.pk)
        assert report["n_all"] == Evaluation.objects.get().n
        told, code = self.run("walkforward", pipeline.code, "--resume", str(walk.pk))
        assert (code, told["code"]) == (1, "WalkIsOver")

    def test_evaluate_keeps_its_figures(self, league, pipeline, versions):
        report, code = self.run("evaluate", pipeline.code, "--number", "1")
        assert code == 0 and report["evaluation"] == Evaluation.objects.get().pk
        assert {"n", "model", "market", "elo", "log_loss_difference", "close", "baselines",
                "differences"} <= report.keys()  # fmt: skip
        told, code = self.run("evaluate", pipeline.code, "--recent", "4")
        assert (code, told["code"]) == (1, "NothingToEvaluate")


class TestAddresses:
    def test_compare_evaluate_and_walk(self, league, pipeline, versions):
        client = signed_in(roles.MODELING_LEAD)
        ids = ",".join(str(one.pk) for one in versions)
        url = reverse("api:model-versions-compare")
        told = client.get(url, {"ids": ids}).json()
        assert [one["name"] for one in told["versions"]] == ["v1", "v2"]
        assert client.get(url, {"ids": ids, "csv": "true"})["Content-Type"].startswith("text/csv")
        assert client.get(url, {"ids": "1"}).status_code == 409
        for path, body, task in (
            ("evaluations-list", {"number": 1}, "evaluate_version"),
            ("evaluations-list", {"weeks": 2}, "evaluate_recent"),
            ("walk-forwards-list", {"step_weeks": 8}, "train_walk_forward"),
        ):
            answer = client.post(
                reverse(f"api:{path}"), {"pipeline": pipeline.code, **body}, "application/json"
            )
            assert answer.status_code == 202, answer.json()
            run = TaskRun.objects.get(pk=answer.json()["id"])
            assert (run.task, run.trigger) == (f"models_ml.tasks.{task}", "API")
            assert answer["Location"].endswith(str(run.pk))
        assert client.get(reverse("api:walk-forwards-list")).json()["results"] == []

    def test_are_shut_to_who_may_only_look(self, pipeline):
        client = signed_in(roles.VIEWER)
        for path in ("evaluations-list", "walk-forwards-list"):
            answer = client.post(
                reverse(f"api:{path}"), {"pipeline": pipeline.code}, "application/json"
            )
            assert answer.status_code == 403
