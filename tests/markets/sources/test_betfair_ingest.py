"""The three Betfair sources tell of the same races: each joins what another one brought."""

import bz2
import io
import json
import tarfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from markets.models import (
    Competition,
    Event,
    EventAlias,
    LadderSnapshot,
    Market,
    MarketAlias,
    ParkedRow,
    Participant,
    PriceSnapshot,
    Result,
    Selection,
    SelectionAlias,
    Source,
    UnknownName,
)
from markets.services import ingesting, parking, sources
from tests.markets.builders import a_batch, a_source, an_event, record
from tests.markets.sources.betfair import (
    BEGAN,
    MARKET,
    OFF,
    a_definition,
    a_message,
    a_race,
    a_runner,
    changed,
    defined,
    lines,
)
from tests.markets.sources.betfair import START as RACE_START

pytestmark = pytest.mark.django_db
PAYLOADS = Path(__file__).parent / "payloads"
NOW = datetime(2031, 3, 5, 12, 0, tzinfo=UTC)
WIN, PLACE = MARKET, "1.900000002"


@pytest.fixture(autouse=True)
def _sources():
    sources.ensure_default_sources(now=NOW)


def ingest(code, path=None, *, days=0):
    return ingesting.ingest(
        source_code=code,
        path=str(path or PAYLOADS / code),
        actor="cli:test",
        now=NOW + timedelta(days=days),
    )


def rows(result):
    return tuple(result[end] for end in ("rows", "loaded", "unchanged", "parked", "rejected"))


def what_stands():
    """Return how many rows of each kind the tables hold."""
    models = (Event, Market, Selection, Participant, PriceSnapshot, LadderSnapshot, Result)
    return {model.__name__: model.objects.count() for model in models}


def changes_of(name, kind):
    """Return each book's changes of one runner's price, in order of time."""
    found = {}
    rows = PriceSnapshot.objects.filter(selection__name=name, selection__market__kind=kind)
    for book, price in rows.order_by("seen_at").values_list("book__code", "price"):
        if found.setdefault(book, [])[-1:] != [str(price)]:
            found[book].append(str(price))
    return found


class TestStartingPrices:
    def test_every_runner_is_loaded_once(self):
        first, second = ingest("betfair_bsp"), ingest("betfair_bsp", days=1)
        assert (rows(first), rows(second)) == ((4, 4, 0, 0, 0), (4, 0, 4, 0, 0))
        assert (first["events"]["new"], second["events"]["unchanged"]) == (2, 2)
        assert first["prices"]["new"] == PriceSnapshot.objects.count() == 16
        assert second["results"] == {"new": 0, "corrected": 0, "unchanged": 2}

    def test_lists_races_with_their_tracks_runners_and_ids(self):
        ingest("betfair_bsp")
        race = Event.objects.get(race_number=3)
        assert (race.competition.code, race.competition.sport.code) == (
            "au-custard-hill", "horse_racing",
        )  # fmt: skip
        assert (race.start_certainty, race.status) == ("ZONE", "FINISHED")
        assert set(race.refs.values_list("namespace", "ref")) == {("betfair", WIN)}
        place = Market.objects.get(event=race, kind="PLACE")
        assert (place.places, place.refs.get().ref) == (2, PLACE)
        assert set(Participant.objects.values_list("name", "qualifier", "kind")) >= {
            ("Plum Duff", "AU", "RUNNER"), ("Lemon Curd", "AU", "RUNNER"),
        }  # fmt: skip


