import json
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import pytest

from markets.connectors.base import Reading
from markets.connectors.odds_api import OddsApi, documents
from tests.markets.columns import listed
from tests.markets.sources.payloads_of import NOW, payload, quotes, told

ODDS = payload("odds_api", "odds.json")
SOCCER = payload("odds_api", "soccer.json")
PROPS = payload("odds_api", "historical_props.json")
HEAT = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
GAMES = json.loads(ODDS)
GAME = GAMES[0]


def parse(body, **options):
    reading = Reading(name="odds.json", fetched_at=NOW, options=options)
    (batch,) = OddsApi().read(BytesIO(body), reading=reading)
    return batch


def games(body=ODDS):
    return json.loads(body)


def dumped(document):
    return json.dumps(document).encode()


def with_market(key, *outcomes, sport_key="basketball_nba"):
    """Return an answer of one game with one market."""
    game = games()[0] | {"sport_key": sport_key}
    book = {"key": "pinnacle", "title": "P", "last_update": "2024-03-01T11:50:00Z"}
    market = {"key": key, "outcomes": list(outcomes)}
    return dumped([game | {"bookmakers": [book | {"markets": [market]}]}])


def outcome(name, price, point=None, description=None):
    found = {"name": name, "price": price, "point": point, "description": description}
    return {key: value for key, value in found.items() if value is not None}


def answers(batch):
    return [(q.kind, q.period, q.line, q.role, q.price) for q in quotes(batch)]


class TestEvents:
    def test_reads_a_game_by_the_publishers_id(self):
        batch = parse(ODDS)
        event = batch.events[0]
        assert (event.ref, event.id, event.record) == (HEAT, HEAT, 1)
        assert (event.competition, event.season) == ("NBA", "2023-24")
        assert (event.home, event.away) == ("Miami Heat", "Utah Jazz")
        assert event.starts_at == datetime(2024, 3, 2, 0, 40, tzinfo=UTC)
        assert [competition.alias for competition in batch.competitions] == ["basketball_nba"]

    def test_counts_a_game_without_prices_as_a_record(self):
        batch = parse(ODDS)
        assert (batch.records, len(batch.events), batch.problems) == (2, 2, [])

    def test_names_a_competition_that_it_does_not_know_by_its_key(self):
        batch = parse(dumped([games()[0] | {"sport_key": "rugbyleague_nrl"}]))
        assert batch.events[0].competition == "rugbyleague_nrl"
        assert batch.competitions == ()

    @pytest.mark.parametrize(
        ("sport_key", "starts", "season"),
        [
            ("basketball_nba", "2023-10-24T23:40:00Z", "2023-24"),
            ("basketball_nba", "2020-10-01T01:00:00Z", "2019-20"),
            ("basketball_wnba", "2025-05-16T23:00:00Z", "2025"),
            ("americanfootball_nfl", "2025-02-09T23:30:00Z", "2024"),
            ("soccer_epl", "2024-08-16T19:00:00Z", "2024-25"),
        ],
    )
    def test_finds_the_season_of_the_local_day(self, sport_key, starts, season):
        game = games()[0] | {"sport_key": sport_key, "commence_time": starts, "bookmakers": []}
        assert parse(dumped([game])).events[0].season == season


