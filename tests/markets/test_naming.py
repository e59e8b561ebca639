"""Names as a source writes them: made, mapped, or told to be unknown."""

from markets.models import Competition, Event, Participant, ParticipantAlias, PriceSnapshot, Result
from tests.markets.builders import (
    a_batch,
    a_price,
    a_result,
    a_source,
    an_event,
    match_odds,
    record,
)


class TestNames:
    def test_are_made_where_the_source_may_make_them(self, source):
        record(a_batch(), source)
        competition = Competition.objects.get()
        assert (competition.code, competition.name, competition.sport.code) == (
            "E0",
            "Premier League",
            "soccer",
        )
        assert set(ParticipantAlias.objects.values_list("alias", "participant__name")) == {
            ("Alders", "Alders"),
            ("Birches", "Birches"),
        }

    def test_that_are_unknown_are_told_where_it_may_not(self, source):
        record(a_batch(prices=[a_price("2", hours_before=48)]), source)
        strict = a_source(code="strict", creates_names=False)
        counts = record(a_batch(prices=match_odds("2", "3", "4"), results=[a_result()]), strict)
        assert [problem.field for problem in counts.problems] == ["participant", "participant"]
        assert "'Alders'" in counts.problems[0].message
        assert (Result.objects.count(), PriceSnapshot.objects.count()) == (0, 1)

    def test_that_an_operator_mapped_are_understood(self, source):
        record(a_batch(), source)
        strict = a_source(code="strict", creates_names=False)
        for alias, name in (("ALD", "Alders"), ("BIR", "Birches")):
            club = Participant.objects.get(name=name)
            ParticipantAlias.objects.create(
                source=strict, sport=club.sport, alias=alias, participant=club
            )
        counts = record(a_batch(events=[an_event(home="ALD", away="BIR")]), strict)
        assert (counts.events.unchanged, counts.problems) == (1, [])

    def test_of_an_unknown_competition_are_told(self, source):
        counts = record(a_batch(events=[an_event(competition="Q1"), an_event("two")]), source)
        assert [problem.field for problem in counts.problems] == ["competition"]
        assert Event.objects.count() == 1
