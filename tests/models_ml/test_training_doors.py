"""The ways to a training and to a search: pages, API, command; what is wrong is said by field."""

import json
from html import unescape
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from models_ml.models import ModelVersion, Search, SearchTrial
from models_ml.services import learning, searching
from monitoring.errors import Cancelled
from monitoring.models import AuditEntry, TaskRun
from monitoring.services import executing, roles, running
from tests.models_ml import builders, registry
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db

CONFIRMED = {"confirmed": "yes", "reason": "it may do better"}
SPACE = {"eta": [0.02, 0.3], "max_depth": [1, 3]}
WRONG = [
    pytest.param({"tarot": 1}, "no parameter 'tarot'", id="unknown"),
    pytest.param({"rounds": "many"}, "rounds is a whole number from 1 to 5000", id="word"),
    pytest.param({"eta": 0}, "eta is a number from 0.0001 to 1", id="too small"),
    pytest.param({"max_depth": 2.5}, "max_depth is a whole number", id="fraction"),
    pytest.param({"subsample": None}, "subsample is a number", id="nothing"),
    pytest.param({"gamma": [1]}, "gamma is a number", id="list"),
]


def signed_in(name, *groups):
    roles.ensure_roles()
    client = Client()
    client.force_login(registry.a_person(name, *groups, is_staff=True))
    return client


@pytest.fixture
def modeler():
    return signed_in("dan", roles.MODELING_LEAD)


@pytest.fixture
def pipeline():
    return registry.a_pipeline(registry.REAL)


@pytest.fixture
def search(pipeline):
    return searching.begin(
        pipeline=pipeline, trials=2, space=SPACE, actor="test", now=registry.NOON
    )


def text_of(answer):
    return unescape(answer.content.decode())


def do(name, row):
    return reverse(f"admin:models_ml_{row._meta.model_name}_do", args=[row.pk, name])


def page_of(client, row):
    url = reverse(f"admin:models_ml_{row._meta.model_name}_change", args=[row.pk])
    return text_of(client.get(url))


class TestThePipelinesForm:
    def post(self, client, pipeline, parameters):
        values = {
            "market_kind": pipeline.market_kind, "target": pipeline.target,
            "feature_set": pipeline.feature_set, "statistic": "", "is_enabled": "on",
            "parameters": parameters,
        }  # fmt: skip
        url = reverse("admin:models_ml_pipeline_change", args=[pipeline.pk])
        answer = client.post(url, values)
        pipeline.refresh_from_db()
        return answer

    def test_takes_parameters_that_training_understands(self, modeler, pipeline):
        answer = self.post(modeler, pipeline, '{"eta": 0.02, "max_depth": 3}')
        assert answer.status_code == 302, text_of(answer)
        assert pipeline.parameters == {"eta": 0.02, "max_depth": 3}
        assert AuditEntry.objects.filter(action="admin.change").count() == 1

    def test_takes_none_at_all(self, modeler, pipeline):
        assert self.post(modeler, pipeline, "{}").status_code == 302
        assert pipeline.parameters == {}

    @pytest.mark.parametrize("parameters, why", WRONG)
    def test_says_what_is_wrong_and_keeps_what_stood(self, modeler, pipeline, parameters, why):
        answer = self.post(modeler, pipeline, json.dumps(parameters))
        assert answer.status_code == 200 and why in text_of(answer)
        assert pipeline.parameters == {}

    def test_says_all_that_is_wrong_at_once(self, modeler, pipeline):
        text = text_of(self.post(modeler, pipeline, '{"tarot": 1, "eta": 7}'))
        assert "no parameter 'tarot'" in text and "eta is a number" in text

    @pytest.mark.parametrize("told", ["[1, 2]", '"eta"', "3"], ids=["list", "word", "number"])
    def test_wants_an_object(self, modeler, pipeline, told):
        assert "A JSON object is expected" in text_of(self.post(modeler, pipeline, told))


