"""Real recordings: counts, and the same books as another reader of the stream rebuilds."""

import bz2
import json
from collections import Counter

import numpy as np
import pytest
from betfairlightweight.streaming.cache import MarketBookCache
from django.utils import timezone

from markets.connectors.base import Reading
from markets.connectors.betfair_stream import BetfairStream
from markets.connectors.columns import microseconds
from markets.models import (
    ClosingPrice,
    Event,
    LadderSnapshot,
    PriceSnapshot,
    Selection,
    UnknownName,
)
from markets.services import closing, ingesting, sources
from tests.real.data import FOLDER

DATA = FOLDER / "betfair"
STREAMS = DATA / "streams"
SAMPLES = DATA / "api" / "rest_and_stream_samples" / "historicaldata"
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]
LONG = STREAMS / "1-206064380.bz2"
WIN, PLACE = STREAMS / "1.197931750", STREAMS / "1.197931751"
BASIC = SAMPLES / "BASIC-1.132153978"
WITH_BSP = pytest.mark.parametrize("path", [LONG, WIN, PLACE, BASIC], ids=lambda path: path.name)


def opened(path):
    return bz2.open(path) if path.suffix == ".bz2" else path.open("rb")


def beside(path):
    def companion(name):
        file = path.parent / name
        return file.read_bytes() if file.is_file() else None

    return companion


def read(path, **options):
    reading = Reading(path.name, timezone.now(), options=options, companion=beside(path))
    with opened(path) as stream:
        (batch,) = BetfairStream().read(stream, reading=reading)
    return batch


def before_the_off(batch):
    """Count the prices of each book that were seen before the actual start."""
    off = microseconds(batch.events[0].started_at)
    early = batch.columns.book[batch.columns.seen < off]
    return {batch.columns.books[book]: n for book, n in Counter(early.tolist()).items()}


class TestCounts:
    @pytest.mark.parametrize(
        ("path", "records", "traded"),
        [(LONG, 18_793, 1_050), (WIN, 166, 293), (PLACE, 166, 129), (BASIC, 480, 1_175)],
        ids=lambda value: getattr(value, "name", None),
    )
    def test_every_line_is_read(self, path, records, traded):
        batch = read(path)
        assert (batch.records, batch.problems) == (records, [])
        assert before_the_off(batch)["betfair_traded"] == traded
        assert (len(batch.events), len(batch.markets), len(batch.results)) == (1, 1, 1)

    def test_the_long_race(self):
        batch = read(LONG)
        (event,), (market,), (result,) = batch.events, batch.markets, batch.results
        assert (event.competition, event.race_number) == ("au-moe", 6)
        assert event.starts_at.isoformat() == "2022-11-07T04:30:00+00:00"
        assert event.started_at.isoformat() == "2022-11-07T04:32:08.782000+00:00"
        removed = [runner for runner in market.runners if runner.removed_at]
        assert [(r.number, str(r.reduction)) for r in removed] == [(3, "30.01")]
        assert removed[0].removed_at.isoformat() == "2022-11-06T20:54:26+00:00"
        assert len(market.runners) == 13
        assert [r.person.name for r in result.runners if r.is_winner] == ["Isolating"]

    def test_dogs_are_named_by_the_catalogue_beside_them(self):
        win, place = read(WIN), read(PLACE)
        assert [r.number for r in win.markets[0].runners] == [1, 2, 3, 4, 5, 6]
        assert all(runner.name for runner in win.markets[0].runners)
        assert (place.markets[0].kind, place.markets[0].places) == ("PLACE", 2)
        assert [e.name for e in win.events] == [e.name for e in place.events]
        assert sum(runner.is_placed for runner in place.results[0].runners) == 2

    @pytest.mark.parametrize(
        ("name", "records", "op"),
        [("CRICKET-1.179676557", 3, "'ccm'"), ("RACE-1.140075353", 4, "'rcm'"),
         ("ORDER-1.177596575", 4, "'ocm'")],
    )  # fmt: skip
    def test_other_streams_are_rejected_line_by_line(self, name, records, op):
        batch = read(SAMPLES / name)
        assert batch.records == len(batch.problems) == records
        assert all(problem.is_rejection for problem in batch.problems)
        assert batch.problems[0].message == f"an mcm message, not {op}"


