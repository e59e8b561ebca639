"""What monitoring tells of searches: those that nothing carries on."""

from datetime import UTC, datetime, timedelta

import pytest

from models_ml.models import Search, SearchTrial
from models_ml.monitors import searches as monitors
from models_ml.services import searching
from monitoring.models import TaskRun
from monitoring.services import running
from tests.models_ml import registry

pytestmark = pytest.mark.django_db
NOW = datetime(2024, 3, 20, 12, tzinfo=UTC)
LATE = NOW + monitors.PATIENCE


@pytest.fixture
def search():
    """Return a search whose first step has asked for two trials."""
    found = Search.objects.create(
        pipeline=registry.a_pipeline(registry.REAL), until=NOW, trials=4, began_at=NOW, actor="ada"
    )
    found = searching.request(search=found, actor="user:ada", now=NOW)
    for number in range(2):
        trial = SearchTrial.objects.create(search=found, number=number)
        asked = {"task": searching.TRIAL, "arguments": {"trial": trial.pk}, "trigger": "TASK"}
        trial.run = running.request_run(**asked, actor="user:ada", now=NOW).pk
        trial.save(update_fields=["run"])
    return found


def end(*runs, state="CANCELLED", at=NOW):
    TaskRun.objects.filter(pk__in=runs).update(state=state, finished_at=at)


def trials_of(search):
    return list(search.rows.order_by("number").values_list("run", flat=True))


def findings(now=LATE):
    return list(monitors.searches_get_on(now))


class TestSearchesGetOn:
    def test_where_a_run_waits_or_works(self, search):
        first, second = trials_of(search)
        end(search.run, first, state="SUCCEEDED")
        assert findings(NOW + timedelta(days=1)) == []
        TaskRun.objects.filter(pk=second).update(state="RUNNING")
        assert findings(NOW + timedelta(days=1)) == []

    @pytest.mark.parametrize("state", ["CANCELLED", "LOST", "ERRORED"])
    def test_not_where_the_last_run_ended_without_asking_for_the_next(self, search, state):
        end(search.run, *trials_of(search), state=state)
        (finding,) = findings()
        assert finding.subject == f"models_ml.Search:{search.pk}"
        assert "nothing has carried it on since 2024-03-20 12:00 UTC" in finding.summary

    def test_for_a_while_after_a_run_has_ended(self, search):
        end(search.run, *trials_of(search), at=NOW + timedelta(minutes=5))
        assert findings(LATE) == []
        assert len(findings(LATE + timedelta(minutes=5))) == 1

    def test_where_a_command_makes_its_trials(self, search):
        end(search.run, *trials_of(search))
        search.rows.update(run=None)
        command = TaskRun.objects.get(pk=search.run)
        command.pk, command.state, command.finished_at = None, "RUNNING", None
        command.save(force_insert=True)
        assert findings() == []
        end(command.pk, state="LOST", at=LATE)
        assert len(findings(LATE + monitors.PATIENCE)) == 1

    @pytest.mark.parametrize("state", ["DONE", "CANCELLED", "FAILED"])
    def test_no_more_once_they_are_over(self, search, state):
        end(search.run, *trials_of(search))
        Search.objects.update(state=state)
        assert findings() == []

    def test_again_once_they_are_taken_up(self, search):
        end(search.run, *trials_of(search))
        assert len(findings()) == 1
        searching.resume(search_id=search.pk, actor="user:ada", now=LATE)
        assert findings(LATE + timedelta(days=1)) == []

    def test_each_for_itself_in_a_bounded_number_of_questions(
        self, search, django_assert_num_queries
    ):
        stopped = Search.objects.create(
            pipeline=search.pipeline, until=NOW, trials=1, began_at=NOW, actor="ada"
        )
        with django_assert_num_queries(3):
            (finding,) = findings()
        assert finding.subject == f"models_ml.Search:{stopped.pk}"
