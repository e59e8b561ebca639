"""What every source has: its reader, its row, its page, its tests with payloads in its shape."""

import pytest

from config.environment import BASE_DIR
from markets.connectors import simulator
from markets.connectors.registry import CONNECTORS, PLACES
from markets.models import Source
from markets.services import credentials, simulating, sources
from tests.markets.builders import NOW

DOCS = BASE_DIR / "docs" / "sources"
TESTS = BASE_DIR / "tests" / "markets" / "sources"
#: The names that operators, files and programs know the sources by: none is ever renamed.
NAMES = (
    "football_data", "nflverse", "nfl_lines", "odds_api", "betfair_api", "betfair_stream",
    "betfair_bsp", "tennis_data", "espn", "pinnacle", "feeds", "csv",
)  # fmt: skip
#: Computed and not read: it has no payloads.
SIMULATED = simulator.CODE


class TestTheNames:
    def test_are_those_that_are_promised(self):
        assert sorted(PLACES) == sorted(NAMES)
        assert SIMULATED == "simulator"


@pytest.mark.parametrize("code", NAMES)
class TestASource:
    def test_has_a_reader_of_its_own_name(self, code):
        connector = CONNECTORS[code]
        assert connector.code == code
        assert connector.namespace
        assert connector.suffixes

    def test_has_tests_that_read_payloads_in_its_shape(self, code):
        payloads = [path for path in (TESTS / "payloads" / code).iterdir() if path.stat().st_size]
        tests = "".join(path.read_text(encoding="utf-8") for path in TESTS.glob("*.py"))
        assert (TESTS / f"test_{code}.py").exists()
        assert payloads
        assert f'"{code}"' in tests


@pytest.mark.parametrize("code", [*NAMES, SIMULATED])
class TestAPage:
    def test_tells_of_it_under_its_name(self, code):
        page = (DOCS / f"{code}.md").read_text(encoding="utf-8")
        assert page.startswith("# ")
        assert f"Source `{code}`" in page

    def test_is_in_the_index(self, code):
        assert f"[{code}]({code}.md)" in (DOCS / "README.md").read_text(encoding="utf-8")


@pytest.mark.django_db
class TestARow:
    @pytest.fixture
    def rows(self):
        sources.ensure_default_sources(now=NOW)
        simulating.create_history(seasons=0, seed=1, now=NOW, actor="cli:test")
        return {row.code: row for row in Source.objects.all()}

    def test_is_there_for_each_and_for_nothing_else(self, rows):
        assert sorted(rows) == sorted([*NAMES, SIMULATED])

    def test_says_how_often_how_long_and_how_much(self, rows):
        for row in rows.values():
            assert row.name and row.is_enabled
            assert row.cadence_seconds >= 60
            assert 0 < row.timeout_seconds <= 300
            assert 0 < row.max_bytes <= row.max_expanded_bytes
            assert row.max_ratio > 1
            assert (row.quota_limit, row.quota_remaining) == (None, None)  # until it tells
            assert row.is_simulated == (row.code == SIMULATED)

    def test_names_its_secrets_and_holds_none(self, rows):
        named = {row.code: row.credentials for row in rows.values() if row.credentials}
        assert named == {"odds_api": "odds_api", "betfair_api": "betfair"}
        assert set(named.values()) <= set(credentials.SETS)

    def test_takes_the_options_that_it_comes_with(self, rows):
        wrong = {
            code: found
            for code in NAMES
            if (found := sources.check_options(source_code=code, options=rows[code].options))
        }
        assert wrong == {}

    def test_is_never_due_before_somebody_says_where_it_is(self, rows):
        assert [code for code in NAMES if rows[code].location] == []