class TestParametersByTheApi:
    def put(self, client, pipeline, **body):
        url = f"/api/v1/pipelines/{pipeline.pk}/parameters"
        answer = client.put(url, json.dumps(body), content_type="application/json")
        pipeline.refresh_from_db()
        return answer

    def test_are_written_whole_and_audited(self, modeler, pipeline):
        answer = self.put(modeler, pipeline, parameters={"eta": 0.02}, reason="slower")
        assert answer.status_code == 200
        assert answer.json() == {
            "id": pipeline.pk, "code": "soccer-1x2", "parameters": {"eta": 0.02},
        }  # fmt: skip
        assert pipeline.parameters == {"eta": 0.02}
        entry = AuditEntry.objects.get(action="models_ml.set_parameters")
        assert entry.detail["changed"] == {"parameters": [{}, {"eta": 0.02}]}
        assert entry.detail["reason"] == "slower"

    @pytest.mark.parametrize("parameters, why", WRONG)
    def test_are_refused_by_name(self, modeler, pipeline, parameters, why):
        answer = self.put(modeler, pipeline, parameters=parameters, reason="try")
        (error,) = answer.json()["errors"]
        assert answer.status_code == 400
        assert error["field"] == f"parameters.{next(iter(parameters))}" and why in error["message"]
        assert pipeline.parameters == {}

    def test_are_closed_to_who_may_not_change_pipelines(self, pipeline):
        for role in (roles.VIEWER, roles.OPERATOR):
            client = signed_in(role.split()[0], role)
            assert self.put(client, pipeline, parameters={}, reason="x").status_code == 403

    def test_of_no_pipeline_are_not_found(self, modeler, pipeline):
        answer = modeler.put(
            "/api/v1/pipelines/999999/parameters", '{"parameters": {}, "reason": "x"}',
            content_type="application/json",
        )  # fmt: skip
        assert answer.status_code == 404


class TestTraining:
    @pytest.fixture
    def league(self):
        league = builders.a_league(a_world(seasons=3))
        builders.a_pipeline(now=league.ends_at)
        return league

    def ask(self, league):
        return running.request_run(
            task="models_ml.tasks.train_pipeline", arguments={"pipeline": "soccer-1x2"},
            trigger="USER", actor="user:dan", now=league.ends_at,
        )  # fmt: skip

    def test_shows_on_its_run_how_far_it_is(self, league, modeler, monkeypatch):
        run = self.ask(league)
        seen = []
        learn = learning.learn

        def watched(*, after_round, **known):
            def look(done, total):
                after_round(done, total)
                run.refresh_from_db()
                seen.append((run.progress_done, run.progress_total, run.progress_message))

            return learn(after_round=look, **known)

        monkeypatch.setattr(learning, "learn", watched)
        executing.execute(run_id=run.pk, worker="test", now=league.ends_at)
        assert seen[0] == (1, builders.QUICK["rounds"], "boosting")
        assert [done for done, *_ in seen] == sorted(done for done, *_ in seen)
        run.refresh_from_db()
        assert run.state == "SUCCEEDED"
        url = reverse("admin:monitoring_taskrun_change", args=[run.pk])
        assert "soccer-1x2" in text_of(modeler.get(url))

    def test_stops_between_two_rounds_when_its_run_is_called_off(self, league, monkeypatch):
        run = self.ask(league)
        learn = learning.learn

        def called_off(*, after_round, **known):
            def stop(done, total):
                if done == 3:
                    running.cancel_run(run_id=run.pk, actor="user:dan", now=league.ends_at)
                after_round(done, total)

            return learn(after_round=stop, **known)

        monkeypatch.setattr(learning, "learn", called_off)
        executing.execute(run_id=run.pk, worker="test", now=league.ends_at)
        run.refresh_from_db()
        assert (run.state, run.progress_done) == ("CANCELLED", 1)
        assert not ModelVersion.objects.exists()

    def test_leaves_its_diagram_on_the_versions_page(self, league, modeler):
        version = builders.a_version(builders.a_pipeline(now=league.ends_at), until=league.ends_at)
        version.plots["contributions"] = [{"name": "elo", "mean_abs": 0.1, "points": [[0.1, 0.5]]}]
        version.metrics["gain"] = {"elo": 0.4375}
        version.save()
        text = page_of(modeler, version)
        assert text.count("<svg") == 2
        assert "Said and happened" in text and "What moved it" in text
        point = version.plots["reliability"]["model"][0]
        assert f"model: said {point['said']:.3f}, happened {point['happened']:.3f}" in text
        assert "market: said" in text
        assert "Share of the trees' gain" in text and "0.4375" in text


