from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import pytest

from markets.connectors.base import CLOSE, NO_MARK, Reading
from markets.connectors.nflverse import Nflverse, parser
from tests.markets.sources.payloads_of import NOW, payload, quotes, told

GAMES = payload("nflverse", "games.csv")
HEADER, *LINES = GAMES.decode().splitlines()


def parse(body=GAMES, fetched_at=NOW):
    return Nflverse().parse(body, name="games.csv", fetched_at=fetched_at)


def changed(line, **cells):
    """Return a file of one game with these cells instead of its own."""
    values = dict(zip(HEADER.split(","), LINES[line].split(","), strict=True)) | cells
    return f"{HEADER}\n{','.join(values.values())}\n".encode()


class TestParse:
    def test_counts_every_line_and_numbers_records_by_line(self):
        batch = parse()
        assert (batch.records, batch.problems) == (4, [])
        assert [event.record for event in batch.events] == [2, 3, 4, 5]
        assert set(batch.excerpts) == {2, 3, 4, 5}

    def test_reads_starts_by_the_clocks_of_new_york(self):
        summer, winter = parse().events[1:3]
        assert summer.starts_at == datetime(2023, 10, 8, 17, 0, tzinfo=UTC)
        assert winter.starts_at == datetime(2023, 11, 5, 18, 0, tzinfo=UTC)
        assert {event.certainty for event in (summer, winter)} == {"EXACT"}

    def test_knows_only_the_day_of_a_game_without_a_time(self):
        event = parse().events[0]
        assert (event.certainty, event.starts_at) == (
            "DATE",
            datetime(1999, 9, 19, 16, 0, tzinfo=UTC),
        )

    def test_joins_games_by_the_publishers_id_and_never_by_a_leg(self):
        event = parse().events[1]
        assert (event.id, event.leg, event.round, event.season) == (
            "2023_05_OAK_MIA", None, "5", "2023",
        )  # fmt: skip
        assert (event.competition, event.home, event.away) == ("NFL", "MIA", "OAK")

    def test_keeps_home_and_away_on_neutral_ground(self):
        assert [event.is_neutral for event in parse().events] == [False, False, True, False]

    def test_keeps_lines_without_odds_beside_the_game_as_the_home_handicap(self):
        batch = parse()
        assert batch.events[0].data["spread"] == "4"
        assert batch.events[0].data["total"] == "41.5"
        assert "spread" not in batch.events[1].data
        assert not any(quote.event == "1999_02_SEA_DEN" for quote in quotes(batch))


class TestPrices:
    def test_negates_the_spread_whose_positive_side_is_favoured(self):
        found = {
            (quote.kind, quote.line, quote.role): quote.price
            for quote in quotes(parse())
            if quote.record == 3
        }
        assert found == {
            ("MONEYLINE", None, "HOME"): Decimal("1.370"),
            ("MONEYLINE", None, "AWAY"): Decimal("3.200"),
            ("SPREAD", Decimal("-6.50"), "HOME"): Decimal("1.870"),
            ("SPREAD", Decimal("-6.50"), "AWAY"): Decimal("1.952"),
            ("TOTAL", Decimal("48.50"), "OVER"): Decimal("1.926"),
            ("TOTAL", Decimal("48.50"), "UNDER"): Decimal("1.893"),
        }

    def test_is_the_close_a_minute_before_a_start_that_is_over(self):
        quote = next(quote for quote in quotes(parse()) if quote.record == 3)
        assert quote.mark == CLOSE
        assert quote.seen_at == datetime(2023, 10, 8, 16, 59, tzinfo=UTC)
        assert quote.book == "nflverse_close"

    def test_is_no_close_before_the_start_and_never_from_the_future(self):
        coming = [quote for quote in quotes(parse()) if quote.event == "2030_01_DAL_NYG"]
        assert {(quote.mark, quote.seen_at) for quote in coming} == {(NO_MARK, NOW)}
        assert len(coming) == 6

    def test_belongs_to_a_book_that_is_never_bet_with(self):
        assert [book.kind for book in parse().books] == ["AGGREGATE"]

    @pytest.mark.parametrize(
        ("column", "text", "left"),
        [
            ("home_moneyline", "50", 5),
            ("home_moneyline", "minus", 5),
            ("spread_line", "6.3", 4),
            ("spread_line", "", 4),
            ("over_odds", "", 5),
        ],
    )
    def test_leaves_out_a_price_that_is_none_and_keeps_the_rest(self, column, text, left):
        batch = parse(changed(1, **{column: text}))
        assert told(batch) == [(2, column, False)]
        assert (len(batch.events), len(quotes(batch)), len(batch.results)) == (1, left, 1)


