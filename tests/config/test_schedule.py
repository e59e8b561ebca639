import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from config import pipeline, schedule
from config.schedule import Job
from monitoring import monitors, registry
from monitoring.models import AuditEntry, ScheduledJob, TaskRun
from monitoring.services import publishing, timetable
from tests.monitoring.builders import NOON, PROBE, a_job

pytestmark = pytest.mark.django_db
EVERY_MINUTE = Job("probe", PROBE, timedelta(minutes=1))
NIGHTLY = Job("nightly", PROBE, "40 3 * * *", grace=timedelta(hours=1))


def sync(*jobs: Job, now: datetime = NOON) -> schedule.Synced:
    with a_job():
        return schedule.sync(now=now, jobs=jobs)


def row(name: str = "probe") -> PeriodicTask:
    return PeriodicTask.objects.get(name=name)


class TestSync:
    def test_adds_what_is_new_and_then_changes_nothing(self):
        assert sync(EVERY_MINUTE, NIGHTLY).created == ["probe", "nightly"]
        changed_at = row().date_changed
        synced = sync(EVERY_MINUTE, NIGHTLY)
        assert synced.unchanged == ["probe", "nightly"]
        assert row().date_changed == changed_at
        assert AuditEntry.objects.filter(action="config.sync_schedule").count() == 2

    def test_carries_a_new_default_over(self):
        sync(EVERY_MINUTE)
        assert sync(Job("probe", PROBE, timedelta(minutes=2))).changed == ["probe"]
        assert timetable.describe(row()) == "every 120s"

    def test_leaves_a_job_as_an_operator_retimed_it(self):
        sync(EVERY_MINUTE)
        hourly, _ = IntervalSchedule.objects.get_or_create(every=1, period="hours")
        operated = row()
        operated.interval = hourly
        operated.save()
        synced = sync(Job("probe", PROBE, timedelta(minutes=2)))
        assert synced.kept_as_operated == ["probe"]
        assert timetable.describe(row()) == "every 3600s"
        assert next(slot for slot in timetable.slots(now=NOON)).is_retimed

    def test_leaves_a_job_off_that_an_operator_switched_off(self):
        sync(EVERY_MINUTE)
        operated = row()
        operated.enabled = False
        operated.save()
        sync(Job("probe", PROBE, timedelta(minutes=2)))
        assert row().enabled is False

    def test_reports_what_the_code_has_no_longer_and_deletes_nothing(self):
        sync(EVERY_MINUTE, NIGHTLY)
        assert sync(EVERY_MINUTE).orphans == ["nightly"]
        assert PeriodicTask.objects.filter(name="nightly").exists()

    def test_reports_a_task_that_this_code_does_not_have(self):
        synced = schedule.sync(now=NOON, jobs=[EVERY_MINUTE])
        assert synced.unknown_tasks == ["probe"]
        assert not PeriodicTask.objects.exists()


class TestAJob:
    @pytest.mark.parametrize("every", ["0 2 * * *", "30 1 * * *", "*/15 * * * *"])
    def test_may_not_stand_in_the_hour_that_the_clock_change_takes_or_doubles(self, every):
        with pytest.raises(ValueError, match="clock changes"):
            Job("x", PROBE, every, time_zone="America/New_York")
        assert Job("x", PROBE, every).timetable == f"{every} UTC"


class TestTheSchedule:
    def test_names_each_job_once_and_only_tasks_that_exist(self):
        names = [job.name for job in schedule.JOBS]
        assert len(set(names)) == len(names)
        assert [job.task for job in schedule.JOBS if job.task not in registry.jobs] == []

    def test_asks_for_no_argument_that_a_task_does_not_take(self):
        for job in schedule.JOBS:
            assert job.arguments.keys() <= registry.jobs[job.task].arguments.keys()
            assert registry.jobs[job.task].required <= job.arguments.keys()


class TestThePipeline:
    def test_leads_from_task_to_task_and_never_in_a_circle(self):
        tasks = set(pipeline.FOLLOWERS) | {t for f in pipeline.FOLLOWERS.values() for t in f}
        assert [task for task in tasks if task not in registry.jobs] == []

        def below(task: str) -> set:
            followers = pipeline.FOLLOWERS.get(task, ())
            return set(followers).union(*(below(follower) for follower in followers))

        assert [task for task in tasks if task in below(task)] == []

    def test_is_connected_at_the_start(self):
        assert pipeline.FOLLOWERS.items() <= registry.followers.items()


