from datetime import timedelta
from time import monotonic
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from monitoring.commands import ProductCommand
from settlements import queries
from settlements.domain import presenting
from settlements.services import valuing


class Command(ProductCommand):
    help = "Hold bets against the closing line and show their closing-line value."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, help="figures of bets settled in the last days")

    def report(self, *, days: int | None = None, **_: Any) -> dict[str, Any]:
        now, began = timezone.now(), monotonic()
        with self.recorded(task="settlements.tasks.value_due", now=now) as run:
            valued = valuing.value_due(as_of=now, now=now)
            run.result = {"valued": valued, "versions": valuing.note_versions(as_of=now)}
        since = None if days is None else now - timedelta(days=days)
        groups = [
            {"group": group.title, **presenting.closing_line(queries.of(group, since=since))}
            for group in queries.groups()
        ]
        return {"valued": valued, "groups": groups, "seconds": round(monotonic() - began, 3)}
