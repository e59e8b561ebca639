"""Pages, API and commands of looks, forecasts, exports and rehearsals."""

import json
import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from models_ml import tasks
from models_ml.models import Ladder, Prediction, Rehearsal, StageLook
from models_ml.services import ladders, predicting
from monitoring.services import roles, running
from tests.models_ml import matchdays, registry

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def signed_in(name, *groups):
    roles.ensure_roles()
    client = Client()
    client.force_login(registry.a_person(name, *groups, is_staff=True))
    return client


@pytest.fixture
def event():
    now = timezone.now()
    matchdays.a_serving_version(since=now - 3 * DAY)
    (event,) = matchdays.matches(now + timedelta(hours=20))
    matchdays.played_before([event], at=now - 5 * DAY)
    predicting.predict_due(now=now)
    return event


@pytest.fixture
def ladder(event):
    return Ladder.objects.get(sport__code="soccer", is_simulated=False)


def run(*arguments):
    """Run a command; return the one JSON object it prints, and its exit code."""
    out, code = StringIO(), 0
    try:
        call_command(*arguments, "--output", "json", stdout=out)
    except SystemExit as end:
        code = int(end.code or 0)
    return json.loads(out.getvalue()), code


class TestPages:
    def post(self, client, page, name, row, **fields):
        if row is None:
            url = reverse(f"admin:models_ml_{page}_do_many", args=[name])
        else:
            url = reverse(f"admin:models_ml_{page}_do", args=[row.pk, name])
        values = {"confirmed": "yes", "reason": "it is due", **fields}
        return client.post(url, values, follow=True).content.decode()

    def page(self, client, row):
        name = row._meta.model_name
        return client.get(reverse(f"admin:models_ml_{name}_change", args=[row.pk])).content.decode()

    def test_of_a_ladder_is_the_board_of_its_events(self, ladder, event):
        text = self.page(signed_in("vera", roles.VIEWER), ladder)
        assert "Board" in text
        assert "REAL 0A" in text
        for name in ("T-24h", "T-100m", "T-60m", "done", "due"):
            assert name in text
        assert "/do/" not in text

    def test_of_a_ladder_lists_its_stages_what_is_due_and_what_was_missed(self, ladder, event):
        look = StageLook.objects.get(stage="T-100m")
        StageLook.objects.filter(pk=look.pk).update(state="MISSED", why="nobody was there")
        text = self.page(signed_in("vera", roles.VIEWER), ladder)
        for name, minutes in (("T-24h", "1,440"), ("T-100m", "100"), ("T-75m", "75")):
            assert re.search(rf"<td>{name}</td><td><span[^>]*>{minutes}</span></td>", text)
        for told in ("T-60m: the final look", "75 minutes before", "at the start"):
            assert told in text
        due, missed = (re.search(rf"{title}.*?</section>", text, re.DOTALL)[0]
                       for title in ("Due next", "Missed in seven days"))  # fmt: skip
        assert [name in due for name in ("T-80m", "T-60m", "T-100m", "T-24h")] == [
            True, True, False, False,
        ]  # fmt: skip
        assert "T-100m" in missed and "nobody was there" in missed and "T-80m" not in missed
        for link in re.findall(r'href="([^"]*/stagelook/\?[^"]*)"', text):
            page = signed_in("vera", roles.VIEWER).get(link.replace("&amp;", "&"))
            assert page.status_code == 200 and page.context["cl"].result_count > 0

    def test_of_a_ladder_tells_of_a_stage_that_it_lost(self, ladder):
        told = {"stages": "T-60m", "grace_seconds": "90", "horizon_hours": "48"}
        self.post(signed_in("lea", roles.MODELING_LEAD), "ladder", "change", ladder, **told)
        text = self.page(signed_in("vera", roles.VIEWER), ladder)
        assert "T-24h: not on the ladder any more" in text

    def test_of_a_simulated_ladder_tells_how_short_its_hours_are(self, event):
        league = matchdays.a_competition(is_simulated=True, time_scale=360.0)
        row = Ladder.objects.get(sport=league.sport, is_simulated=True)
        text = self.page(signed_in("vera", roles.VIEWER), row)
        assert "360 times shorter" in text
        assert "10.0 s" in text  # the last of sixty minutes

    def test_of_a_simulated_ladder_shows_what_comes_and_not_what_is_long_over(self, event):
        league = matchdays.a_competition(is_simulated=True, time_scale=360.0)
        now = timezone.now()
        over, coming = matchdays.matches(
            now - timedelta(minutes=2), now + timedelta(minutes=9), competition=league
        )
        StageLook.objects.bulk_create(
            StageLook(
                event=one, feature_set="soccer_v1", stage="T-60m", due_at=now, closes_at=now,
                planned_at=now, starts_at=one.starts_at,
            )
            for one in (over, coming)
        )  # fmt: skip
        row = Ladder.objects.get(sport=league.sport, is_simulated=True)
        text = self.page(signed_in("vera", roles.VIEWER), row)
        board = text[text.index("Board</h2>") :]
        assert coming.name in board
        assert over.name not in board

    def test_of_a_ladder_asks_as_much_for_many_events_as_for_one(self, ladder, event):
        vera = signed_in("vera", roles.VIEWER)

        def statements():
            with CaptureQueriesContext(connection) as found:
                self.page(vera, ladder)
            return len(found)

        statements()  # content types are read once
        before = statements()
        soon = timezone.now() + timedelta(hours=20)
        matchdays.matches(*(soon + timedelta(minutes=n) for n in range(12)))
        predicting.predict_due(now=timezone.now())
        assert StageLook.objects.values("event").distinct().count() == 13
        assert statements() == before

    def test_of_an_event_names_the_version_that_served(self, event):
        version = Prediction.objects.first().version
        url = reverse("admin:markets_event_change", args=[event.pk])
        text = signed_in("vera", roles.VIEWER).get(url).content.decode()
        said = re.search(r"What models said.*?</section>", text, re.DOTALL)[0]
        assert reverse("admin:models_ml_modelversion_change", args=[version.pk]) in said
        assert "T-24h" in said and said.count("%") >= 3
        page = text.index("What models said")
        assert text.index(">Facts<") < page < text.index("Prices now")

    def test_of_an_event_says_so_where_nothing_was_said(self, event):
        (other,) = matchdays.matches(timezone.now() + 9 * DAY)
        url = reverse("admin:markets_event_change", args=[other.pk])
        assert (
            "Nothing: a version foretells it"
            in signed_in("v", roles.VIEWER).get(url).content.decode()
        )

    def test_of_a_prediction_leads_to_the_version_and_its_time_of_service(self, event):
        row = Prediction.objects.select_related("version").first()
        text = self.page(signed_in("vera", roles.VIEWER), row)
        served = re.search(r"Served by.*?</section>", text, re.DOTALL)[0]
        (period,) = row.version.periods.all()
        for of in (row.version, period):
            name = f"admin:models_ml_{of._meta.model_name}_change"
            assert reverse(name, args=[of.pk]) in served
        assert "this version" in served

    def test_of_a_prediction_tells_who_serves_now_where_that_is_another(self, event):
        row = Prediction.objects.select_related("version__pipeline").first()
        newer = registry.promoted(
            registry.a_candidate(row.version.pipeline), now=timezone.now(), override="a test"
        )
        text = self.page(signed_in("vera", roles.VIEWER), row)
        served = re.search(r"Served by.*?</section>", text, re.DOTALL)[0]
        assert reverse("admin:models_ml_modelversion_change", args=[newer.pk]) in served
        assert "Previous" in served

    def test_of_a_ladder_changes_its_stages(self, ladder):
        told = {"stages": "T-24h, T-30m", "grace_seconds": "90", "horizon_hours": "48"}
        self.post(signed_in("lea", roles.MODELING_LEAD), "ladder", "change", ladder, **told)
        ladder.refresh_from_db()
        assert [stage["name"] for stage in ladder.stages] == ["T-24h", "T-30m"]
        assert set(StageLook.objects.filter(state="DUE").values_list("stage", flat=True)) == {
            "T-30m"
        }

    @pytest.mark.parametrize(
        "stages, why",
        [
            ("T-60m, T-24h", "the earliest stage stands first"),
            ("T-24h, T-7m", "no stage"),
            (",", "its last one is the final look"),
        ],
        ids=["ascending", "unknown", "none"],
    )
    def test_of_a_ladder_refuses_stages_that_make_none(self, ladder, stages, why):
        told = {"stages": stages, "grace_seconds": "60", "horizon_hours": "48"}
        text = self.post(signed_in("lea", roles.MODELING_LEAD), "ladder", "change", ladder, **told)
        assert why in text
        assert Ladder.objects.get(pk=ladder.pk).stages == ladder.stages

    def test_of_a_look_takes_it_again(self, event):
        look = StageLook.objects.get(stage="T-24h")
        self.post(signed_in("olga", roles.OPERATOR), "stagelook", "again", look)
        look.refresh_from_db()
        assert (look.state, Prediction.objects.count()) == ("DUE", 0)

    def test_of_rehearsals_make_and_remove_one(self, event):
        olga = signed_in("olga", roles.OPERATOR)
        pipeline = Prediction.objects.first().version.pipeline
        self.post(olga, "rehearsal", "rehearse", None, pipeline=pipeline.pk)
        row = Rehearsal.objects.get()
        assert (row.rows, row.predictions) == (1, 3)
        self.post(olga, "rehearsal", "remove", row)
        row.refresh_from_db()
        assert row.removed_at is not None


