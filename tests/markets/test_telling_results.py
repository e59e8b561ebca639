"""Results as one source tells them, and as others agree with it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from markets.connectors.base import (
    ParsedPerson,
    ParsedResult,
    ParsedRunnerResult,
    ParsedStatistic,
)
from markets.models import Event, EventChange, Participant, Result
from markets.services import contesting
from monitoring.models import AuditEntry
from tests.markets.disputes import (
    FIRST,
    NOW,
    OVER,
    SECOND,
    a_state,
    counted,
    disputes,
    tell,
    the_dispute,
    versions,
)
from tests.settlements.builders import an_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def event():
    return an_event(starts_at=NOW - timedelta(hours=4))


class TestACompletion:
    """A first half told first, the whole later: added to, and nothing told otherwise."""

    FULLER = ParsedResult("one", "FINAL", 2, 1, 1, 0, known_at=OVER, record=1)

    def test_counts_as_completed_and_not_as_a_correction(self, event):
        tell(event, FIRST, (2, 1))
        counts = tell(event, FIRST, self.FULLER)
        assert (counts.completed, *counted(counts)) == (1, 0, 0, 0)
        assert counts.changed_records == {1}
        row = Result.objects.get(event=event, version=2)
        assert (row.only_adds, row.home_score_half) == (True, 1)

    def test_that_is_corrected_afterwards_is_a_correction(self, event):
        tell(event, FIRST, (2, 1), self.FULLER)
        counts = tell(event, FIRST, (3, 1), now=NOW + timedelta(hours=1))
        assert (counts.completed, *counted(counts)) == (0, 0, 1, 0)
        assert not Result.objects.get(event=event, version=3).only_adds

    def test_that_is_told_again_is_nothing_new(self, event):
        tell(event, FIRST, (2, 1), self.FULLER)
        counts = tell(event, FIRST, self.FULLER)
        assert (counts.completed, *counted(counts)) == (0, 0, 0, 1)

    def test_is_no_correction_in_the_audit(self, event):
        tell(event, FIRST, (2, 1), self.FULLER)
        assert not AuditEntry.objects.filter(action="markets.correct_results").exists()


class TestAResult:
    def test_that_is_told_twice_is_one_version(self, event):
        assert counted(tell(event, FIRST, (2, 1))) == (1, 0, 0)
        assert counted(tell(event, FIRST, (2, 1))) == (0, 0, 1)
        assert versions(event) == [(2, 1, FIRST)]

    def test_may_be_corrected_twice_by_its_own_source(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, FIRST, (2, 2))
        tell(event, FIRST, (2, 1))
        assert versions(event) == [(2, 1, FIRST), (2, 2, FIRST), (2, 1, FIRST)]
        assert disputes(event) == []

    def test_takes_several_tellings_of_one_batch_in_their_order(self, event):
        counts = tell(event, FIRST, (2, 1), (2, 1), (3, 1))
        assert counted(counts) == (1, 1, 1)
        assert counts.changed_records == {1, 3}
        assert versions(event) == [(2, 1, FIRST), (3, 1, FIRST)]

    def test_is_not_corrected_by_what_was_told_before_it(self, event):
        problems = []
        tell(event, FIRST, (2, 1), now=NOW - timedelta(hours=1))
        tell(event, FIRST, (2, 2), now=NOW)
        late = tell(
            event,
            FIRST,
            (2, 1),
            now=NOW + timedelta(hours=1),
            fetched_at=NOW - timedelta(minutes=30),
            problems=problems,
        )
        assert counted(late) == (0, 0, 1)
        assert versions(event)[-1] == (2, 2, FIRST)
        assert "before version 2" in problems[0]

    def test_ends_an_interruption_whoever_tells_it(self, event):
        tell(event, FIRST, a_state("INTERRUPTED"))
        tell(event, SECOND, (2, 1))
        assert versions(event) == [(None, None, FIRST), (2, 1, SECOND)]
        assert disputes(event) == []

    def test_is_not_interrupted_by_another_source_after_its_end(self, event):
        tell(event, FIRST, (2, 1))
        assert counted(tell(event, SECOND, a_state("INTERRUPTED"))) == (0, 0, 1)
        assert (versions(event), disputes(event)) == ([(2, 1, FIRST)], [])

    def test_may_be_taken_back_by_its_source(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, FIRST, a_state("WITHDRAWN"))
        event.refresh_from_db()
        assert (Result.objects.count(), event.status) == (2, Event.Status.SCHEDULED)
        tell(event, SECOND, (3, 1))
        assert versions(event)[-1] == (3, 1, SECOND)

    def test_writes_down_how_it_changes_the_state_of_its_event(self, event):
        tell(event, FIRST, a_state("ABANDONED"))
        change = EventChange.objects.get()
        assert (change.field, change.before, change.after) == ("status", "SCHEDULED", "ABANDONED")
        assert (change.source.code, change.known_at) == (FIRST, NOW)


class TestAnAgreeingSource:
    def test_adds_nothing_by_saying_less(self, event):
        tell(event, FIRST, a_state("FINAL", home_score=2, away_score=1, home_score_half=1,
                                   away_score_half=0))  # fmt: skip
        assert counted(tell(event, SECOND, (2, 1))) == (0, 0, 1)

    def test_adds_its_players_to_what_the_first_one_told(self, event):
        Participant.objects.create(sport=event.competition.sport, name="Ann Ash", kind="PLAYER")
        tell(event, FIRST, (2, 1))
        points = ParsedStatistic(ParsedPerson("Ann Ash"), "", "points", Decimal(20))
        told = a_state("FINAL", home_score=2, away_score=1, statistics=[points])
        tell(event, SECOND, told)
        latest = Result.objects.get(version=2)
        assert (latest.home_score, latest.has_statistics, latest.source.code) == (2, True, SECOND)
        assert latest.statistics.get().value == 20
        assert latest.known_at == OVER  # the world could know it then
        assert counted(tell(event, SECOND, told)) == (0, 0, 1)

    def test_does_not_become_the_owner_of_the_score(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, a_state("FINAL", home_score=2, away_score=1, periods={"H1": [1, 0]}))
        tell(event, FIRST, (2, 2))
        assert versions(event)[-1] == (2, 2, FIRST)
        assert disputes(event) == []
        tell(event, SECOND, (2, 1))
        assert disputes(event) == ["OPEN"]


class TestARace:
    @pytest.fixture
    def race(self, event):
        for name in ("Kestrel", "Plover", "Wren"):
            Participant.objects.create(sport=event.competition.sport, name=name, kind="RUNNER")
        return event

    @staticmethod
    def order(*names, removed=()):
        runners = [
            ParsedRunnerResult(ParsedPerson(name), place, place == 1, place <= 2)
            for place, name in enumerate(names, start=1)
        ]
        runners += [
            ParsedRunnerResult(
                ParsedPerson(name, reduction=Decimal("12.5")), is_removed=True, is_winner=False
            )
            for name in removed
        ]
        return a_state("FINAL", runners=runners)

    def test_keeps_how_each_runner_came_in(self, race):
        tell(race, FIRST, self.order("Plover", "Kestrel", removed=["Wren"]))
        result = Result.objects.get()
        rows = result.runners.order_by("position").values_list(
            "participant__name", "position", "is_winner", "is_removed", "reduction"
        )
        assert list(rows) == [
            ("Plover", 1, True, False, None),
            ("Kestrel", 2, False, False, None),
            ("Wren", None, False, True, Decimal("12.50")),
        ]

    def test_that_is_told_again_changes_nothing(self, race):
        told = self.order("Plover", "Kestrel")
        tell(race, FIRST, told)
        assert counted(tell(race, FIRST, told)) == (0, 0, 1)
        assert Result.objects.count() == 1

    def test_with_another_winner_is_a_dispute(self, race):
        tell(race, FIRST, self.order("Plover", "Kestrel"))
        tell(race, SECOND, self.order("Kestrel", "Plover"))
        assert contesting.differs(the_dispute(race))[0].startswith("winner participant")

    def test_with_a_runner_that_nobody_knows_is_left_out_whole(self, race):
        assert counted(tell(race, FIRST, self.order("Plover", "Nobody"))) == (0, 0, 0)
        assert not Result.objects.exists()