class TestNextAfter:
    NEW_YORK = ZoneInfo("America/New_York")

    def crontab(self, hour: str, minute: str = "0", zone: str = "America/New_York"):
        return CrontabSchedule(hour=hour, minute=minute, timezone=zone).schedule

    @pytest.mark.parametrize(
        ("day", "expected"),
        [
            (
                datetime(2026, 3, 7, 12, tzinfo=UTC),
                datetime(2026, 3, 8, 10, tzinfo=UTC),
            ),  # to summer
            (datetime(2026, 10, 31, 12, tzinfo=UTC), datetime(2026, 11, 1, 11, tzinfo=UTC)),  # back
            (datetime(2028, 2, 28, 12, tzinfo=UTC), datetime(2028, 2, 29, 11, tzinfo=UTC)),  # leap
            (
                datetime(2026, 12, 31, 12, tzinfo=UTC),
                datetime(2027, 1, 1, 11, tzinfo=UTC),
            ),  # new year
        ],
    )
    def test_keeps_the_hour_of_its_zone(self, day, expected):
        assert timetable.next_after(self.crontab("6"), day) == expected

    def test_comes_once_each_local_day_through_both_changes(self):
        for start in (datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC)):
            moment, seen = start, []
            for _ in range(5):
                moment = timetable.next_after(self.crontab("6"), moment)
                seen.append(moment.astimezone(self.NEW_YORK))
            assert {local.hour for local in seen} == {6}
            assert len({local.date() for local in seen}) == 5

    def test_adds_an_interval(self):
        every = IntervalSchedule(every=5, period="seconds").schedule
        assert timetable.next_after(every, NOON) == NOON + timedelta(seconds=5)


class TestMissed:
    @pytest.fixture(autouse=True)
    def _synced(self):
        sync(EVERY_MINUTE)
        PeriodicTask.objects.update(date_changed=NOON)

    def missed(self, after: timedelta) -> list[str]:
        return [finding.subject for finding in monitors.job_missed(NOON + after)]

    def test_waits_for_period_and_grace_and_then_tells(self):
        assert self.missed(timedelta(minutes=2, seconds=59)) == []
        assert self.missed(timedelta(minutes=3, seconds=1)) == ["job:probe"]

    def test_is_content_once_beat_came_to_it(self):
        ScheduledJob.objects.update(latest_at=NOON + timedelta(minutes=3))
        assert self.missed(timedelta(minutes=5)) == []

    def test_does_not_miss_what_is_switched_off(self):
        PeriodicTask.objects.update(enabled=False)
        assert self.missed(timedelta(days=1)) == []


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def _no_broker(self, monkeypatch):
        monkeypatch.setattr(publishing, "publish", lambda hints: len(hints))

    def test_lists_jobs_with_their_next_time(self, capsys):
        sync(EVERY_MINUTE)
        call_command("schedule", "list", "--output", "json")
        (job,) = json.loads(capsys.readouterr().out)["jobs"]
        assert (job["name"], job["timetable"], job["is_enabled"]) == ("probe", "every 60s", True)
        assert job["next_at"] is not None

    def test_runs_a_job_now(self, capsys):
        sync(EVERY_MINUTE)
        with a_job():
            call_command("schedule", "run", "probe", "--output", "json")
        run = TaskRun.objects.get()
        assert json.loads(capsys.readouterr().out)["run"] == str(run.pk)
        assert (run.trigger, run.task) == ("CLI", PROBE)

    def test_refuses_a_job_that_is_none(self, capsys):
        with pytest.raises(SystemExit):
            call_command("schedule", "run", "nothing", "--output", "json")
        assert json.loads(capsys.readouterr().out)["code"] == "NoSuchJob"

    def test_syncs(self, capsys):
        sync(EVERY_MINUTE)
        with pytest.raises(SystemExit) as ended:
            call_command("schedule", "sync", "--output", "json")
        assert ended.value.code == 2
        assert json.loads(capsys.readouterr().out)["orphans"] == ["probe"]
