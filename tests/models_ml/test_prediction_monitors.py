from datetime import UTC, datetime, timedelta

import pytest

from models_ml.models import ServiceFigure
from models_ml.monitors import predictions
from models_ml.queries import figures
from models_ml.services import answering

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_process(name, *, at=NOW, hits=0, misses=0, **counts):
    buckets = dict.fromkeys(answering.NAMES, 0)
    buckets.update({key.replace("_", "."): n for key, n in counts.items()})
    return ServiceFigure.objects.create(
        process=name, at=at, hits=hits, misses=misses, calls=sum(buckets.values()),
        buckets=buckets, seconds=1.0,
    )  # fmt: skip


class TestService:
    def test_adds_up_what_processes_told(self):
        a_process("a:1", hits=3, misses=1, **{"0_001": 4})
        a_process("b:1", hits=0, misses=6, **{"0_001": 2, "0_01": 4})
        service = figures.service()
        assert (service.calls, service.hit_ratio) == (10, 0.3)
        assert (service.buckets["0.001"], service.buckets["0.01"]) == (6, 4)

    def test_tells_no_ratio_and_no_percentile_of_nothing(self):
        service = figures.service()
        assert (service.hit_ratio, service.percentile(0.95)) == (None, None)

    @pytest.mark.parametrize("share, bound", [(0.5, 0.001), (0.9, 0.001), (0.95, 0.05)])
    def test_tells_the_bound_that_a_share_stays_under(self, share, bound):
        a_process("a:1", **{"0_001": 180, "0_05": 20})
        assert figures.service().percentile(share) == bound


class TestAnswersComeFast:
    def findings(self):
        return list(predictions.answers_come_fast(NOW))

    def test_finds_nothing_wrong_with_fast_answers(self):
        a_process("a:1", **{"0_001": 190, "0_05": 10})
        assert self.findings() == []

    def test_finds_slow_ones(self):
        a_process("a:1", **{"0_001": 180, "0_05": 20})
        (finding,) = self.findings()
        assert (finding.severity, "95 % took up to 0.05 s" in finding.summary) == ("P3", True)

    def test_passes_over_processes_that_ended_and_over_a_few_answers(self):
        a_process("a:1", at=NOW - timedelta(hours=1), **{"0_05": 500})
        a_process("b:1", **{"0_05": 99})
        assert self.findings() == []


class TestGauges:
    def test_give_hits_misses_and_growing_counts(self):
        a_process("a:1", hits=5, misses=2, **{"0_001": 4, "0_01": 3})
        assert [value for _, value in predictions.hits()] == [5.0]
        assert [value for _, value in predictions.misses()] == [2.0]
        counts = {labels["le"]: value for labels, value in predictions.seconds()}
        assert (counts["0.0005"], counts["0.001"], counts["0.01"], counts["+Inf"]) == (0, 4, 7, 7)