class TestOracles:
    @WITH_BSP
    def test_starting_prices_equal_those_of_the_last_definition(self, path):
        with opened(path) as stream:
            last = [line for line in stream if b"marketDefinition" in line][-1]
        told = {
            f"#{runner['id']}": round(runner["bsp"] * 1000)
            for runner in json.loads(last)["mc"][0]["marketDefinition"]["runners"]
            if "bsp" in runner
        }
        columns = read(path).columns
        rows = np.flatnonzero(columns.book == columns.books.index("betfair_sp"))
        assert {columns.keys[columns.key[row]][7]: columns.price[row] for row in rows} == told
        assert len(told) in (6, 12)

    @WITH_BSP
    def test_starting_prices_have_a_book_near_the_number_of_winners(self, path):
        batch = read(path)
        columns = batch.columns
        prices = columns.price[columns.book == columns.books.index("betfair_sp")] / 1000
        assert (1 / prices).sum() == pytest.approx(batch.markets[0].places or 1, abs=0.05)

    def test_starting_prices_are_near_what_the_stream_foretold(self):
        """``spn`` is the exchange's own forecast; its last one before the off is close."""
        near = {}
        with opened(LONG) as stream:
            for line in stream:
                for change in json.loads(line)["mc"]:
                    for runner in change.get("rc", []):
                        if isinstance(runner.get("spn"), float):
                            near[f"#{runner['id']}"] = runner["spn"]
        columns = read(LONG).columns
        rows = np.flatnonzero(columns.book == columns.books.index("betfair_sp"))
        ratios = [
            columns.price[row] / 1000 / near[columns.keys[columns.key[row]][7]] for row in rows
        ]
        assert len(ratios) == 12
        assert min(ratios) > 0.9
        assert max(ratios) < 1.2

    def test_every_ladder_equals_the_one_that_another_reader_rebuilds(self):
        theirs, cache = {}, None
        with opened(LONG) as stream:
            for line in stream:
                message = json.loads(line)
                for change in message["mc"]:
                    if cache is None:
                        cache = MarketBookCache(change["id"], message["pt"], True, False, False)
                    cache.update_cache(change, message["pt"], True)
                    for runner in cache.serialise["runners"]:
                        theirs[message["pt"], f"#{runner['selectionId']}"] = (
                            offers(runner["ex"]["availableToBack"]),
                            offers(runner["ex"]["availableToLay"]),
                            runner["lastPriceTraded"],
                        )
        ladders = read(LONG, ladder_ms=0).ladders
        different = [
            ladder
            for ladder in ladders
            if theirs[round(ladder.seen_at.timestamp() * 1000), ladder.runner]
            != (
                [(float(price), float(size)) for price, size in ladder.back],
                [(float(price), float(size)) for price, size in ladder.lay],
                None if ladder.last_traded is None else float(ladder.last_traded),
            )
        ]
        assert (len(ladders), different) == (22_777, [])

    @pytest.mark.parametrize("path", [WIN, PLACE], ids=lambda path: path.name)
    def test_shown_offers_are_seldom_worse_than_plain_ones_and_never_crossed(self, path, tmp_path):
        """The exchange adds the offers that follow from other runners, and rolls up small ones."""
        plain = tmp_path / path.name
        with path.open() as stream:
            plain.write_text("".join(map(without_shown, stream)))
        shown = {
            (ladder.runner, ladder.seen_at): ladder for ladder in read(path, ladder_ms=0).ladders
        }
        both = [
            (shown[ladder.runner, ladder.seen_at].back[0][0], ladder.back[0][0])
            for ladder in read(plain, ladder_ms=0).ladders
            if ladder.back and (ladder.runner, ladder.seen_at) in shown
        ]
        assert len(both) > 300
        assert np.mean([one >= other for one, other in both]) > 0.8
        assert all(
            ladder.back[0][0] < ladder.lay[0][0]
            for ladder in shown.values()
            if ladder.back and ladder.lay
        )


@pytest.mark.django_db
class TestIngest:
    def ingest(self, path):
        now = timezone.now()
        sources.ensure_default_sources(now=now)
        return ingesting.ingest(
            source_code="betfair_stream", path=str(path), actor="cli:test", now=now
        )

    def test_stores_three_recordings_and_nothing_twice(self):
        first = self.ingest(STREAMS)
        ladders, prices = LadderSnapshot.objects.count(), PriceSnapshot.objects.count()
        second = self.ingest(STREAMS)
        assert (first["rows"], first["parked"], first["rejected"]) == (19_127, 0, 0)
        assert (second["rows"], second["loaded"], second["unchanged"]) == (19_127, 0, 19_127)
        assert first["prices"]["new"] == prices == PriceSnapshot.objects.count()
        assert ladders == LadderSnapshot.objects.count() > 8_000
        assert Event.objects.count() == 2  # a horse race, and one race of dogs with two markets
        assert Selection.objects.count() == 13 + 6 + 6

    def test_the_close_is_the_starting_price(self):
        self.ingest(LONG)
        closing.record_closes(as_of=timezone.now(), now=timezone.now())
        sold = ClosingPrice.objects.filter(book__code="betfair_sp")
        assert sold.count() == 12
        assert {row.exactness for row in sold} == {"EXACT"}
        assert sum(row.fair_probability for row in sold) == pytest.approx(1)
        traded = ClosingPrice.objects.filter(book__code="betfair_traded")
        assert all(row.seen_at < row.starts_at for row in traded)

    def test_names_come_with_the_last_definition_where_there_is_no_catalogue(self, tmp_path):
        (tmp_path / PLACE.name).write_bytes(PLACE.read_bytes())
        result = self.ingest(tmp_path)
        assert (result["rows"], result["parked"], result["prices"]["new"]) == (166, 0, 330)
        assert set(Selection.objects.values_list("number", flat=True)) == {1, 2, 3, 4, 5, 6}

    def test_a_recording_that_is_cut_before_them_waits_for_names(self, tmp_path):
        lines = PLACE.read_bytes().splitlines(keepends=True)
        (tmp_path / PLACE.name).write_bytes(b"".join(lines[:-1]))
        result = self.ingest(tmp_path)
        assert (result["rows"], result["prices"]["new"]) == (165, 0)
        assert result["parked"] > 100
        assert "#44331354" in UnknownName.objects.values_list("name", flat=True)


def offers(told):
    return [(offer["price"], offer["size"]) for offer in told[:3]]


def without_shown(line):
    message = json.loads(line)
    for change in message["mc"]:
        for runner in change.get("rc", []):
            runner.pop("bdatb", None)
            runner.pop("bdatl", None)
    return json.dumps(message) + "\n"
