"""Payloads of several sources on their whole way: read, joined, stored or waiting."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from markets.models import (
    Competition,
    Event,
    ImportMapping,
    LatestPrice,
    Notice,
    ParkedRow,
    Participant,
    ParticipantAlias,
    PayloadLook,
    Source,
    UnknownName,
)
from markets.services import importing, ingesting, mapping_names, parking, sources
from tests.markets.sources.mapped import BASIC
from tests.markets.sources.test_tennis_data import workbook

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAYLOADS = Path(__file__).parent / "payloads"


def ingest(code, path, now=NOW):
    return ingesting.ingest(source_code=code, path=str(path), actor="cli:test", now=now)


def rows(report):
    return tuple(report[key] for key in ("rows", "loaded", "unchanged", "parked", "rejected"))


def change(code, **fields):
    sources.ensure_default_sources(now=NOW)
    Source.objects.filter(code=code).update(**fields)


class TestTennisData:
    def test_loads_a_workbook_once(self, tmp_path):
        file = tmp_path / "wta_2026.xlsx"
        file.write_bytes(workbook({}, {"Winner": "Early C.", "Loser": "Dale D."}))
        assert rows(ingest("tennis_data", file)) == (2, 2, 0, 0, 0)
        assert rows(ingest("tennis_data", file)) == (2, 0, 2, 0, 0)
        assert set(Participant.objects.values_list("name", "kind")) == {
            ("Able B.", "PLAYER"),
            ("Dale D.", "PLAYER"),
            ("Early C.", "PLAYER"),
            ("Young A.", "PLAYER"),
        }
        assert set(Event.objects.values_list("start_certainty", flat=True)) == {"DATE"}

    def test_merges_no_two_matches_of_a_pair_on_one_day(self, tmp_path):
        file = tmp_path / "wta_2026.xlsx"
        file.write_bytes(workbook({}, {"Round": "The Final"}))
        assert rows(ingest("tennis_data", file)) == (2, 1, 0, 1, 0)

    def test_moves_a_match_whose_day_is_corrected(self, tmp_path):
        file = tmp_path / "wta_2026.xlsx"
        file.write_bytes(workbook({"Comment": "Sched", "Wsets": None, "Lsets": None}))
        ingest("tennis_data", file)
        day = datetime(2026, 6, 11)  # noqa: DTZ001 - a cell of a workbook has no zone
        file.write_bytes(workbook({"Date": day, "Comment": "Sched", "Wsets": None, "Lsets": None}))
        report = ingest("tennis_data", file)
        assert report["events"] == {"new": 0, "changed": 1, "unchanged": 0}
        assert Event.objects.get().starts_at == datetime(2026, 6, 11, 12, tzinfo=UTC)


class TestPinnacle:
    @pytest.fixture
    def folder(self, tmp_path):
        for name in ("matchups.json", "straight.json"):
            (tmp_path / name).symlink_to(PAYLOADS / "pinnacle" / name)
        return tmp_path

    def test_prices_wait_until_their_matchup_is_known(self, folder):
        report = ingest("pinnacle", folder / "straight.json")
        assert rows(report) == (2, 0, 0, 2, 0)
        assert set(ParkedRow.objects.values_list("reason", flat=True)) == {"NO_EVENT"}

    def test_reads_matchups_before_their_markets(self, folder):
        change("pinnacle", creates_names=True)
        report = ingest("pinnacle", folder)
        assert (report["events"]["new"], report["prices"]["new"]) == (2, 11)
        assert (report["rejected"], report["parked"]) == (2, 0)
        event = Event.objects.get(home__name="Alders")
        assert (event.competition.code, event.season.label) == ("E0", "2026-27")
        total = LatestPrice.objects.filter(selection__market__kind="TEAM_TOTAL")
        whose = set(total.values_list("selection__market__participant__name", flat=True))
        assert whose == {"Birches"}

    def test_makes_no_teams_of_its_own(self, folder):
        report = ingest("pinnacle", folder / "matchups.json")
        assert UnknownName.objects.filter(name="England - Premier League").exists()
        assert not Participant.objects.filter(name="Alders").exists()
        assert (report["loaded"], report["parked"], report["rejected"]) == (1, 1, 2)
        assert Event.objects.get().competition.code == "NBA"  # whose teams are known by heart


class TestFeeds:
    def test_keeps_items_once_and_their_changes_as_versions(self, tmp_path):
        change("feeds", options={"fields": {"items": "items"}})
        file = tmp_path / "news.json"
        file.write_text('{"items": [{"id": "1", "title": "Out"}, {"id": "2"}]}')
        report = ingest("feeds", file)
        assert rows(report) == (2, 1, 0, 0, 1)
        assert report["notices"] == {"new": 1, "changed": 0, "unchanged": 0}
        file.write_text('{"items": [{"id": "1", "title": "Fit again"}]}')
        assert ingest("feeds", file, now=NOW.replace(hour=13))["notices"]["changed"] == 1
        assert list(Notice.objects.order_by("version").values_list("version", "title")) == [
            (1, "Out"),
            (2, "Fit again"),
        ]

    def test_parks_nothing_whatever_it_names(self):
        change("feeds", options={"team_from_category": True, "competition": "E0"})
        report = ingest("feeds", PAYLOADS / "feeds" / "news.rss")
        assert (report["parked"], Notice.objects.count()) == (0, 2)
        assert not UnknownName.objects.exists()


class TestCsv:
    SPEC = {**BASIC, "creates_names": True}
    FILE = "day,home,away,h,d,a,hg,ag\n2026-10-21 15:00,Alders,Birches,2.10,3.40,3.60,2,1\n"

    def mapping(self, **changes):
        return importing.create_mapping(
            name="hove", title="Hove", file_pattern="hove*.csv", spec={**self.SPEC, **changes},
            actor="cli:test", now=NOW,
        )  # fmt: skip

    def test_loads_by_the_mapping_and_keeps_which_revision_it_was(self, tmp_path):
        row = self.mapping()
        file = tmp_path / "hove_1.csv"
        file.write_text(self.FILE)
        assert rows(ingest("csv", file)) == (1, 1, 0, 0, 0)
        look = PayloadLook.objects.get()
        assert (look.options["mapping"], look.options["revision"]) == ("hove", 1)
        assert look.options["spec"] == row.spec
        assert rows(ingest("csv", file)) == (1, 0, 1, 0, 0)
        assert LatestPrice.objects.count() == 3

    def test_lets_rows_wait_where_the_mapping_makes_no_names(self, tmp_path):
        self.mapping()
        file = tmp_path / "hove_1.csv"
        file.write_text(self.FILE)
        ingest("csv", file)
        importing.change_mapping(
            mapping_id=ImportMapping.objects.get(name="hove").pk,
            spec={**self.SPEC, "creates_names": False}, reason="r", actor="a", now=NOW,
        )  # fmt: skip
        file.write_text(self.FILE + "2026-10-28 15:00,Alders,Birchs,2,3,4,1,1\n")
        assert rows(ingest("csv", file)) == (2, 0, 1, 1, 0)
        unknown = UnknownName.objects.get()
        assert (unknown.name, Event.objects.count()) == ("Birchs", 1)
        assert not Source.objects.get(code="csv").creates_names
        mapping_names.map_name(
            unknown_id=unknown.pk, participant_id=Participant.objects.get(name="Birches").pk,
            actor="user:ada", reason="a slip", now=NOW,
        )  # fmt: skip
        report = parking.load_parked(source_code="csv", actor="user:ada", now=NOW)
        assert (report["loaded"], report["waiting"]) == (1, 0)
        assert Event.objects.filter(away__name="Birches").count() == 2

    def test_reads_nothing_that_no_mapping_fits(self, tmp_path):
        file = tmp_path / "other.csv"
        file.write_text(self.FILE)
        report = ingest("csv", file)
        assert (report["files"], report["rows"]) == (0, 0)
        assert "a mapping whose file pattern fits" in report["problems"][0]["message"]

    def test_knows_the_codes_of_nba_teams(self, tmp_path):
        file = tmp_path / "games_1.csv"
        header = (
            "season,date,regular,playoffs,away,home,score_away,score_home,q1_away,q2_away,q3_away,"
            "q4_away,ot_away,q1_home,q2_home,q3_home,q4_home,ot_home,whos_favored,spread,total,"
            "moneyline_away,moneyline_home"
        )
        file.write_text(
            f"{header}\n2024,2024-01-05,True,False,gs,utah,100,110,25,25,25,25,0,30,30,25,25,0,"
            "home,4.5,220,160,-190\n"
        )
        assert rows(ingest("csv", file)) == (1, 1, 0, 0, 0)
        event = Event.objects.get()
        assert (event.home.name, event.away.name) == ("Utah Jazz", "Golden State Warriors")
        assert (event.season.label, event.data) == (
            "2023-24", {"spread": -4.5, "total": 220, "is_playoff": False},
        )  # fmt: skip
        assert Competition.objects.get().code == "NBA"
        assert not ParticipantAlias.objects.filter(alias="Utah").exists()