class TestRecordings:
    def test_every_line_is_a_record(self):
        result = ingest("betfair_stream")
        read, loaded, unchanged, parked, rejected = rows(result)
        assert (read, parked, rejected, result["problems"]) == (15, 0, 0, [])
        assert loaded + unchanged == 15

    def test_twice_is_once(self):
        ingest("betfair_stream")
        before = what_stands()
        again = ingest("betfair_stream", days=1)
        assert (rows(again)[1], what_stands()) == (0, before)

    def test_win_and_place_are_markets_of_one_race(self):
        ingest("betfair_stream")
        race = Event.objects.get()
        assert set(race.markets.values_list("kind", "places")) == {("WIN", None), ("PLACE", 2)}
        assert set(race.refs.values_list("ref", flat=True)) == {WIN, PLACE}

    def test_names_that_a_recording_leaves_out_come_from_the_other_market(self):
        ingest("betfair_stream")
        names = Selection.objects.filter(market__kind="PLACE").values_list("name", flat=True)
        assert set(names) == {"Plum Duff", "Quick Custard", "Rhubarb Fool"}
        assert not UnknownName.objects.exists()

    def test_non_runners_carry_their_factor(self):
        ingest("betfair_stream")
        removed = Selection.objects.get(market__kind="WIN", number=3)
        assert (removed.reduction, removed.removed_at is not None) == (Decimal("12.50"), True)

    def test_keep_ladders(self):
        ingest("betfair_stream")
        newest = LadderSnapshot.objects.filter(selection__market__kind="WIN").order_by("seen_at")
        assert newest.first().back_prices == [Decimal("2.500"), Decimal("2.400")]

    def test_starting_prices_are_the_close_of_the_race(self):
        ingest("betfair_stream")
        told = PriceSnapshot.objects.filter(
            book__code="betfair_sp", selection__market__kind="WIN"
        ).values_list("selection__name", "price", "mark")
        assert set(told) == {
            ("Plum Duff", Decimal("2.600"), 2), ("Quick Custard", Decimal("1.620"), 2),
        }  # fmt: skip

    def test_runners_without_a_name_wait_for_one(self, tmp_path):
        (tmp_path / PLACE).write_bytes((PAYLOADS / "betfair_stream" / PLACE).read_bytes())
        result = ingest("betfair_stream", tmp_path)
        assert (result["parked"] > 0, result["prices"]["new"]) == (True, 0)
        assert set(UnknownName.objects.values_list("name", flat=True)) == {"#101", "#102", "#103"}
        assert ParkedRow.objects.filter(state="WAITING").count() == result["parked"]

    def test_what_waited_is_loaded_once_another_market_told_the_names(self, tmp_path):
        (tmp_path / PLACE).write_bytes((PAYLOADS / "betfair_stream" / PLACE).read_bytes())
        ingest("betfair_stream", tmp_path)
        ingest("betfair_stream", PAYLOADS / "betfair_stream" / WIN, days=1)
        parking.load_parked(source_code="betfair_stream", actor="cli:test", now=NOW)
        assert not ParkedRow.objects.filter(state="WAITING").exists()
        assert changes_of("Plum Duff", "PLACE") == {
            "betfair_exchange": ["1.300"],
            "betfair_sp": ["1.320"],
        }

    def test_archives_are_read_member_by_member(self, tmp_path):
        with tarfile.open(tmp_path / "day.tar", "w") as archive:
            for name in (WIN, "1.900000003"):
                body = bz2.compress(lines(*a_race(market=name)))
                member = tarfile.TarInfo(f"2031/Mar/4/{name}.bz2")
                member.size = len(body)
                archive.addfile(member, io.BytesIO(body))
        result = ingest("betfair_stream", tmp_path / "day.tar")
        assert (result["rows"], result["rejected"], Event.objects.count()) == (20, 0, 1)

    def test_dogs_that_run_a_few_minutes_apart_stay_two_races(self, tmp_path):
        dogs = {"eventTypeId": "4339", "name": "A3 480m", "countryCode": "GB"}
        for number, minutes in ((1, 0), (2, 12)):
            start = datetime(2031, 3, 4, 19, 26, tzinfo=UTC) + timedelta(minutes=minutes)
            told = a_definition(**dogs, marketTime=f"{start:%Y-%m-%dT%H:%M:%S}.000Z")
            message = a_message(BEGAN, {"id": f"1.{number}", "marketDefinition": told})
            (tmp_path / f"1.{number}").write_bytes(lines(message))
        ingest("betfair_stream", tmp_path)
        assert (Event.objects.count(), Competition.objects.get().code) == (
            2,
            "gb-custard-hill-dogs",
        )

    def test_a_match_that_nobody_knows_waits(self, tmp_path):
        soccer = {"eventTypeId": "1", "eventName": "Alders v Birches", "marketType": "MATCH_ODDS"}
        runners = [{"id": 1, "name": "Alders"}, {"id": 2, "name": "Birches"},
                   {"id": 58805, "name": "The Draw"}]  # fmt: skip
        (tmp_path / "1.5").write_bytes(
            lines(defined(BEGAN, runners=runners, **soccer),
                  changed(BEGAN + 1, {"id": 1, "atb": [[2.0, 5]]}))
        )  # fmt: skip
        result = ingest("betfair_stream", tmp_path)
        assert (rows(result), Event.objects.count()) == ((2, 0, 0, 2, 0), 0)
        assert set(ParkedRow.objects.values_list("reason", flat=True)) == {"NO_EVENT"}


