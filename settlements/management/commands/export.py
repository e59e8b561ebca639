from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from monitoring.commands import ProductCommand
from settlements.services import bulk


class Command(ProductCommand):
    help = "Write the bets, settlements or transfers of a time to a CSV or Parquet file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=list(bulk.TABLES))
        parser.add_argument("--path", required=True, help="ends in .csv or .parquet")
        parser.add_argument("--since", default="", help="2026-11-01 or a moment; UTC by default")
        parser.add_argument("--until", default="", help="until then, and not then itself")
        parser.add_argument("--replays", action="store_true", help="those of replays as well")

    def report(self, **options: Any) -> dict[str, Any]:
        began, what, path = monotonic(), options["what"], options["path"]
        rows = bulk.write(
            what=what,
            path=Path(path),
            since=_moment(options["since"]),
            until=_moment(options["until"]),
            with_replays=options["replays"],
        )
        return {"what": what, "path": path, "rows": rows, "seconds": round(monotonic() - began, 3)}


def _moment(text: str) -> Any:
    if not text:
        return None
    try:
        if day := parse_date(text):
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"{text!r} is neither a day nor a moment")
    return moment if timezone.is_aware(moment) else moment.replace(tzinfo=UTC)
