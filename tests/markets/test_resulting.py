"""Results as a load brings them: first told, corrected, contradicted."""

from datetime import timedelta

from markets.models import Participant, ParticipantAlias, Result
from monitoring.models import AuditEntry
from tests.markets.builders import NOW, START, a_batch, a_result, a_source, record


class TestResults:
    def test_first_told_were_known_when_the_source_says(self, source):
        record(a_batch(results=[a_result()]), source)
        result = Result.objects.get()
        assert (result.version, result.known_at) == (1, START + timedelta(hours=2))
        assert result.recorded_at == NOW

    def test_are_never_known_later_than_they_were_read(self, source):
        record(a_batch(results=[a_result(known_at=NOW + timedelta(days=1))]), source)
        assert Result.objects.get().known_at == NOW

    def test_corrected_are_a_new_version_known_from_the_load_on(self, source):
        record(a_batch(results=[a_result(2, 1)]), source)
        later = NOW + timedelta(days=2)
        counts = record(a_batch(results=[a_result(2, 2)]), source, now=later)
        assert (counts.results.new, counts.results.corrected) == (0, 1)
        versions = Result.objects.order_by("version").values_list(
            "version", "away_score", "known_at"
        )
        assert list(versions) == [(1, 1, START + timedelta(hours=2)), (2, 2, later)]

    def test_corrected_are_in_the_audit(self, source):
        record(a_batch(results=[a_result(2, 1)]), source)
        record(a_batch(results=[a_result(2, 2)]), source)
        entry = AuditEntry.objects.get()
        assert (entry.actor, entry.action, entry.detail) == (
            "source:feed", "markets.correct_results", {"corrected": 1},
        )  # fmt: skip

    def test_corrected_and_corrected_back_are_three_versions(self, source):
        for away in (1, 2, 1, 1):
            record(a_batch(results=[a_result(2, away)]), source)
        assert list(Result.objects.order_by("version").values_list("away_score", flat=True)) == [
            1,
            2,
            1,
        ]

    def test_without_a_half_time_contradict_none(self, source):
        record(a_batch(results=[a_result(home_score_half=1, away_score_half=0)]), source)
        counts = record(a_batch(results=[a_result()]), source)
        assert (counts.results.corrected, counts.results.unchanged) == (0, 1)

    def test_of_another_source_do_not_overrule_the_first(self, source):
        record(a_batch(results=[a_result(2, 1)]), source)
        other = a_source(code="other")
        ParticipantAlias.objects.bulk_create(
            ParticipantAlias(source=other, sport=p.sport, alias=p.name, participant=p)
            for p in Participant.objects.all()
        )
        counts = record(a_batch(results=[a_result(2, 2)]), other)
        assert Result.objects.count() == 1
        assert [problem.field for problem in counts.problems] == ["result"]