class TestApi:
    def get(self, client, path):
        return client.get(f"/api/v1/{path}")

    def post(self, client, path, body=None):
        return client.post(
            f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json"
        )

    @pytest.fixture
    def vera(self, event):
        return signed_in("vera", roles.VIEWER)

    def test_lists_ladders_and_looks(self, vera, event):
        ladder = self.get(vera, "ladders?sport__code=soccer&is_simulated=false").json()
        assert ladder["results"][0]["stages"][0]["name"] == "T-24h"
        looks = self.get(vera, f"stage-looks?event={event.pk}&state=DONE").json()["results"]
        assert [look["stage"] for look in looks] == ["T-24h"] or looks == []

    def test_changes_a_ladder_with_a_reason_and_the_right(self, vera, ladder):
        body = {"stages": ["T-24h", "T-45m"], "reason": "line-ups"}
        assert self.post(vera, f"ladders/{ladder.pk}/set", body).status_code == 403
        lea = signed_in("lea", roles.MODELING_LEAD)
        assert self.post(lea, f"ladders/{ladder.pk}/set", body).status_code == 200
        ladder.refresh_from_db()
        assert ladder.stages[-1] == {"name": "T-45m", "minutes": 45}

    @pytest.mark.parametrize(
        "body, status",
        [
            ({"stages": ["T-45m", "T-24h"], "reason": "x"}, 409),
            ({"stages": ["T-7m"], "reason": "x"}, 400),
            ({"stages": [], "reason": "x"}, 400),
            ({"grace_seconds": -1, "reason": "x"}, 400),
            ({"stages": ["T-45m"]}, 400),
        ],
        ids=["ascending", "unknown", "none", "grace", "no-reason"],
    )
    def test_refuses_what_is_no_ladder(self, ladder, body, status):
        lea = signed_in("lea", roles.MODELING_LEAD)
        assert self.post(lea, f"ladders/{ladder.pk}/set", body).status_code == status

    def test_foretells_an_event_now_and_stores_nothing(self, vera, event):
        pipeline = Prediction.objects.first().version.pipeline
        before = Prediction.objects.count()
        body = {"event": event.pk}
        told = self.post(vera, f"pipelines/{pipeline.pk}/predict", body).json()
        assert sum(one["probability"] for one in told["said"]) == pytest.approx(1.0)
        assert told["stage"] == "T-24h"
        body = {"event": event.pk, "fresh": True}
        assert self.post(vera, f"pipelines/{pipeline.pk}/predict", body).json()["stage"] == "now"
        every = self.get(vera, f"events/{event.pk}/forecast").json()
        assert [one["pipeline"] for one in every["forecasts"]] == ["soccer-1x2"]
        assert Prediction.objects.count() == before

    def test_foretells_as_of_a_moment(self, vera, event):
        pipeline = Prediction.objects.first().version.pipeline
        as_of = (timezone.now() - timedelta(hours=1)).isoformat()
        body = {"event": event.pk, "as_of": as_of}
        told = self.post(vera, f"pipelines/{pipeline.pk}/predict", body)
        assert told.status_code == 200
        body["as_of"] = (timezone.now() + timedelta(hours=1)).isoformat()
        refused = self.post(vera, f"pipelines/{pipeline.pk}/predict", body)
        assert refused.status_code == 409
        assert "lies in the future" in refused.content.decode()

    def test_refuses_an_event_that_is_not_there(self, vera, event):
        pipeline = Prediction.objects.first().version.pipeline
        refused = self.post(vera, f"pipelines/{pipeline.pk}/predict", {"event": 10**9})
        assert (refused.status_code, "is unknown" in refused.content.decode()) == (409, True)
        assert self.post(vera, "pipelines/99999/predict", {"event": 1}).status_code == 404

    def test_streams_predictions_as_a_file(self, vera, event):
        since = (timezone.now() - timedelta(hours=1)).isoformat().replace("+", "%2B")
        answer = self.get(vera, f"predictions/export?since={since}&form=csv")
        assert answer["Content-Disposition"] == 'attachment; filename="predictions.csv"'
        assert b"".join(answer.streaming_content).count(b"\n") == 4
        assert self.get(vera, f"predictions/export?since={since}&form=xlsx").status_code == 400

    def test_tells_where_a_prediction_came_from(self, vera, event):
        row = Prediction.objects.first()
        told = self.get(vera, f"predictions/{row.pk}/audit").json()
        assert (told["recomputed"], told["answered"]) == (True, True)
        assert self.get(vera, "predictions/999999/audit").status_code == 404

    def test_begins_and_removes_a_rehearsal(self, vera, event):
        olga = signed_in("olga", roles.OPERATOR)
        body = {"pipeline": "soccer-1x2"}
        assert self.post(vera, "rehearsals/begin", body).status_code == 403
        made = self.post(olga, "rehearsals/begin", body).json()
        assert made["predictions"] == 3
        removed = self.post(olga, f"rehearsals/{made['id']}/remove").json()
        assert removed["removed_at"] is not None
        assert self.post(olga, f"rehearsals/{made['id']}/remove").status_code == 409

    def test_takes_a_look_again(self, event):
        olga = signed_in("olga", roles.OPERATOR)
        look = StageLook.objects.get(stage="T-24h")
        told = self.post(olga, f"stage-looks/{look.pk}/again", {"reason": "prices"}).json()
        assert told["state"] == "DUE"


