"""A season of NFL line changes, and the table that they end in, through the connector."""

from collections import Counter
from io import BytesIO

import pytest
from django.utils import timezone

from markets.connectors.base import Reading
from markets.connectors.nfl_lines import NflLines
from markets.domain.teams import NFL
from tests.markets.sources.payloads_of import quotes
from tests.real.data import FOLDER

DATA = FOLDER / "nfl"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]


def read(name):
    """Read a file as it lies there, beside the table of games."""
    reading = Reading(
        name=name,
        fetched_at=timezone.now(),
        companion=lambda beside: (DATA / beside).read_bytes(),
    )
    (batch,) = NflLines().read(BytesIO((DATA / name).read_bytes()), reading=reading)
    return batch


@pytest.fixture(scope="module")
def changes():
    return read("line_changes_2024.csv")


@pytest.fixture(scope="module")
def lines():
    return read("lines_2024.csv")


def observations(batch):
    return {(q.event, q.kind, q.line, q.role, q.book, q.seen_at, q.price) for q in quotes(batch)}


class TestConnector:
    def test_reads_every_row_of_the_history(self, changes):
        assert (changes.records, len(changes.events)) == (9_704, 9_704)
        assert len({event.ref for event in changes.events}) == 285
        assert not any(problem.is_rejection for problem in changes.problems)

    def test_tells_each_observation_once(self, changes):
        assert len(quotes(changes)) == len(observations(changes)) == 55_704
        markets = {(q.event, q.kind, q.line) for q in quotes(changes)}
        assert len(markets) == 2_176
        pairs = {(q.event, q.kind, q.line, q.role, q.book) for q in quotes(changes)}
        assert len(pairs) == 7_708

    def test_contradicts_itself_nowhere(self, changes):
        moments = {(q.event, q.kind, q.line, q.role, q.book, q.seen_at) for q in quotes(changes)}
        assert len(moments) == len(quotes(changes))

    def test_ends_in_the_table_of_last_lines(self, changes, lines):
        assert (lines.records, len(quotes(lines)), lines.problems) == (285, 3_342, [])
        assert observations(lines) <= observations(changes)

    def test_warns_of_every_stamp_after_the_kick_off(self, changes):
        told = Counter(problem.field for problem in changes.problems)
        assert told["home_spread_last_timestamp"] == told["ml_last_timestamp"] == 237
        assert told["total_line_open_timestamp"] == 2
        assert len(changes.problems) == 239 * 3
        games = {e.record: e.ref for e in changes.events}
        assert len({games[problem.row] for problem in changes.problems}) == 114

    def test_tells_how_bets_were_divided(self, changes):
        assert Counter(notice.kind for notice in changes.notices) == {"PUBLIC_SHARE": 4_597}

    def test_knows_every_team_by_heart(self, changes):
        names = {name for event in changes.events for name in (event.home, event.away)}
        assert len({NFL.by_name[name] for name in names}) == 32
