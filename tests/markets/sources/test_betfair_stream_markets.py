import json
from decimal import Decimal

import pytest

from markets.connectors.betfair_stream import BetfairStream
from tests.markets.sources.betfair import (
    BEGAN,
    MARKET,
    OFF,
    a_catalogue,
    changed,
    defined,
)
from tests.markets.sources.streamed import parse, read


class TestNames:
    NAMELESS = [{"id": number, "status": "ACTIVE"} for number in (101, 102, 103)]

    def test_come_from_the_catalogue_beside_the_recording(self):
        files = {f"{MARKET}.json": json.dumps(a_catalogue()).encode()}
        (batch,) = read(defined(BEGAN, runners=self.NAMELESS), companion=files.get)
        assert [(r.name, r.number) for r in batch.markets[0].runners][:1] == [("Plum Duff", 1)]

    def test_come_from_a_catalogue_named_after_the_recording(self):
        files = {"moe.json": json.dumps(a_catalogue()).encode()}
        (batch,) = read(
            defined(BEGAN, runners=self.NAMELESS), companion=files.get, name="day/moe.bz2"
        )
        assert batch.markets[0].runners[2].name == "Rhubarb Fool"

    def test_come_with_a_later_definition_and_stay(self):
        named = defined(BEGAN + 1)
        batch = parse(defined(BEGAN, runners=self.NAMELESS), named,
                      defined(BEGAN + 2, runners=self.NAMELESS))  # fmt: skip
        assert [(r.name, r.number) for r in batch.markets[0].runners][:1] == [("Plum Duff", 1)]

    @pytest.mark.parametrize("beside", [None, b"no catalogue"])
    def test_stay_unknown_without_one(self, beside):
        (batch,) = read(defined(BEGAN, runners=self.NAMELESS), companion=lambda name: beside)
        assert [(r.name, r.id) for r in batch.markets[0].runners][:1] == [("", "101")]

    def test_a_catalogue_is_a_record_of_its_own(self):
        batch = parse({**a_catalogue(), "op": "marketCatalogue"})
        assert (batch.records, len(batch.events), len(batch.markets[0].runners)) == (1, 1, 3)
        assert batch.problems == []

    def test_catalogues_are_read_before_recordings(self):
        files = ["1.1", "1.1.json", "1.0"]
        assert sorted(files, key=BetfairStream().order) == ["1.1.json", "1.0", "1.1"]


