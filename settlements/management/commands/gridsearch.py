import json
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from monitoring.commands import ProductCommand
from settlements.models import BacktestGrid
from settlements.services import backtest_plans, gridding
from settlements.services.backtest_plans import BacktestRefused

LISTED = 50


def axis(text: str) -> tuple[str, list[Any]]:
    """Read ``NAME=VALUE,VALUE``; values are JSON, or else text.

    >>> axis("min_edge=0.01,0.02"), axis("staking=FLAT")
    (('min_edge', [0.01, 0.02]), ('staking', ['FLAT']))

    Raises:
        ArgumentTypeError: there is no ``=``.
    """
    name, is_told, values = text.partition("=")
    if not is_told or not values:
        raise ArgumentTypeError(f"{text!r} is no NAME=VALUE,VALUE such as min_edge=0.01,0.02")
    return name, [_value(value) for value in values.split(",")]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


class Command(ProductCommand):
    keeps_memory = True
    help = (
        "Try every choice of some numbers of a plan on one history; judge the best as one of many."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="run", choices=list(self._actions()))
        parser.add_argument("number", nargs="?", type=int, help="of a grid")
        parser.add_argument("--strategy", default="value", help="its name, or a program's code")
        parser.add_argument("--source", default="", help="as of backtest")
        parser.add_argument("--from", dest="since", help="the first day: 2019-08-01")
        parser.add_argument("--until", help="the day after the last")
        parser.add_argument("--competition", action="append", default=[])
        parser.add_argument("--simulated", action="store_true")
        parser.add_argument(
            "--axis", action="append", default=[], type=axis, metavar="NAME=VALUE,VALUE"
        )
        parser.add_argument("--set", action="append", default=[], type=axis, metavar="NAME=VALUE")
        parser.add_argument("--walk-days", type=int, default=gridding.WALK_DAYS)
        parser.add_argument("--look-back", type=int, default=0, help="days; 0: all before")
        parser.add_argument("--measure", default="sharpe", help="sharpe, yield or profit")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--name", default="")
        parser.add_argument("--reason", default="", help="cancel, resume: why; it is audited")

    def _actions(self) -> Mapping[str, Callable[..., dict[str, Any]]]:
        return {
            "run": self._run,
            "list": self._list,
            "show": self._show,
            "resume": self._resume,
            "cancel": self._cancel,
        }

    def report(self, *, action: str = "run", **options: Any) -> dict[str, Any]:
        return self._actions()[action](**options)

    def _run(self, **told: Any) -> dict[str, Any]:
        now = timezone.now()
        strategy, plan = backtest_plans.named(told["strategy"])
        if not told["since"]:
            raise BacktestRefused("say from when on: --from 2019-08-01")
        fixed = {name: values[0] for name, values in told["set"]}
        grid = gridding.begin(
            spec={
                "source": told["source"]
                or (backtest_plans.source_of(strategy) if strategy else "market"),
                "is_simulated": told["simulated"],
                "since": told["since"],
                "until": told["until"] or now,
                "competitions": told["competition"],
                "stage": strategy.decide_at_stage if strategy else "",
                "plan": {**plan.as_dict(), **fixed},
            },
            axes=dict(told["axis"]),
            walk={
                "days": told["walk_days"],
                "look_back": told["look_back"],
                "measure": told["measure"],
            },
            name=told["name"],
            strategy=strategy,
            seed=told["seed"],
            actor=self.actor,
            now=now,
        )
        return self._reckon(grid)

    def _reckon(self, grid: BacktestGrid) -> dict[str, Any]:
        now, asked = timezone.now(), {"grid": grid.pk, "part": -1}
        with self.recorded(task=gridding.TASK, arguments=asked, now=now) as run:
            done = gridding.reckon(grid_id=grid.pk, now=now, progress=run)
            run.result = {"grid": grid.pk, "state": done.state}
        return gridding.report(grid=done)

    def _list(self, **_: Any) -> dict[str, Any]:
        rows = BacktestGrid.objects.order_by("-pk")[:LISTED]
        return {
            "grids": [
                {"grid": row.pk, "name": row.name, "state": row.state, "source": row.source,
                 "axes": row.axes, "deflated_sharpe": row.figures.get("deflated_sharpe"),
                 "asked_at": row.asked_at.isoformat()}
                for row in rows
            ]
        }  # fmt: skip

    def _show(self, *, number: int | None, **_: Any) -> dict[str, Any]:
        return gridding.report(grid=gridding.named(_number(number)))

    def _resume(self, *, number: int | None, reason: str, **_: Any) -> dict[str, Any]:
        return self._reckon(
            gridding.go_on(
                grid_id=_number(number), actor=self.actor, now=timezone.now(), reason=reason
            )
        )

    def _cancel(self, *, number: int | None, reason: str, **_: Any) -> dict[str, Any]:
        grid = gridding.cancel(
            grid_id=_number(number), actor=self.actor, now=timezone.now(), reason=reason
        )
        return {"grid": grid.pk, "state": grid.state}


def _number(value: int | None) -> int:
    if value is None:
        raise BacktestRefused("name a grid by its number")
    return value
