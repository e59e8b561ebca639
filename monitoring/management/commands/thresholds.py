from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich.table import Table

from monitoring.commands import ProductCommand, screen
from monitoring.domain import thresholds as domain
from monitoring.models import Threshold
from monitoring.services import thresholding


class Command(ProductCommand):
    help = "The numbers that decide: list them, change one, or put one back to its default."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=list(self._actions()))
        parser.add_argument("key", nargs="?", help="list: this room or key alone")
        parser.add_argument("value", nargs="?", type=float, help="set: what decides from now on")
        parser.add_argument("--reason", default="", help="set, reset: why; it is audited")

    def _actions(self) -> Mapping[str, Callable[..., dict[str, Any]]]:
        return {"list": self._list, "set": self._set, "reset": self._reset}

    def report(self, *, action: str = "list", **options: Any) -> dict[str, Any]:
        return self._actions()[action](**options)

    def _list(self, *, key: str | None = None, **_: Any) -> dict[str, Any]:
        return {
            "thresholds": [
                _row(stand) for stand in thresholding.stands() if stand.key.startswith(key or "")
            ]
        }

    def _set(
        self, *, key: str | None = None, value: float | None = None, reason: str = "", **_: Any
    ) -> dict[str, Any]:
        if not key or value is None or not reason:
            raise CommandError("set KEY VALUE --reason …")
        return _changed(
            thresholding.change(
                key=key, value=value, actor=self.actor, reason=reason, now=timezone.now()
            )
        )

    def _reset(self, *, key: str | None = None, reason: str = "", **_: Any) -> dict[str, Any]:
        if not key or not reason:
            raise CommandError("reset KEY --reason …")
        return _changed(
            thresholding.back_to_default(
                key=key, actor=self.actor, reason=reason, now=timezone.now()
            )
        )

    def show(self, report: dict[str, Any]) -> None:
        if "thresholds" not in report:
            super().show(report)
            return
        table = Table("Threshold", "Now", "Default", "May be", "Unit", "Changed by", "Why")
        for row in report["thresholds"]:
            bounds = "–" if row["lowest"] is None else f"{row['lowest']:g} to {row['highest']:g}"
            now, default = _number(row["value"]), _number(row["default"])
            table.add_row(
                row["key"] if row["is_used"] else f"{row['key']} (read by nothing)",
                f"[bold]{now}[/bold]" if row["changed_to"] is not None else now,
                default,
                bounds,
                row["unit"],
                row["changed_by"],
                row["reason"],
            )
        screen().print(table)


def _changed(row: Threshold) -> dict[str, Any]:
    return _row(thresholding.stand_of(row))


def _row(stand: thresholding.Stand) -> dict[str, Any]:
    declared = {} if stand.declared is None else asdict(stand.declared)
    names = ("default", "unit", "lowest", "highest", "is_whole", "text")
    return {
        "key": stand.key,
        "value": stand.value,
        "changed_to": stand.changed_to,
        "is_used": stand.declared is not None,
        **{name: declared.get(name) for name in names},
        "reason": stand.reason,
        "changed_by": stand.changed_by,
        "changed_at": stand.changed_at,
    }


def _number(value: float | None) -> str:
    return "–" if value is None else domain.written(value)
