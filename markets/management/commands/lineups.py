from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.table import Table

from markets.domain import lineups as words
from markets.queries import starting
from markets.services import lineups
from monitoring.commands import ProductCommand, screen


class Command(ProductCommand):
    help = (
        "Who starts in an event, of the players that markets ask for: list what is known, or tell"
        " what you know."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["list", "tell"])
        parser.add_argument("event", type=int)
        parser.add_argument("player", nargs="?", type=int, help="tell: the player's number")
        parser.add_argument("status", nargs="?", choices=words.STATUSES)
        parser.add_argument("--reason", default="", help="tell: how it is known; it is audited")

    def report(self, **options: Any) -> dict[str, Any]:
        event, now = options["event"], timezone.now()
        if options["what"] == "tell":
            notice = lineups.tell(
                event_id=event,
                participant_id=options["player"] or 0,
                status=options["status"] or "",
                actor=self.actor,
                reason=options["reason"],
                now=now,
            )
            return {"event": event, "told": str(notice), "version": notice.version}
        players = starting.players_asked_for(event_id=event)
        found = starting.starters(asked=[(event, one.pk) for one in players], as_of=now)
        told = {one["participant_id"]: one for one in found.to_dict("records")}
        return {"players": [_row(one.pk, str(one), told.get(one.pk)) for one in players]}

    def show(self, report: dict[str, Any]) -> None:
        if "players" not in report:
            super().show(report)
            return
        table = Table("no", "player", "starts", "known since", "told by")
        for row in report["players"]:
            table.add_row(*("–" if value is None else str(value) for value in row.values()))
        screen().print(table if report["players"] else "No market asks for a player.")


def _row(pk: int, name: str, told: dict[Any, Any] | None) -> dict[str, Any]:
    return {
        "player": pk,
        "name": name,
        "starts": told["starts"] if told else None,
        "known_at": told["known_at"].isoformat() if told else None,
        "source": told["source"] if told else None,
    }
