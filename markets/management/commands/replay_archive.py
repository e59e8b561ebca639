from datetime import date
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from markets.services import replaying_archive
from monitoring.commands import WARNINGS, ProductCommand


class Command(ProductCommand):
    help = (
        "Read a source's archived payloads again and compare the prices that come of them with"
        " those in the history.  Nothing is changed without --rewrite.  Exit code 2: they differ."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help="the source's code")
        parser.add_argument(
            "--since", type=date.fromisoformat, required=True, help="first day (UTC, YYYY-MM-DD)"
        )
        parser.add_argument(
            "--until", type=date.fromisoformat, required=True, help="last day (UTC, YYYY-MM-DD)"
        )
        parser.add_argument(
            "--rewrite", action="store_true", help="keep what came of it; it is audited"
        )

    def report(
        self,
        *,
        source: str = "",
        since: date = date.min,
        until: date = date.max,
        rewrite: bool = False,
        **_: Any,
    ) -> dict[str, Any]:
        now = timezone.now()
        with self.recorded(
            task="markets.tasks.replay_archive",
            arguments={
                "source": source,
                "since": str(since),
                "until": str(until),
                "rewrite": rewrite,
            },
            now=now,
        ) as run:
            report = replaying_archive.replay(
                source_code=source,
                since=since,
                until=until,
                rewrite=rewrite,
                actor=self.actor,
                now=now,
                progress=run,
            )
            run.result = report
        if not report["equal"]:
            self.exit_code = WARNINGS
        return report