class TestCommands:
    def test_snapshot_takes_what_is_due(self, event):
        look = StageLook.objects.get(stage="T-24h")
        told, code = run("snapshot", "--event", str(event.pk), "--stage", "T-24h")
        assert code == 0
        assert (told["built"], told["predictions"]) == (1, 3)
        look.refresh_from_db()
        assert look.state in ("DONE", "LATE")

    def test_snapshot_rehearses_and_removes(self, event):
        made, _ = run("snapshot", "--rehearsal", "soccer-1x2", "--name", "dry")
        assert (made["predictions"], made["removed"]) == (3, False)
        removed, code = run("snapshot", "--remove", str(made["id"]))
        assert (removed["removed"], code) == (True, 0)
        again, code = run("snapshot", "--remove", str(made["id"]))
        assert (again["code"], code) == ("RehearsalRefused", 1)

    def test_ladder_shows_and_changes(self, event):
        shown, _ = run("ladder")
        assert [one["sport"] for one in shown["ladders"]].count("soccer") == 2
        changed, code = run("ladder", "soccer", "--stages", "T-24h,T-30m", "--reason", "line-ups")
        assert (changed["ladders"][0]["stages"], code) == (["T-24h", "T-30m"], 0)
        refused, code = run("ladder", "soccer", "--stages", "T-30m,T-24h", "--reason", "x")
        assert (refused["code"], code) == ("BadLadder", 1)
        refused, _ = run("ladder", "rugby", "--reason", "x")
        assert "there are those of: " in refused["error"] and "soccer" in refused["error"]
        refused, _ = run("ladder", "soccer", "--stages", "T-30m")
        assert refused["error"] == "say why with --reason"

    @pytest.mark.parametrize("form", ["csv", "json", "parquet"])
    def test_predictions_export_writes_a_file(self, event, tmp_path, form):
        since = (timezone.now() - timedelta(hours=1)).isoformat()
        path = tmp_path / f"out.{form}"
        told, code = run("predictions", "export", str(path), "--since", since, "--format", form)
        assert (told["rows"], told["bytes"], code) == (3, path.stat().st_size, 0)
        again, code = run("predictions", "export", str(path), "--since", since)
        assert (again["code"], code) == ("ExportRefused", 1)

    def test_predictions_tell_of_an_event_and_of_one(self, event):
        told, _ = run("predictions", "event", str(event.pk))
        assert len(told["forecasts"][0]["said"]) == 3
        row = Prediction.objects.first()
        audit, code = run("predictions", "audit", str(row.pk))
        assert (audit["answered"], code) == (True, 0)


class TestTask:
    def test_rehearses_every_pipeline_in_service(self, event):
        with running.recorded_here(
            task="test", trigger="CLI", actor="cli:test", now=timezone.now()
        ) as handle:
            told = tasks.rehearse.body(handle)
        assert [made["pipeline"] for made in told["rehearsals"]] == ["soccer-1x2"]


def test_a_ladder_that_is_there_is_not_made_again(ladder):
    ladders.ensure_default_ladders()
    assert Ladder.objects.get(sport__code="soccer", is_simulated=False) == ladder
