"""Pinnacle's guest and v3 shapes, written by us."""

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from markets.connectors.base import Answer, Asked, Reading
from markets.connectors.pinnacle import Pinnacle

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAYLOADS = Path(__file__).parent / "payloads" / "pinnacle"


def read(payload, name="straight.json", **options):
    if isinstance(payload, str):
        payload = (PAYLOADS / payload).read_bytes()
    elif not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    reading = Reading(name, NOW, options=options)
    (batch,) = Pinnacle().read(io.BytesIO(payload), reading=reading)
    return batch


def rejected(batch):
    return [(problem.row, problem.field) for problem in batch.problems if problem.is_rejection]


def matchup(**changes):
    return {**json.loads((PAYLOADS / "matchups.json").read_text())[0], **changes}


def straight(**changes):
    return {**json.loads((PAYLOADS / "straight.json").read_text())[0], **changes}


class TestMatchups:
    def test_are_events_by_their_own_ids(self):
        batch = read("matchups.json", "matchups.json")
        soccer, basketball = batch.events
        assert (soccer.id, soccer.competition, soccer.season) == (
            "1601", "England - Premier League", "2026-27",
        )  # fmt: skip
        assert (soccer.home, soccer.away) == ("Alders", "Birches")
        assert soccer.starts_at == datetime(2026, 11, 28, 15, tzinfo=UTC)
        assert (basketball.season, basketball.is_known_only) == ("2026-27", False)
        assert {(c.alias, c.code) for c in batch.competitions} == {
            ("England - Premier League", "E0"),
            ("NBA", "NBA"),
        }

    def test_refuse_specials_and_live_copies(self):
        batch = read("matchups.json", "matchups.json")
        assert rejected(batch) == [(3, "type"), (4, "isLive")]
        assert batch.records == 4

    @pytest.mark.parametrize(
        "change, field",
        [
            ({"startTime": "2026-11-28T15:00:00"}, "startTime"),
            ({"startTime": "soon"}, "startTime"),
            ({"participants": []}, "participants"),
            ({"participants": [{"alignment": "home", "name": "A"}] * 2}, "participants"),
            (
                {
                    "participants": [
                        {"alignment": "home", "name": "A"},
                        {"alignment": "away", "name": " A "},
                    ]
                },
                "name",
            ),
            ({"league": {"name": "X", "sport": {"name": "Quidditch"}}}, "sport"),
            ({"id": "one"}, ""),
            ({"id": 1601}, "id"),
        ],
    )
    def test_refuse_one_that_cannot_be_used_and_take_the_others(self, change, field):
        batch = read([matchup(), matchup(id=7) | change, matchup(id=8)], "matchups.json")
        assert rejected(batch) == [(2, field)]
        assert [event.id for event in batch.events] == ["1601", "8"]

    def test_of_a_league_that_nobody_mapped_make_no_competition(self):
        league = {"name": "Club Friendlies", "sport": {"name": "Soccer"}}
        batch = read([matchup(league=league)], "matchups.json")
        assert (batch.events[0].competition, batch.competitions) == ("Club Friendlies", [])