class TestPrices:
    def test_reads_all_markets_of_a_game(self):
        assert answers(parse(ODDS)) == [
            ("MONEYLINE", "FULL", None, "HOME", Decimal("1.370")),
            ("MONEYLINE", "FULL", None, "AWAY", Decimal("3.200")),
            ("SPREAD", "FULL", Decimal("-6.50"), "AWAY", Decimal("1.952")),
            ("SPREAD", "FULL", Decimal("-6.50"), "HOME", Decimal("1.870")),
            ("TOTAL", "FULL", Decimal("221.00"), "OVER", Decimal("1.926")),
            ("TOTAL", "FULL", Decimal("221.00"), "UNDER", Decimal("1.893")),
            ("TOTAL", "Q1", Decimal("55.50"), "OVER", Decimal("2.000")),
            ("TOTAL", "Q1", Decimal("55.50"), "UNDER", Decimal("1.833")),
            ("TEAM_TOTAL", "FULL", Decimal("107.50"), "OVER", Decimal("1.909")),
            ("TEAM_TOTAL", "FULL", Decimal("107.50"), "UNDER", Decimal("1.909")),
            ("SPREAD", "FULL", Decimal("-9.50"), "HOME", Decimal("2.200")),
            ("SPREAD", "FULL", Decimal("-9.50"), "AWAY", Decimal("1.714")),
            ("SPREAD", "FULL", Decimal("-3.50"), "HOME", Decimal("1.526")),
        ]

    def test_takes_the_markets_moment_before_the_books(self):
        seen = {(q.kind, q.period): q.seen_at for q in quotes(parse(ODDS))}
        assert seen["MONEYLINE", "FULL"] == datetime(2024, 3, 1, 11, 50, 5, tzinfo=UTC)
        assert seen["TOTAL", "Q1"] == datetime(2024, 3, 1, 11, 50, 10, tzinfo=UTC)

    def test_takes_the_envelopes_moment_where_nobody_tells_one(self):
        assert {q.seen_at for q in quotes(parse(PROPS))} == {
            datetime(2024, 3, 1, 23, 55, 38, tzinfo=UTC)
        }

    def test_names_the_team_that_a_total_is_of(self):
        assert {q.whose for q in quotes(parse(ODDS)) if q.kind == "TEAM_TOTAL"} == {"Utah Jazz"}

    def test_knows_exchanges_and_the_reference_among_books(self):
        books = {book.code: book for book in parse(ODDS).books}
        assert (books["betfair_ex_eu"].kind, books["pinnacle"].kind) == ("EXCHANGE", "BOOKMAKER")
        assert books["pinnacle"].reference_rank == 1

    def test_reads_soccer_as_three_ways_and_asian_handicaps(self):
        assert answers(parse(SOCCER)) == [
            ("ASIAN_HANDICAP", "FULL", Decimal("-0.25"), "HOME", Decimal("1.910")),
            ("ASIAN_HANDICAP", "FULL", Decimal("-0.25"), "AWAY", Decimal("1.990")),
            ("BOTH_SCORE", "FULL", None, "YES", Decimal("1.700")),
            ("BOTH_SCORE", "FULL", None, "NO", Decimal("2.150")),
            ("DRAW_NO_BET", "FULL", None, "HOME", Decimal("1.500")),
            ("DRAW_NO_BET", "FULL", None, "AWAY", Decimal("2.600")),
            ("MATCH_ODDS", "FULL", None, "HOME", Decimal("2.100")),
            ("MATCH_ODDS", "FULL", None, "AWAY", Decimal("3.600")),
            ("MATCH_ODDS", "FULL", None, "DRAW", Decimal("3.400")),
            ("DOUBLE_CHANCE", "FULL", None, "HOME_DRAW", Decimal("1.300")),
            ("DOUBLE_CHANCE", "FULL", None, "HOME_AWAY", Decimal("1.330")),
            ("DOUBLE_CHANCE", "FULL", None, "DRAW_AWAY", Decimal("1.750")),
        ]

    def test_reads_a_draw_in_basketball_as_regulation_time(self):
        body = with_market(
            "h2h", outcome("Miami Heat", -250), outcome("Utah Jazz", 230), outcome("Draw", 1400)
        )
        assert {(q.kind, q.period) for q in quotes(parse(body))} == {("MATCH_ODDS", "REG")}

    def test_reads_players_figures(self):
        batch = parse(PROPS)
        assert [(q.whose, q.statistic, q.line, q.role) for q in quotes(batch)] == [
            ("Ole Sandvik", "points_rebounds", Decimal("24.50"), "OVER"),
            ("Ole Sandvik", "points_rebounds", Decimal("24.50"), "UNDER"),
            ("Teo Marsh", "points_rebounds", Decimal("19.50"), "OVER"),
            ("Ole Sandvik", "double_double", Decimal("0.50"), "OVER"),
        ]
        assert told(batch) == []

    def test_reads_who_is_the_first_and_who_does_it_at_all(self):
        body = with_market(
            "player_first_td", outcome("Yes", 650, description="Teo Marsh"),
            outcome("Yes", 900, description="Ole Sandvik"),
        )  # fmt: skip
        assert [(q.kind, q.statistic, q.line, q.role, q.runner) for q in quotes(parse(body))][
            -2:
        ] == [
            ("PLAYER_LEADER", "first_td", None, "RUNNER", "Teo Marsh"),
            ("PLAYER_LEADER", "first_td", None, "RUNNER", "Ole Sandvik"),
        ]
        body = with_market(
            "player_anytime_td", outcome("Yes", 150, description="Teo Marsh"),
            outcome("No", -200, description="Teo Marsh"),
        )  # fmt: skip
        assert [(q.kind, q.statistic, q.line, q.role, q.whose) for q in quotes(parse(body))][
            -2:
        ] == [
            ("PLAYER_TOTAL", "tds", Decimal("0.50"), "OVER", "Teo Marsh"),
            ("PLAYER_TOTAL", "tds", Decimal("0.50"), "UNDER", "Teo Marsh"),
        ]

    def test_reads_who_wins_outright_with_all_runners(self):
        batch = parse(payload("odds_api", "outrights.json"))
        event, market = batch.events[0], batch.markets[0]
        assert (event.home, event.away, event.name) == ("", "", "NBA Championship Winner")
        assert [runner.name for runner in market.runners] == [
            "Denver Nuggets", "Miami Heat", "Utah Jazz",
        ]  # fmt: skip
        assert [(q.kind, q.role, q.runner, q.price) for q in quotes(batch)][2] == (
            "OUTRIGHT", "RUNNER", "Utah Jazz", Decimal("501.000"),
        )  # fmt: skip