class TestThePageOfASearch:
    def test_is_where_the_button_of_a_pipeline_leads(self, modeler, pipeline):
        answer = modeler.post(do("search", pipeline), {**CONFIRMED, "trials": 5, "seed": 2})
        search = Search.objects.get()
        assert answer["Location"].endswith(f"/search/{search.pk}/change/")
        assert (search.trials, search.seed, search.actor) == (5, 2, "user:dan")
        run = TaskRun.objects.get(pk=search.run)
        assert (run.task, run.queue, run.user.username) == (searching.STEP, "train", "dan")

    @pytest.mark.parametrize("trials", ["0", "501", "many", ""])
    def test_is_not_made_of_a_bad_number_of_trials(self, modeler, pipeline, trials):
        answer = modeler.post(do("search", pipeline), {**CONFIRMED, "trials": trials, "seed": 0})
        assert answer.status_code == 200 and 'name="trials"' in text_of(answer)
        assert not Search.objects.exists() and not TaskRun.objects.exists()

    def test_lays_out_its_trials_best_first(self, modeler, search):
        for number, value in enumerate((0.98, 0.96)):
            SearchTrial.objects.create(
                search=search, number=number, state="DONE", value=value,
                parameters={"eta": 0.1 + number / 10, "max_depth": 2},
            )  # fmt: skip
        text = page_of(modeler, search)
        assert "2 of 2 asked for" in text and "Candidates" in text
        assert text.index("0.96") < text.index("0.98")
        assert "/do/cancel/" in text

    def test_calls_it_off_and_takes_it_up_again(self, modeler, search):
        modeler.post(do("cancel", search), CONFIRMED)
        search.refresh_from_db()
        assert search.state == "CANCELLED"
        assert "/do/cancel/" not in page_of(modeler, search)
        modeler.post(do("resume", search), CONFIRMED)
        search.refresh_from_db()
        assert (search.state, search.finished_at) == ("RUNNING", None)
        assert TaskRun.objects.get(pk=search.run).state == "QUEUED"
        reasons = AuditEntry.objects.filter(subject=f"models_ml.Search:{search.pk}").exclude(
            action="models_ml.search"
        )
        assert {entry.detail["reason"] for entry in reasons} == {CONFIRMED["reason"]}

    @pytest.mark.parametrize("name", ["cancel", "resume"])
    def test_is_closed_to_an_operator(self, search, name):
        olga = signed_in("olga", roles.OPERATOR)
        assert olga.post(do(name, search), CONFIRMED).status_code == 403

    def test_of_a_pipeline_is_not_begun_by_an_operator(self, pipeline):
        olga = signed_in("olga", roles.OPERATOR)
        answer = olga.post(do("search", pipeline), {**CONFIRMED, "trials": 5, "seed": 2})
        assert answer.status_code == 403 and not Search.objects.exists()


