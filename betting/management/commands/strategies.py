from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich.table import Table

from betting.domain import phases
from betting.models import Strategy
from betting.queries import phases as queries
from betting.services import phasing, strategies
from monitoring.commands import ProductCommand, screen

_SHOWN = (
    "name", "is_enabled", "phase", "allocation", "staking", "kelly_fraction", "flat_stake",
    "stake_share", "commission", "is_drawdown_scaled", "is_correlation_discounted",
    "max_stake_share", "max_event_share", "max_day_share", "max_open_share",
    "min_stake", "stake_step",
)  # fmt: skip


class Command(ProductCommand):
    help = (
        "The strategies and how they stake: list them, change one with a reason, tell what is asked"
        " before one goes on to its next phase, or put it back into an earlier one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=list(self._actions()))
        parser.add_argument("name", nargs="?", help="of the strategy")
        parser.add_argument("changes", nargs="*", metavar="LIMIT=VALUE", help="set: what changes")
        parser.add_argument("--reason", default="", help="set, fall-back: why; it is audited")
        parser.add_argument("--to", default=None, choices=phases.ORDER, help="fall-back: how far")

    def _actions(self) -> Mapping[str, Callable[..., dict[str, Any]]]:
        return {
            "list": self._list,
            "set": self._set,
            "phase": self._phase,
            "fall-back": self._fall_back,
        }

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
        strategy = _named(name)
        changed = strategies.change_strategy(
            strategy_id=strategy.pk,
            actor=self.actor,
            reason=reason,
            now=timezone.now(),
            **{limit: _value(text) for limit, _, text in pairs},
        )
        return _row(changed)

    def _phase(self, *, name: str | None = None, **_: Any) -> dict[str, Any]:
        strategy = _named(name)
        wanted = phases.following(strategy.phase)
        seen = phasing.criteria(strategy=strategy) if wanted else ()
        return {
            "name": strategy.name,
            "phase": strategy.phase,
            "began_at": queries.began_at(strategy_id=strategy.pk),
            "next": wanted,
            "criteria": [one.as_dict() for one in seen],
        }

    def _fall_back(
        self, *, name: str | None = None, reason: str = "", to: str | None = None, **_: Any
    ) -> dict[str, Any]:
        change = phasing.fall_back(
            strategy_id=_named(name).pk,
            actor=self.actor,
            reason=reason,
            now=timezone.now(),
            to=to,
        )
        return {"name": name, "former": change.former, "phase": change.wanted, "change": change.pk}

    def show(self, report: dict[str, Any]) -> None:
        if "strategies" not in report:
            super().show(report)
            return
        table = Table(
            "Strategy", "Phase", "Stakes by", "Kelly", "Flat", "Share", "Bet", "Day", "Open"
        )
        for row in report["strategies"]:
            table.add_row(
                row["name"] if row["is_enabled"] else f"{row['name']} (disabled)",
                row["phase"],
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


def _named(name: str | None) -> Strategy:
    found = Strategy.objects.select_related("bankroll").filter(name=name or "").first()
    if found is None:
        raise CommandError(f"there is no strategy {name!r}" if name else "name a strategy")
    return found


def _value(text: str) -> object:
    """Return what a shell's word means: nothing, yes or no; else itself."""
    return {"": None, "true": True, "false": False}.get(text.lower(), text)


def _row(strategy: Strategy) -> dict[str, Any]:
    return {name: getattr(strategy, name) for name in _SHOWN}
