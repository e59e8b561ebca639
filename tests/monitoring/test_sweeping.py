from datetime import timedelta

import pytest
from django.conf import settings

from monitoring.models import Heartbeat, Incident, TaskRun
from monitoring.services import broker, holding, publishing, sweeping
from tests.monitoring.builders import NOON, SECOND, a_run, an_ended_run

pytestmark = pytest.mark.django_db
LATER = NOON + settings.PUBLISH_AGAIN_AFTER


@pytest.fixture
def sent(monkeypatch) -> list:
    """What is published, instead of a broker whose queues are empty."""
    hints: list = []
    monkeypatch.setattr(publishing, "publish", lambda some: hints.extend(some) or len(some))
    monkeypatch.setattr(broker, "depths", lambda: dict.fromkeys(settings.QUEUES, 0))
    return hints


def sent_ids(sent: list) -> list:
    return [run_id for run_id, _, _ in sent]


class TestPublishAgain:
    def test_sends_what_waits_too_long_and_notes_when(self, sent):
        run = a_run()
        assert sweeping.publish_again(now=LATER - SECOND) == 0
        assert sweeping.publish_again(now=LATER) == 1
        assert sent == [(run.pk, run.task, run.queue)]
        assert sweeping.publish_again(now=LATER + SECOND) == 0

    def test_sends_what_was_put_off_when_its_time_comes(self, sent):
        run = a_run(not_before=NOON + 60 * SECOND, published_at=None)
        assert sweeping.publish_again(now=NOON + 59 * SECOND) == 0
        sweeping.publish_again(now=NOON + 60 * SECOND)
        assert sent_ids(sent) == [run.pk]

    def test_sends_soon_what_the_broker_did_not_take(self, sent):
        run = a_run(published_at=None)
        sweeping.publish_again(now=NOON + settings.SWEEP_EVERY)
        assert sent_ids(sent) == [run.pk]

    def test_leaves_alone_what_works_or_is_over(self, sent):
        a_run(state=TaskRun.State.RUNNING)
        an_ended_run()
        assert sweeping.publish_again(now=LATER) == 0

    def test_does_not_double_an_honest_backlog(self, sent, monkeypatch):
        for second in range(10):
            a_run(published_at=NOON - second * SECOND)
        monkeypatch.setattr(broker, "depths", lambda: {"ops": 10})
        assert sweeping.publish_again(now=LATER) == 0
        monkeypatch.setattr(broker, "depths", lambda: {"ops": 7})
        assert sweeping.publish_again(now=LATER) == 3
        oldest = TaskRun.objects.exclude(published_at=LATER).order_by("published_at")
        assert oldest.first().published_at == NOON - 6 * SECOND

    def test_waits_while_the_broker_is_away(self, sent, monkeypatch):
        a_run()
        monkeypatch.setattr(broker, "depths", lambda: None)
        assert sweeping.publish_again(now=LATER) == 0
        assert TaskRun.objects.get().published_at == NOON


class TestSweep:
    def test_shows_its_worker_alive_and_does_a_round(self, sent):
        waiting = a_run()
        a_run(state=TaskRun.State.RUNNING, attempt=4)
        swept = sweeping.sweep(worker="w@here", now=LATER, watch=False)
        assert (swept.published, swept.given_up) == (1, 1)
        assert waiting.pk in sent_ids(sent)
        assert Heartbeat.objects.get().name == "worker:w@here"

    def test_leaves_the_round_to_another_that_is_at_it(self, sent):
        other = holding.own_connection("test")
        try:
            with other.cursor() as cursor:
                cursor.execute("select pg_advisory_lock(%s)", [sweeping.SWEEP_LOCK])
                assert not sweeping.sweep(worker="w@here", now=LATER).was_mine
                # A closed connection's lock goes when the server comes to it, not at once.
                cursor.execute("select pg_advisory_unlock(%s)", [sweeping.SWEEP_LOCK])
        finally:
            other.close()
        assert sweeping.sweep(worker="w@here", now=LATER).was_mine

    def test_notices_a_beat_that_is_gone(self, sent):
        sweeping.sweep(worker="w@here", now=NOON)
        assert Incident.objects.get().kind == "monitoring.beat-down"
        Heartbeat.objects.create(name="beat", at=NOON + timedelta(minutes=1))
        sweeping.sweep(worker="w@here", now=NOON + timedelta(minutes=1))
        assert Incident.objects.get().state == Incident.State.RESOLVED