class TestMatches:
    SIDES = [{"id": 1, "name": "Alders", "status": "ACTIVE"},
             {"id": 2, "name": "Birches", "status": "ACTIVE"},
             {"id": 58805, "name": "The Draw", "status": "ACTIVE"}]  # fmt: skip
    SOCCER = {
        "eventTypeId": "1",
        "eventName": "Alders v Birches",
        "venue": "",
        "name": "Match Odds",
    }

    def keys(self, *, runners, **fields):
        values = {**self.SOCCER, "marketType": "MATCH_ODDS", "runners": runners, **fields}
        offers = [{"id": r["id"], "hc": r.get("hc", 0), "atb": [[2.0, 5]]} for r in runners]
        return parse(defined(BEGAN, **values), changed(BEGAN + 1, *offers))

    def test_answers_go_by_the_runners_names(self):
        batch = self.keys(runners=list(reversed(self.SIDES)))
        assert [(key[1], key[6]) for key in batch.columns.keys] == [
            ("MATCH_ODDS", "DRAW"), ("MATCH_ODDS", "AWAY"), ("MATCH_ODDS", "HOME"),
        ]  # fmt: skip

    def test_join_an_event_that_stands_by_its_id(self):
        (event,) = self.keys(runners=self.SIDES).events
        assert (event.id, event.is_known_only, event.competition) == ("31000001", True, "")
        assert (event.home, event.away, event.season) == ("Alders", "Birches", "2030-31")

    def test_at_means_that_the_second_plays_at_home(self):
        two = [{**runner} for runner in self.SIDES[:2]]
        batch = self.keys(runners=two, eventName="Alders @ Birches", eventTypeId="6423")
        assert [(key[1], key[6]) for key in batch.columns.keys] == [
            ("MONEYLINE", "AWAY"), ("MONEYLINE", "HOME"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("market_type", "expected"),
        [
            ("OVER_UNDER_25", ("TOTAL", "FULL", Decimal("2.5"), "OVER")),
            ("FIRST_HALF_GOALS_15", ("TOTAL", "H1", Decimal("1.5"), "OVER")),
        ],
    )
    def test_totals_carry_their_line(self, market_type, expected):
        goals = [{"id": 1, "name": "Over 2.5 Goals"}, {"id": 2, "name": "Under 2.5 Goals"}]
        key = self.keys(runners=goals, marketType=market_type).columns.keys[0]
        assert (key[1], key[2], key[3], key[6]) == expected

    def test_a_handicap_is_the_home_sides(self):
        lines_of = [{**self.SIDES[0], "hc": -0.25}, {**self.SIDES[1], "hc": 0.25},
                    {**self.SIDES[0], "hc": 1.0}, {**self.SIDES[1], "hc": -1.0}]  # fmt: skip
        keys = self.keys(runners=lines_of, marketType="ASIAN_HANDICAP").columns.keys
        assert [(float(key[3]), key[6]) for key in keys] == [
            (-0.25, "HOME"), (-0.25, "AWAY"), (1.0, "HOME"), (1.0, "AWAY"),
        ]  # fmt: skip

    def test_name_the_ids_that_orders_go_by(self):
        (market,) = self.keys(runners=self.SIDES).markets
        assert (market.id, set(market.answers)) == (
            MARKET, {("1", "HOME"), ("2", "AWAY"), ("58805", "DRAW")},
        )  # fmt: skip

    def test_of_a_handicap_are_one_market_for_each_line(self):
        lines_of = [{**self.SIDES[0], "hc": -0.25}, {**self.SIDES[1], "hc": 0.25},
                    {**self.SIDES[0], "hc": 1.0}, {**self.SIDES[1], "hc": -1.0}]  # fmt: skip
        found = self.keys(runners=lines_of, marketType="ASIAN_HANDICAP").markets
        assert [(float(m.line), m.id, m.part_of, list(m.answers)) for m in found] == [
            (-0.25, "", MARKET, [("1:-0.25", "HOME"), ("2:0.25", "AWAY")]),
            (1.0, "", MARKET, [("1:1", "HOME"), ("2:-1", "AWAY")]),
        ]

    def test_keep_a_ladder_of_each_answer(self):
        goals = [{"id": 1, "name": "Over 2.5 Goals"}, {"id": 2, "name": "Under 2.5 Goals"}]
        ladders = self.keys(runners=goals, marketType="OVER_UNDER_25").ladders
        assert [(one.kind, float(one.line), one.role, one.runner) for one in ladders] == [
            ("TOTAL", 2.5, "OVER", ""), ("TOTAL", 2.5, "UNDER", ""),
        ]  # fmt: skip

    def test_a_runner_that_is_no_side_refuses_the_market(self):
        wrong = [{**self.SIDES[0], "name": "Alders FC"}, *self.SIDES[1:]]
        problem = self.keys(runners=wrong).problems[0]
        assert (problem.field, problem.is_rejection) == ("runners", True)
        assert problem.message == ("an answer to MATCH_ODDS of 'Alders v Birches', not 'Alders FC'")

    def test_have_no_result_here(self):
        ended = [{**self.SIDES[0], "status": "WINNER"}, *self.SIDES[1:]]
        values = {**self.SOCCER, "marketType": "MATCH_ODDS"}
        batch = parse(
            defined(BEGAN, runners=self.SIDES, **values),
            defined(OFF, runners=ended, status="CLOSED", **values),
        )
        assert (batch.results, batch.problems) == ([], [])
