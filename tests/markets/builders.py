"""Small files in football-data.co.uk's format, written by us, and batches without any file."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection

from markets.connectors.base import (
    ParsedBatch,
    ParsedBook,
    ParsedCompetition,
    ParsedEvent,
    ParsedPrice,
    ParsedResult,
)
from markets.models import PriceSnapshot, Source
from markets.services import partitions, recording
from markets.services.counts import Counts

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
START = datetime(2023, 8, 12, 14, 0, tzinfo=UTC)  # a Saturday, 15:00 in the UK

ROW: dict[str, str] = {
    "Div": "E0",
    "Date": "12/08/2023",
    "Time": "15:00",
    "HomeTeam": "Alders",
    "AwayTeam": "Birches",
    "FTHG": "2",
    "FTAG": "1",
    "FTR": "H",
    "HTHG": "1",
    "HTAG": "0",
    "HTR": "H",
    "PSH": "2.10",
    "PSD": "3.50",
    "PSA": "3.80",
    "P>2.5": "1.90",
    "P<2.5": "2.00",
    "AHh": "-0.25",
    "PAHH": "1.85",
    "PAHA": "2.08",
    "PSCH": "2.00",
    "PSCD": "3.60",
    "PSCA": "4.00",
    "PC>2.5": "1.90",
    "PC<2.5": "2.00",
    "AHCh": "-0.5",
    "PCAHH": "2.00",
    "PCAHA": "1.93",
}


def csv_file(*changes: dict[str, str], columns: Sequence[str] | None = None) -> bytes:
    """Return a file with one row per dictionary of changes to ``ROW``."""
    names = list(columns or ROW) + [n for c in changes for n in c if n not in (columns or ROW)]
    names = list(dict.fromkeys(names))
    lines = [",".join(names)]
    lines += [",".join({**ROW, **change}.get(name, "") for name in names) for change in changes]
    return ("\n".join(lines) + "\n").encode()


def a_source(**fields: object) -> Source:
    values = {"code": "feed", "name": "A feed", "creates_names": True, **fields}
    return Source.objects.create(**values)


def an_event(ref: str = "one", **fields: object) -> ParsedEvent:
    values = {
        "competition": "E0",
        "season": "2023-24",
        "home": "Alders",
        "away": "Birches",
        "leg": 1,
        "starts_at": START,
        **fields,
    }
    return ParsedEvent(ref=ref, **values)


def a_price(
    price: str, *, role: str = "HOME", hours_before: float = 24, **fields: object
) -> ParsedPrice:
    values = {
        "event_ref": "one",
        "kind": "MATCH_ODDS",
        "line": None,
        "book": "pinnacle",
        "seen_at": START - timedelta(hours=hours_before),
        **fields,
    }
    return ParsedPrice(role=role, price=Decimal(price), **values)


def match_odds(
    home: str, draw: str, away: str, *, hours_before: float = 24, **fields: object
) -> list[ParsedPrice]:
    return [
        a_price(price, role=role, hours_before=hours_before, **fields)
        for role, price in (("HOME", home), ("DRAW", draw), ("AWAY", away))
    ]


def a_result(home: int = 2, away: int = 1, **fields: object) -> ParsedResult:
    values = {"event_ref": "one", "status": "FINAL", "known_at": START + timedelta(hours=2)}
    return ParsedResult(**{**values, "home_score": home, "away_score": away, **fields})


def a_batch(
    *,
    events: Sequence[ParsedEvent] | None = None,
    prices: Sequence[ParsedPrice] = (),
    results: Sequence[ParsedResult] = (),
) -> ParsedBatch:
    return ParsedBatch(
        events=[an_event()] if events is None else events,
        prices=prices,
        results=results,
        competitions=[ParsedCompetition("E0", "Premier League", "England")],
        books=[
            ParsedBook("pinnacle", "Pinnacle", reference_rank=1),
            ParsedBook("bet365", "bet365"),
            ParsedBook("bwin", "bwin"),
            ParsedBook("max", "Best of all", kind="AGGREGATE"),
        ],
    )


def record(batch: ParsedBatch, source: Source, now: datetime = NOW) -> Counts:
    return recording.record(batch=batch, source=source, now=now)


def without_months() -> None:
    """Drop the months of prices that tests before this one left standing, until it is over."""
    names = sorted(partitions.standing())
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f'drop table "{name}"')


def history(role: str = "HOME", book: str = "pinnacle") -> list[tuple[int, str]]:
    """Return a selection's stored prices: whole hours before the start, and the price."""
    rows = PriceSnapshot.objects.filter(selection__role=role, book__code=book)
    return [
        (round((START - seen_at).total_seconds() / 3600), str(price))
        for seen_at, price in rows.order_by("seen_at").values_list("seen_at", "price")
    ]
