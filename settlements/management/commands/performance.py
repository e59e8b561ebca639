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
from settlements.services import daily, windows


class UnknownBankroll(Refused):
    """No bankroll has this name."""


class Command(ProductCommand):
    help = "Show how the settled bets did: yield, CLV, drawdown, each with its interval."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "action", nargs="?", default="show", choices=["show", "rebuild"],
            help="rebuild: sum every betting day anew from its bets",
        )  # fmt: skip
        parser.add_argument("--bankroll", help="one bankroll by name; else every live group")
        parser.add_argument("--days", type=int, help="bets settled in the last days, to the second")
        parser.add_argument(
            "--window", help="whole betting days, today the last: 7d, 30d, 90d, 14d, all"
        )
        parser.add_argument(
            "--by", default="", choices=[cut.lower() for cut in windows.Cut.values],
            help="with --window: figures of each of these",
        )  # fmt: skip

    def report(self, *, action: str = "show", **options: Any) -> dict[str, Any]:
        return self._rebuild(**options) if action == "rebuild" else self._show(**options)

    def _rebuild(self, *, bankroll: str | None = None, **_: Any) -> dict[str, Any]:
        now = timezone.now()
        ids = _named(bankroll).bankroll_ids if bankroll else None
        with self.recorded(task="settlements.tasks.rebuild_performance", now=now) as run:
            done = daily.rebuild(actor=self.actor, now=now, bankroll_ids=ids, progress=run)
            run.result = {"days": done}
        return {"days": done}

    def _show(
        self,
        *,
        bankroll: str | None = None,
        days: int | None = None,
        window: str | None = None,
        by: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        now = timezone.now()
        groups = [_named(bankroll)] if bankroll else queries.groups()
        if window or by:
            name = window or "30d"
            number = windows.days_of(name)
            return {
                "window": name,
                "by": by,
                "groups": [_windowed(group, number, by.upper(), now) for group in groups],
            }
        since = None if days is None else now - timedelta(days=days)
        return {
            "since": since.isoformat() if since else None,
            "groups": [
                {**_about(group), **presenting.figures(queries.of(group, since=since))}
                for group in groups
            ],
        }


def _windowed(group: queries.Group, days: int | None, cut: str, now: Any) -> dict[str, Any]:
    ids = group.bankroll_ids
    within = windows.span(bankroll_ids=ids, days=days, now=now)
    return {
        **_about(group),
        "first": within.first,
        "last": within.last,
        **presenting.window(windows.total(bankroll_ids=ids, within=within)),
        **presenting.money_of(windows.money(bankroll_ids=ids, within=within)),
        "rows": [
            {"key": line.key, "title": line.title, **presenting.window(line.figures)}
            for line in (windows.by(bankroll_ids=ids, cut=cut, within=within) if cut else ())
        ],
    }


def _about(group: queries.Group) -> dict[str, Any]:
    return {"group": group.title, "bankrolls": _names(group.bankroll_ids)}


def _named(name: str) -> queries.Group:
    found = Bankroll.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Bankroll.objects.order_by("name").values_list("name", flat=True))
        raise UnknownBankroll(f"there is no bankroll {name!r}; there are: {known or 'none'}")
    return queries.Group(found.kind, found.is_simulated, found.currency, (found.pk,))


def _names(ids: Sequence[int]) -> list[str]:
    return list(Bankroll.objects.filter(pk__in=ids).order_by("pk").values_list("name", flat=True))
