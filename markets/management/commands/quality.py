from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.table import Table

from markets.domain.quality import RULES
from markets.models import Competition, QualityFinding, Season
from markets.queries import findings
from markets.services import qualifying
from monitoring.commands import WARNINGS, ProductCommand, screen
from monitoring.errors import Refused

SHOWN_AT_MOST = 500


class WrongQuestion(Refused):
    """What is asked for does not exist, or not enough is said."""


class Command(ProductCommand):
    help = (
        "Look for flaws in the data and list what is open (exit code 2 where there is anything),"
        " or dismiss a finding."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", nargs="?", choices=["look", "dismiss", "take-back"])
        parser.add_argument("number", nargs="?", type=int, help="of the finding")
        parser.add_argument("--rule", action="append", help="this rule alone; may be repeated")
        parser.add_argument("--competition", help="its code: this competition alone")
        parser.add_argument("--season", help="its label: this season alone")
        parser.add_argument("--everything", action="store_true", help="however long it is over")
        parser.add_argument("--all", action="store_true", help="list what is dismissed, too")
        parser.add_argument("--reason", default="", help="kept in the audit")
        parser.add_argument("--until", help="dismiss until this day (YYYY-MM-DD); else for good")

    def report(self, **options: Any) -> dict[str, Any]:
        if options["what"] in ("dismiss", "take-back"):
            return self._decide(options)
        return self._look(options)

    def _look(self, options: dict[str, Any]) -> dict[str, Any]:
        now = timezone.now()
        rules = options["rule"]
        competition_id, season_id = _within(options["competition"], options["season"])
        is_bounded = competition_id is not None or options["everything"]
        with self.recorded(
            task="markets.tasks.look_for_flaws",
            arguments={name: options[name] for name in ("rule", "competition", "season")},
            now=now,
        ) as run:
            looked = qualifying.look(
                as_of=now,
                now=now,
                rules=rules,
                since=None if is_bounded else now - qualifying.LOOKED_BACK,
                competition_id=competition_id,
                season_id=season_id,
                progress=run,
            )
        rows = findings.listed(
            now=now,
            kinds=rules,
            competition_id=competition_id,
            season_id=season_id,
            with_dismissed=options["all"],
        )
        shown = [_row(row, now) for row in rows[:SHOWN_AT_MOST]]
        if shown or looked.failed:
            self.exit_code = WARNINGS
        return {**looked.as_dict(), "findings": shown}

    def _decide(self, options: dict[str, Any]) -> dict[str, Any]:
        number, now = options["number"], timezone.now()
        if number is None or not QualityFinding.objects.filter(pk=number).exists():
            raise WrongQuestion(f"there is no finding {number}")
        asked: dict[str, Any] = {
            "finding_id": number, "actor": self.actor, "reason": options["reason"], "now": now,
        }  # fmt: skip
        if options["what"] == "dismiss":
            asked["until"] = _day(options["until"])
        service = qualifying.dismiss if options["what"] == "dismiss" else qualifying.take_back
        with self.recorded(
            task=f"markets.{service.__name__}_finding",
            arguments={"finding": number, "reason": options["reason"]},
            now=now,
        ):
            return _row(service(**asked), now)

    def show(self, report: dict[str, Any]) -> None:
        if "findings" not in report:
            super().show(report)
            return
        table = Table("no", "rule", "what", "looks", "since", "dismissed")
        for row in report["findings"]:
            cells = (row["id"], row["rule"], row["detail"], row["looks"], row["since"],
                     row["dismissed"])  # fmt: skip
            table.add_row(*(str(cell) for cell in cells))
        screen().print(table if report["findings"] else "Nothing in the data looks wrong.")
        for kind, error in report["failed"].items():
            self.notes.print(f"[red]{kind} could not be looked at: {error}[/red]")


def _within(competition: str | None, season: str | None) -> tuple[int | None, int | None]:
    """Return the keys of what is named.

    Raises:
        WrongQuestion: there is no such competition or season, or a season stands alone.
    """
    if competition is None:
        if season is not None:
            raise WrongQuestion("say which competition's season: --competition")
        return None, None
    league = Competition.objects.filter(code=competition).first()
    if league is None:
        raise WrongQuestion(f"there is no competition {competition!r}")
    if season is None:
        return league.pk, None
    found = Season.objects.filter(competition=league, label=season).first()
    if found is None:
        raise WrongQuestion(f"{competition} has no season {season!r}")
    return league.pk, found.pk


def _day(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise WrongQuestion(f"--until is a day such as 2026-12-31, not {text!r}") from None


def _row(row: QualityFinding, now: datetime) -> dict[str, Any]:
    return {
        "id": row.pk,
        "rule": row.kind,
        "severity": str(RULES[row.kind].severity) if row.kind in RULES else "",
        "subject": row.subject,
        "detail": row.detail,
        "value": row.value,
        "looks": row.n,
        "since": row.found_at.isoformat(timespec="seconds"),
        "dismissed": row.dismissed_reason if row.is_dismissed(now=now) else "",
    }
