"""What operators do from the pages: asked first, by POST alone, with a reason, by who may."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from betting.models import TradingHalt
from monitoring import registry
from monitoring.models import AuditEntry, Incident, TaskRun
from monitoring.services import incidents, roles, running
from tests.config.builders import a_house, a_person

pytestmark = pytest.mark.django_db
NOW = timezone.now()
CONFIRMED = {"confirmed": "yes", "reason": "asked for"}
SETTLE = "settlements.tasks.settle_due"


@pytest.fixture
def house():
    return a_house(now=NOW, n=6)


def a_client(*role: str) -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("olga", *role))
    return client


@pytest.fixture
def operator() -> Client:
    return a_client(roles.OPERATOR)


def do(page: str, name: str, *key: object) -> str:
    view = f"admin:{page}_do" + ("" if key else "_many")
    return reverse(view, args=[*key, name])


class TestConfirmation:
    def test_says_the_consequence_and_asks_for_a_reason(self, house, operator) -> None:
        url = do("markets_source", "disable", house.source.pk)
        text = operator.get(url).content.decode()
        assert "strategies stop betting" in text
        assert 'name="reason"' in text
        house.source.refresh_from_db()
        assert house.source.is_enabled

    def test_does_nothing_without_a_reason(self, house, operator) -> None:
        url = do("markets_source", "disable", house.source.pk)
        answer = operator.post(url, {"confirmed": "yes", "reason": "   "})
        assert answer.status_code == 200
        assert "This field is required" in answer.content.decode()
        house.source.refresh_from_db()
        assert house.source.is_enabled

    def test_does_nothing_by_get(self, house, operator) -> None:
        operator.get(do("markets_source", "disable", house.source.pk), CONFIRMED)
        house.source.refresh_from_db()
        assert house.source.is_enabled

    def test_needs_the_token_of_the_form(self, house) -> None:
        roles.ensure_roles()
        client = Client(enforce_csrf_checks=True)
        client.force_login(a_person("mallory", roles.OPERATOR))
        url = do("markets_source", "disable", house.source.pk)
        assert client.post(url, CONFIRMED).status_code == 403

    def test_counts_the_ticked_rows(self, house, operator) -> None:
        ids = [incident.pk for incident in house.incidents[:3]]
        answer = operator.post(
            reverse("admin:monitoring_incident_changelist"),
            {"action": "acknowledge", "_selected_action": ids},
        )
        text = answer.content.decode()
        assert "3 incidents" in text
        assert Incident.objects.filter(state="OPEN").count() == 6
        operator.post(
            do("monitoring_incident", "acknowledge"), {**CONFIRMED, "_selected_action": ids}
        )
        assert Incident.objects.filter(state="ACKNOWLEDGED").count() == 3

    def test_offers_only_what_is_valid(self, house, operator) -> None:
        url = reverse("admin:markets_source_change", args=[house.source.pk])
        text = operator.get(url).content.decode()
        assert "/do/disable/" in text
        assert "/do/enable/" not in text
        answer = operator.post(
            do("markets_source", "enable", house.source.pk), CONFIRMED, follow=True
        )
        assert "is enabled already" in answer.content.decode()

    def test_answers_404_for_an_unknown_action_or_row(self, house, operator) -> None:
        assert operator.get(do("markets_source", "explode", house.source.pk)).status_code == 404
        assert operator.get(do("markets_source", "disable", 10**9)).status_code == 404


class TestViewer:
    def test_may_do_nothing(self, house) -> None:
        viewer = a_client(roles.VIEWER)
        keys = {
            ("markets_source", house.source.pk): ("ingest", "enable", "disable"),
            ("models_ml_pipeline", house.pipeline.pk): ("train", "rollback"),
            ("models_ml_modelversion", house.versions[2].pk): ("promote", "rollback"),
            ("betting_strategy", house.strategy.pk): ("decide", "pause"),
            ("betting_tradinghalt", house.halt.pk): ("lift",),
            ("monitoring_taskrun", house.runs[1].pk): ("cancel", "retry"),
            ("monitoring_incident", house.incidents[0].pk): ("acknowledge", "resolve", "note"),
        }
        for (page, key), names in keys.items():
            text = viewer.get(reverse(f"admin:{page}_change", args=[key])).content.decode()
            assert "/do/" not in text
            for name in names:
                assert viewer.post(do(page, name, key), CONFIRMED).status_code == 403, (page, name)
        assert viewer.post(do("betting_tradinghalt", "pause"), CONFIRMED).status_code == 403
        assert not TaskRun.objects.filter(trigger="USER").exists()

    def test_sees_no_button_on_the_jobs_page(self) -> None:
        viewer = a_client(roles.VIEWER)
        assert "Run…" not in viewer.get(reverse("jobs")).content.decode()
        for task in registry.jobs:
            assert viewer.post(reverse("job", args=[task]), CONFIRMED).status_code == 403


class TestSources:
    def test_ingest_queues_a_run_and_leads_to_it(self, house, operator) -> None:
        url = do("markets_source", "ingest", house.source.pk)
        assert "https://feed.example/odds.csv" in operator.get(url).content.decode()
        answer = operator.post(url, {**CONFIRMED, "location": "https://feed.example/new.csv"})
        run = TaskRun.objects.get(trigger="USER")
        assert answer["Location"] == reverse("admin:monitoring_taskrun_change", args=[run.pk])
        assert run.task == "markets.tasks.ingest"
        assert run.arguments == {"source": "sim-feed", "url": "https://feed.example/new.csv"}
        assert (run.actor, run.user.username, run.state) == ("user:olga", "olga", "QUEUED")
        entry = AuditEntry.objects.get(action="monitoring.request_run")
        assert entry.detail["reason"] == "asked for"

    def test_disable_and_enable_keep_the_reason(self, house, operator) -> None:
        operator.post(do("markets_source", "disable", house.source.pk), CONFIRMED)
        house.source.refresh_from_db()
        assert (house.source.is_enabled, house.source.disabled_reason) == (False, "asked for")
        operator.post(do("markets_source", "enable", house.source.pk), CONFIRMED)
        house.source.refresh_from_db()
        assert (house.source.is_enabled, house.source.disabled_reason) == (True, "")
        actions = AuditEntry.objects.filter(action__startswith="markets.").values_list(
            "actor", "action"
        )
        assert list(actions) == [
            ("user:olga", "markets.disable_source"), ("user:olga", "markets.enable_source"),
        ]  # fmt: skip


class TestHalts:
    def test_pause_everything_shows_at_once_on_every_page(self, house, operator) -> None:
        answer = operator.post(do("betting_tradinghalt", "pause"), {**CONFIRMED, "scope": "ALL:"})
        assert answer.status_code == 302
        assert TradingHalt.objects.get(scope="ALL").set_by == "user:olga"
        text = operator.get(reverse("admin:markets_event_changelist")).content.decode()
        assert "everything by user:olga" in text

    def test_refuse_a_scope_that_is_none(self, house, operator) -> None:
        answer = operator.post(do("betting_tradinghalt", "pause"), {**CONFIRMED, "scope": "MOON:1"})
        assert answer.status_code == 200
        assert not TradingHalt.objects.filter(scope="MOON").exists()

    def test_are_lifted_by_the_ops_lead_not_by_the_operator(self, house, operator) -> None:
        url = do("betting_tradinghalt", "lift", house.halt.pk)
        assert operator.post(url, CONFIRMED).status_code == 403
        lead = Client()
        lead.force_login(a_person("otto", roles.OPS_LEAD))
        assert lead.post(url, CONFIRMED).status_code == 302
        house.halt.refresh_from_db()
        assert (house.halt.lifted_by, house.halt.lift_reason) == ("user:otto", "asked for")


class TestModels:
    def test_training_is_asked_for_by_the_modeling_lead(self, house) -> None:
        lead = a_client(roles.MODELING_LEAD)
        lead.post(do("models_ml_pipeline", "train", house.pipeline.pk), CONFIRMED)
        run = TaskRun.objects.get(trigger="USER")
        assert run.arguments == {"pipeline": house.pipeline.code}
        assert run.queue == "train"

    def test_a_refused_promotion_is_a_warning_not_a_fault(self, house) -> None:
        lead = a_client(roles.MODELING_LEAD)
        url = do("models_ml_modelversion", "promote", house.versions[2].pk)
        text = lead.post(url, CONFIRMED, follow=True).content.decode()
        assert "Refused:" in text  # its artefact is not there
        house.versions[2].refresh_from_db()
        assert house.versions[2].stage == "CANDIDATE"


class TestRuns:
    def test_cancel_and_run_again(self, house, operator) -> None:
        run = running.request_run(task=SETTLE, trigger="USER", actor="user:olga", now=NOW)
        operator.post(do("monitoring_taskrun", "cancel", run.pk), CONFIRMED)
        run.refresh_from_db()
        assert run.state == "CANCELLED"
        answer = operator.post(do("monitoring_taskrun", "retry", run.pk), CONFIRMED)
        again = TaskRun.objects.get(parent=run)
        assert answer["Location"].endswith(f"/{again.pk}/change/")

    def test_live_part_ends_when_the_run_is_over(self, house, operator) -> None:
        for run in house.runs:
            answer = operator.get(reverse("admin:monitoring_taskrun_live", args=[run.pk]))
            assert answer.status_code == 200
            over = run.state not in TaskRun.LIVE
            assert (answer.get("X-Live") == "over") is over

    def test_show_the_error_before_everything_else(self, house, operator) -> None:
        failed = next(run for run in house.runs if run.state == "FAILED")
        url = reverse("admin:monitoring_taskrun_change", args=[failed.pk])
        parts = operator.get(url).context["desk_sections"]
        assert parts[0].title == "Error"


class TestIncidents:
    def test_note_and_resolve_stand_on_the_timeline(self, operator) -> None:
        row = incidents.open_incident(
            kind="markets.stale-source", severity="P2", summary="s", at=NOW
        )
        operator.post(
            do("monitoring_incident", "note", row.pk), {**CONFIRMED, "reason": "Called them"}
        )
        operator.post(do("monitoring_incident", "resolve", row.pk), CONFIRMED)
        row.refresh_from_db()
        assert (row.state, row.resolved_by) == ("RESOLVED", "user:olga")
        page = operator.get(reverse("admin:monitoring_incident_change", args=[row.pk]))
        assert "Called them" in page.content.decode()

    def test_offer_the_responses_of_their_kind(self, monkeypatch, operator) -> None:
        told = {}

        def act(**given: object) -> str:
            told.update(given)
            return "paused it"

        response = registry.Response(
            "test.pause", "Pause it", frozenset({"k"}), act, "betting.add_tradinghalt"
        )
        monkeypatch.setitem(registry.responses, "test.pause", response)
        row = incidents.open_incident(
            kind="k", subject="betting.Bet:1", severity="P1", summary="s", at=NOW
        )
        page = reverse("admin:monitoring_incident_change", args=[row.pk])
        assert "Pause it" in operator.get(page).content.decode()
        operator.post(do("monitoring_incident", "test-pause", row.pk), CONFIRMED)
        assert (told["subject"], told["actor"], told["reason"]) == (
            "betting.Bet:1", "user:olga", "asked for",
        )  # fmt: skip
        assert row.entries.filter(what="ACTED", text="Pause it: paused it").exists()


class TestSchedule:
    def test_run_now_leaves_a_run_and_an_audit_entry(self, house, operator) -> None:
        row = PeriodicTask.objects.get(name="settle due")
        operator.post(do("django_celery_beat_periodictask", "run", row.pk), CONFIRMED)
        run = TaskRun.objects.get(trigger="USER")
        assert (run.task, run.actor) == (SETTLE, "user:olga")
        assert AuditEntry.objects.filter(action="monitoring.request_run").exists()

    def test_run_now_needs_the_job_s_own_permission(self, house) -> None:
        lead = a_client(roles.MODELING_LEAD)  # may start runs, but not settle
        row = PeriodicTask.objects.get(name="settle due")
        url = do("django_celery_beat_periodictask", "run", row.pk)
        text = lead.post(url, CONFIRMED, follow=True).content.decode()
        assert "Refused:" in text
        assert not TaskRun.objects.filter(trigger="USER").exists()

    def test_offers_no_stock_action(self, house) -> None:
        lead = a_client(roles.OPS_LEAD)
        text = lead.get(
            reverse("admin:django_celery_beat_periodictask_changelist")
        ).content.decode()
        assert "run_tasks" not in text
        assert "toggle_tasks" not in text

    def test_enabling_lets_missed_slots_go(self, house) -> None:
        lead = a_client(roles.OPS_LEAD)
        row = PeriodicTask.objects.get(name="settle due")
        lead.post(do("django_celery_beat_periodictask", "disable", row.pk), CONFIRMED)
        row.refresh_from_db()
        assert not row.enabled
        lead.post(do("django_celery_beat_periodictask", "enable", row.pk), CONFIRMED)
        row.refresh_from_db()
        assert row.enabled
        assert row.last_run_at >= NOW


class TestJobs:
    def test_take_typed_arguments(self, operator) -> None:
        url = reverse("job", args=[SETTLE])
        answer = operator.post(url, {"limit": "25", "reason": "a few"})
        run = TaskRun.objects.get(task=SETTLE)
        assert run.arguments == {"limit": 25}
        assert answer["Location"].endswith(f"/{run.pk}/change/")

    @pytest.mark.parametrize("bad", ["ten", "1.5", "NaN", "1e400", "١٠", "1_000", "9" * 40, "0x10"])
    def test_say_what_is_expected(self, operator, bad) -> None:
        answer = operator.post(reverse("job", args=[SETTLE]), {"limit": bad, "reason": "a few"})
        assert answer.status_code == 200
        assert "A whole number is expected." in answer.content.decode()
        assert not TaskRun.objects.exists()

    def test_name_what_is_missing(self) -> None:
        lead = a_client(roles.OPS_LEAD)
        url = reverse("job", args=["settlements.tasks.replay_season"])
        answer = lead.post(url, {"reason": "look", "competition": "E0"})
        assert answer.status_code == 200
        assert answer.context["form"].errors.keys() == {"season"}

    def test_show_a_refusal_on_the_form(self, operator) -> None:
        task = "betting.tasks.decide_due"
        running.request_run(task=task, trigger="USER", actor="user:olga", now=NOW)
        answer = operator.post(reverse("job", args=[task]), {"reason": "again"})
        assert "Refused:" in answer.content.decode()

    def test_answer_404_for_an_unknown_one(self, operator) -> None:
        assert operator.get(reverse("job", args=["os.system"])).status_code == 404