class TestSearchesByTheApi:
    def post(self, client, path="", **body):
        url = f"/api/v1/searches{path}"
        return client.post(url, json.dumps(body), content_type="application/json")

    def test_are_begun_with_a_run(self, modeler, pipeline):
        answer = self.post(modeler, pipeline="soccer-1x2", trials=3, seed=1, space=SPACE)
        assert answer.status_code == 201, answer.content
        search = Search.objects.get()
        told = answer.json()
        assert (told["id"], told["state"], told["space"]) == (search.pk, "RUNNING", SPACE)
        assert told["run"] == str(search.run) and told["pipeline"] == "soccer-1x2"
        assert search.actor == "user:dan"

    @pytest.mark.parametrize(
        "body, field",
        [
            pytest.param({"trials": 0}, "trials", id="none"),
            pytest.param({"trials": 501}, "trials", id="too many"),
            pytest.param({"trials": "many"}, "trials", id="word"),
            pytest.param({"seed": -1}, "seed", id="seed"),
            pytest.param({"space": {"tarot": [0, 1]}}, "space", id="unknown"),
            pytest.param({"space": {"eta": [0.5, 0.1]}}, "space", id="upside down"),
            pytest.param({"space": {"eta": ["a", "b"]}}, "space", id="words"),
            pytest.param({"space": {"eta": [0.1]}}, "space.eta", id="one end"),
            pytest.param({"space": [1]}, "space", id="no object"),
            pytest.param({"pipeline": "rugby"}, "pipeline", id="no pipeline"),
        ],
    )
    def test_are_refused_by_field(self, modeler, pipeline, body, field):
        answer = self.post(modeler, **{"pipeline": "soccer-1x2", **body})
        assert answer.status_code == 400
        assert field in {error["field"] for error in answer.json()["errors"]}, answer.json()
        assert not Search.objects.exists()

    def test_are_called_off_and_taken_up_again(self, modeler, search):
        told = self.post(modeler, f"/{search.pk}/cancel", reason="enough").json()
        assert told["state"] == "CANCELLED"
        again = self.post(modeler, f"/{search.pk}/cancel", reason="enough")
        assert (again.status_code, again.json()["code"]) == (409, "SearchIsOver")
        told = self.post(modeler, f"/{search.pk}/resume", reason="more").json()
        assert told["state"] == "RUNNING" and told["run"]

    def test_are_read_with_their_trials_and_begun_by_nobody_who_only_views(self, search):
        SearchTrial.objects.create(search=search, number=0, parameters={"eta": 0.1})
        vera = signed_in("vera", roles.VIEWER)
        assert vera.get("/api/v1/searches").json()["results"][0]["id"] == search.pk
        (trial,) = vera.get(f"/api/v1/search-trials?search={search.pk}").json()["results"]
        assert (trial["number"], trial["state"]) == (0, "WAITING")
        assert self.post(vera, pipeline="soccer-1x2").status_code == 403
        for act in ("cancel", "resume"):
            assert self.post(vera, f"/{search.pk}/{act}", reason="x").status_code == 403


class TestTheCommand:
    def run(self, *arguments):
        out, code = StringIO(), 0
        try:
            call_command("search", *arguments, "--output", "json", stdout=out)
        except SystemExit as end:
            code = int(end.code or 0)
        return json.loads(out.getvalue()), code

    @pytest.fixture
    def league(self):
        league = builders.a_league(a_world(seasons=3))
        builders.a_pipeline(now=league.ends_at, rounds=8, patience=4)
        return league

    def test_makes_the_trials_and_the_candidate(self, league):
        report, code = self.run(
            "soccer-1x2", "--trials", "2", "--seed", "5", "--space", json.dumps(SPACE)
        )
        assert code == 0, report
        assert (report["state"], report["done"], report["failed"]) == ("DONE", 2, 0)
        version = ModelVersion.objects.get()
        assert report["versions"] == [version.pk] == [report["version"]["id"]]
        assert report["best"]["value"] == min(SearchTrial.objects.values_list("value", flat=True))
        run = TaskRun.objects.get()
        assert (run.task, run.state) == (searching.STEP, "SUCCEEDED")
        assert run.result == {"search": report["search"], "version": version.pk}

    def test_takes_up_what_was_called_off(self, league, monkeypatch):
        learn, calls = learning.learn, []

        def called_off(**known):
            calls.append(known["parameters"])
            if len(calls) == 2:
                raise Cancelled("asked for")
            return learn(**known)

        monkeypatch.setattr(learning, "learn", called_off)
        report, code = self.run("soccer-1x2", "--trials", "2", "--space", json.dumps(SPACE))
        assert (code, report["state"], report["done"]) == (2, "CANCELLED", 1)
        assert report["version"] is None
        report, code = self.run("--resume", str(report["search"]))
        assert (code, report["state"], report["done"]) == (0, "DONE", 2)
        assert calls[1] == calls[2] and len(calls) == 4  # the second anew, and the candidate

    @pytest.mark.parametrize(
        "arguments, told",
        [
            pytest.param(("soccer-1x2", "--trials", "0"), "BadParameters", id="no trials"),
            pytest.param(("soccer-1x2", "--trials", "501"), "BadParameters", id="too many"),
            pytest.param(
                ("soccer-1x2", "--space", '{"tarot": [0, 1]}'), "BadParameters", id="unknown"
            ),
            pytest.param(("rugby-1x2",), "UnknownPipeline", id="no pipeline"),
            pytest.param(("--resume", "12345"), "UnknownSearch", id="no search"),
        ],
    )
    def test_refuses_by_name(self, pipeline, arguments, told):
        report, code = self.run(*arguments)
        assert (code, report["code"]) == (1, told)
        assert not Search.objects.exists()
