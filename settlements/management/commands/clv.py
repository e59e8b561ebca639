from argparse import Action
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from models_ml.domain import tables
from monitoring.commands import ProductCommand
from monitoring.errors import Refused
from settlements import queries
from settlements.domain import presenting
from settlements.services import clv_figures, methods, valuing, valuing_before


class AskedTogether(Refused):
    """What was asked for cannot be answered together."""


class NoDay(Refused):
    """What was given is no day."""


class Command(ProductCommand):
    help = "Hold bets against the closing line and show their closing-line value."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, help="figures of bets settled in the last days")
        parser.add_argument("--bet", type=int, help="one bet; nothing is valued")
        parser.add_argument(
            "--all-methods", action="store_true", help="with --bet: by every method, side by side"
        )

        parser.add_argument("--by", help=f"tell bets apart: {', '.join(clv_figures.DIMENSIONS)}")
        parser.add_argument("--from", dest="since", help="events that started from this day on")
        parser.add_argument("--to", dest="until", help="events that started before this day")
        parser.add_argument("--method", help="values reckoned by this method alone")
        parser.add_argument("--bankroll", type=int, help="one bankroll by number; else each group")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Let ``--output`` be a sheet too."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        (output,) = (one for one in parser._actions if _is_output(one))
        output.choices = [*(output.choices or ()), "csv"]
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_sheet = options["output"] == "csv"
        super().handle(*args, **options)

    def show(self, report: dict[str, Any]) -> None:
        if not self.as_sheet:
            super().show(report)
            return
        rows = [{"group": one["group"], **row} for one in report["groups"] for row in one["rows"]]
        if rows:
            self.stdout.write(tables.csv_of([list(rows[0]), *(list(row.values()) for row in rows)]))

    def report(
        self,
        *,
        days: int | None = None,
        bet: int | None = None,
        all_methods: bool = False,
        by: str | None = None,
        **rest: Any,
    ) -> dict[str, Any]:
        if bet is not None:
            return _of_bet(bet, all_methods=all_methods)
        if by is not None:
            return _figures(by, **rest)
        if self.as_sheet:
            raise AskedTogether("a sheet is of figures: say --by what bets are told apart")
        if all_methods:
            raise AskedTogether("--all-methods is of one bet: name it with --bet")
        now, began = timezone.now(), monotonic()
        with self.recorded(task="settlements.tasks.value_due", now=now) as run:
            valued = valuing.value_due(as_of=now, now=now)
            before = valuing_before.value_before(as_of=now, now=now)
            versions = valuing.note_versions(as_of=now)
            run.result = {"valued": valued, "before": before, "versions": versions}
        since = None if days is None else now - timedelta(days=days)
        groups = [
            {"group": group.title, **presenting.closing_line(queries.of(group, since=since))}
            for group in queries.groups()
        ]
        return {
            "valued": valued,
            "before": before,
            "groups": groups,
            "seconds": round(monotonic() - began, 3),
        }


def _of_bet(bet_id: int, *, all_methods: bool) -> dict[str, Any]:
    """Return what one bet was worth; by the method of its row alone where not by all."""
    found = methods.of_bet(bet_id=bet_id)
    value = found.value
    rows = [asdict(row) for row in found.rows if all_methods or row.is_recorded]
    return {
        "bet": bet_id,
        "reference": value.reference,
        "basis": value.basis,
        "closing_price": str(value.closing_price),
        "closing_line": None if value.closing_line is None else str(value.closing_line),
        "clv": value.clv,
        "clv_raw": value.clv_raw,
        "expected_profit": str(value.expected_profit),
        "methods": rows,
    }


def _is_output(action: Action) -> bool:
    return "--output" in action.option_strings


def _figures(
    by: str,
    *,
    since: str | None = None,
    until: str | None = None,
    method: str | None = None,
    bankroll: int | None = None,
    **_: Any,
) -> dict[str, Any]:
    """Return the figures by a dimension: of one bankroll, or of each group that adds up."""
    groups = (
        [(f"bankroll {bankroll}", (bankroll,))]
        if bankroll is not None
        else [(group.title, group.bankroll_ids) for group in queries.groups()]
    )
    found = []
    for title, ids in groups or [("no bankroll", ())]:
        asked = clv_figures.Asked(ids, _day(since), _day(until), method)
        rows = [one.as_dict() for one in clv_figures.figures(by=by, asked=asked)]
        found.append({"group": title, "rows": rows})
    return {"by": by, "from": since, "to": until, "groups": found}


def _day(text: str | None) -> datetime | None:
    """Read a day, or a moment with its zone; a day begins at midnight UTC."""
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise NoDay(f"expected a day such as 2026-03-01, not {text!r}") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
