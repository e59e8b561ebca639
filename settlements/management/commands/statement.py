from argparse import ArgumentParser
from typing import Any

from django.utils import timezone
from rich.table import Table

from monitoring.commands import ProductCommand, screen
from settlements.services import periods, statement_files, stating

SHOWN = 200  # lines on a terminal; a file has them all


class Command(ProductCommand):
    help = "State an account: what was there, each movement with its cause, what is there."

    forms = tuple(statement_files.TYPES)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--account", required=True,
            help="its number, a bankroll's name (its cash), or NAME/KIND such as Main/COMMISSION",
        )  # fmt: skip
        parser.add_argument(
            "--from", dest="first",
            help="a betting day of the bankroll's zone, or a moment with its zone; the first of"
            " this month by default",
        )  # fmt: skip
        parser.add_argument(
            "--until", dest="last",
            help="a betting day, which belongs to the period, or a moment, which does not; today",
        )  # fmt: skip

    def report(self, **options: Any) -> dict[str, Any]:
        row = stating.account(options["account"])
        zone = row.bankroll.time_zone
        begin, today = periods.month_of(at=timezone.now(), time_zone=zone)
        first, last = options["first"] or begin, options["last"] or today
        period = periods.between(first=first, last=last, time_zone=zone)
        return {"head": stating.head(of=row, period=period)}

    def write(self, report: dict[str, Any], form: str) -> None:
        for piece in statement_files.pieces(head=report["head"], form=form):
            self.stdout.write(piece.decode(), ending="")

    def show(self, report: dict[str, Any]) -> None:
        with stating.one_moment():
            head = stating.again(report["head"])
            lines = stating.page(head=head, limit=SHOWN)
        table = Table(
            title=f"{head.name}, {head.since:%Y-%m-%d %H:%M} to {head.until:%Y-%m-%d %H:%M}"
        )
        for column in ("when (UTC)", "kind", "cause", "other account", "amount", "balance"):
            table.add_column(column)
        table.add_row("", "Opening balance", "", "", "", f"{head.opening:,.2f}")
        for line in lines:
            at, kind = f"{line.at:%Y-%m-%d %H:%M:%S}", statement_files.kind_label(line.kind)
            amounts = (f"{line.amount:+,.2f}", f"{line.balance:,.2f}")
            table.add_row(at, kind, line.cause, line.other, *amounts)
        if head.n > SHOWN:
            table.add_row("", f"{head.n - SHOWN:,} more: --output csv", "", "", "", "")
        moved = f"{head.moved:+,.2f}"
        table.add_row("", "Closing balance", "", "", moved, f"{head.closing:,.2f}")
        screen().print(table)
