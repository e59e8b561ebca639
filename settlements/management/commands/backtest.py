import json
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from betting.models import Bankroll
from monitoring.commands import WARNINGS, ProductCommand
from settlements.models import Backtest
from settlements.services import backtest_plans, backtesting
from settlements.services.backtest_plans import BacktestRefused

LISTED = 50
#: Flags that stand for a number of the plan.
_FLAGS = {
    "min_edge": float,
    "max_edge": float,
    "min_conf": float,
    "min_price": str,
    "max_price": str,
    "staking": str,
    "kelly_fraction": float,
    "flat_stake": str,
    "opening": str,
}


def setting(text: str) -> tuple[str, Any]:
    """Read ``NAME=VALUE``; a value is JSON, or else text.

    Raises:
        ArgumentTypeError: there is no ``=``.
    """
    name, is_told, value = text.partition("=")
    if not is_told:
        raise ArgumentTypeError(f"{text!r} is no NAME=VALUE such as max_day_share=0.1")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


class Command(ProductCommand):
    keeps_memory = True
    help = "Bet on history in memory as live betting would have: run, list, show, compare, cancel."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="run", choices=list(self._actions()))
        parser.add_argument("number", nargs="?", type=int, help="of a backtest")
        parser.add_argument("--strategy", default="value", help="its name, or a program's code")
        parser.add_argument(
            "--source", default="",
            help="predictions:PIPELINE[:VERSION], replay:N, walk:N, market[:KIND]; the strategy's",
        )  # fmt: skip
        parser.add_argument("--from", dest="since", help="the first day: 2023-08-01")
        parser.add_argument("--until", help="the day after the last")
        parser.add_argument(
            "--competition", action="append", default=[], help="a code; all where none is named"
        )
        parser.add_argument("--book", action="append", default=[], help="a code; every enabled one")
        parser.add_argument("--stage", default="", help="when it is decided: T-60m")
        parser.add_argument("--latency", type=float, default=0.0, help="age of prices in seconds")
        for flag, kind in _FLAGS.items():
            parser.add_argument(f"--{flag.replace('_', '-')}", type=kind)
        parser.add_argument(
            "--set", action="append", default=[], type=setting, metavar="NAME=VALUE",
            help="any other number of the plan: docs/backtesting.md has them all",
        )  # fmt: skip
        parser.add_argument("--simulated", action="store_true", help="market: simulated leagues")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--name", default="")
        parser.add_argument("--replay", type=int, help="compare: with a replay's bets")
        parser.add_argument("--bankroll", default="", help="compare: with a bankroll's bets")
        parser.add_argument("--reason", default="", help="cancel: why; it is audited")

    def _actions(self) -> Mapping[str, Callable[..., dict[str, Any]]]:
        return {
            "run": self._run,
            "list": self._list,
            "show": self._show,
            "compare": self._compare,
            "cancel": self._cancel,
        }

    def report(self, *, action: str = "run", **options: Any) -> dict[str, Any]:
        return self._actions()[action](**options)

    def _run(self, **told: Any) -> dict[str, Any]:
        now = timezone.now()
        strategy, plan = backtest_plans.named(told["strategy"])
        source = told["source"] or (backtest_plans.source_of(strategy) if strategy else "market")
        row = backtesting.begin(
            spec={
                "source": source,
                "is_simulated": told["simulated"],
                "since": _needed(told["since"], "--from"),
                "until": told["until"] or now,
                "competitions": told["competition"],
                "stage": told["stage"] or (strategy.decide_at_stage if strategy else ""),
                "latency_seconds": told["latency"],
                "plan": {**plan.as_dict(), **_instead(told)},
            },
            name=told["name"],
            strategy=strategy,
            seed=told["seed"],
            actor=self.actor,
            now=now,
        )
        asked = {"backtest": row.pk}
        with self.recorded(task=backtesting.TASK, arguments=asked, now=now) as run:
            row = backtesting.make(backtest_id=row.pk, now=timezone.now(), progress=run)
            run.result = {**asked, "digest": row.digest}
        if not row.n_bets:
            self.exit_code = WARNINGS
        return backtesting.report(row=row)

    def _list(self, **_: Any) -> dict[str, Any]:
        rows = Backtest.objects.order_by("-pk").defer("bets", "curve", "account")[:LISTED]
        return {
            "backtests": [
                {"backtest": row.pk, "name": row.name, "state": row.state, "source": row.source,
                 "bets": row.n_bets, "yield": row.figures.get("yield"),
                 "clv": row.figures.get("clv"), "asked_at": row.asked_at.isoformat()}
                for row in rows
            ]
        }  # fmt: skip

    def _show(self, *, number: int | None, **_: Any) -> dict[str, Any]:
        return backtesting.report(row=backtesting.named(_number(number)))

    def _compare(
        self, *, number: int | None, replay: int | None, bankroll: str, **_: Any
    ) -> dict[str, Any]:
        row = backtesting.named(_number(number) if number else self._latest(replay))
        rows = Bankroll.objects.filter(replay=replay) if replay else Bankroll.objects
        found = rows.first() if replay else rows.filter(name=bankroll).first()
        if found is None:
            raise BacktestRefused("name a bankroll, or a replay, that there is")
        told = backtesting.compare(row=row, bankroll=found)
        if told["differences"]:
            self.exit_code = WARNINGS
        return told

    def _latest(self, replay: int | None) -> int:
        rows = Backtest.objects.filter(source=f"replay:{replay}", state=Backtest.State.DONE)
        found = rows.order_by("-pk").values_list("pk", flat=True).first()
        return _number(found)

    def _cancel(self, *, number: int | None, reason: str, **_: Any) -> dict[str, Any]:
        row = backtesting.cancel(
            backtest_id=_number(number), actor=self.actor, now=timezone.now(), reason=reason
        )
        return {"backtest": row.pk, "state": row.state}


def _needed(value: str | None, flag: str) -> str:
    if not value:
        raise BacktestRefused(f"say from when on: {flag} 2023-08-01")
    return value


def _number(value: int | None) -> int:
    if value is None:
        raise BacktestRefused("name a backtest by its number")
    return value


def _instead(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers that were asked for instead of the strategy's own."""
    found = {name: told[name] for name in _FLAGS if told[name] is not None}
    if "min_conf" in found:
        found["min_probability"] = found.pop("min_conf")
    if told["book"]:
        found["books"] = sorted(set(told["book"]))
    return {**found, **dict(told["set"])}
