from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.table import Table

from markets.models import UnknownName
from markets.queries import names
from markets.services import mapping_names, parking
from monitoring.commands import OK, WARNINGS, ProductCommand, screen

SHOWN = 500


class Command(ProductCommand):
    help = (
        "List the names that sources use and nobody has mapped, resolve one, or load the records"
        " that wait.  Exit code 2 of load: some still wait."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["list", "map", "create", "ignore", "load"])
        parser.add_argument("number", nargs="?", type=int, help="of the name")
        parser.add_argument("--participant", type=int, help="whom it means")
        parser.add_argument("--competition", type=int, help="which competition it means")
        parser.add_argument(
            "--everywhere", action="store_true", help="map it in every competition of the sport"
        )
        parser.add_argument("--name", default="", help="how we call what is created")
        parser.add_argument("--kind", default="", help="TEAM, PLAYER, RUNNER or PAIR")
        parser.add_argument("--code", default="", help="of a competition that is created")
        parser.add_argument("--sport", default="", help="of a competition that is created")
        parser.add_argument("--time-zone", default="UTC", help="of a competition that is created")
        parser.add_argument("--source", default="", help="list or load this source's alone")
        parser.add_argument("--reason", default="", help="kept in the audit")

    def report(self, **options: Any) -> dict[str, Any]:
        if options["what"] == "list":
            found = names.open_names()
            if options["source"]:
                found = found.filter(source__code=options["source"])
            return {"names": [_row(row) for row in found[:SHOWN]]}
        now = timezone.now()
        if options["what"] == "load":
            with self.recorded(
                task=mapping_names.LOAD,
                arguments={"source": options["source"]} if options["source"] else {},
                now=now,
            ) as run:
                report: dict[str, Any] = dict(
                    parking.load_parked(
                        source_code=options["source"] or None,
                        actor=self.actor,
                        now=now,
                        progress=run,
                    )
                )
                run.result = report
            self.exit_code = WARNINGS if report["waiting"] else OK
            return report
        return _row(self._resolve(options["what"], options, now=now))

    def _resolve(self, what: str, options: dict[str, Any], *, now: Any) -> UnknownName:
        asked = {
            "unknown_id": options["number"] or 0,
            "actor": self.actor,
            "reason": options["reason"],
            "now": now,
        }
        if what == "map":
            return mapping_names.map_name(
                participant_id=options["participant"],
                competition_id=options["competition"],
                everywhere=options["everywhere"],
                **asked,
            )
        if what == "create":
            return mapping_names.create_from_name(
                name=options["name"],
                kind=options["kind"],
                code=options["code"],
                sport_code=options["sport"],
                time_zone=options["time_zone"],
                **asked,
            )
        return mapping_names.ignore_name(**asked)

    def show(self, report: dict[str, Any]) -> None:
        if "names" not in report:
            super().show(report)
            return
        table = Table("no", "source", "kind", "competition", "name", "rows", "state", "most alike")
        for row in report["names"]:
            table.add_row(*(str(value) for value in row.values()))
        screen().print(table if report["names"] else "No name is unknown.")


def _row(row: UnknownName) -> dict[str, Any]:
    best = row.suggestions[0] if row.suggestions else None
    return {
        "id": row.pk,
        "source": row.source.code,
        "kind": row.kind,
        "competition": str(row.competition or row.sport or ""),
        "name": row.name,
        "rows": row.rows,
        "state": row.state,
        "suggestion": f"{best['name']} (#{best['id']}, {best['score']:g})" if best else "",
    }