class TestOddsFormats:
    def test_is_told_by_the_option(self):
        body = with_market("h2h", outcome("Miami Heat", 101), outcome("Utah Jazz", 150))
        assert [q.price for q in quotes(parse(body, oddsFormat="decimal"))] == [101, 150]
        assert [q.price for q in quotes(parse(body))] == [Decimal("2.01"), Decimal("2.5")]

    def test_is_guessed_from_all_prices_of_an_answer(self):
        body = with_market("h2h", outcome("Miami Heat", 1.01), outcome("Utah Jazz", 17))
        assert [q.price for q in quotes(parse(body))] == [Decimal("1.010"), 17]

    def test_is_not_changed_by_one_wrong_price(self):
        batch = parse(with_market("h2h", outcome("Miami Heat", -120), outcome("Utah Jazz", 8)))
        assert [q.price for q in quotes(batch)] == [Decimal("1.833")]
        assert told(batch) == [(1, "MONEYLINE price", False)]

    def test_accepts_numbers_written_as_text(self):
        body = with_market("h2h", outcome("Miami Heat", "-120"), outcome("Utah Jazz", "+100"))
        assert [q.price for q in quotes(parse(body))] == [Decimal("1.833"), 2]

    @pytest.mark.parametrize(
        "price",
        [None, True, "5/2", "NaN", "", [], {}, 99, -99.5, 0, 10**30, "١٥٠", "1_000", -1e9, 2**63],
    )
    def test_leaves_out_a_price_that_is_none(self, price):
        body = with_market(
            "h2h", outcome("Miami Heat", -120), {"name": "Utah Jazz", "price": price}
        )
        batch = parse(body, oddsFormat="american")
        assert [(q.role, q.price) for q in quotes(batch)] == [("HOME", Decimal("1.833"))]
        assert told(batch) == [(1, "MONEYLINE price", False)]


class TestLines:
    def test_leaves_out_a_spread_whose_sides_stand_on_different_lines(self):
        body = with_market(
            "spreads", outcome("Miami Heat", -110, -6.5), outcome("Utah Jazz", -110, 7.5)
        )
        batch = parse(body)
        assert (quotes(batch), told(batch)) == ([], [(1, "spreads", False)])

    def test_keeps_a_lone_alternate_side(self):
        batch = parse(with_market("alternate_spreads", outcome("Utah Jazz", -110, 7.5)))
        assert [(q.role, q.line) for q in quotes(batch)] == [("AWAY", Decimal("-7.50"))]

    @pytest.mark.parametrize("point", [None, 6.3, 100_000])
    def test_leaves_out_a_line_that_no_market_has(self, point):
        body = with_market("spreads", outcome("Miami Heat", -110, point))
        batch = parse(body)
        assert (quotes(batch), told(batch)) == ([], [(1, "spreads", False)])

    def test_writes_a_level_handicap_without_a_sign(self):
        body = with_market(
            "spreads", outcome("Miami Heat", -110, -0.0), outcome("Utah Jazz", -110, 0.0)
        )
        assert {str(q.line) for q in quotes(parse(body))} == {"0.00"}


