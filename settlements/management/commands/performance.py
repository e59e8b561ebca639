from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from betting.models import Bankroll
from monitoring.commands import ProductCommand
from monitoring.errors import Refused
from settlements import queries
from settlements.domain import presenting


class UnknownBankroll(Refused):
    """No bankroll has this name."""


class Command(ProductCommand):
    help = "Show how the settled bets did: yield, CLV, drawdown, each with its interval."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bankroll", help="one bankroll by name; else every live group")
        parser.add_argument("--days", type=int, help="bets settled in the last days")

    def report(
        self, *, bankroll: str | None = None, days: int | None = None, **_: Any
    ) -> dict[str, Any]:
        now = timezone.now()
        since = None if days is None else now - timedelta(days=days)
        groups = [_named(bankroll)] if bankroll else queries.groups()
        return {
            "since": since.isoformat() if since else None,
            "groups": [
                {
                    "group": group.title,
                    "bankrolls": _names(group.bankroll_ids),
                    **presenting.figures(queries.of(group, since=since)),
                }
                for group in groups
            ],
        }


def _named(name: str) -> queries.Group:
    found = Bankroll.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Bankroll.objects.order_by("name").values_list("name", flat=True))
        raise UnknownBankroll(f"there is no bankroll {name!r}; there are: {known or 'none'}")
    return queries.Group(found.kind, found.is_simulated, found.currency, (found.pk,))


def _names(ids: Sequence[int]) -> list[str]:
    return list(Bankroll.objects.filter(pk__in=ids).order_by("pk").values_list("name", flat=True))
