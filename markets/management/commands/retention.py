from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from markets.models import RetentionPolicy
from markets.services import retiring
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "How long history is kept: list, set, run now, or bring a retired month back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=list(self._actions()))
        parser.add_argument("subject", nargs="?", help="set: the table; bring-back: the file")
        parser.add_argument("--days", type=int, help="set: keep rows so many days")
        parser.add_argument("--for-ever", action="store_true", help="set: keep them for ever")
        parser.add_argument("--reason", default="", help="set: why; it is audited")
        parser.add_argument("--dry-run", action="store_true", help="run: say what would go")

    def _actions(self) -> Mapping[str, Callable[..., dict[str, Any]]]:
        return {"list": _list, "set": self._set, "run": self._run, "bring-back": self._back}

    def report(self, *, action: str = "list", **options: Any) -> dict[str, Any]:
        return self._actions()[action](**options)

    def _set(
        self,
        *,
        subject: str | None = None,
        days: int | None = None,
        for_ever: bool = False,
        reason: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        if (days is None) != for_ever or not subject or not reason:
            raise CommandError("set TABLE --reason … and either --days N or --for-ever")
        if days is not None and days < 1:
            raise CommandError("--days is 1 or more")
        policy = retiring.set_policy(
            table=subject, keep_days=days, actor=self.actor, reason=reason, now=timezone.now()
        )
        return {"table": policy.table, "keep_days": policy.keep_days}

    def _run(self, *, dry_run: bool = False, **_: Any) -> dict[str, Any]:
        now = timezone.now()
        with self.recorded(
            task="markets.tasks.retire_prices", arguments={"dry_run": dry_run}, now=now
        ) as run:
            found = retiring.retire_due(now=now, actor=self.actor, dry_run=dry_run, progress=run)
            run.result = dict(found)
        return {"dry_run": dry_run, "retired": found}

    def _back(self, *, subject: str | None = None, **_: Any) -> dict[str, Any]:
        if not subject:
            raise CommandError("bring-back FILE")
        added = retiring.bring_back(path=Path(subject), actor=self.actor, now=timezone.now())
        return {"file": subject, "added": added}


def _list(**_: Any) -> dict[str, Any]:
    retiring.ensure_policies()
    names = ("table", "keep_days", "exports_parquet", "is_enabled", "last_run_at", "last_retired")
    return {"policies": list(RetentionPolicy.objects.order_by("table").values(*names))}
