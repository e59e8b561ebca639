from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich.table import Table

from betting.models import Strategy
from betting.services import strategies
from monitoring.commands import ProductCommand, screen

_SHOWN = (
    "name", "is_enabled", "staking", "kelly_fraction", "flat_stake", "stake_share", "commission",
    "is_drawdown_scaled", "is_correlation_discounted", "max_stake_share", "max_event_share",
    "max_day_share", "max_open_share", "min_stake", "stake_step",
)  # fmt: skip


class Command(ProductCommand):
    help = "The strategies and how they stake: list them, or change one with a reason."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=list(self._actions()))
        parser.add_argument("name", nargs="?", help="of the strategy")
        parser.add_argument("changes", nargs="*", metavar="LIMIT=VALUE", help="set: what changes")
        parser.add_argument("--reason", default="", help="set: why; it is audited")

    def _actions(self) -> Mapping[str, Callable[..., dict[str, Any]]]:
        return {"list": self._list, "set": self._set}

    def report(self, *, action: str = "list", **options: Any) -> dict[str, Any]:
        return self._actions()[action](**options)

    def _list(self, *, name: str | None = None, **_: Any) -> dict[str, Any]:
        found = Strategy.objects.filter(bankroll__replay=None).order_by("name")
        if name:
            found = found.filter(name=name)
        return {"strategies": [_row(strategy) for strategy in found]}

    def _set(
        self,
        *,
        name: str | None = None,
        changes: Sequence[str] = (),
        reason: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        pairs = [change.partition("=") for change in changes]
        if not name or not reason or not pairs or not all(sign for _, sign, _ in pairs):
            raise CommandError("set NAME LIMIT=VALUE … --reason …")
        strategy = Strategy.objects.filter(name=name).first()
        if strategy is None:
            raise CommandError(f"there is no strategy {name!r}")
        changed = strategies.change_strategy(
            strategy_id=strategy.pk,
            actor=self.actor,
            reason=reason,
            now=timezone.now(),
            **{limit: _value(text) for limit, _, text in pairs},
        )
        return _row(changed)

    def show(self, report: dict[str, Any]) -> None:
        if "strategies" not in report:
            super().show(report)
            return
        table = Table("Strategy", "Stakes by", "Kelly", "Flat", "Share", "Bet", "Day", "Open")
        for row in report["strategies"]:
            table.add_row(
                row["name"] if row["is_enabled"] else f"{row['name']} (disabled)",
                row["staking"],
                *(
                    "–" if row[key] is None else str(row[key])
                    for key in (
                        "kelly_fraction", "flat_stake", "stake_share", "max_stake_share",
                        "max_day_share", "max_open_share",
                    )
                ),
            )  # fmt: skip
        screen().print(table)


def _value(text: str) -> object:
    """Return what a shell's word means: nothing, yes or no; else itself."""
    return {"": None, "true": True, "false": False}.get(text.lower(), text)


def _row(strategy: Strategy) -> dict[str, Any]:
    return {name: getattr(strategy, name) for name in _SHOWN}
