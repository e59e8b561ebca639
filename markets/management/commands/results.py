from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.table import Table

from markets.models import ResultDispute
from markets.queries import results
from markets.services import contesting, disputing
from monitoring.commands import ProductCommand, screen
from monitoring.errors import Refused


class WrongDispute(Refused):
    """There is no such dispute, or nothing is said about it."""


class Command(ProductCommand):
    help = "List the results that two sources tell differently, or decide which one is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["disputes", "resolve"])
        parser.add_argument("number", nargs="?", type=int, help="of the dispute")
        parser.add_argument("--keep", choices=["standing", "told"], help="the result to settle by")
        parser.add_argument("--reason", default="", help="kept in the audit")
        parser.add_argument("--all", action="store_true", help="list those that are over too")

    def report(self, **options: Any) -> dict[str, Any]:
        number = options["number"]
        if options["what"] == "disputes":
            every = ResultDispute.objects.select_related("event", "source", "standing__source")
            found = every.order_by("-pk")[:500] if options["all"] else results.open_disputes()
            return {"disputes": [_row(dispute) for dispute in found]}
        if number is None or not ResultDispute.objects.filter(pk=number).exists():
            raise WrongDispute(f"there is no dispute {number}")
        if not options["keep"]:
            raise WrongDispute("say --keep standing or --keep told")
        now, keep = timezone.now(), options["keep"].upper()
        with self.recorded(
            task="markets.resolve_dispute",
            arguments={"dispute": number, "keep": keep, "reason": options["reason"]},
            now=now,
        ):
            resolved = disputing.resolve(
                dispute_id=number,
                keep=keep,
                actor=self.actor,
                reason=options["reason"],
                now=now,
            )
        return _row(resolved)

    def show(self, report: dict[str, Any]) -> None:
        if "disputes" not in report:
            super().show(report)
            return
        table = Table("no", "event", "stands", "by", "told by", "differs", "state", "since")
        for row in report["disputes"]:
            table.add_row(*(str(value) for value in row.values()))
        screen().print(table if report["disputes"] else "No result is disputed.")


def _row(dispute: ResultDispute) -> dict[str, Any]:
    return {
        "id": dispute.pk,
        "event": str(dispute.event),
        "stands": str(dispute.standing),
        "by": dispute.standing.source.code,
        "told_by": dispute.source.code,
        "differs": "; ".join(contesting.differs(dispute)),
        "state": dispute.state,
        "told_at": dispute.told_at.isoformat(timespec="seconds"),
    }
