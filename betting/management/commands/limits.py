from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich.table import Table

from betting.models import Bankroll, Limit
from betting.queries import uses
from betting.services import limiting
from monitoring.commands import ProductCommand, screen

EVERY = "every bankroll"


class Command(ProductCommand):
    help = "The limits, and how much of each is used: list them, or set one with a reason."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=list(self._actions()))
        parser.add_argument("dimension", nargs="?", help="such as DAY; list: this one alone")
        parser.add_argument(
            "values", nargs="*", metavar="PART=VALUE", help="share, amount, number, is_enabled"
        )
        parser.add_argument("--bankroll", default="", help="its name; none: every one")
        parser.add_argument("--reason", default="", help="set: why; it is audited")

    def _actions(self) -> Mapping[str, Callable[..., dict[str, Any]]]:
        return {"list": self._list, "set": self._set}

    def report(self, *, action: str = "list", **options: Any) -> dict[str, Any]:
        return self._actions()[action](**options)

    def _list(
        self, *, dimension: str | None = None, bankroll: str = "", **_: Any
    ) -> dict[str, Any]:
        found = Limit.objects.select_related("bankroll").order_by("bankroll__name", "pk")
        found = found.filter(dimension=dimension) if dimension else found
        found = found.filter(bankroll__name=bankroll) if bankroll else found
        used: dict[int, uses.Use] = {}
        for use in uses.uses(now=timezone.now()):
            used.setdefault(use.limit_id, use)  # the tightest comes first
        return {"limits": [_row(limit, used.get(limit.pk)) for limit in found]}

    def _set(
        self,
        *,
        dimension: str | None = None,
        values: Sequence[str] = (),
        bankroll: str = "",
        reason: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        pairs = [value.partition("=") for value in values]
        if not dimension or not reason or not pairs or not all(sign for _, sign, _ in pairs):
            raise CommandError("set DIMENSION PART=VALUE … [--bankroll NAME] --reason …")
        owner = Bankroll.objects.filter(name=bankroll).first() if bankroll else None
        if bankroll and owner is None:
            raise CommandError(f"there is no bankroll {bankroll!r}")
        limit = limiting.set_limit(
            dimension=dimension,
            bankroll_id=owner.pk if owner else None,
            actor=self.actor,
            reason=reason,
            now=timezone.now(),
            **{part: text or None for part, _, text in pairs},
        )
        return _row(limit, None)

    def show(self, report: dict[str, Any]) -> None:
        if "limits" not in report:
            super().show(report)
            return
        table = Table("Limit", "Bankroll", "Share", "Amount", "Number", "Used", "Of")
        for row in report["limits"]:
            table.add_row(
                row["dimension"] if row["is_enabled"] else f"{row['dimension']} (disabled)",
                row["bankroll"],
                *(
                    "–" if row[key] is None else str(row[key])
                    for key in ("share", "amount", "number", "used", "allowed")
                ),
            )
        screen().print(table)


def _row(limit: Limit, use: uses.Use | None) -> dict[str, Any]:
    return {
        "dimension": limit.dimension,
        "bankroll": limit.bankroll.name if limit.bankroll else EVERY,
        "share": limit.share,
        "amount": limit.amount,
        "number": limit.number,
        "is_enabled": limit.is_enabled,
        "reason": limit.reason,
        "changed_by": limit.changed_by,
        "used": use.used if use else None,
        "allowed": use.allowed if use else None,
    }
