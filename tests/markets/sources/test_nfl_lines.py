from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import pytest

from markets.connectors.base import NO_MARK, OPENER, Reading
from markets.connectors.nfl_lines import NflLines, parser
from tests.markets.sources.payloads_of import NOW, payload, quotes, told

LINES = payload("nfl_lines", "lines.csv")
CHANGES = payload("nfl_lines", "line_changes.csv")
GAMES = payload("nflverse", "games.csv")


def parse(body, name="lines.csv"):
    return NflLines().parse(body, name=name, fetched_at=NOW)


def beside_games(body):
    companion = {"games.csv": GAMES}.get
    reading = Reading(name="line_changes.csv", fetched_at=NOW, companion=companion)
    return next(NflLines().read(BytesIO(body), reading=reading))


def changed(**cells):
    header, line = LINES.decode().splitlines()
    values = dict(zip(header.split(","), line.split(","), strict=True)) | cells
    return f"{header}\n{','.join(values.values())}\n".encode()


class TestParseLines:
    def test_reads_opening_and_last_prices_of_three_markets(self):
        batch = parse(LINES)
        assert (batch.records, batch.problems) == (1, [])
        assert [(q.kind, q.line, q.role, q.book, q.price, q.mark) for q in quotes(batch)] == [
            ("SPREAD", Decimal("-6.00"), "HOME", "draftkings", Decimal("1.909"), OPENER),
            ("SPREAD", Decimal("-6.00"), "AWAY", "draftkings", Decimal("1.909"), OPENER),
            ("MONEYLINE", None, "HOME", "draftkings", Decimal("1.400"), OPENER),
            ("MONEYLINE", None, "AWAY", "draftkings", Decimal("3.050"), OPENER),
            ("TOTAL", Decimal("49.00"), "OVER", "draftkings", Decimal("1.909"), OPENER),
            ("TOTAL", Decimal("49.00"), "UNDER", "draftkings", Decimal("1.909"), OPENER),
            ("SPREAD", Decimal("-6.50"), "HOME", "action_consensus", Decimal("1.870"), NO_MARK),
            ("SPREAD", Decimal("-6.50"), "AWAY", "action_consensus", Decimal("1.952"), NO_MARK),
            ("MONEYLINE", None, "HOME", "action_consensus", Decimal("1.370"), NO_MARK),
            ("MONEYLINE", None, "AWAY", "action_consensus", Decimal("3.200"), NO_MARK),
            ("TOTAL", Decimal("48.50"), "OVER", "action_consensus", Decimal("1.926"), NO_MARK),
            ("TOTAL", Decimal("48.50"), "UNDER", "action_consensus", Decimal("1.893"), NO_MARK),
        ]

    def test_takes_the_spread_as_it_is_negative_where_home_is_favoured(self):
        lines = {quote.line for quote in quotes(parse(LINES)) if quote.kind == "SPREAD"}
        assert lines == {Decimal("-6.00"), Decimal("-6.50")}

    def test_reads_stamps_with_their_offset(self):
        moments = {quote.seen_at for quote in quotes(parse(LINES))}
        assert moments == {
            datetime(2023, 10, 2, 16, 0, tzinfo=UTC),
            datetime(2023, 10, 8, 16, 40, 0, 500_000, tzinfo=UTC),
        }

    def test_never_makes_a_game_and_joins_it_by_season_week_and_sides(self):
        event = parse(LINES).events[0]
        assert event.is_known_only and event.starts_at is None
        assert (event.season, event.round, event.home, event.away, event.id) == (
            "2023", "5", "MIA", "OAK", "2023_05_OAK_MIA",
        )  # fmt: skip

    def test_tells_how_bets_and_money_were_divided(self):
        notice = parse(LINES).notices[0]
        assert (notice.kind, notice.published_at) == (
            "PUBLIC_SHARE", datetime(2023, 10, 8, 16, 30, tzinfo=UTC),
        )  # fmt: skip
        assert (notice.data["tickets"], notice.data["money"]) == ("0.62", "0.48")