class TestStraightMarkets:
    def test_become_prices_at_the_moment_of_the_look(self):
        batch = read("straight.json")
        found = [(p.kind, p.period, p.line, p.role, p.participant, p.price) for p in batch.prices]
        assert found == [
            ("MATCH_ODDS", "FULL", None, "HOME", "", Decimal("1.870")),
            ("MATCH_ODDS", "FULL", None, "DRAW", "", Decimal("3.600")),
            ("MATCH_ODDS", "FULL", None, "AWAY", "", Decimal("4.400")),
            ("ASIAN_HANDICAP", "FULL", Decimal("-0.75"), "HOME", "", Decimal("2.020")),
            ("ASIAN_HANDICAP", "FULL", Decimal("-0.75"), "AWAY", "", Decimal("1.893")),
            ("ASIAN_HANDICAP", "FULL", Decimal("-1"), "HOME", "", Decimal("2.400")),
            ("ASIAN_HANDICAP", "FULL", Decimal("-1"), "AWAY", "", Decimal("1.625")),
            ("TOTAL", "H1", Decimal("1.25"), "OVER", "", Decimal("1.952")),
            ("TOTAL", "H1", Decimal("1.25"), "UNDER", "", Decimal("1.952")),
            ("TEAM_TOTAL", "FULL", Decimal("0.5"), "OVER", "#AWAY", Decimal("1.556")),
            ("TEAM_TOTAL", "FULL", Decimal("0.5"), "UNDER", "#AWAY", Decimal("2.550")),
        ]
        assert {(p.seen_at, p.book) for p in batch.prices} == {(NOW, "pinnacle")}

    def test_join_events_that_are_known_and_never_make_one(self):
        batch = read("straight.json")
        assert [(e.id, e.starts_at, e.is_known_only) for e in batch.events] == [
            ("1601", None, True),
            ("1602", None, True),
        ]
        assert batch.records == 2
        assert {price.record for price in batch.prices} == {1}

    def test_that_are_suspended_or_past_their_cut_off_have_no_price(self):
        batch = read("straight.json")
        assert "1602" not in {price.event_ref for price in batch.prices}
        assert batch.problems == []

    def test_name_a_handicap_by_the_sport(self):
        prices = [
            {"designation": "home", "points": -3.5, "price": -110},
            {"designation": "away", "points": 3.5, "price": -110},
        ]
        spread = straight(type="spread", prices=prices)
        assert read([spread], "sports/4/markets/straight").prices[0].kind == "SPREAD"
        assert read([spread], "sports/29/markets/straight").prices[0].kind == "ASIAN_HANDICAP"
        assert read([spread], sport=15).prices[0].kind == "SPREAD"
        unknown = read([spread])
        assert [(p.row, p.field, p.is_rejection) for p in unknown.problems] == [
            (1, "spread", False)
        ]
        assert list(unknown.prices) == []

    def test_without_a_draw_ask_for_the_winner(self):
        prices = straight()["prices"][::2]
        assert {p.kind for p in read([straight(prices=prices)]).prices} == {"MONEYLINE"}

    def test_are_read_in_decimal_odds_where_the_options_say_so(self):
        prices = [{"designation": d, "price": 2.5} for d in ("home", "draw", "away")]
        batch = read([straight(prices=prices)], odds_format="decimal")
        assert {price.price for price in batch.prices} == {Decimal("2.500")}

    @pytest.mark.parametrize(
        "change, field",
        [
            ({"prices": [{"designation": "home", "price": 50}]}, "moneyline"),
            ({"prices": [{"designation": "nobody", "price": 150}]}, "designation"),
            ({"type": "moneylines"}, "type"),
            ({"type": "total", "prices": [
                {"designation": "over", "points": 2.5, "price": 100},
                {"designation": "under", "points": 3, "price": 100}]}, "points"),
            ({"type": "total", "prices": [{"designation": "over", "points": 2.3, "price": 100}]},
             "points"),
            ({"type": "spread", "prices": [
                {"designation": "home", "points": -1, "price": 100},
                {"designation": "away", "points": -1, "price": 100}]}, "points"),
            ({"type": "spread", "prices": [
                {"designation": "home", "points": -1, "price": 100}]}, "spread"),
            ({"prices": None}, ""),
            ({"prices": [{"designation": "home", "price": "x"}]}, ""),
        ],
    )  # fmt: skip
    def test_leave_out_a_market_that_is_none_and_keep_the_others(self, change, field):
        batch = read([straight(**change), straight()], sport=29)
        assert [(p.row, p.field, p.is_rejection) for p in batch.problems] == [(1, field, False)]
        assert len(batch.prices) == 3

    def test_that_name_no_matchup_are_refused(self):
        batch = read([straight(), {"type": "moneyline", "prices": []}])
        assert (rejected(batch), batch.records) == ([(2, "matchupId")], 2)


