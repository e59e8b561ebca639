"""Both workbooks at hand, row by row."""

from collections import Counter

import pytest
from django.utils import timezone

from markets.connectors.tennis_data import TennisData
from markets.models import Event, Participant, PriceSnapshot, Result
from markets.services import ingesting
from tests.real.data import FOLDER

DATA = FOLDER / "tennis"
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]


@pytest.fixture(scope="module")
def batches():
    return [
        TennisData().parse(path.read_bytes(), name=path.name, fetched_at=timezone.now())
        for path in sorted(DATA.glob("wta_*.xlsx"))
    ]


class TestConnector:
    def test_reads_every_row(self, batches):
        assert [batch.records for batch in batches] == [2_472, 1_055]
        assert [len(batch.events) for batch in batches] == [2_472, 1_055]
        assert not any(p.is_rejection for batch in batches for p in batch.problems)

    def test_reads_every_price_but_two_cells_that_are_none(self, batches):
        assert [len(batch.prices) for batch in batches] == [19_694, 8_414]
        assert [(p.row, p.field) for batch in batches for p in batch.problems] == [
            (1587, "PSW"),
            (1587, "MaxL"),
        ]

    def test_knows_how_every_match_ended(self, batches):
        ends = [Counter(result.status for result in batch.results) for batch in batches]
        assert ends == [
            {"FINAL": 2_374, "RETIRED": 88, "WALKOVER": 10},
            {"FINAL": 1_032, "RETIRED": 15, "WALKOVER": 8},
        ]

    def test_does_not_tell_by_the_order_of_the_sides_who_won(self, batches):
        winners = Counter(result.winner for batch in batches for result in batch.results)
        assert 0.45 < winners["HOME"] / winners.total() < 0.55


@pytest.mark.loads
@pytest.mark.django_db
class TestIngest:
    def ingest(self):
        return ingesting.ingest(
            source_code="tennis_data", path=str(DATA), actor="test", now=timezone.now()
        )

    def test_loads_every_row_and_nothing_twice(self):
        first = self.ingest()
        counts = {key: first[key] for key in ("rows", "loaded", "parked", "rejected", "unchanged")}
        assert counts == {
            "rows": 3_527, "loaded": 3_527, "parked": 0, "rejected": 0, "unchanged": 0,
        }  # fmt: skip
        assert first["prices"]["new"] + first["prices"]["unchanged"] == 28_108
        assert (Event.objects.count(), Result.objects.count()) == (3_527, 3_527)
        assert Participant.objects.count() == 324
        assert set(Participant.objects.values_list("kind", flat=True)) == {"PLAYER"}
        assert set(Event.objects.values_list("start_certainty", flat=True)) == {"DATE"}
        stored = PriceSnapshot.objects.count()
        second = self.ingest()
        assert (second["loaded"], second["unchanged"]) == (0, 3_527)
        assert (PriceSnapshot.objects.count(), Result.objects.count()) == (stored, 3_527)
