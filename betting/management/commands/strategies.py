import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich.table import Table

from betting.domain import parameters, phases
from betting.domain.strategies import REGISTRY
from betting.models import Strategy
from betting.queries import phases as queries
from betting.services import phasing, strategies, strategy_presets
from monitoring.commands import ProductCommand, screen

OF_PROGRAM = "parameters."
_SHOWN = (
    "name", "code", "is_enabled", "phase", "parameters", "allocation", "staking",
    "kelly_fraction", "flat_stake", "stake_share", "commission", "is_drawdown_scaled",
    "is_correlation_discounted",
    "max_stake_share", "max_event_share", "max_day_share", "max_open_share", "max_day_bets",
    "min_stake", "stake_step", "max_hedge_loss_share",
)  # fmt: skip


class Command(ProductCommand):
    help = (
        "The strategies and how they stake: list them, change one with a reason, tell what each"
        " program may be told, tell what is asked before one goes on to its next phase, or put it"
        " back into an earlier one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=list(self._actions()))
        parser.add_argument("name", nargs="?", help="of the strategy")
        parser.add_argument(
            "changes",
            nargs="*",
            metavar="LIMIT=VALUE",
            help="set: what changes; parameters.NAME=VALUE for what the program is told, and"
            " parameters.NAME= for as made; apply: the preset",
        )
        parser.add_argument(
            "--reason", default="", help="set, apply, fall-back: why; it is audited"
        )
        parser.add_argument("--to", default=None, choices=phases.ORDER, help="fall-back: how far")

    def _actions(self) -> Mapping[str, Callable[..., dict[str, Any]]]:
        return {
            "list": self._list,
            "set": self._set,
            "programs": self._programs,
            "presets": self._presets,
            "apply": self._apply,
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
            **_limits(strategy, {limit: text for limit, _, text in pairs}),
        )
        return _row(changed)

    def _programs(self, **_: Any) -> dict[str, Any]:
        return {
            "programs": [
                {
                    "code": program.code,
                    "title": program.title,
                    "parameters": [asdict(p) for p in parameters.described(program.parameters)],
                }
                for program in REGISTRY.values()
            ]
        }

    def _presets(self, **_: Any) -> dict[str, Any]:
        return {"presets": [asdict(preset) for preset in strategy_presets.PRESETS.values()]}

    def _apply(
        self, *, name: str | None = None, changes: Sequence[str] = (), reason: str = "", **_: Any
    ) -> dict[str, Any]:
        if not name or len(changes) != 1:
            raise CommandError("apply NAME PRESET --reason …")
        changed = strategy_presets.apply(
            strategy_id=_named(name).pk,
            preset=changes[0],
            actor=self.actor,
            reason=reason,
            now=timezone.now(),
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
        if "programs" in report:
            _show_programs(report["programs"])
            return
        if "presets" in report:
            _show_presets(report["presets"])
            return
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


def _limits(strategy: Strategy, given: Mapping[str, str]) -> dict[str, object]:
    """Return what is to change; a parameter is changed among those that stand."""
    limits: dict[str, object] = {}
    told = dict(strategy.parameters)
    for limit, text in given.items():
        if not limit.startswith(OF_PROGRAM):
            limits[limit] = _value(text)
            continue
        limits["parameters"] = told
        told.pop(limit.removeprefix(OF_PROGRAM), None)
        if text:
            told[limit.removeprefix(OF_PROGRAM)] = _told(text)
    return limits


def _told(text: str) -> object:
    """Return what a shell's word tells a program: JSON where it is, else the word itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _show_programs(programs: Sequence[dict[str, Any]]) -> None:
    table = Table("Program", "Parameter", "Unless told", "May be", "What it does")
    for program in programs:
        table.add_row(program["code"], "", "", "", program["title"])
        for one in program["parameters"]:
            default = "–" if one["default"] is None else str(one["default"])
            table.add_row("", one["name"], default, one["expected"], one["meaning"])
    screen().print(table)


def _show_presets(presets: Sequence[dict[str, Any]]) -> None:
    table = Table("Preset", "Program", "For", "Sets")
    for one in presets:
        told = {**one["limits"], **{f"parameters.{k}": v for k, v in one["parameters"].items()}}
        sets = ", ".join(f"{name}={value}" for name, value in told.items())
        table.add_row(one["name"], one["code"], one["title"], sets)
    screen().print(table)


def _value(text: str) -> object:
    """Return what a shell's word means: nothing, yes or no; else itself."""
    return {"": None, "true": True, "false": False}.get(text.lower(), text)


def _row(strategy: Strategy) -> dict[str, Any]:
    return {name: getattr(strategy, name) for name in _SHOWN}
