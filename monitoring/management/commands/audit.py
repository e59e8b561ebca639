import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.dateparse import parse_datetime

from monitoring import queries
from monitoring.commands import ProductCommand
from monitoring.errors import Refused


class NotATime(Refused):
    """The text is not a moment with its zone."""


class Command(ProductCommand):
    help = "Export the audit, one JSON object a line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["export"])
        parser.add_argument("--path", type=Path, required=True, help="the file to write")
        parser.add_argument("--since", help="such as 2026-01-31T00:00:00Z")

    def report(self, **options: Any) -> dict[str, Any]:
        path: Path = options["path"]
        entries = queries.audit_entries(since=_moment(options["since"]))
        count = 0
        with path.open("w", encoding="utf-8") as file:
            for entry in entries.iterator(chunk_size=5000):
                line = {
                    "id": entry.pk,
                    "at": entry.at.isoformat(),
                    "actor": entry.actor,
                    "action": entry.action,
                    "subject": entry.subject,
                    "detail": entry.detail,
                }
                file.write(json.dumps(line, sort_keys=True) + "\n")
                count += 1
        return {"entries": count, "path": str(path)}


def _moment(text: str | None) -> Any:
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise NotATime(f"{text!r} is not a moment with its zone, such as 2026-01-31T00:00:00Z")
    return moment
