from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils import timezone

from betting.management.moments import moment
from betting.models import Bankroll, Bet, Strategy
from betting.services import exporting
from betting.services.exporting import Choice, ExportRefused
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "Write bets into a CSV file, as docs/tracking.md describes it; import_bets reads it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--path", required=True, help="the file to write; it is replaced")
        parser.add_argument("--bankroll", help="its name; default: all but those of replays")
        parser.add_argument("--strategy", help="its name")
        parser.add_argument("--since", help="placed at this time or later: 2026-05-01T00:00Z")
        parser.add_argument("--until", help="placed before this time")
        parser.add_argument(
            "--status", action="append", choices=Bet.Status.values,
            help="default: accepted and settled ones; may be given again",
        )  # fmt: skip
        parser.add_argument("--import", dest="imported", type=int, help="of this import alone")

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        arguments = {name: options[name] for name in ("path", "bankroll", "strategy")}
        with self.recorded(task="betting.export_bets", arguments=arguments, now=now):
            bets = exporting.chosen(
                Choice(
                    bankroll_id=_key(Bankroll, options["bankroll"]),
                    strategy_id=_key(Strategy, options["strategy"]),
                    since=moment("since", options["since"]),
                    until=moment("until", options["until"]),
                    statuses=options["status"] or (),
                    imported_id=options["imported"],
                )
            )
            return _write(Path(options["path"]), bets)


def _key(model: Any, name: str | None) -> int | None:
    if name is None:
        return None
    found = model.objects.filter(name=name).values_list("pk", flat=True).first()
    if found is None:
        raise ExportRefused(f"there is no {model._meta.verbose_name} {name!r}")
    return int(found)


def _write(path: Path, bets: Any) -> dict[str, Any]:
    """Write the file beside its place first, so that half a file never stands there."""
    beside = path.with_name(f".{path.name}.part")
    lines = 0
    try:
        with beside.open("wb") as file:
            for line in exporting.pieces(bets):
                file.write(line)
                lines += 1
        beside.replace(path)
    except OSError as no:
        raise ExportRefused(f"{path} cannot be written: {no.strerror}") from no
    finally:
        beside.unlink(missing_ok=True)
    return {"path": str(path), "bets": lines - 1}
