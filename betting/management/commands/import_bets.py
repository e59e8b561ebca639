from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils import timezone
from rich.table import Table

from betting.services import bet_mappings, importing
from betting.services.importing import ImportRefused
from monitoring.commands import WARNINGS, ProductCommand, screen


class Command(ProductCommand):
    help = (
        "Read a CSV file of bets by a mapping: every good row becomes a bet, once.  Exit code 2:"
        " some rows could not be used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mapping", default="closing_line", help="default: our own format")
        parser.add_argument("--path", required=True, help="the file")
        parser.add_argument("--dry-run", action="store_true", help="keep nothing of it")

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        bet_mappings.ensure_presets(now=now)
        arguments = {name: options[name] for name in ("mapping", "path", "dry_run")}
        with self.recorded(task="betting.import_bets", arguments=arguments, now=now) as run:
            report = importing.import_bets(
                mapping=options["mapping"],
                payload=_payload(Path(options["path"])),
                file=Path(options["path"]).name,
                actor=self.actor,
                now=now,
                dry_run=options["dry_run"],
                progress=run,
            )
        if report.refused:
            self.exit_code = WARNINGS
        return report.as_dict()

    def show(self, report: dict[str, Any]) -> None:
        counts = ("file", "mapping", "dry_run", "rows", "made", "unchanged", "refused")
        super().show({name: report[name] for name in (*counts, "beyond")})
        if not report["errors"]:
            return
        table = Table("Row", "Field", "Expected", "Found")
        for error in report["errors"][:50]:
            table.add_row(*(str(error[key]) for key in ("row", "field", "expected", "found")))
        screen().print(table)


def _payload(path: Path) -> bytes:
    try:
        if path.stat().st_size > importing.LARGEST:
            raise ImportRefused(f"{path} has more than {importing.LARGEST} bytes: split it")
        return path.read_bytes()
    except OSError as no:
        raise ImportRefused(f"{path} cannot be read: {no.strerror}") from no