class TestProblems:
    @pytest.mark.parametrize(
        ("key", "outcomes"),
        [
            ("first_team_to_score", [outcome("Miami Heat", 150)]),
            ("h2h", [outcome("Miami", -120), outcome("Utah Jazz", 100)]),
            ("totals", [outcome("Odd", -110, 220.5), outcome("Under", -110, 220.5)]),
            ("team_totals", [outcome("Over", -110, 99.5, "Orlando Magic")]),
            ("player_points", [outcome("Over", -110, 9.5)]),
            ("player_first_td", [outcome("No", -900, description="Teo Marsh")]),
            ("player_anytime_td", [outcome("Yes", 150)]),
            ("outrights", [outcome("Miami Heat", 400)]),
        ],
    )
    def test_tells_of_a_market_or_answer_that_is_not_read(self, key, outcomes):
        batch = parse(with_market(key, *outcomes))
        assert {(row, at) for row, at, _ in told(batch)} == {(1, key)}
        assert len(batch.events) == 1

    def test_reads_no_price_at_which_one_lays(self):
        assert {q.book for q in quotes(parse(ODDS)) if q.record == 1} == {"pinnacle"}
        assert parse(with_market("h2h_lay", outcome("Miami Heat", -120))).problems == []

    @pytest.mark.parametrize("stamp", ["yesterday", "2024-03-01T11:50:00", "0001-01-01T00:00:00Z"])
    def test_leaves_out_a_market_without_a_moment_that_can_be(self, stamp):
        game = games()[0]
        game["bookmakers"][0]["markets"][0]["last_update"] = stamp
        batch = parse(dumped([game]))
        assert told(batch) == [(1, "last_update", False)]
        assert len(quotes(batch)) == 11

    def test_leaves_out_a_book_whose_key_is_none(self):
        game = games()[0]
        game["bookmakers"][0]["key"] = "<b>Book</b>"
        batch = parse(dumped([game]))
        assert (quotes(batch), told(batch)) == ([], [(1, "bookmakers", False)])

    @pytest.mark.parametrize(
        "change",
        [
            {"commence_time": "soon"},
            {"commence_time": "2024-03-02T00:40:00"},
            {"id": ""},
            {"id": 7},
            {"home_team": "Utah Jazz"},
            {"away_team": None},
            {"bookmakers": "none"},
        ],
    )
    def test_refuses_a_game_and_reads_the_others(self, change):
        batch = parse(dumped([games()[0] | change, games()[1]]))
        assert batch.records == 2
        assert told(batch)[0][0] == 1 and told(batch)[0][2]
        assert [event.record for event in batch.events] == [2]

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"", "not an empty payload"),
            (b"<!DOCTYPE html><p>Sorry", "not a web page"),
            (b"\xff\xfe[\x00", "UTF-16"),
            (b'{"message": "You are out of credits", "error_code": "X"}', "out of credits"),
            (b'{"x": 1}', "an envelope with data"),
            (b'{"timestamp": "2024-03-01T23:55:38Z", "data": null}', "an envelope with data"),
            (ODDS[:-40], "whole JSON"),
            (b"[" * 200_000, "JSON"),
            (b"7", ""),
        ],
    )
    def test_is_one_problem_without_a_row_where_nothing_can_be_read(self, body, expected):
        batch = parse(body)
        assert [(row, reject) for row, _, reject in told(batch)] == [(None, False)]
        assert expected in batch.problems[0].message
        assert batch.records == 0

    def test_reads_nothing_from_a_day_without_games(self):
        for body in (b"[]", b'{"timestamp": "2024-07-01T12:00:00Z", "data": []}'):
            assert (parse(body).records, parse(body).problems) == (0, [])

    def test_survives_a_cut_at_every_byte(self):
        for end in range(0, len(SOCCER), 97):
            assert parse(SOCCER[:end]).problems


class TestResults:
    def test_reads_final_scores_by_the_sides_names(self):
        batch = parse(payload("odds_api", "scores.json"))
        (result,) = batch.results
        assert (result.event_ref, result.home_score, result.away_score) == (HEAT, 104, 98)
        assert result.known_at == datetime(2024, 3, 2, 3, 22, 48, tzinfo=UTC)
        assert len(batch.events) == batch.records == 2

    @pytest.mark.parametrize("score", ["", "ten", -1, 5.5, True, None, "1000"])
    def test_tells_no_result_without_two_whole_scores(self, score):
        scores = json.loads(payload("odds_api", "scores.json"))
        scores[0]["scores"][0]["score"] = score
        batch = parse(dumped(scores))
        assert (batch.results, told(batch)) == ([], [(1, "scores", False)])


