"""Beat against a real database, its clock moved by hand."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django_celery_beat.models import PeriodicTask

from config import schedule
from config.beat import RecordedScheduler
from config.celery import app
from config.schedule import Job
from monitoring.models import BeatLease, Heartbeat, ScheduledJob, TaskRun
from monitoring.services import publishing
from tests.monitoring.builders import NOON, PROBE, a_job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr(publishing, "publish", lambda hints: len(hints))


@pytest.fixture(autouse=True)
def _offered():
    with a_job():
        yield


def a_beat() -> RecordedScheduler:
    return RecordedScheduler(app=app, lazy=False)


def let_tick(beat: RecordedScheduler, times: int = 12) -> None:
    for _ in range(times):
        beat.tick()


def synced(*jobs: Job, now: datetime = NOON) -> None:
    with time_machine.travel(now, tick=False):
        schedule.sync(now=now, jobs=jobs)
    PeriodicTask.objects.update(date_changed=now)


def keys() -> list[str]:
    return list(TaskRun.objects.order_by("created_at").values_list("run_key", flat=True))


def end_runs() -> None:
    TaskRun.objects.update(state="SUCCEEDED", finished_at=NOON)


MINUTELY = Job("probe", PROBE, timedelta(minutes=1))
NIGHTLY = Job("nightly", PROBE, "40 3 * * *")


class TestATick:
    def test_asks_for_a_run_in_the_table_with_the_slots_key(self):
        synced(MINUTELY)
        beat = a_beat()
        with time_machine.travel(NOON + timedelta(seconds=61), tick=False):
            let_tick(beat)
        run = TaskRun.objects.get()
        assert (run.trigger, run.actor, run.state) == ("BEAT", "beat", "QUEUED")
        assert run.run_key == "probe@2026-03-14T12:01:00Z"
        job = ScheduledJob.objects.get()
        assert (job.latest_run, job.latest_slot) == (run, run.run_key)
        assert PeriodicTask.objects.get().total_run_count == 1

    def test_passes_a_slot_over_while_the_run_before_is_live(self):
        synced(MINUTELY)
        beat = a_beat()
        for minute in (1, 2, 3):
            with time_machine.travel(NOON + timedelta(minutes=minute, seconds=1), tick=False):
                let_tick(beat)
        assert keys() == ["probe@2026-03-14T12:01:00Z"]
        assert ScheduledJob.objects.get().latest_slot == "probe@2026-03-14T12:03:00Z"
        end_runs()
        with time_machine.travel(NOON + timedelta(minutes=4, seconds=1), tick=False):
            let_tick(beat)
        assert keys()[1:] == ["probe@2026-03-14T12:04:00Z"]

    def test_shows_that_beat_is_alive(self):
        a_beat().tick()
        heart = Heartbeat.objects.get(name="beat")
        assert heart.detail["token"] == 1

    def test_notices_a_row_that_an_operator_changed(self):
        synced(MINUTELY)
        beat = a_beat()
        with time_machine.travel(NOON + timedelta(seconds=30), tick=False):
            let_tick(beat)
            operated = PeriodicTask.objects.get()
            operated.enabled = False
            operated.save()
        with time_machine.travel(NOON + timedelta(minutes=5), tick=False):
            let_tick(beat)
        assert keys() == []

    def test_goes_on_when_a_row_asks_for_an_unknown_task(self):
        synced(MINUTELY, Job("other", PROBE, timedelta(minutes=1)))
        PeriodicTask.objects.filter(name="probe").update(task="no.such.task")
        beat = a_beat()
        with time_machine.travel(NOON + timedelta(seconds=61), tick=False):
            let_tick(beat)
        assert keys() == ["other@2026-03-14T12:01:00Z"]


class TestADailyJob:
    DUE = datetime(2026, 3, 15, 3, 40, tzinfo=UTC)

    def test_runs_at_its_time_once_though_beat_starts_again(self):
        synced(NIGHTLY)
        for second in (1, 20, 40):
            with time_machine.travel(self.DUE + timedelta(seconds=second), tick=False):
                let_tick(a_beat_after_another())
        assert keys() == ["nightly@2026-03-15T03:40 UTC"]

    def test_that_was_missed_by_half_an_hour_is_made_up_for_under_its_own_time(self):
        synced(NIGHTLY)
        with time_machine.travel(self.DUE + timedelta(minutes=30), tick=False):
            let_tick(a_beat())
        assert keys() == ["nightly@2026-03-15T03:40 UTC"]

    def test_that_was_missed_by_far_waits_for_its_next_time(self):
        synced(NIGHTLY)
        beat = a_beat()
        for hours in (5, 12, 20.5):  # among them midnight, where the stock scheduler fires
            with time_machine.travel(self.DUE + timedelta(hours=hours), tick=False):
                let_tick(beat)
        assert keys() == []
        with time_machine.travel(self.DUE + timedelta(days=1, seconds=1), tick=False):
            let_tick(a_beat_after_another())
        assert keys() == ["nightly@2026-03-16T03:40 UTC"]

    def test_that_is_switched_on_again_waits_for_its_next_time(self):
        synced(NIGHTLY)
        with time_machine.travel(self.DUE - timedelta(hours=1), tick=False):
            PeriodicTask.objects.update(enabled=False, last_run_at=None)
        with time_machine.travel(self.DUE + timedelta(minutes=10), tick=False):
            PeriodicTask.objects.update(enabled=True)
            let_tick(a_beat())
        assert keys() == []

    @pytest.mark.parametrize(
        "day", [datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)]
    )
    def test_of_a_zone_with_summer_time_runs_once_on_the_day_of_the_change(self, day):
        synced(Job("morning", PROBE, "30 6 * * *", time_zone="America/New_York"), now=day)
        beat = a_beat()
        for quarter in range(24 * 4):
            with time_machine.travel(day + timedelta(minutes=15 * quarter), tick=False):
                let_tick(beat, 2)
            end_runs()
        assert keys() == [f"morning@{day:%Y-%m-%d}T06:30 America/New_York"]


def a_beat_after_another() -> RecordedScheduler:
    """A beat that takes over from one that let go."""
    BeatLease.objects.all().delete()
    return a_beat()


class TestTwoBeats:
    def test_do_no_harm(self):
        synced(MINUTELY)
        first, second = a_beat(), a_beat()
        for minute in range(1, 6):
            with time_machine.travel(NOON + timedelta(minutes=minute, seconds=1), tick=False):
                let_tick(first)
                let_tick(second)
            end_runs()
        assert len(keys()) == 5
        assert BeatLease.objects.get().holder == first.lease.holder

    def test_hand_over_when_one_ends(self):
        synced(MINUTELY)
        first, second = a_beat(), a_beat()
        with time_machine.travel(NOON + timedelta(seconds=1), tick=False):
            let_tick(first)
            let_tick(second)
            first.close()
        with time_machine.travel(NOON + timedelta(seconds=61), tick=False):
            let_tick(second)
        assert keys() == ["probe@2026-03-14T12:01:00Z"]
        assert BeatLease.objects.get().token == 2

    def test_one_that_was_frozen_past_its_lease_writes_nothing(self):
        synced(MINUTELY)
        first, second = a_beat(), a_beat()
        with time_machine.travel(NOON + timedelta(seconds=30), tick=False):
            let_tick(first)
            with connection.cursor() as cursor:
                cursor.execute("update monitoring_beatlease set expires_at = 'epoch'")
            let_tick(second)
        first._signed = float("inf")  # it wakes in the middle of a tick, sure of its lease
        with time_machine.travel(NOON + timedelta(seconds=61), tick=False):
            let_tick(first)
            assert keys() == []
            let_tick(second)
        assert len(keys()) == 1


class TestABeatWithoutItsDatabase:
    def test_keeps_trying_and_forgets_no_daily_job(self):
        synced(NIGHTLY)
        beat = a_beat()
        due = TestADailyJob.DUE
        with time_machine.travel(due - timedelta(minutes=1), tick=False):
            let_tick(beat)
        with time_machine.travel(due + timedelta(seconds=1), tick=False):
            with connection.cursor() as cursor:
                cursor.execute("alter table monitoring_taskrun rename to hidden")
            try:
                let_tick(beat)
            finally:
                with connection.cursor() as cursor:
                    cursor.execute("alter table hidden rename to monitoring_taskrun")
            assert keys() == []
            let_tick(beat)
        assert keys() == ["nightly@2026-03-15T03:40 UTC"]