class TestOlderShape:
    def test_reads_fixtures(self):
        batch = read("fixtures.json", "fixtures.json")
        assert [(e.id, e.competition, e.season) for e in batch.events] == [("2001", "NFL", "2026")]
        assert (rejected(batch), batch.records) == ([(2, "liveStatus")], 2)

    def test_reads_odds_of_open_periods(self):
        batch = read("odds.json", "odds.json")
        found = {(p.kind, p.period, p.line, p.role, p.participant): p.price for p in batch.prices}
        assert found == {
            ("MONEYLINE", "FULL", None, "HOME", ""): Decimal("1.556"),
            ("MONEYLINE", "FULL", None, "AWAY", ""): Decimal("2.600"),
            ("SPREAD", "FULL", Decimal("-3.5"), "HOME", ""): Decimal("1.962"),
            ("SPREAD", "FULL", Decimal("-3.5"), "AWAY", ""): Decimal("1.926"),
            ("SPREAD", "FULL", Decimal("-3.0"), "HOME", ""): Decimal("1.800"),
            ("SPREAD", "FULL", Decimal("-3.0"), "AWAY", ""): Decimal("2.080"),
            ("TOTAL", "FULL", Decimal("44.5"), "OVER", ""): Decimal("1.909"),
            ("TOTAL", "FULL", Decimal("44.5"), "UNDER", ""): Decimal("1.980"),
            ("TEAM_TOTAL", "FULL", Decimal("24.5"), "OVER", "#HOME"): Decimal("1.952"),
            ("TEAM_TOTAL", "FULL", Decimal("24.5"), "UNDER", "#HOME"): Decimal("1.870"),
            ("TOTAL", "Q1", Decimal("9.5"), "OVER", ""): Decimal("2.000"),
            ("TOTAL", "Q1", Decimal("9.5"), "UNDER", ""): Decimal("1.820"),
        }
        assert (batch.records, batch.problems) == (1, [])


class TestPayload:
    @pytest.mark.parametrize(
        "payload",
        [b"", b"<html>", b"[", b'{"error": "no"}', b'"text"', b"\xff\xfe[\x00", b"[1e999999]"],
    )
    def test_that_is_another_is_told_and_breaks_nothing(self, payload):
        batch = read(payload)
        assert list(batch.prices) == []
        assert batch.problems

    @pytest.mark.parametrize("element", [None, 1, "x", [], {}])
    def test_with_an_element_that_is_none_refuses_that_one(self, element):
        batch = read([straight(), element])
        assert (rejected(batch), len(batch.prices)) == ([(2, "matchupId")], 3)

    def test_that_is_empty_brings_nothing(self):
        batch = read([])
        assert (batch.records, batch.problems) == (0, [])


class TestAsking:
    def test_asks_for_matchups_before_their_markets_with_the_key_in_a_header(self):
        asked = []

        def get(url, *, params, headers):
            asked.append((url, headers))
            return Answer("x", url, b"[]")

        about = Asked(
            options={"sports": [29]},
            location="https://feed.example/0.1/",
            since=date(2026, 11, 21),
            credentials={"key": SecretStr("hidden")},
            now=NOW,
        )
        answers = list(Pinnacle().ask(asked=about, get=get))
        assert [url for url, _ in asked] == [
            "https://feed.example/0.1/sports/29/matchups",
            "https://feed.example/0.1/sports/29/markets/straight",
        ]
        assert {headers["X-API-Key"] for _, headers in asked} == {"hidden"}
        assert [answer.name for answer in answers] == [
            "sports/29/matchups",
            "sports/29/markets/straight",
        ]
        assert "hidden" not in repr(answers)

    def test_sorts_a_folder_so_that_events_come_first(self):
        names = ["a_straight.json", "b_odds.json", "c_matchups.json", "d_fixtures.json"]
        assert sorted(names, key=Pinnacle().order)[:2] == ["c_matchups.json", "d_fixtures.json"]

    @pytest.mark.parametrize(
        "options, wrong",
        [
            ({}, 0),
            ({"sports": [29, 4], "sport": 29, "odds_format": "decimal"}, 0),
            ({"sports": "29"}, 1),
            ({"sports": [999]}, 1),
            ({"sport": 1}, 1),
            ({"odds_format": "fractional", "x": 1}, 2),
        ],
    )
    def test_checks_its_options(self, options, wrong):
        assert len(Pinnacle().check_options(options)) == wrong
