import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from markets.connectors.espn import Espn
from tests.markets.sources.payloads_of import NOW, payload, told

SCOREBOARD = payload("espn", "scoreboard.json")
SUMMARY = payload("espn", "summary.json")


def parse(body, fetched_at=NOW):
    return Espn().parse(body, name="espn.json", fetched_at=fetched_at)


def first_game(**changes):
    """Return a scoreboard of its first game with these fields instead of its own."""
    game = json.loads(SCOREBOARD)["events"][0]
    return json.dumps({"events": [game | changes]}).encode()


def with_state(name):
    game = json.loads(SCOREBOARD)["events"][0]
    game["competitions"][0]["status"]["type"]["name"] = name
    return json.dumps({"events": [game]}).encode()


class TestScoreboard:
    def test_counts_games_and_finds_their_league_by_their_teams(self):
        batch = parse(SCOREBOARD)
        assert batch.records == 6
        assert [(event.competition, event.season) for event in batch.events] == [
            ("WNBA", "2025"),
            ("WNBA", "2025"),
            ("WNBA", "2025"),
            ("WNBA", "2025"),
            ("NBA", "2025-26"),
        ]
        assert {competition.code for competition in batch.competitions} == {"WNBA", "NBA"}

    def test_refuses_a_game_between_all_stars(self):
        batch = parse(SCOREBOARD)
        assert told(batch) == [(6, "type", True)]
        assert batch.problems[0].message == "a league game, not an all-star one"

    def test_reads_a_final_with_its_quarters_and_overtime(self):
        result = parse(SCOREBOARD).results[0]
        assert (result.status, result.home_score, result.away_score) == ("FINAL", 81, 88)
        assert (result.home_score_half, result.away_score_half) == (41, 39)
        assert result.periods["Q1"] == [20, 19] and result.periods["OT"] == [7, 14]
        assert result.had_overtime

    def test_takes_the_nought_before_the_start_for_no_result(self):
        batch = parse(SCOREBOARD)
        assert {result.event_ref for result in batch.results} == {"900101", "900104"}

    def test_leaves_a_postponed_game_open_and_ends_a_cancelled_one(self):
        batch = parse(SCOREBOARD)
        assert [event.status for event in batch.events[2:4]] == ["POSTPONED", "CANCELLED"]
        assert [(r.event_ref, r.status) for r in batch.results[1:]] == [("900104", "CANCELLED")]

    def test_knows_neutral_ground(self):
        assert [event.is_neutral for event in parse(SCOREBOARD).events[:2]] == [False, True]

    def test_is_known_three_hours_after_the_start_or_when_it_was_fetched(self):
        start = datetime(2025, 7, 6, 17, 0, tzinfo=UTC)
        live = start + timedelta(hours=2, minutes=10)
        assert parse(first_game()).results[0].known_at == start + timedelta(hours=3)
        assert parse(first_game(), fetched_at=live).results[0].known_at == live

    @pytest.mark.parametrize(
        ("state", "status"),
        [
            ("STATUS_IN_PROGRESS", "LIVE"),
            ("STATUS_HALFTIME", "LIVE"),
            ("STATUS_DELAYED", "SCHEDULED"),
        ],
    )
    def test_follows_a_game_that_is_on(self, state, status):
        batch = parse(with_state(state))
        assert (batch.events[0].status, batch.results) == (status, [])

    def test_tells_of_a_state_that_it_does_not_know(self):
        batch = parse(with_state("STATUS_FORFEIT"))
        assert told(batch) == [(1, "status", False)]
        assert (len(batch.events), batch.results) == (1, [])

    def test_leaves_out_quarters_that_do_not_sum_to_the_score(self):
        game = json.loads(SCOREBOARD)["events"][0]
        game["competitions"][0]["competitors"][0]["linescores"][0]["displayValue"] = "21"
        batch = parse(json.dumps({"events": [game]}).encode())
        assert told(batch) == [(1, "linescores", False)]
        assert (batch.results[0].periods, batch.results[0].home_score) == ({}, 81)

    @pytest.mark.parametrize("score", ["", "x", None, -3, True, 81.5])
    def test_tells_no_result_without_two_whole_scores(self, score):
        game = json.loads(SCOREBOARD)["events"][0]
        game["competitions"][0]["competitors"][0]["score"] = score
        batch = parse(json.dumps({"events": [game]}).encode())
        assert (told(batch), batch.results) == ([(1, "score", False)], [])

    @pytest.mark.parametrize(
        ("change", "at"),
        [
            ({"competitions": []}, "competitors"),
            ({"id": ""}, "competitors"),
            ({"season": {"year": 2025, "type": 1}}, "season"),
            ({"season": {"year": "this"}}, ""),
        ],
    )
    def test_refuses_what_is_no_league_game(self, change, at):
        batch = parse(first_game(**change))
        assert (batch.records, told(batch), batch.events) == (1, [(1, at, True)], [])

    def test_refuses_teams_of_no_league_that_is_known(self):
        body = SCOREBOARD.replace(b"New York Liberty", b"Nowhere Gulls")
        assert (1, "league", True) in told(parse(body))

    def test_refuses_a_start_that_cannot_be(self):
        body = SCOREBOARD.replace(b"2025-07-06T17:00Z", b"6 July 2025")
        assert told(parse(body))[0] == (1, "date", True)


