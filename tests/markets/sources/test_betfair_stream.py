import json
import random
from decimal import Decimal

import pytest
from betfairlightweight.streaming.cache import MarketBookCache

from markets.connectors.base import CLOSE
from markets.connectors.columns import microseconds
from tests.markets.sources.betfair import (
    BEGAN,
    MARKET,
    OFF,
    START,
    a_definition,
    a_race,
    a_runner,
    at,
    changed,
    defined,
)
from tests.markets.sources.streamed import only_problem, parse, prices, read


class TestRead:
    def test_counts_every_line_as_a_record(self):
        batch = parse(*a_race())
        assert (batch.records, batch.problems) == (10, [])

    def test_makes_the_race_from_the_definition(self):
        (event,) = parse(*a_race()).events
        assert (event.competition, event.season, event.round) == ("au-custard-hill", "2031", "R3")
        assert (event.id, event.race_number) == (MARKET, 3)
        assert (str(event.meeting_date), event.starts_at) == ("2031-03-04", START)
        assert (event.home, event.away, event.certainty) == ("", "", "EXACT")

    def test_names_the_track_as_the_competition(self):
        (competition,) = parse(*a_race()).competitions
        assert competition.name == "Custard Hill (AU)"
        assert (competition.sport, competition.time_zone) == ("horse_racing", "Australia/Sydney")

    def test_takes_numbers_and_non_runners_from_the_definition(self):
        (market,) = parse(*a_race()).markets
        named = {runner.id: runner for runner in market.runners}
        assert (market.kind, market.id, market.places) == ("WIN", MARKET, None)
        assert (named["102"].name, named["102"].number, named["102"].qualifier) == (
            "Quick Custard", 2, "AU",
        )  # fmt: skip
        assert named["103"].reduction == Decimal("12.50")
        assert named["103"].removed_at.isoformat() == "2031-03-04T03:25:00+00:00"
        assert named["101"].reduction is None

    def test_tells_when_it_started(self):
        (event,) = parse(*a_race()).events
        assert (event.started_at, event.status) == (at(OFF), "FINISHED")

    def test_does_not_guess_the_start_of_a_race_that_was_running_already(self):
        (event,) = parse(defined(OFF + 300, inPlay=True, bspReconciled=True)).events
        assert (event.started_at, event.status) == (None, "LIVE")

    def test_keeps_the_plan_when_it_is_moved_after_the_off(self):
        late = START.replace(hour=5).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        batch = parse(
            defined(BEGAN),
            defined(OFF, inPlay=True),
            defined(OFF + 9, inPlay=True, marketTime=late),
        )
        assert batch.events[0].starts_at == START

    def test_follows_a_start_that_is_moved_before_the_off(self):
        late = START.replace(minute=40).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        assert parse(defined(BEGAN), defined(BEGAN + 1, marketTime=late)).events[0].starts_at == (
            START.replace(minute=40)
        )

    def test_reads_how_the_runners_came_in(self):
        (result,) = parse(*a_race()).results
        came_in = {r.person.id: (r.is_winner, r.is_placed, r.is_removed) for r in result.runners}
        assert came_in == {
            "101": (False, None, False), "102": (True, None, False), "103": (None, None, True),
        }  # fmt: skip
        assert (result.status, result.known_at) == ("FINAL", at(OFF + 70_000))

    def test_tells_of_places_alone_in_a_place_market(self):
        closed = [a_runner(101, status="WINNER"), a_runner(102, status="WINNER"),
                  a_runner(103, status="LOSER")]  # fmt: skip
        place = {"marketType": "PLACE", "name": "To Be Placed", "numberOfWinners": 2}
        batch = parse(
            defined(BEGAN, **place), defined(OFF + 1, status="CLOSED", runners=closed, **place)
        )
        assert batch.markets[0].places == 2
        assert [(r.is_winner, r.is_placed) for r in batch.results[0].runners] == [
            (None, True), (None, True), (None, False),
        ]  # fmt: skip
        assert (batch.events[0].race_number, batch.events[0].id) == (None, MARKET)

    def test_takes_no_result_from_a_market_without_winner(self):
        void = [a_runner(number, status="LOSER") for number in (101, 102, 103)]
        batch = parse(defined(BEGAN), defined(OFF, status="CLOSED", runners=void))
        assert batch.results == []
        assert only_problem(batch).message.startswith("a winner among the runners")
        assert not only_problem(batch).is_rejection