class TestResults:
    def test_tells_scores_overtime_and_ties(self):
        found = [(r.home_score, r.away_score, r.had_overtime) for r in parse().results]
        assert found == [(16, 13, True), (31, 20, False), (17, 17, True)]

    def test_is_known_four_hours_after_the_start(self):
        result, event = parse().results[1], parse().events[1]
        assert result.known_at - event.starts_at == timedelta(hours=4)

    def test_is_known_when_the_day_is_over_where_only_the_day_is_known(self):
        assert parse().results[0].known_at == datetime(1999, 9, 20, 8, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("cells", "column"),
        [
            ({"home_score": ""}, "home_score"),
            ({"home_score": "3x"}, "home_score"),
            ({"result": "9"}, "result"),
        ],
    )
    def test_is_left_out_where_the_scores_contradict_themselves(self, cells, column):
        batch = parse(changed(1, **cells))
        assert (told(batch), batch.results, len(batch.events)) == ([(2, column, False)], [], 1)


class TestNotices:
    def test_names_the_referee_by_the_start(self):
        notice = parse().notices[1]
        assert (notice.kind, notice.person, notice.ref) == (
            "REFEREE", "Ada Quill", "2023_05_OAK_MIA|referee",
        )  # fmt: skip
        assert notice.published_at == parse().events[1].starts_at
        assert len(parse().notices) == 2


class TestRejections:
    @pytest.mark.parametrize(
        ("cells", "column"),
        [
            ({"game_id": ""}, "game_id"),
            ({"season": "last"}, "season"),
            ({"gameday": "08/10/2023"}, "gameday"),
            ({"home_team": "OAK"}, "away_team"),
            ({"away_team": ""}, "away_team"),
        ],
    )
    def test_refuses_a_record_that_is_no_game(self, cells, column):
        batch = parse(changed(1, **cells))
        assert (batch.records, told(batch)) == (1, [(2, column, True)])
        assert not batch.events and not quotes(batch) and not batch.results

    def test_takes_only_the_day_where_the_time_is_unreadable_or_never_was(self):
        unreadable = parse(changed(1, gametime="1 pm"))
        skipped = parse(changed(1, gameday="2024-03-10", gametime="02:30"))
        assert told(unreadable) == told(skipped) == [(2, "gametime", False)]
        assert unreadable.events[0].certainty == skipped.events[0].certainty == "DATE"

    def test_refuses_a_repeated_game_a_second_header_a_cut_line_and_a_nul_byte(self):
        body = "\n".join([HEADER, LINES[1], LINES[1], HEADER, LINES[2][:40], LINES[2] + "\0"])
        batch = parse(body.encode())
        assert batch.records == 5
        assert told(batch) == [(3, "game_id", True), (4, "", True), (5, "", True), (6, "", True)]

    @pytest.mark.parametrize(
        "body", [b"", b"<html></html>", b"\xff\xfeg\x00", b"PK\x03\x04", b"a,b\n1,2\n"]
    )
    def test_is_one_problem_without_a_row_where_nothing_can_be_read(self, body):
        batch = parse(body)
        assert [row for row, _, _ in told(batch)] == [None]
        assert batch.records == 0


class TestRead:
    def test_hands_over_portions_that_make_up_the_whole(self):
        reading = Reading(name="games.csv", fetched_at=NOW, time_zone="America/New_York")
        portions = list(parser.batches(BytesIO(GAMES), reading=reading, size=3))
        assert [portion.records for portion in portions] == [3, 1]
        assert [event.record for portion in portions for event in portion.events] == [2, 3, 4, 5]

    def test_reads_by_the_zone_that_the_operator_set(self):
        reading = Reading(name="games.csv", fetched_at=NOW, time_zone="America/Chicago")
        batch = next(Nflverse().read(BytesIO(GAMES), reading=reading))
        assert batch.events[1].starts_at == datetime(2023, 10, 8, 18, 0, tzinfo=UTC)

    def test_has_no_options(self):
        assert Nflverse().check_options({}) == []
        assert Nflverse().check_options({"x": 1}) == ["x: no option of this source"]