class TestSummary:
    def test_reads_a_game_with_the_figures_of_its_players(self):
        (result,) = parse(SUMMARY).results
        points = {s.person.name: s.value for s in result.statistics if s.statistic == "points"}
        assert points == {"May Tran": 21, "Eve Sand": None, "Ida Holm": 18, "Bea Roth": None}
        threes = {s.person.id: s.value for s in result.statistics if s.statistic == "threes"}
        assert threes["501"] == Decimal(2)
        assert result.had_overtime

    def test_says_who_took_no_part(self):
        (result,) = parse(SUMMARY).results
        took_part = {s.person.name: s.took_part for s in result.statistics}
        assert took_part == {
            "May Tran": True, "Eve Sand": False, "Ida Holm": True, "Bea Roth": False,
        }  # fmt: skip

    def test_leaves_out_a_figure_that_is_none(self):
        batch = parse(SUMMARY)
        assert told(batch) == [(1, "AST", False)]
        figures = [(s.person.name, s.statistic) for s in batch.results[0].statistics]
        assert ("Ida Holm", "assists") not in figures
        assert len(figures) == len(set(figures))

    def test_names_starters_by_team_and_referees(self):
        notices = parse(SUMMARY).notices
        assert [(n.kind, n.team, n.person) for n in notices] == [
            ("LINEUP", "Seattle Storm", ""),
            ("LINEUP", "New York Liberty", ""),
            ("REFEREE", "", "Ros Pike"),
            ("REFEREE", "", "Al Dunn"),
        ]
        assert notices[0].data == {"starters": ["May Tran"]}
        assert {notice.published_at for notice in notices} == {
            datetime(2025, 7, 6, 17, 0, tzinfo=UTC)
        }

    def test_finds_a_cut_summary_by_its_games_id_without_a_result(self):
        batch = parse(payload("espn", "summary_cut.json"))
        event = batch.events[0]
        assert event.is_known_only and (event.id, event.starts_at) == ("900101", None)
        assert (event.home, event.away) == ("New York Liberty", "Seattle Storm")
        assert (batch.results, told(batch)) == ([], [(1, "header", False)])
        assert [notice.kind for notice in batch.notices] == ["LINEUP", "LINEUP"]

    def test_refuses_a_summary_without_teams(self):
        batch = parse(b'{"header": {"id": "900101"}}')
        assert (batch.records, told(batch)) == (1, [(1, "header", True)])


class TestInjuries:
    def test_reads_each_injury_as_a_record(self):
        batch = parse(payload("espn", "injuries.json"))
        assert (batch.records, told(batch)) == (3, [(3, "", True)])
        first, second = batch.notices
        assert (first.kind, first.person, first.team, first.status, first.record) == (
            "INJURY", "Ida Holm", "New York Liberty", "Out", 1,
        )  # fmt: skip
        assert first.published_at == datetime(2025, 7, 8, 20, 48, tzinfo=UTC)
        assert first.data["returnDate"] == "2025-07-15"
        assert (second.competition, second.status) == ("WNBA", "Day-To-Day")

    def test_keeps_no_link_that_is_not_https(self):
        body = payload("espn", "injuries.json").replace(b"https://", b"javascript:")
        assert [notice.url for notice in parse(body).notices] == ["", ""]


class TestProblems:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"", "not an empty payload"),
            (b"<html>", "not a web page"),
            (b'{"code": 404, "message": "Not found"}', "not the error 'Not found'"),
            (b"{}", "a scoreboard, a summary or a list of injuries"),
            (b"[]", "object, not array"),
            (SCOREBOARD[:-9], "whole JSON"),
        ],
    )
    def test_is_one_problem_without_a_row_where_nothing_can_be_read(self, body, expected):
        batch = parse(body)
        assert [(row, reject) for row, _, reject in told(batch)] == [(None, False)]
        assert expected in batch.problems[0].message
        assert batch.records == 0


class TestOrder:
    def test_reads_scoreboards_before_summaries(self):
        names = ["espn_injuries.json", "espn_summary.json", "espn_scoreboard.json"]
        assert sorted(names, key=Espn().order)[0] == "espn_scoreboard.json"
