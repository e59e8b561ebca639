from datetime import date
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from markets.services import ingesting
from monitoring.commands import FAILED, OK, WARNINGS, ProductCommand


class Command(ProductCommand):
    help = (
        "Read a source's file, folder or address: events, prices and results.  Reading the same"
        " again changes nothing.  Exit code 2: some of it could not be used."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help="the source's code: football_data")
        place = parser.add_mutually_exclusive_group()
        place.add_argument("--path", help="a file, or a folder that is searched to its depths")
        place.add_argument("--url", help="an http or https address")
        parser.add_argument(
            "--since", type=date.fromisoformat, help="leave out events before this day (YYYY-MM-DD)"
        )
        parser.add_argument("--dry-run", action="store_true", help="count and write nothing")

    def report(
        self,
        *,
        source: str = "",
        path: str | None = None,
        url: str | None = None,
        since: date | None = None,
        dry_run: bool = False,
        **_: Any,
    ) -> dict[str, Any]:
        now = timezone.now()
        asked = {"source": source, "path": path, "url": url, "since": since, "dry_run": dry_run}
        with self.recorded(
            task="markets.tasks.ingest",
            arguments={name: value for name, value in asked.items() if value},
            now=now,
        ) as run:
            report = ingesting.ingest(
                source_code=source,
                path=path,
                url=url,
                since=since,
                dry_run=dry_run,
                actor=self.actor,
                now=now,
                progress=run,
            )
            run.result = {**report, "problems": len(report["problems"])}
        if ingesting.is_failure(report):
            self.exit_code = FAILED
        else:
            self.exit_code = WARNINGS if report["problems"] else OK
        return report

    def show(self, report: dict[str, Any]) -> None:
        problems = report["problems"]
        super().show({**report, "problems": len(problems)})
        for problem in problems[:20]:
            place = ":".join(str(part) for part in (problem["file"], problem["row"]) if part)
            self.notes.print(
                f"{place} {problem['field']}: expected {problem['message']}", markup=False
            )
        if len(problems) > 20:
            self.notes.print(f"… and {len(problems) - 20} more; --output json lists all")
