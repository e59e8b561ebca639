"""Good files of every source, to be spoiled, and the way to load them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from markets.models import ImportMapping, RawPayload
from markets.services import archiving, ingesting, sources
from tests.corpus.test_bad_input import SPEC
from tests.markets.builders import NOW, csv_file
from tests.markets.sources.payloads_of import payload
from tests.markets.sources.test_tennis_data import workbook

HOVE = b"""day,home,away,h,d,a,hg,ag
2023-10-21 15:00,Alders,Birches,2.10,3.40,3.60,2,1
2023-10-22 15:00,Cedars,Birches,2.20,3.40,3.60,2,1
"""
#: By source: the name of a file, a good one, how many of its rows are not rejected.
GOOD: dict[str, tuple[str, bytes, int]] = {
    "football_data": ("E0_2324.csv", csv_file({}, {"HomeTeam": "Cedars"}), 2),
    "nflverse": ("games.csv", payload("nflverse", "games.csv"), 4),
    "nfl_lines": ("lines.csv", payload("nfl_lines", "lines.csv"), 1),
    "betfair_bsp": (
        "ANZ_2021_03.csv",
        payload("betfair_bsp", "ANZ_Thoroughbreds_2031_03.csv").replace(b"2031", b"2021"),
        4,
    ),
    "csv": ("hove_1.csv", HOVE, 2),
    "odds_api": ("odds.json", payload("odds_api", "odds.json"), 2),
    "pinnacle": ("matchups.json", payload("pinnacle", "matchups.json"), 2),
    "espn": ("scoreboard.json", payload("espn", "scoreboard.json"), 5),
    "betfair_api": ("books-1.json", payload("betfair_api", "books-1.json"), 2),
    "betfair_stream": ("1.900000001", payload("betfair_stream", "1.900000001"), 10),
    "feeds": ("news.rss", payload("feeds", "news.rss"), 2),
    "tennis_data": ("wta_2026.xlsx", workbook({}, {"Winner": "Cole C."}), 2),
}
CSV = ("football_data", "nflverse", "nfl_lines", "betfair_bsp", "csv")
JSON = ("odds_api", "pinnacle", "espn", "betfair_api")


class Told(NamedTuple):
    """What a look told: the report, and each problem as "row field: message"."""

    report: dict
    lines: list[str]


AFTER_THE_RECORDINGS = datetime(2031, 6, 1, 12, 0, tzinfo=UTC)


def loader(settings, tmp_path) -> Callable[..., Told]:
    """Return what reads a file that lies in a folder, as an operator does."""
    settings.ARCHIVE_DIR = tmp_path / "archive"
    sources.ensure_default_sources(now=NOW)
    ImportMapping.objects.create(
        name="hove", title="Hove", file_pattern="hove*", spec=SPEC, changed_by="t", changed_at=NOW
    )

    def load(source: str, body: bytes, name: str = "") -> Told:
        path = tmp_path / (name or GOOD[source][0])
        path.write_bytes(body)
        now = AFTER_THE_RECORDINGS if source == "betfair_stream" else NOW
        report = ingesting.ingest(source_code=source, path=str(path), actor="cli:t", now=now)
        ends = [report[end] for end in ("loaded", "unchanged", "parked", "rejected")]
        assert sum(ends) == report["rows"]
        kept = RawPayload.objects.latest("pk")
        assert archiving.read(sha256=kept.sha256) == body
        shown = path.name.removesuffix(".gz").removesuffix(".bz2")
        told = [p for p in report["problems"] if p["field"] not in ("seen_at", "no_event")]
        assert all(p["file"].startswith(shown) and p["message"].isprintable() for p in told)
        return Told(report, [f"{p['row']} {p['field']}: {p['message']}" for p in told])

    return load


def changed(source: str, old: str, new: bytes | str, count: int = 1) -> bytes:
    body = GOOD[source][1]
    assert old.encode() in body
    return body.replace(old.encode(), new.encode() if isinstance(new, str) else new, count)