class TestParseChanges:
    def test_counts_a_row_without_any_line_as_a_record_of_its_game(self):
        batch = parse(CHANGES)
        assert (batch.records, [event.record for event in batch.events]) == (4, [2, 3, 4, 5])
        assert {event.ref for event in batch.events} == {"2023|5|MIA|OAK"}
        assert not any(quote.record == 2 for quote in quotes(batch))

    def test_tells_what_did_not_change_once_with_its_first_row(self):
        found = quotes(parse(CHANGES))
        assert len(found) == 6 + 6 + 2
        assert [quote.record for quote in found] == [3] * 6 + [4] * 6 + [5] * 2

    def test_keeps_the_mark_of_an_opener_that_was_the_last_line_too(self):
        assert {q.mark for q in quotes(parse(CHANGES)) if q.record == 3} == {OPENER}
        late = CHANGES.decode().splitlines()
        swapped = [
            late[0],
            late[3],
            late[2],
        ]  # told as the last line before it is told as the first
        first = {q.seen_at: q.mark for q in quotes(parse("\n".join(swapped).encode()))}
        assert first[datetime(2023, 10, 2, 16, 0, tzinfo=UTC)] == OPENER

    def test_tells_a_division_of_bets_once(self):
        assert len(parse(CHANGES).notices) == 1

    def test_warns_of_stamps_after_the_start_where_the_games_lie_beside(self):
        batch = beside_games(CHANGES)
        assert told(batch) == [(5, "home_spread_last_timestamp", False)]
        assert [q.line for q in quotes(batch) if q.record == 5] == [Decimal("-9.50")] * 2

    @pytest.mark.parametrize("games", [None, b"", b"<html>", b"a,b\n1,2\n"])
    def test_reads_on_where_what_lies_beside_is_no_table_of_games(self, games):
        reading = Reading(name="lines.csv", fetched_at=NOW, companion=lambda _: games)
        batch = next(NflLines().read(BytesIO(CHANGES), reading=reading))
        assert (told(batch), len(quotes(batch))) == ([], 14)

    def test_knows_no_start_where_no_games_lie_beside(self):
        assert told(parse(CHANGES)) == []


class TestProblems:
    @pytest.mark.parametrize(
        ("cells", "column", "left"),
        [
            ({"ml_last_source": "some-book"}, "ml_last_source", 10),
            ({"ml_last_timestamp": "2023-10-08 09:40"}, "ml_last_timestamp", 10),
            ({"home_ml_last": "-27"}, "home_ml_last", 11),
            ({"home_spread_last": "6.1"}, "home_spread_last", 10),
            ({"total_line_last": ""}, "total_line_last", 10),
            ({"home_spread_money_pct": "48"}, "home_spread_tickets_pct", 12),
            ({"home_spread_pct_timestamp": ""}, "home_spread_pct_timestamp", 12),
        ],
    )
    def test_leaves_out_what_is_wrong_and_keeps_the_rest(self, cells, column, left):
        batch = parse(changed(**cells))
        assert (told(batch), len(quotes(batch))) == ([(2, column, False)], left)

    @pytest.mark.parametrize(
        ("cells", "column"),
        [
            ({"game_id": ""}, "game_id"),
            ({"season": "24"}, "season"),
            ({"week": "0"}, "week"),
            ({"home_team": ""}, "away_team"),
        ],
    )
    def test_refuses_a_record_that_is_no_game(self, cells, column):
        batch = parse(changed(**cells))
        assert (batch.records, told(batch), batch.events) == (1, [(2, column, True)], [])

    def test_reads_the_markets_that_a_file_has(self):
        header, line = (text.split(",") for text in LINES.decode().splitlines())
        kept = [at for at, name in enumerate(header) if not name.startswith("total_line")]
        body = "\n".join(",".join(row[at] for at in kept) for row in (header, line))
        batch = parse(body.encode())
        assert {quote.kind for quote in quotes(batch)} == {"SPREAD", "MONEYLINE"}


class TestRead:
    def test_hands_over_portions_that_make_up_the_whole(self):
        reading = Reading(name="line_changes.csv", fetched_at=NOW)
        portions = list(parser.batches(BytesIO(CHANGES), reading=reading, size=3))
        assert [portion.records for portion in portions] == [3, 1]

    def test_reads_changes_before_lines(self):
        names = sorted(["lines_2024.csv", "line_changes_2024.csv"], key=NflLines().order)
        assert names == ["line_changes_2024.csv", "lines_2024.csv"]