class TestPrices:
    def test_follow_the_best_offer_to_back(self):
        assert prices(parse(*a_race()), "betfair_exchange") == [
            (BEGAN + 10, 2.5), (BEGAN + 400_000, 2.52),
        ]  # fmt: skip

    def test_follow_the_last_traded_price(self):
        assert prices(parse(*a_race()), "betfair_traded") == [(BEGAN + 2_000, 2.54)]

    def test_go_on_after_the_off_as_history(self):
        assert prices(parse(*a_race()), "betfair_traded", 102) == [(OFF + 9_000, 1.05)]

    def test_find_their_runner_by_id(self):
        keys = parse(*a_race()).columns.keys
        assert keys[0] == (MARKET, "WIN", "FULL", None, "", "", "RUNNER", "#101")

    def test_are_told_once_in_each_span_and_the_last_one_always(self):
        quick = [
            changed(BEGAN + 100 * step, {"id": 101, "atb": [[2 + step / 100, 5]]})
            for step in range(1, 26)
        ]
        batch = parse(defined(BEGAN), *quick)
        assert prices(batch, "betfair_exchange") == [
            (BEGAN + 100, 2.01),
            (BEGAN + 1_100, 2.11),
            (BEGAN + 2_100, 2.21),
            (BEGAN + 2_500, 2.25),
        ]

    def test_are_all_told_without_a_span(self):
        quick = [
            changed(BEGAN + step, {"id": 101, "atb": [[2 + step / 100, 5]]}) for step in range(1, 6)
        ]
        (batch,) = read(defined(BEGAN), *quick, options={"conflate_ms": 0})
        assert len(prices(batch, "betfair_exchange")) == 5

    def test_that_waited_are_told_at_the_suspension(self):
        batch = parse(
            defined(BEGAN),
            changed(BEGAN + 1, {"id": 101, "atb": [[2.0, 5]]}),
            changed(BEGAN + 500, {"id": 101, "atb": [[2.1, 5]]}),
            defined(BEGAN + 700, status="SUSPENDED"),
            changed(BEGAN + 750, {"id": 101, "atb": [[2.0, 0], [2.1, 0]]}),
        )
        assert prices(batch, "betfair_exchange") == [(BEGAN + 1, 2.0), (BEGAN + 500, 2.1)]

    def test_are_not_told_while_the_market_is_suspended(self):
        batch = parse(
            defined(BEGAN, status="SUSPENDED"),
            changed(BEGAN + 1, {"id": 101, "atb": [[3.0, 5]]}),
            defined(BEGAN + 5_000),
        )
        assert prices(batch, "betfair_exchange") == [(BEGAN + 5_000, 3.0)]

    def test_start_anew_with_an_image(self):
        batch = parse(
            defined(BEGAN),
            changed(BEGAN + 1, {"id": 101, "atb": [[3.0, 5]]}),
            changed(BEGAN + 5_000, {"id": 101, "atb": [[2.8, 5]]}, img=True),
        )
        assert prices(batch, "betfair_exchange") == [(BEGAN + 1, 3.0), (BEGAN + 5_000, 2.8)]

    def test_prefer_the_offers_that_the_exchange_shows(self):
        batch = parse(
            defined(BEGAN),
            changed(BEGAN + 1, {"id": 101, "atb": [[3.0, 5]], "bdatb": [[0, 3.1, 2], [1, 3.0, 5]]}),
            changed(BEGAN + 2_001, {"id": 101, "bdatb": [[0, 3.05, 1]]}),
        )
        assert prices(batch, "betfair_exchange") == [(BEGAN + 1, 3.1), (BEGAN + 2_001, 3.05)]

    def test_of_a_runner_that_is_not_in_the_definition_are_told_and_left_out(self):
        batch = parse(defined(BEGAN), changed(BEGAN + 1, {"id": 999, "atb": [[3.0, 5]]}))
        assert (only_problem(batch).row, only_problem(batch).is_rejection) == (2, False)
        assert len(batch.columns) == 0


