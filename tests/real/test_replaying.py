"""Archived payloads of real sources, read again: the same prices to the last one."""

import pytest
from django.utils import timezone

from markets.models import LatestPrice, PayloadLook, PriceSnapshot
from markets.services import ingesting, replaying_archive
from tests.real.data import FOLDER

DATA = FOLDER
pytestmark = [
    pytest.mark.real,
    pytest.mark.django_db,
    pytest.mark.loads,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]
NAMES = ("selection_id", "book_id", "seen_at", "price", "mark", "fetched_at")
LATEST = ("selection_id", "book_id", "price", "previous_price", "seen_at", "confirmed_at")


def ingest(source, path):
    return ingesting.ingest(source_code=source, path=str(path), actor="test", now=timezone.now())


def everything():
    return (
        list(PriceSnapshot.objects.order_by(*NAMES[:3]).values_list(*NAMES)),
        list(LatestPrice.objects.order_by(*LATEST[:2]).values_list(*LATEST)),
    )


def test_football_data_and_moved_lines_come_to_the_same_prices():
    ingest("football_data", DATA / "football_data" / "E0_2324.csv")
    ingest("football_data", DATA / "football_data" / "E0_2021.csv")
    ingest("nflverse", DATA / "nfl" / "games.csv")
    ingest("nfl_lines", DATA / "nfl" / "lines_2024.csv")
    before = everything()
    today = timezone.now().date()
    for source, looks in (("football_data", 2), ("nflverse", 1), ("nfl_lines", 1)):
        report = replaying_archive.replay(
            source_code=source,
            since=today,
            until=today,
            actor="test",
            now=timezone.now(),
            rewrite=True,
        )
        assert (report["looks"], report["equal"]) == (looks, True), report
        assert report["prices_after"] > 1_000
        assert everything() == before


def test_every_price_leads_to_its_payload():
    ingest("betfair_stream", DATA / "betfair" / "streams")
    moments = set(PriceSnapshot.objects.values_list("fetched_at", flat=True).distinct())
    assert moments
    assert moments <= set(PayloadLook.objects.values_list("fetched_at", flat=True))
