from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from monitoring.commands import ProductCommand
from settlements.models import Report
from settlements.services import reporting


class Command(ProductCommand):
    help = "Write the report of a period, or show it: of each live group of money, or of one."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        for option in parser._actions:
            if option.dest == "output":
                option.choices = ["table", "json", "html", "csv"]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = [kind.lower() for kind in Report.Kind.values]
        parser.add_argument("--kind", choices=kinds, default="weekly")
        parser.add_argument(
            "--period", default="", help="2026-11-21, 2026-W47 or 2026-11; none: the last one over"
        )
        parser.add_argument("--group", default="", help='one alone, such as "Paper, EUR"')

    def handle(self, *args: Any, **options: Any) -> None:
        self.output = options["output"]
        if self.output in ("html", "csv"):
            options["output"] = "table"  # what is shown is the text itself
        super().handle(*args, **options)

    def report(
        self, *, kind: str = "weekly", period: str = "", group: str = "", **_: Any
    ) -> dict[str, Any]:
        found = reporting.make(
            kind=kind.upper(), period=period, group=group, actor=self.actor, now=timezone.now()
        )
        if self.output == "html":
            return {"text": [report.html for report in found]}
        if self.output == "csv":
            return {"text": [reporting.as_csv(report) for report in found]}
        return {"reports": [_row(report, whole=self.output == "json") for report in found]}

    def show(self, report: dict[str, Any]) -> None:
        if "text" not in report:
            super().show(report)
        for text in report.get("text", ()):
            self.stdout.write(text)


def _row(report: Report, *, whole: bool) -> dict[str, Any]:
    told = {
        "id": report.pk,
        "report": str(report),
        "first": report.first,
        "last": report.last,
        "digest": report.digest,
    }
    return {**told, "content": report.content} if whole else told