class TestStartingPrices:
    def test_equal_those_of_the_last_definition(self):
        messages = a_race()
        told = {
            runner["id"]: runner["bsp"]
            for runner in messages[-1]["mc"][0]["marketDefinition"]["runners"]
            if "bsp" in runner
        }
        batch = parse(*messages)
        assert {n: price for n in told for _, price in prices(batch, "betfair_sp", n)} == told

    def test_are_the_close_just_before_the_off(self):
        batch = parse(*a_race())
        of_book = batch.columns.book == batch.columns.books.index("betfair_sp")
        assert set(batch.columns.mark[of_book].tolist()) == {CLOSE}
        assert prices(batch, "betfair_sp") == [(OFF - 1_000, 2.6)]
        assert batch.columns.seen[of_book].max() < microseconds(batch.events[0].started_at)

    def test_are_cut_to_two_places_as_they_are_when_the_market_is_settled(self):
        runners = [a_runner(101, bsp=16.56625524822389), a_runner(102, bsp=2.55)]
        batch = parse(defined(BEGAN), defined(OFF, bspReconciled=True, runners=runners))
        assert [prices(batch, "betfair_sp", n)[0][1] for n in (101, 102)] == [16.56, 2.55]

    @pytest.mark.parametrize("told", ["NaN", "Infinity", 1.0, 0, 1001.0, None])
    def test_are_left_out_where_the_exchange_made_none(self, told):
        runners = [a_runner(101, bsp=told), a_runner(102, bsp=3.0)]
        batch = parse(defined(BEGAN), defined(OFF, bspReconciled=True, runners=runners))
        assert prices(batch, "betfair_sp", 101) == []
        assert prices(batch, "betfair_sp", 102) == [(OFF - 1_000, 3.0)]

    def test_wait_for_the_reconciliation(self):
        batch = parse(defined(BEGAN, runners=[a_runner(101, bsp=3.0)]))
        assert prices(batch, "betfair_sp") == []


class TestLadders:
    def test_keep_the_best_three_of_each_side(self):
        batch = parse(
            defined(BEGAN),
            changed(
                BEGAN + 1,
                {"id": 101, "atb": [[2.0, 1], [2.2, 2], [2.1, 3], [1.9, 4]], "atl": [[2.3, 5]],
                 "ltp": 2.2, "tv": 77.5},
            ),
        )  # fmt: skip
        (ladder,) = batch.ladders
        assert [(float(price), float(size)) for price, size in ladder.back] == [
            (2.2, 2), (2.1, 3), (2.0, 1),
        ]  # fmt: skip
        assert ladder.lay == ((Decimal("2.300"), Decimal("5.00")),)
        assert (ladder.last_traded, ladder.matched) == (Decimal("2.200"), Decimal("77.50"))
        assert (ladder.seen_at, ladder.runner, ladder.book) == (
            at(BEGAN + 1),
            "#101",
            "betfair_exchange",
        )

    def test_are_told_once_in_five_seconds(self):
        quick = [
            changed(BEGAN + 1_000 * step, {"id": 101, "atb": [[2.0, step]]})
            for step in range(1, 12)
        ]
        moments = [ladder.seen_at for ladder in parse(defined(BEGAN), *quick).ladders]
        assert moments == [at(BEGAN + 1_000), at(BEGAN + 6_000), at(BEGAN + 11_000)]

    def test_are_none_where_a_recording_tells_trades_alone(self):
        batch = parse(defined(BEGAN), changed(BEGAN + 1, {"id": 101, "ltp": 2.2}))
        assert (batch.ladders, prices(batch, "betfair_traded")) == ([], [(BEGAN + 1, 2.2)])


class TestAgainstAnotherReader:
    """betfairlightweight rebuilds the same books from the same messages."""

    TICKS = (1.01, 1.5, 1.98, 2.0, 2.02, 3.05, 10.0, 1000.0)

    def messages(self, seed):
        chance = random.Random(seed)
        yield defined(BEGAN)
        moment = BEGAN
        for _ in range(150):
            moment += chance.choice([0, 1, 40, 900])
            sides = {
                side: [
                    [chance.choice(self.TICKS), chance.choice([0, 0, 2.5, 47.23, 5644.04])]
                    for _ in range(chance.randint(0, 4))
                ]
                for side in ("atb", "atl")
            }
            image = {"img": True, "marketDefinition": a_definition()}
            runner = {"id": chance.choice([101, 102, 103]), **sides}
            yield changed(moment, runner, **(image if chance.random() < 0.05 else {}))

    @pytest.mark.parametrize("seed", range(12))
    def test_finds_the_same_offers_at_every_moment(self, seed):
        messages, cache, theirs = list(self.messages(seed)), None, {}
        for message in messages:
            (change,) = json.loads(json.dumps(message["mc"]))
            if cache is None or change.get("img"):
                cache = MarketBookCache(MARKET, message["pt"], True, False, False)
            cache.update_cache(change, message["pt"], True)
            for runner in cache.serialise["runners"]:
                theirs[at(message["pt"]), f"#{runner['selectionId']}"] = [
                    [(offer["price"], offer["size"]) for offer in runner["ex"][side][:3]]
                    for side in ("availableToBack", "availableToLay")
                ]
        (batch,) = read(*messages, options={"ladder_ms": 0})
        assert len(batch.ladders) > 50
        for ladder in batch.ladders:
            ours = [[(float(p), float(s)) for p, s in side] for side in (ladder.back, ladder.lay)]
            assert ours == theirs[ladder.seen_at, ladder.runner]