class TestAMatch:
    """A match that another source has told, in Betfair's words."""

    SOCCER = {"eventTypeId": "1", "eventName": "Alders v Birches", "venue": ""}
    SIDES = [{"id": 1, "name": "Alders"}, {"id": 2, "name": "Birches"},
             {"id": 58805, "name": "The Draw"}]  # fmt: skip

    @pytest.fixture
    def match(self):
        source = a_source(namespace="betfair")
        told = an_event(id="31000001", season="2030-31", starts_at=RACE_START)
        record(a_batch(events=[told], prices=[]), source, now=NOW)
        Source.objects.filter(code="betfair_stream").update(creates_names=True)
        return Event.objects.get()

    def read(self, tmp_path, *messages):
        (tmp_path / "1.5").write_bytes(lines(*messages))
        return ingest("betfair_stream", tmp_path)

    def test_keeps_the_order_book_of_each_answer(self, match, tmp_path):
        offers = [{"id": one["id"], "atb": [[2.0, 5]], "atl": [[2.1, 7]]} for one in self.SIDES]
        values = {**self.SOCCER, "marketType": "MATCH_ODDS", "runners": self.SIDES}
        report = self.read(tmp_path, defined(BEGAN, **values), changed(BEGAN + 1, *offers))
        assert rows(report) == (2, 2, 0, 0, 0)
        found = LadderSnapshot.objects.values_list("selection__role", "selection__market__event")
        assert set(found) == {(role, match.pk) for role in ("HOME", "DRAW", "AWAY")}

    def test_is_ordered_by_the_ids_of_its_answers(self, match, tmp_path):
        handicaps = [{**self.SIDES[0], "hc": -0.25}, {**self.SIDES[1], "hc": 0.25}]
        self.read(
            tmp_path,
            defined(BEGAN, **self.SOCCER, marketType="MATCH_ODDS", runners=self.SIDES),
            defined(BEGAN + 1, market="1.900000005", **self.SOCCER,
                    marketType="ASIAN_HANDICAP", runners=handicaps),
        )  # fmt: skip
        found = SelectionAlias.objects.values_list("market_ref", "ref", "selection__role")
        assert set(found) == {
            (MARKET, "1", "HOME"), (MARKET, "2", "AWAY"), (MARKET, "58805", "DRAW"),
            ("1.900000005", "1:-0.25", "HOME"), ("1.900000005", "2:0.25", "AWAY"),
        }  # fmt: skip
        assert list(MarketAlias.objects.values_list("ref", flat=True)) == [MARKET]


class TestTogether:
    def test_a_recording_joins_the_race_of_the_starting_prices(self):
        ingest("betfair_bsp")
        result = ingest("betfair_stream", days=1)
        race = Event.objects.get(race_number=3)
        assert (result["events"]["new"], Event.objects.count(), result["parked"]) == (0, 2, 0)
        assert (race.start_certainty, race.started_at.timestamp() * 1000) == ("EXACT", OFF)
        assert Competition.objects.count() == 1
        assert Participant.objects.filter(name="Plum Duff").count() == 1

    @pytest.mark.parametrize("order", [("bsp", "stream"), ("stream", "bsp")])
    def test_the_order_does_not_matter(self, order):
        for days, source in enumerate(order):
            ingest(f"betfair_{source}", days=days)
        assert set(EventAlias.objects.values_list("ref", "event__name")) == {
            (WIN, "Custard Hill 2031-03-04 R3"), (PLACE, "Custard Hill 2031-03-04 R3"),
            ("1.900000011", "Custard Hill 2031-03-04 R4"),
        }  # fmt: skip
        race = Event.objects.get(race_number=3)
        assert (race.start_certainty, race.started_at.timestamp() * 1000) == ("EXACT", OFF)
        assert changes_of("Plum Duff", "WIN") == {
            "betfair_exchange": ["2.500", "2.520", "2.500"],
            "betfair_traded": ["2.540"],
            "betfair_sp": ["2.600"],
        }

    def test_they_agree_on_the_starting_prices_and_the_result(self):
        ingest("betfair_bsp")
        ingest("betfair_stream", days=1)
        close = PriceSnapshot.objects.filter(
            book__code="betfair_sp", selection__market__event__race_number=3
        )
        assert close.count() == close.values("selection", "price").distinct().count() == 4
        race = Event.objects.get(race_number=3)
        winners = race.results.order_by("version").last().runners.filter(is_winner=True)
        assert [row.participant.name for row in winners] == ["Quick Custard"]
        assert not race.disputes.exists()

    def test_answers_of_the_api_join_too(self, tmp_path):
        ingest("betfair_bsp")
        for name in ("catalogue.json", "books-1.json"):
            (tmp_path / name).write_bytes((PAYLOADS / "betfair_api" / name).read_bytes())
        result = ingest("betfair_api", tmp_path, days=1)
        assert (rows(result)[0], result["parked"], result["events"]["new"]) == (3, 0, 0)
        assert Event.objects.count() == 2

    def test_a_book_without_its_catalogue_waits(self, tmp_path):
        books = json.loads((PAYLOADS / "betfair_api" / "books-1.json").read_text())
        (tmp_path / "book.json").write_text(json.dumps(books[1]))
        assert rows(ingest("betfair_api", tmp_path)) == (1, 0, 0, 1, 0)


def test_names_of_a_race_are_told_apart_by_country(tmp_path):
    for market, country in (("1.6", "AU"), ("1.7", "NZ")):
        told = a_definition(
            runners=[a_runner(101, id=int(market[2:]), name="1. Plum Duff")], countryCode=country
        )
        message = a_message(BEGAN, {"id": market, "marketDefinition": told})
        (tmp_path / market).write_bytes(lines(message))
    ingest("betfair_stream", tmp_path)
    assert set(Participant.objects.values_list("name", "qualifier")) == {
        ("Plum Duff", "AU"), ("Plum Duff", "NZ"),
    }  # fmt: skip