class TestALargeAnswer:
    """Its games are read portion by portion; they tell what they tell together."""

    WRONG = [
        {**GAME, "id": "bad", "commence_time": None},
        {**GAME, "id": "huge", "bookmakers": [
            {"key": "a", "markets": [{"key": "h2h", "last_update": "2024-03-01T11:00:00Z",
             "outcomes": [{"name": GAME["home_team"], "price": "HUGE"},
                          {"name": GAME["away_team"], "price": 150}]}]}]},
        "no game",
    ]  # fmt: skip

    def told(self, batches):
        return [
            [(e.ref, e.record, e.known_at) for batch in batches for e in batch.events],
            [(p.row, p.field, p.message, p.is_rejection) for b in batches for p in b.problems],
            sorted(str(price) for batch in batches for price in listed(batch.columns)),
            sum(batch.records for batch in batches),
        ]  # fmt: skip

    @pytest.mark.parametrize("size", [1, 3_000, 10**9], ids=["one", "few", "all"])
    @pytest.mark.parametrize(
        "shape",
        [b"%s", b"\xef\xbb\xbf %s", b'{"timestamp": "2024-03-01T11:55:00Z", "data": %s}'],
        ids=["list", "marked list", "history"],
    )
    @pytest.mark.parametrize("more", [[], WRONG], ids=["good", "flawed"])
    def test_is_read_in_portions_of_bytes(self, monkeypatch, size, shape, more):
        monkeypatch.setattr(documents, "PORTION", size)
        body = shape % dumped([*GAMES, *more, *GAMES]).replace(b'"HUGE"', b"1e400")
        reading = Reading(name="odds.json", fetched_at=NOW)
        batches = list(OddsApi().read(BytesIO(body), reading=reading))
        whole = OddsApi().parse(body, name="odds.json", fetched_at=NOW)
        assert self.told(batches) == self.told([whole])
        n = 2 * len(GAMES) + len(more)
        assert [batch.records for batch in batches] == {1: [1] * n, 10**9: [n]}.get(
            size, [batch.records for batch in batches]
        )
        refused = {problem[0] for problem in self.told([whole])[1] if problem[3]}
        assert refused == ({len(GAMES) + 1, len(GAMES) + 3} if more else set())

    @pytest.mark.parametrize(
        "body",
        [b'[{"id": 1}', b'{"data": [1, 2', b'{"data": [], "data": []}', b"[" * 99, b'{"data": 5}',
         b'{"message": "no"}', b'{"timestamp": [], "data": []}', b"[NaN", b"\xff[]"],
    )  # fmt: skip
    def test_that_is_none_is_refused_in_the_same_words(self, monkeypatch, body):
        whole = OddsApi().parse(body, name="odds.json", fetched_at=NOW)
        monkeypatch.setattr(documents, "PORTION", 0)
        reading = Reading(name="odds.json", fetched_at=NOW)
        batches = list(OddsApi().read(BytesIO(body), reading=reading))
        assert self.told(batches) == self.told([whole])
        assert [problem.row for problem in whole.problems] == [None]


class TestMoments:
    def test_that_no_market_needs_are_not_judged(self):
        games = [{**GAME, "bookmakers": [{"key": "a", "last_update": "never", "markets": [
            {"key": "h2h", "last_update": "2024-03-01T11:00:00Z", "outcomes": [
                {"name": GAME["home_team"], "price": 120},
                {"name": GAME["away_team"], "price": -140}]}]}]}]  # fmt: skip
        batch = parse(dumped(games))
        assert (batch.problems, len(listed(batch.columns))) == ([], 2)


class TestRead:
    def test_numbers_records_through_portions(self, monkeypatch):
        monkeypatch.setattr("markets.connectors.odds_api.RECORDS_AT_MOST", 1)
        reading = Reading(name="odds.json", fetched_at=NOW)
        portions = list(OddsApi().read(BytesIO(ODDS), reading=reading))
        assert [event.record for portion in portions for event in portion.events] == [1, 2]
        assert [portion.records for portion in portions] == [1, 1]

    def test_tells_the_same_as_the_whole_payload(self):
        whole = OddsApi().parse(ODDS, name="odds.json", fetched_at=NOW)
        assert quotes(whole) == quotes(parse(ODDS))
