from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.table import Table

from markets.domain import entries
from markets.domain.entries import Entry
from markets.models import Event, ResultDispute
from markets.queries import results
from markets.services import contesting, disputing, entering
from monitoring.commands import ProductCommand, screen
from monitoring.errors import Refused


class WrongDispute(Refused):
    """There is no such dispute, or nothing is said about it."""


class WrongEntry(Refused):
    """There is no such event, or a score is none."""


class Command(ProductCommand):
    help = (
        "List the results that two sources tell differently, decide which one is kept, or enter an"
        " event's result by hand."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["disputes", "resolve", "enter"])
        parser.add_argument(
            "number", nargs="?", type=int, help="of the dispute; enter: of the event"
        )
        parser.add_argument("--keep", choices=["standing", "told"], help="the result to settle by")
        parser.add_argument("--reason", default="", help="kept in the audit")
        parser.add_argument("--status", default=entries.FINAL, choices=entries.STATUSES)
        parser.add_argument("--score", default="", help="enter: home-away, such as 2-1")
        parser.add_argument("--half", default="", help="enter: at half-time, such as 1-0")
        parser.add_argument("--winner", default="", choices=["HOME", "AWAY", "DRAW"])
        parser.add_argument("--order", default="", help="enter: of a race, such as 4=5,2")
        parser.add_argument("--all", action="store_true", help="list those that are over too")

    def report(self, **options: Any) -> dict[str, Any]:
        number = options["number"]
        if options["what"] == "disputes":
            every = ResultDispute.objects.select_related("event", "source", "standing__source")
            found = every.order_by("-pk")[:500] if options["all"] else results.open_disputes()
            return {"disputes": [_row(dispute) for dispute in found]}
        if options["what"] == "enter":
            return self._enter(number, options)
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

    def _enter(self, number: int | None, options: dict[str, Any]) -> dict[str, Any]:
        if number is None or not Event.objects.filter(pk=number).exists():
            raise WrongEntry(f"there is no event {number}")
        entry = Entry(
            status=options["status"],
            score=_pair(options["score"]),
            half=_pair(options["half"]),
            winner=options["winner"],
            order=options["order"],
        )
        now = timezone.now()
        with self.recorded(
            task="markets.enter_result",
            arguments={"event": number, "status": entry.status, "reason": options["reason"]},
            now=now,
        ):
            row = entering.enter(
                event_id=number, entry=entry, actor=self.actor, reason=options["reason"], now=now
            )
        return {"event": number, "stands": str(row), "version": row.version}

    def show(self, report: dict[str, Any]) -> None:
        if "disputes" not in report:
            super().show(report)
            return
        table = Table("no", "event", "stands", "by", "told by", "differs", "state", "since")
        for row in report["disputes"]:
            table.add_row(*(str(value) for value in row.values()))
        screen().print(table if report["disputes"] else "No result is disputed.")


def _pair(text: str) -> tuple[int | None, int | None]:
    if not text:
        return None, None
    home, _, away = text.partition("-")
    if not all(part.isascii() and part.isdigit() for part in (home, away)):
        raise WrongEntry(f"a score is such as 2-1, not {text!r}")
    return int(home), int(away)


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
