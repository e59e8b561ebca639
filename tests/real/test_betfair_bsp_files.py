"""Three months of real races: every count of runners, prices and results."""

from collections import Counter

import numpy as np
import pytest
from django.utils import timezone

from markets.connectors.betfair_bsp import BetfairBsp
from markets.models import Event, Participant, PriceSnapshot, Result, RunnerResult
from markets.services import ingesting, sources
from tests.real.data import FOLDER

DATA = FOLDER / "betfair" / "racing"
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]


@pytest.fixture(scope="module")
def batches():
    return [
        BetfairBsp().parse(path.read_bytes(), name=path.name, fetched_at=timezone.now())
        for path in sorted(DATA.glob("ANZ_*.csv"))
    ]


def total(batches, count):
    return sum(count(batch) for batch in batches)


class TestConnector:
    def test_reads_every_runner(self, batches):
        assert [len(batch.events) for batch in batches] == [1_684, 1_514, 1_570]
        assert total(batches, lambda b: b.records) == 45_575
        assert total(batches, lambda b: sum(p.is_rejection for p in b.problems)) == 54
        assert total(batches, lambda b: np.unique(b.columns.record).size) == 45_521

    def test_tells_what_was_wrong(self, batches):
        told = Counter(problem.field for batch in batches for problem in batch.problems)
        assert told == {"SELECTION_ID": 54, "ACTUAL_OFF_TIME": 61, "PLACE_BSP": 1}

    def test_takes_every_price(self, batches):
        found: Counter = Counter()
        for batch in batches:
            kinds = np.array([key[1] == "PLACE" for key in batch.columns.keys])
            for number, book in enumerate(batch.columns.books):
                of_place = kinds[batch.columns.key[batch.columns.book == number]]
                found[book, "PLACE"] += int(of_place.sum())
                found[book, "WIN"] += int((~of_place).sum())
        assert +found == {
            ("betfair_sp", "WIN"): 45_521,
            ("betfair_traded", "WIN"): 45_484,
            ("betfair_exchange", "WIN"): 45_520,
            ("betfair_sp", "PLACE"): 45_411,
            ("betfair_traded", "PLACE"): 45_145,
        }

    def test_knows_the_winners_and_the_dead_heats(self, batches):
        winners = Counter(
            sum(bool(runner.is_winner) for runner in result.runners)
            for batch in batches
            for result in batch.results
        )
        assert winners == {1: 4_757, 2: 11}

    def test_knows_how_many_places_are_paid(self, batches):
        """Nineteen dead heats for the last place placed one runner more than were paid in full."""
        places = Counter(m.places for b in batches for m in b.markets if m.kind == "PLACE")
        placed = Counter(
            sum(bool(runner.is_placed) for runner in result.runners)
            for batch in batches
            for result in batch.results
        )
        assert places == {2: 451, 3: 4_296, None: 12}
        assert placed == {0: 21, 2: 450, 3: 4_279, 4: 18}

    def test_keeps_namesakes_of_two_countries_apart(self, batches):
        people = {
            (person.name, person.qualifier)
            for batch in batches
            for market in batch.markets
            for person in market.runners
        }
        twice = Counter(name for name, _ in people)
        assert sum(count == 2 for count in twice.values()) == 48

    def test_names_152_tracks(self, batches):
        assert len({c.code for batch in batches for c in batch.competitions}) == 152

    def test_starting_prices_have_no_margin(self, batches):
        columns = batches[0].columns
        rows = columns.book == columns.books.index("betfair_sp")
        wins = np.array([key[1] == "WIN" for key in columns.keys])[columns.key] & rows
        refs = [columns.keys[key][0] for key in columns.key[wins]]
        books: Counter = Counter()
        for ref, price in zip(refs, columns.price[wins], strict=True):
            books[ref] += 1000 / price
        assert np.median(list(books.values())) == pytest.approx(1, abs=0.01)


@pytest.mark.loads
@pytest.mark.django_db
class TestIngest:
    def ingest(self):
        now = timezone.now()
        sources.ensure_default_sources(now=now)
        return ingesting.ingest(
            source_code="betfair_bsp", path=str(DATA / "ANZ_Thoroughbreds_2026_01.csv"),
            actor="cli:test", now=now,
        )  # fmt: skip

    def test_stores_a_month_and_nothing_twice(self):
        """January: 16,284 lines, 44 of them repeat a runner."""
        first = self.ingest()
        stored = PriceSnapshot.objects.count()
        second = self.ingest()
        ends = ("rows", "loaded", "unchanged", "parked", "rejected")
        assert [first[end] for end in ends] == [16_284, 16_240, 0, 0, 44]
        assert [second[end] for end in ends] == [16_284, 0, 16_240, 0, 44]
        assert (first["events"]["new"], Event.objects.count()) == (1_684, 1_684)
        assert first["prices"]["new"] == stored == PriceSnapshot.objects.count()
        assert second["results"] == {"new": 0, "corrected": 0, "unchanged": 1_684}
        assert Result.objects.count() == 1_684
        assert RunnerResult.objects.count() == 16_240
        assert Participant.objects.filter(kind="RUNNER").count() > 9_000
