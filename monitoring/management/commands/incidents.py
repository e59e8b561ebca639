from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.table import Table

from monitoring import queries
from monitoring.commands import ProductCommand, screen
from monitoring.errors import Refused
from monitoring.models import Incident
from monitoring.services import incidents


class NoSuchIncident(Refused):
    """There is no incident of that number."""


class Command(ProductCommand):
    help = "List what is wrong, acknowledge it, or resolve it by hand."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["list", "ack", "resolve"])
        parser.add_argument("number", nargs="?", type=int, help="of the incident")
        parser.add_argument("--note", default="", help="written into its timeline")
        parser.add_argument("--all", action="store_true", help="list the resolved ones too")

    def report(self, **options: Any) -> dict[str, Any]:
        what, number = options["what"], options["number"]
        if what == "list":
            everything = Incident.objects.order_by("-pk")[:500]
            rows = everything if options["all"] else queries.open_incidents()
            return {"incidents": [_row(incident) for incident in rows]}
        if number is None or not Incident.objects.filter(pk=number).exists():
            raise NoSuchIncident(f"there is no incident {number}")
        act = incidents.acknowledge if what == "ack" else incidents.resolve
        done = act(incident_id=number, actor=self.actor, now=timezone.now(), note=options["note"])
        return _row(done)

    def show(self, report: dict[str, Any]) -> None:
        if "incidents" not in report:
            super().show(report)
            return
        table = Table("no", "severity", "state", "kind", "subject", "seen", "since", "summary")
        for row in report["incidents"]:
            table.add_row(*(str(value) for value in row.values()))
        screen().print(table if report["incidents"] else "Nothing is wrong.")


def _row(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.pk,
        "severity": incident.severity,
        "state": incident.state,
        "kind": incident.kind,
        "subject": incident.subject,
        "occurrences": incident.occurrences,
        "opened_at": incident.opened_at.isoformat(timespec="seconds"),
        "summary": incident.summary,
    }
